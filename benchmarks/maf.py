"""`python -m benchmarks.maf [STEPS]`: training `examples/maf.dgm` against the same by hand.

8 entries, 5 layers of `made([64, 64])`, batches of 256. Every record of `fit` ends its turn, and as
many steps by hand follow; CPU time. How far apart loss and gradient are is printed first. By hand
layers are unrolled, which runs a little faster and compiles slower than the scan that `repeat` is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.pairs import Ratio, Turns, ratio, use_one_core

PROGRAM = Path(__file__).parents[1] / "examples" / "maf.dgm"
WARM_UP = 5


def model() -> Any:
    """The program at the size that is compared."""
    import dgmlang as dgm

    return dgm.load(PROGRAM, d=8)


def data() -> np.ndarray:
    """A correlated and bent law of 8 entries."""
    x = np.random.default_rng(0).standard_normal((25_600, 8))
    return (x + 0.5 * np.roll(x, 1, axis=1) ** 2).astype(np.float32)


def difference() -> float:
    """The larger of the relative differences of loss and gradient at some parameters."""
    import jax
    from optax.tree import norm

    from benchmarks.by_hand import maf

    ours, x = model(), data()[: maf.BATCH]
    rng = np.random.default_rng(1)
    params = jax.tree.map(
        lambda a: a + 0.1 * rng.standard_normal(a.shape).astype(np.float32), ours.init(0)
    )
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


def compile_times() -> tuple[float, float]:
    """Seconds until loss and gradient are compiled: layers by a scan, and unrolled by hand."""
    import jax

    from benchmarks.by_hand import maf

    ours, x = model(), data()[: maf.BATCH]
    params, key = ours.init(0), jax.random.key(0)
    sides = (lambda p: ours.loss(p, {"x": x}, key)), (lambda p: maf.loss(p, jax.numpy.asarray(x)))
    found = []
    for side in sides:
        start = perf_counter()
        jax.jit(jax.grad(side)).lower(params).compile()
        found.append(perf_counter() - start)
    return found[0], found[1]


if __name__ == "__main__":
    use_one_core()
    print(f"loss and gradient agree to {difference():.1e}")
    print("compiled in {:.1f} s (a scan), {:.1f} s (by hand, unrolled)".format(*compile_times()))
    print(f"training, ours over by hand: {speed(int((sys.argv[1:] or ['6000'])[0]))}")
