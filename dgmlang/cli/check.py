"""`dgm check`: is a program well formed. It imports neither JAX nor NumPy."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dgmlang.cli import options
from dgmlang.cli.command import Command
from dgmlang.cli.terminal import say


def _run(args: Namespace) -> int:
    from dgmlang.compiler.pipeline import compile_source, read
    from dgmlang.compiler.plan.explain import Explanation

    plan, report = compile_source(read(args.file), args.set)
    say(report.warnings)
    if report.warnings and args.strict:
        return 1
    print(Explanation(plan).summary())
    print(f"{args.file} is well formed")
    return 0


def _options(parser: ArgumentParser) -> None:
    options.program(parser)
    parser.add_argument("--strict", action="store_true", help="treat warnings as errors")


CHECK = Command(
    "check", "say whether a program is well formed, and what is wrong if not", _options, _run
)
