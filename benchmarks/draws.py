"""`python -m benchmarks.draws`: a draw that keeps what it has seen, against a full pass an entry.

A full pass is the density of as many examples at once, which evaluates each entry's law once: what
an entry of a draw costs that keeps nothing. CPU seconds, compilation apart, so that other people's
work on the machine does not decide.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"
REPEATED = 3
"""Runs of each side; the fastest counts."""

CASES: tuple[tuple[str, dict[str, int], int, int], ...] = (
    ("nade", {"d": 784, "hidden": 500}, 64, 20),
    ("char_transformer", {"T": 512}, 1, 30),
    ("char_rnn", {"T": 512}, 16, 10),
    ("wavenet", {"T": 512}, 4, 10),
)
"""Program, dimensions, how many draws at once, and by what factor they must be faster."""


def seconds(run: Callable[[], Any]) -> float:
    """The CPU seconds of a compiled function, at best."""
    import jax

    jax.block_until_ready(run())
    found = []
    for _ in range(REPEATED):
        since = process_time()
        jax.block_until_ready(run())
        found.append(process_time() - since)
    return min(found)


def ratio(program: str, dimensions: dict[str, int], count: int) -> tuple[float, float]:
    """CPU seconds of `count` draws, and of as many full passes as a draw has entries."""
    import jax

    import dgmlang as dgm

    settings: dict[str, Any] = dict(dimensions)
    model = dgm.load(EXAMPLES / f"{program}.dgm", **settings)
    lowered, params = model.lowered, model.init(0)
    keys = jax.random.split(jax.random.key(0), count)
    draw = jax.jit(jax.vmap(lambda key: lowered.draw(params, key, {})))
    density = jax.jit(jax.vmap(lambda values: lowered.log_prob(params, values)))
    drawn = draw(keys)
    entries = drawn["x"][0].size
    return seconds(lambda: draw(keys)), entries * seconds(lambda: density(drawn))


def main() -> int:
    """Measure and print; the exit status is 1 where a draw is slower than it must be."""
    failed = 0
    for program, dimensions, count, least in CASES:
        kept, passes = ratio(program, dimensions, count)
        failed |= passes < least * kept
        said = ", ".join(f"{name} = {value}" for name, value in dimensions.items())
        print(f"{program} ({said}), {count} draws: {kept:.2f} s against {passes:.1f} s of passes,"
              f" {passes / kept:.0f} times (at least {least})", flush=True)  # fmt: skip
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
