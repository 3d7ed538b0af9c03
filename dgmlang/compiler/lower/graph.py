"""An order for laws, by what they read."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.program import Law
from dgmlang.compiler.walk import parents


def dependency_order(laws: Mapping[str, Law]) -> tuple[str, ...]:
    """The names of laws so that each stands after those it reads; ties as declared."""
    ordered: list[str] = []
    pending = {name: parents(law).keys() & laws.keys() - {name} for name, law in laws.items()}
    while pending:
        ready = next(name for name, needs in pending.items() if needs <= set(ordered))
        ordered.append(ready)
        del pending[ready]
    return tuple(ordered)
