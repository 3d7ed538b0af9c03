"""`dgm explain`: what the compiler derives from a program, or what a diagnostic's code means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from dgmlang.cli.options import Set, assignments
from dgmlang.cli.terminal import say

What = Annotated[
    str, typer.Argument(metavar="FILE", help="A program, or the code of a diagnostic (DGM0412).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def explain(file: What, set: Set = None, json: Json = False) -> None:
    """Print what follows from a program: densities, legal objectives and samplers, and why."""
    if re.fullmatch(r"(?i)DGM\d{4}", file) and not Path(file).exists():
        print(_meaning(file.upper()))
        return
    from dgmlang.compiler.pipeline import compile_source, read
    from dgmlang.compiler.plan.explain import Explanation

    plan, report = compile_source(read(file), assignments(set, "--set"))
    say(report.warnings)
    explanation = Explanation(plan)
    print(_json(explanation.json()) if json else explanation)


def _json(value: object) -> str:
    from json import dumps

    return dumps(value, indent=2, ensure_ascii=False)


def _meaning(code: str) -> str:
    from dgmlang.cli.codes import meanings

    known = meanings()
    if code not in known:
        raise typer.BadParameter(f"no diagnostic has the code {code}", param_hint="FILE")
    return f"{code}: {' '.join(known[code])}"
