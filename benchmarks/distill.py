"""`python -m benchmarks.distill [STEPS [WIDTH]]`: a student in one pass of a fitted MAF.

`examples/maf.dgm` is fitted to a bent chain of 64 entries, saved, and named as the teacher of
`examples/iaf.dgm`: 5 layers of `made([128, 128])` either. Printed are KL(student ‖ teacher) before
and after, and what a draw costs: the steps that follow one another in its compiled program, and CPU
seconds by turns on one core, of the teacher's draws as they are (each entry adds to the sums of the
net) and naively (a full pass an entry and layer; the same numbers). The exit status is 1 where the
student is not 20 times faster than the naive draws.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.pairs import ratio, use_one_core

EXAMPLES = Path(__file__).parents[1] / "examples"
ENTRIES, BATCH, COUNT = 64, 128, 256
"""Of the data, of a step of training, and of the draws that are timed."""

FRESH, CALLS, ROUNDS, LEAST = 20_000, 10, 15, 20


def chain(n: int, seed: int) -> np.ndarray:
    """Each entry is bent by the one before, and louder where that one is large."""
    noise = np.random.default_rng(seed).standard_normal((n, ENTRIES))
    x = noise.copy()
    for i in range(1, ENTRIES):
        before = x[:, i - 1]
        x[:, i] = np.sin(2 * before) + 0.5 * np.exp(0.5 * np.tanh(before)) * noise[:, i]
    return x.astype(np.float32)


def divergence(student: Any, teacher: Any) -> str:
    """KL(student ‖ teacher) in nats, by fresh draws of the student, with its standard error."""
    draws = np.asarray(student.sample(FRESH, seed=1))
    apart = np.asarray(student.log_prob(draws).value, float) - teacher.log_prob(draws).value
    return f"{apart.mean():.3f} ± {apart.std(ddof=1) / np.sqrt(FRESH):.3f} nats"


def compiled(fitted: Any, *, naive: bool = False) -> Callable[[], Any]:
    """Draws of a fit, compiled; `naive` keeps nothing from entry to entry."""
    import jax

    from dgmlang.compiler.lower import stages

    keys = jax.random.split(jax.random.key(0), COUNT)
    draw = jax.vmap(lambda p, key: fitted.model.lowered.draw(p, key, {})["x"], (None, 0))
    kept = stages.followable
    with patch.object(stages, "followable", (lambda _: None) if naive else kept):
        found = jax.jit(draw).lower(fitted.raw, keys).compile()
    return lambda: found(fitted.raw, keys)


def depth(fitted: Any) -> int:
    """How many turns of loops follow one another in a draw."""
    import jax

    lowered = fitted.model.lowered
    return turns(jax.make_jaxpr(lambda key: lowered.draw(fitted.raw, key, {}))(jax.random.key(0)))


def turns(held: Any) -> int:
    """The turns of the loops in a traced program, those within others multiplied."""
    from jax.extend.core import jaxprs_in_params

    total = 0
    for step in held.eqns:
        inner = sum(map(turns, jaxprs_in_params(step.params)))
        total += step.params["length"] * max(inner, 1) if step.primitive.name == "scan" else inner
    return total


def seconds(run: Callable[[], Any]) -> float:
    """CPU seconds of a call, in some that follow one another."""
    import jax

    since = process_time()
    jax.block_until_ready([run() for _ in range(CALLS)])
    return (process_time() - since) / CALLS


def main(steps: int, width: int) -> int:
    """Fit, distil, measure and print; the exit status."""
    import dgmlang as dgm

    x = chain(50_000, 0)
    how: dict[str, Any] = {"steps": steps, "batch": BATCH, "seed": 0}
    size: dict[str, Any] = {"d": ENTRIES, "hidden": (width, width)}
    with TemporaryDirectory() as folder:
        teacher = dgm.load(EXAMPLES / "maf.dgm", **size).fit(x, **how)
        teacher.save(Path(folder) / "teacher")
        words = f'distill(teacher = "{folder}/teacher")'
        model = dgm.load(EXAMPLES / "iaf.dgm", **size)
        first = model.fit(x, objective=words, steps=1, batch=BATCH,
                          optimizer="sgd(learning_rate = 0.0)")  # fmt: skip
        student = model.fit(x, objective=words, **how)
    held_out = np.asarray(teacher.log_prob(chain(FRESH, 2)).value, float)
    print(f"teacher: {-held_out.mean():.3f} nats of fresh data", flush=True)
    for name, fitted in ("before", first), ("after", student):
        print(f"KL(student ‖ teacher) {name}: {divergence(fitted, teacher)}", flush=True)
    print(f"turns of loops in a draw: teacher {depth(teacher)}, student {depth(student)}")
    own = compiled(student)
    kept, passes = compiled(teacher), compiled(teacher, naive=True)
    np.testing.assert_allclose(kept(), passes(), rtol=1e-3, atol=1e-3)
    for run in own, kept, passes:
        run()
    slower = {}
    for name, other in ("naively", passes), ("as they are", kept):
        pairs = [(seconds(own), seconds(other)) for _ in range(ROUNDS)]
        slower[name], best = ratio(pairs), 1e3 * np.min(pairs, axis=0)
        print(f"{COUNT} draws of the teacher {name}, over the student's: {slower[name]},"
              f" at best {best[1]:.1f} ms and {best[0]:.2f} ms", flush=True)  # fmt: skip
    return int(slower["naively"].low < LEAST)


if __name__ == "__main__":
    use_one_core()
    raise SystemExit(main(*map(int, [*sys.argv[1:], *("1500", "128")[len(sys.argv) - 1 :]])))
