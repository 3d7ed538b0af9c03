"""`python -m benchmarks.hmm [PAIRS]`: log p of `examples/hmm.dgm`, and the same by hand.

16 states, 1000 turns, 64 examples: the value, then the value with its gradient; CPU time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pairs import Ratio, Turns, ratio, use_one_core

PROGRAM = Path(__file__).parents[1] / "examples" / "hmm.dgm"
STATES, TURNS, EXAMPLES, WARM_UP = 16, 1000, 64, 2


def weights(states: int, seed: int = 0) -> dict[str, Any]:
    """Some probabilities, means and deviations."""
    rng = np.random.default_rng(seed)
    return {
        "start": rng.dirichlet(np.ones(states)).astype(np.float32),
        "step": rng.dirichlet(np.ones(states), size=states).astype(np.float32),
        "loc": rng.normal(0, 2, (states, 1)).astype(np.float32),
        "scale": rng.uniform(0.5, 1.5, (states, 1)).astype(np.float32),
    }


def data(turns: int, examples: int) -> Any:
    """Observations, [examples, turns]."""
    return np.random.default_rng(1).normal(0, 2, (examples, turns)).astype(np.float32)


def ours(known: dict[str, Any], x: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The value, and the value with its gradient, summed over examples."""
    import jax

    import dgmlang as dgm

    model = dgm.load(PROGRAM, K=len(known["start"]), T=x.shape[1]).lowered
    params, values = model.unconstrain(known), {"x": jax.numpy.asarray(x)[..., None]}

    def log_prob(params: Any, values: Any) -> Any:
        return jax.numpy.sum(jax.vmap(lambda each: model.log_prob(params, each))(values))

    value, both = jax.jit(log_prob), jax.jit(jax.value_and_grad(log_prob))
    return lambda: value(params, values), lambda: both(params, values)


def by_hand(known: dict[str, Any], x: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The same by hand."""
    import jax

    from benchmarks.by_hand import hmm

    start, step, loc, scale = map(jax.numpy.asarray, known.values())
    held = hmm.Weights(start, step, loc[:, 0], scale[:, 0])
    return lambda: hmm.value(held, x), lambda: hmm.value_and_grad(held, x)


def difference(states: int, turns: int, examples: int) -> float:
    """How far the two values are apart, relative to their size."""
    known, x = weights(states), data(turns, examples)
    one, other = (float(side(known, x)[0]()) for side in (ours, by_hand))
    return abs(one - other) / abs(other)


def speed(pairs: int) -> tuple[Ratio, Ratio]:
    """Values and gradients per CPU second, ours over those by hand."""
    import jax

    known, x = weights(STATES), data(TURNS, EXAMPLES)
    found: list[Ratio] = []
    for one, other in zip(ours(known, x), by_hand(known, x), strict=True):
        turns = Turns(WARM_UP)
        for _ in range(pairs + WARM_UP):
            jax.block_until_ready([one() for _ in range(3)])
            turns.ours()
            jax.block_until_ready([other() for _ in range(3)])
            turns.by_hand()
        found.append(ratio(turns.counted))
    return found[0], found[1]


if __name__ == "__main__":
    use_one_core()
    value, gradient = speed(int((sys.argv[1:] or ["40"])[0]))
    print(f"log p, ours over by hand: {value}")
    print(f"log p with its gradient:  {gradient}")
