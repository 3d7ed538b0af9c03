"""`python -m benchmarks.results.autoregressive`: what the two directions of maf and iaf cost.

64 entries, 5 layers of `made([64, 64])`. CPU time of 256 draws or densities: in the direction of
one pass; against it with kept sums, as the library does; and against it by a full pass an entry, as
is usual. The last two return the same numbers. Medians of turns taken one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter, process_time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import dgmlang as dgm
from dgmlang.bijections.bijection import pull, push
from dgmlang.compiler.lower import stages
from dgmlang.layers.follow import Followed, by_passes

ENTRIES, LAYERS, BATCH, TURNS = 64, 5, 256, 9
PROGRAM = f"""model M {{
  data x : real[{ENTRIES}] ~ Normal(0, 1) |> repeat({LAYERS}) {{ STAGE(made([64, 64])) |> reverse }}
}}"""


class Passes(stages.CausalSequence):
    """A causal net that is read by a full pass an entry."""

    def follow(self, params: Any, **inputs: Any) -> Followed:
        return by_passes(lambda x: self(params, x, **inputs), jnp.zeros(self.target[:1]))


def flow(stage: str, *, naive: bool = False) -> tuple[Any, Any]:
    """The flow and its parameters, away from the start."""
    lowered = dgm.parse(PROGRAM.replace("STAGE", stage)).lowered
    built: Any = next(iter(lowered.built.bijections.values()))
    params = jax.tree.map(
        lambda a: jnp.asarray(
            a + 0.05 * np.random.default_rng(0).normal(size=a.shape), jnp.float32
        ),
        lowered.init(0, None),
    )["x"]["repeat"]
    if naive:
        (place, own), *rest = built.body.parts.items()
        own = replace(own, net=Passes(own.net.parts, own.net.target))
        built = replace(built, body=replace(built.body, parts={place: own, **dict(rest)}))
    return built, params


def timed(stage: str, step: Callable[..., Any], *, naive: bool = False) -> Callable[[], float]:
    """A turn's CPU seconds; compiled before the first, which is printed."""
    built, params = flow(stage, naive=naive)
    run = jax.jit(jax.vmap(lambda p, x: step(built.transform(p), x), (None, 0)))
    xs = jax.random.normal(jax.random.key(0), (BATCH, ENTRIES))
    start = perf_counter()
    jax.block_until_ready(run(params, xs))
    how = f"{stage} {step.__name__}{' by passes' * naive}"
    print(f"  {how}: first call {perf_counter() - start:.1f} s")

    def turn() -> float:
        before = process_time()
        jax.block_until_ready(run(params, xs))
        return process_time() - before

    return turn


def main() -> None:
    """Print the table."""
    rows = {
        "maf, density (one pass)": timed("maf", pull),
        "iaf, draw (one pass)": timed("iaf", push),
        "maf, draw (kept sums)": timed("maf", push),
        "maf, draw (a pass an entry)": timed("maf", push, naive=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(TURNS):
        for name, turn in rows.items():
            seconds[name].append(turn())
    medians = {name: median(found) for name, found in seconds.items()}
    student = medians["iaf, draw (one pass)"]
    for name, found in medians.items():
        print(f"{name:<30}{1e3 * found:8.2f} ms{found / student:8.1f} × the student's draw")


if __name__ == "__main__":
    main()
