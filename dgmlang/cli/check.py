"""`dgm check`: is a program well formed. It imports neither JAX nor NumPy."""

from __future__ import annotations

from argparse import Namespace

from dgmlang.cli import options
from dgmlang.cli.command import Command
from dgmlang.cli.terminal import say


def _run(args: Namespace) -> int:
    from dgmlang.compiler.pipeline import compile_source, read
    from dgmlang.compiler.plan.explain import Explanation

    plan, report = compile_source(read(args.file), args.set)
    say(report.warnings)
    print(Explanation(plan).summary())
    print(f"{args.file} is well formed")
    return 0


CHECK = Command(
    "check", "say whether a program is well formed, and what is wrong if not", options.program, _run
)
