"""`dgm eval`: the held-out numbers of a run, each with its kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from dgmlang.cli.options import Data, Run, Seed

if TYPE_CHECKING:
    from dgmlang.evaluate.result import Result

Method = Annotated[
    str | None, typer.Option(help='How log p(x) is got: exact, elbo, "iwae(k = 512)", ode.')
]


def evaluate(run: Run, data: Data, method: Method = None, seed: Seed = 0) -> None:
    """Print the numbers that mean something for this model: exact, a bound, or an estimate."""
    import dgmlang as dgm

    fit = dgm.restore(run)
    if method is None:
        rows = fit.evaluate(data)
    else:
        rows = [
            ("log p(x), nats", fit.log_prob(data, method=method, seed=seed).mean()),
            ("bits per dimension", fit.bits_per_dim(data, method=method, seed=seed).mean()),
        ]
    print("\n".join(table(rows)))
    print(f"means over the examples, with the {fit.which} parameters")


def table(rows: Iterable[tuple[str, Result]]) -> list[str]:
    """Lines of name, number, kind and method, in columns."""
    cells = [(name, number(result), f"{result.kind}: {result.method}") for name, result in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(2)]
    return [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in cells]


def number(result: Result) -> str:
    """The value, with its standard error where it is an estimate."""
    value = f"{float(result):.4g}" if abs(float(result)) < 10 else f"{float(result):.2f}"
    return value if result.stderr is None else f"{value} ± {float(result.stderr):.2g}"
