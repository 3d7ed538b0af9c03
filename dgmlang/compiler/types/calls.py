"""Binding the arguments of a call to a signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern, Parameter
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast

VALUE = "value"


@dataclass(frozen=True)
class Bound:
    """Arguments by parameter name: `given` as written, `absent` parameters without one."""

    given: Mapping[str, ast.Argument]
    parameters: Mapping[str, Parameter]


def signature(extern: Extern) -> str:
    """`Normal(loc: real, scale: positive)` as people read it."""
    groups = (", ".join(f"{p.name}: {p.type.span.text}" for p in g) for g in extern.groups)
    return f"{extern.name}({' | '.join(groups)})"


def bind_arguments(
    extern: Extern, arguments: Sequence[ast.Argument], span: Span, report: Report
) -> dict[str, ast.Argument] | None:
    """Arguments by parameter name (DGM0308 to DGM0310); None where they do not fit.

    Spread arguments must have been replaced by keywords before.
    """
    names = [p.name for p in extern.parameters]
    first = [p.name for p in extern.groups[0]]
    bound: dict[str, ast.Argument] = {}
    for position, argument in enumerate(a for a in arguments if a.name is None):
        if position >= len(first):
            report.say(codes.too_many(argument.span, extern.name, len(first)))
            return None
        bound[first[position]] = argument
    for argument in (a for a in arguments if a.name is not None):
        if argument.name not in names:
            found = codes.unknown_argument(argument.span, extern.name, str(argument.name), names)
            report.say(found)
            return None
        bound[str(argument.name)] = argument
    return bound if _complete(extern, bound, span, report) else None


def group_of(extern: Extern, bound: Iterable[str]) -> tuple[Parameter, ...]:
    """The parametrisation that these argument names belong to."""
    names = set(bound)
    fitting = (g for g in extern.groups if names <= {p.name for p in g})
    return next(fitting, extern.groups[0])


def optional(parameter: Parameter) -> bool:
    """Whether a parameter may be left out."""
    return parameter.default is not None or parameter.type.optional


def _complete(
    extern: Extern, bound: Mapping[str, ast.Argument], span: Span, report: Report
) -> bool:
    group = group_of(extern, bound)
    extra = set(bound) - {p.name for p in group}
    for name in extra:
        span = bound[name].span
        report.say(codes.two_parametrisations(span, extern.name, signature(extern)))
    missing = [p.name for p in group if p.name not in bound and not optional(p)]
    for name in missing:
        report.say(codes.missing_argument(span, extern.name, name, signature(extern)))
    return not missing and not extra
