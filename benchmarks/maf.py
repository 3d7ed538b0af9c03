"""`python -m benchmarks.maf [STEPS]`: training `examples/maf.dgm` against the same by hand.

8 entries, 5 layers of `made([64, 64])`, batches of 256. Every record of `fit` ends its turn, and as
many steps by hand follow; CPU time. How far apart loss and gradient are is printed first. Both
sides unroll five layers. `benchmarks.flows` has draws, the time to compile, and other libraries.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pairs import Ratio, Turns, ratio, use_one_core
from benchmarks.peers import data

PROGRAM = Path(__file__).parents[1] / "examples" / "maf.dgm"
WARM_UP = 5


def model(layers: int = 5) -> Any:
    """The program at the size that is compared."""
    import dgmlang as dgm

    return dgm.load(PROGRAM, d=8, layers=layers)


def moved(params: Any) -> Any:
    """Parameters away from the start, where all flows are the identity."""
    import jax

    rng = np.random.default_rng(1)
    return jax.tree.map(lambda a: a + 0.1 * rng.standard_normal(a.shape).astype(np.float32), params)


def difference(layers: int = 5) -> float:
    """The larger of the relative differences of loss and gradient at some parameters."""
    import jax
    from optax.tree import norm

    from benchmarks.by_hand import maf

    ours, x = model(layers), data()[: maf.BATCH]
    params = moved(ours.init(0))
    found = jax.value_and_grad(lambda p: ours.loss(p, {"x": x}, jax.random.key(0)))(params)
    wanted = jax.value_and_grad(maf.loss)(params, x)
    apart = jax.tree.map(lambda a, b: a - b, found, wanted)
    return max(float(norm(a) / norm(b)) for a, b in zip(apart, wanted, strict=True))


def speed(steps: int) -> Ratio:
    """Steps per CPU second of `fit`, over those by hand."""
    from benchmarks.by_hand import maf

    ours, x = model(), data()
    by_hand, turns = maf.run(ours.init(0), x), Turns(WARM_UP)

    def take_turns(record: Any) -> None:
        turns.ours()
        by_hand.steps(record.step - by_hand.done)
        turns.by_hand()

    ours.fit(x, steps=steps, batch=maf.BATCH, objective="mle", callbacks=[take_turns],
             optimizer="adam(learning_rate = 1e-3)")  # fmt: skip
    return ratio(turns.counted)


if __name__ == "__main__":
    use_one_core()
    print(f"loss and gradient agree to {difference():.1e}")
    print(f"training, ours over by hand: {speed(int((sys.argv[1:] or ['6000'])[0]))}")
