"""`dgm eval`: the held-out numbers of a run, each with its kind."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

from dgmlang.cli import options
from dgmlang.cli.command import Command

if TYPE_CHECKING:
    from dgmlang.evaluate.result import Result


def _options(parser: ArgumentParser) -> None:
    options.run(parser)
    options.nets(parser)
    parser.add_argument("--data", required=True, help=options.DATA)
    options.params(parser)
    parser.add_argument(
        "--features", help="run folder of a classifier or critic in whose space draws are compared"
    )
    parser.add_argument("--method", help='how log p(x) is got: exact, elbo, "iwae(k = 512)", ode')


def _run(args: Namespace) -> int:
    import dgmlang as dgm

    fit = dgm.restore(args.run, **args.nets)._at(args.params)
    if args.method is None:
        space = dgm.restore(args.features) if args.features else None
        rows = fit.evaluate(args.data, features=space)
    else:
        rows = [
            ("log p(x), nats", fit.log_prob(args.data, method=args.method).mean()),
            ("bits per dimension", fit.bits_per_dim(args.data, method=args.method).mean()),
        ]
    print("\n".join(table(rows)))
    print(f"means over the examples, with the {fit.which} parameters")
    return 0


def table(rows: Iterable[tuple[str, Result]]) -> list[str]:
    """Lines of name, number, kind and method, in columns."""
    cells = [(name, number(result), _kind(result)) for name, result in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(2)]
    return [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in cells]


def _kind(result: Result) -> str:
    same = result.method == result.kind
    return result.method if same else f"{result.kind}: {result.method}"


def number(result: Result) -> str:
    """The value; with a standard error, to the first digit of that error."""
    value = float(result)
    error = 0.0 if result.stderr is None else float(result.stderr)
    if not (isfinite(value) and isfinite(error) and error > 0):
        return f"{value:.2f}" if abs(value) >= 10 else f"{value:.4g}"
    digits = max(0, -floor(log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


EVAL = Command("eval", "print a run's numbers on held-out data, each with its kind", _options, _run)
