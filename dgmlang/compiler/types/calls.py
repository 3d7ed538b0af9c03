"""Binding the arguments of a call to a signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dgmlang.compiler.diagnostics.codes import calls as call_codes
from dgmlang.compiler.library import Extern, Parameter
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast


def signature(extern: Extern) -> str:
    """`Normal(loc: real, scale: positive)` as people read it."""
    groups = (", ".join(f"{p.name}: {p.type.span.text}" for p in g) for g in extern.groups)
    return f"{extern.name}({' | '.join(groups)})"


def bind_arguments(
    extern: Extern, arguments: Sequence[ast.Argument], span: Span, report: Report
) -> dict[str, ast.Argument] | None:
    """Arguments by parameter name (DGM0308 to DGM0310, DGM0350); None where they do not fit.

    Spread arguments must have been replaced by keywords before.
    """
    names = [p.name for p in extern.parameters]
    first = [p.name for p in extern.groups[0] if p.name not in extern.argument("by_name")]
    bound = place(extern.name, first, names, arguments, report)
    return bound if bound is not None and _complete(extern, bound, span, report) else None


def place(
    name: str,
    positional: Sequence[str],
    known: Sequence[str],
    arguments: Sequence[ast.Argument],
    report: Report,
) -> dict[str, ast.Argument] | None:
    """Arguments by the name of what they are for, each once (DGM0309, DGM0310, DGM0350)."""
    bound: dict[str, ast.Argument] = {}
    free = iter(positional)
    for argument in sorted(arguments, key=lambda a: a.name is not None):
        key = argument.name or next(free, None)
        if key is None:
            found = call_codes.too_many(argument.span, name, list(positional))
        elif key not in known:
            wrong = [(a.span, a.name) for a in arguments if a.name and a.name not in known]
            found = call_codes.unknown_argument(argument.span, name, key, known, *wrong[1:])
        elif key in bound:
            found = call_codes.twice(argument.span, bound[key].span, name, key)
        else:
            bound[key] = argument
            continue
        report.say(found)
        return None
    return bound


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
        report.say(call_codes.two_parametrisations(span, extern.name, signature(extern)))
    missing = [p.name for p in group if p.name not in bound and not optional(p)]
    for name in missing:
        report.say(call_codes.missing_argument(span, extern.name, name, signature(extern)))
    return not missing and not extra
