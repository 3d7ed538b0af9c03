"""`dgm verify`: what was derived from a program, put to the test on a small instance of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from dgmlang.cli import options
from dgmlang.cli.command import Command

if TYPE_CHECKING:
    from dgmlang.verify.finding import Finding, Untested


def _options(parser: ArgumentParser) -> None:
    options.program(parser)
    options.nets(parser)
    options.seed(parser)


def _run(args: Namespace) -> int:
    import dgmlang as dgm
    from dgmlang.verify.finding import Untested
    from dgmlang.verify.verify import verify

    model = dgm.load(args.file, **args.set, **args.nets)
    instance, findings = verify(model, args.set, args.seed)
    hypers = ", ".join(f"{n} = {v}" for n, v in instance.model.hypers.items())
    fewer = ", with fewer levels a byte" if instance.model.source is not model.source else ""
    print(f"{instance.model.name}({hypers}){fewer}")
    outcomes: list[str] = []
    for found in findings:
        print(line(found), flush=True)
        if not isinstance(found, Untested):
            outcomes.append(found.outcome)
    print(_summary(outcomes))
    return 1 if "fails" in outcomes else 0


def line(found: Finding | Untested) -> str:
    """One test: what holds, how it was tested, how far off it is, and what it would have seen."""
    from dgmlang.verify.finding import Untested

    if isinstance(found, Untested):
        return f"not tested  {found.subject}\n            {found.why}"
    off, allowed, caught = (f"{x:.2g}" for x in (found.deviation, found.allowed, found.caught))
    return (
        f"{found.outcome:<10}  {found.subject} {found.claim}\n"
        f"            {found.how}: off by {off}, allowed {allowed}\n"
        f"            power: {found.mistake} is off by {caught}"
    )


def _summary(outcomes: list[str]) -> str:
    counts = {word: outcomes.count(word) for word in ("holds", "fails", "no power")}
    told = [f"{n} {word}" for word, n in counts.items() if n]
    return ", ".join(told) or "nothing of this model can be tested yet"


VERIFY = Command(
    "verify", "put what was derived from a program to the test on a small instance of it",
    _options, _run,
)  # fmt: skip
