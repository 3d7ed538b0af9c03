"""`dgm check`: is a program well formed. It imports neither JAX nor NumPy."""

from __future__ import annotations

from dgmlang.cli.options import Program, Set, assignments
from dgmlang.cli.terminal import say


def check(file: Program, set: Set = None) -> None:
    """Say whether a program is well formed, and what is wrong if not."""
    from dgmlang.compiler.pipeline import compile_source, read
    from dgmlang.compiler.plan.explain import Explanation

    plan, report = compile_source(read(file), assignments(set, "--set"))
    say(report.warnings)
    print(Explanation(plan).summary())
    print(f"{file} is well formed")
