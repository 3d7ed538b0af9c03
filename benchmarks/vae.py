"""A variational autoencoder 784–400–400–32 on MNIST's shape: `examples/vae.dgm` against by hand.

python -m benchmarks.vae --memory ours|by-hand    one side's peak memory, for a subprocess
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import pictures
from benchmarks.pairs import Ratio, Turns, peak, peak_of, ratio, use_one_core

if TYPE_CHECKING:
    from jax import Array

    from dgmlang import Model
    from dgmlang.objectives.objective import Params

PROGRAM = Path(__file__).parents[1] / "examples" / "vae.dgm"
SETTINGS: dict[str, Any] = {
    "prepare": "x = bernoulli(x / 255)",
    "optimizer": "adam(learning_rate = 1e-3)",
    "batch": 128,
}
WARM_UP = 10
MEMORY_STEPS = 500


def model() -> Model:
    """The program at MNIST's size."""
    import dgmlang as dgm

    return dgm.load(PROGRAM, side=pictures.SIDE)


def speed(data: np.ndarray, steps: int) -> Ratio:
    """Steps per CPU second of `fit`, over those by hand.

    Every record of `fit` ends its turn, and as many steps by hand follow; so its turn holds all
    that a user's does: the loop, its records, its copies to fall back on.
    """
    from benchmarks.by_hand import vae

    ours = model()
    by_hand, turns = vae.Run(ours.init(0), data), Turns(WARM_UP)

    def take_turns(record: Any) -> None:
        turns.ours()
        by_hand.steps(record.step - by_hand.done)
        turns.by_hand()

    ours.fit(data, steps=steps, callbacks=[take_turns], **SETTINGS)
    return ratio(turns.counted)


def memory(path: Path | None) -> tuple[int, int]:
    """The peak resident memory of `fit`, and of the same steps by hand, each in a process."""
    data = [] if path is None else [str(path)]
    ours, by_hand = (
        peak_of("benchmarks.vae", "--memory", side, *data) for side in ("ours", "by-hand")
    )
    return ours, by_hand


def _alone(side: str, data: np.ndarray) -> None:
    if side == "ours":
        model().fit(data, steps=MEMORY_STEPS, **SETTINGS)
        return
    from benchmarks.by_hand import vae

    vae.Run(vae.init(0), data).steps(MEMORY_STEPS)


def difference(data: np.ndarray) -> float:
    """How far apart the two sides are at the same parameters, batch and draws.

    The larger of the relative differences of the loss and of its gradient (in Euclid's norm).
    """
    import jax
    from optax.tree import norm

    from benchmarks.by_hand import vae

    ours, key = model(), jax.random.key(0)
    params = ours.init(0)
    x = jax.numpy.asarray(data[: vae.BATCH] > 127, np.float32)
    found = jax.value_and_grad(lambda p: ours.loss(p, {"x": x}, key))(params)
    noise = _draws(ours, params, x, key)
    wanted = jax.value_and_grad(vae.loss)(params, x.reshape(len(x), -1), noise)
    apart = jax.tree.map(lambda a, b: a - b, found, wanted)
    return max(float(norm(a) / norm(b)) for a, b in zip(apart, wanted, strict=True))


def _draws(model: Model, params: Params, x: Array, key: Array) -> Array:
    """The standard normals that `elbo` draws under this key: a key an example.

    From a model whose guide is N(0, 1) whatever it sees, so that a draw is its noise.
    """
    import jax

    zero = jax.tree.map(lambda leaf: 0 * leaf, params)
    zero["encoder"]["scale"]["bias"] += np.log(np.expm1(np.float32(1)))
    draw = jax.vmap(lambda k, one: model.lowered.guide_draw(zero, k, {"x": one})[0]["z"])
    return draw(jax.random.split(key, len(x)), x)


if __name__ == "__main__":
    use_one_core()
    _, side, *path = sys.argv[1:]
    _alone(side, pictures.read(Path(path[0])) if path else pictures.made())
    print(peak())
