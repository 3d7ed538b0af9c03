"""`dgm explain`: what the compiler derives from a program, or what a diagnostic's code means."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from dgmlang.cli import options
from dgmlang.cli.command import Command, UsageError
from dgmlang.cli.terminal import say


def _options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="a program, or the code of a diagnostic, such as DGM0412"
    )
    options.settings(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(args: Namespace) -> int:
    if re.fullmatch(r"(?i)DGM\d{4}", args.file) and not Path(args.file).exists():
        print(_meaning(args.file.upper()))
        return 0
    from dgmlang.compiler.pipeline import compile_source, read
    from dgmlang.compiler.plan.explain import Explanation

    plan, report = compile_source(read(args.file), args.set)
    say(report.warnings)
    found = Explanation(plan)
    print(json.dumps(found.json(), indent=2, ensure_ascii=False) if args.json else found)
    return 0


def _meaning(code: str) -> str:
    from dgmlang.cli.codes import meanings
    from dgmlang.cli.stories import for_terminals, told
    from dgmlang.compiler.diagnostics.stories import story

    known = meanings()
    if code not in known:
        raise UsageError(f"no diagnostic has the code {code}")
    page = story(code)
    head = f"{code}: {' '.join(known[code])}"
    return head if page is None else f"{head}\n\n{for_terminals(told(page)).rstrip()}"


EXPLAIN = Command(
    "explain",
    "print what follows from a program: its density, legal objectives and samplers, and why",
    _options,
    _run,
)
