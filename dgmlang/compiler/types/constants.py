"""`let`s that have their value at compile time: they stand wherever a hyperparameter may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.linking import mentioned
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.static import CONSTANTS, Static, static


class Constants(dict[str, Any]):
    """Their values by name; that one is read is noticed, and so of the names it is made of."""

    def __init__(self, values: Mapping[str, Any], lets: Mapping[str, ast.Let], used: set[str]):
        super().__init__(values)
        self._lets, self._used = lets, used

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        self._used |= {name, *mentioned(self._lets[name].value)}
        return found


def constants(
    declarations: Mapping[str, Any], hypers: Mapping[str, Any], used: set[str]
) -> Constants:
    """The `let`s of one name that are made of numbers, hyperparameters and each other."""
    lets = plain_lets(declarations)
    values = dict(hypers)
    left = dict(lets)
    while ready := [n for n, let in left.items() if _ready(let.value, values)]:
        for name in ready:
            report = Report()
            held = static(left.pop(name).value, Static(values, report))
            if held is not None and not report.found:
                values[name] = held
    found = {name: values[name] for name in lets if name in values and name not in hypers}
    return Constants(found, lets, used)


def plain_lets(declarations: Mapping[str, Any]) -> dict[str, ast.Let]:
    """Each `let` that names one value and is neither a function nor a state of a loop."""
    return {
        name: d
        for name, d in declarations.items()
        if isinstance(d, ast.Let) and len(d.names) == 1 and not d.parameters and not d.indices
    }


def _ready(node: ast.Expr, values: Mapping[str, Any]) -> bool:
    """Whether everything that a value is made of has its value."""
    return not _calls(node) and set(mentioned(node)) <= {*values, *CONSTANTS}


def _calls(node: ast.Expr) -> bool:
    match node:
        case ast.Unary(_, operand):
            return _calls(operand)
        case ast.Binary(_, left, right):
            return _calls(left) or _calls(right)
        case ast.Conditional(then, test, otherwise):
            return any(map(_calls, (then, test, otherwise)))
    return not isinstance(node, ast.Number | ast.Name)


def circles(declarations: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """DGM0207 for each round of `let`s that are made of each other, used or not."""
    lets, done = plain_lets(declarations), set[str]()
    for name in lets:
        trail: list[str] = []
        _follow(name, lets, trail, done)
        if trail:
            done |= set(trail)
            yield codes.cycle(lets[trail[0]].span, tuple(trail))


def _follow(name: str, lets: Mapping[str, ast.Let], trail: list[str], done: set[str]) -> None:
    """Leave in `trail` a round that `name` leads into and that was not said, if there is one."""
    path: list[str] = []

    def visit(at: str) -> bool:
        if at in path:
            trail.extend(path[path.index(at) :])
            return True
        if at in done:
            return False
        path.append(at)
        if any(visit(n) for n in dict.fromkeys(mentioned(lets[at].value)) if n in lets):
            return True
        done.add(path.pop())
        return False

    visit(name)
