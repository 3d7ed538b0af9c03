"""`python -m benchmarks.ising [PAIRS]`: Gibbs sweeps of `examples/ising.dgm`, and the same by hand.

64 × 64 sites, 64 chains, 20 sweeps a turn; CPU time. Then sweeps a second of one chain by side:
seconds a site should not grow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from benchmarks.pairs import Ratio, Turns, ratio, use_one_core

PROGRAM = Path(__file__).parents[1] / "examples" / "ising.dgm"
SIDE, CHAINS, SWEEPS, WARM_UP = 64, 64, 20, 3


def ours(side: int, chains: int) -> Callable[[], Any]:
    """A turn of the sampler's own transitions."""
    import jax
    import jax.numpy as jnp

    import dgmlang as dgm
    from dgmlang.samplers.gibbs import Gibbs

    sampler = Gibbs(dgm.load(PROGRAM, side=side).lowered)
    params, key = {"J": jnp.asarray(0.44)}, jax.random.key(0)
    state = sampler.start(params, key, chains, {})

    @jax.jit
    def run(state: Any) -> Any:
        def one(state: Any, i: jax.Array) -> tuple[Any, None]:
            return sampler.move(params, jax.random.fold_in(key, i), i, state, {}), None

        return jax.lax.scan(one, state, jnp.arange(SWEEPS))[0]

    return lambda: jax.block_until_ready(run(state))


def by_hand(side: int, chains: int) -> Callable[[], Any]:
    """A turn of the same work."""
    import jax

    from benchmarks.by_hand import ising

    state, key = ising.start(side, chains), jax.random.key(0)
    return lambda: jax.block_until_ready(ising.sweeps(state, key, SWEEPS))


def speed(pairs: int) -> Ratio:
    """Sweeps per CPU second, ours over those by hand."""
    one, other, turns = ours(SIDE, CHAINS), by_hand(SIDE, CHAINS), Turns(WARM_UP)
    for _ in range(pairs + WARM_UP):
        one()
        turns.ours()
        other()
        turns.by_hand()
    return ratio(turns.counted)


def seconds(run: Callable[[], Any]) -> float:
    """CPU seconds of a turn, the median of five after one that compiles."""

    def timed() -> float:
        begin = process_time()
        run()
        return process_time() - begin

    timed()
    return median(timed() for _ in range(5))


if __name__ == "__main__":
    use_one_core()
    print(f"sweeps, ours over by hand: {speed(int((sys.argv[1:] or ['40'])[0]))}")
    for side in (32, 64, 128, 256, 512, 1024):
        took = seconds(ours(side, 1)) / SWEEPS
        print(f"{side:5}²  {1 / took:9.1f} sweeps/s  {took / side**2 * 1e9:6.2f} ns a site")
