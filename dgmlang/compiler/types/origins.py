"""How a variable arises: drawn, computed, by an energy, or by a score."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import (
    ComputedLaw,
    EnergyLaw,
    Expr,
    Law,
    Local,
    Process,
    Read,
    ScoreLaw,
    Through,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import bind_arguments
from dgmlang.compiler.types.dims import Dim, show
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.invoke import settings
from dgmlang.compiler.types.kinds import UNIT, Type, offers
from dgmlang.compiler.types.laws import law
from dgmlang.compiler.types.scope import Scope, Wrong
from dgmlang.compiler.types.stages import bijective
from dgmlang.compiler.types.typed import above_zero


def law_of(
    s: ast.Variable, target: Type, score: ast.Score | None, energies: bool, scope: Scope
) -> Law | None:
    """The law of a declared variable; None for givens, and for params without a prior."""
    inner = scope.within(law_of=s.name, owner=(s.name,))
    if s.role == "given":
        return None
    if score is not None:
        return _score(score, target, inner)
    if isinstance(s.origin, ast.Drawn):
        return law(s.origin.law, target, s.type.span if s.type else s.span, inner)
    if isinstance(s.origin, ast.Computed):
        return _computed(s, s.origin, target, inner)
    if s.role != "param" and energies:
        return EnergyLaw(type=target, span=s.span)
    if s.role != "param":
        scope.report.say(law_codes.no_law(s.name_span, s.role, s.name))
    return None


def _computed(s: ast.Variable, origin: ast.Computed, target: Type, scope: Scope) -> Law | None:
    called = origin.value.function if isinstance(origin.value, ast.Call) else None
    if isinstance(called, ast.Name) and called.id in library().space("dist"):
        scope.report.say(law_codes.law_computed(origin.value.span, called.id))
        return None
    found = value(origin.value, scope)
    if isinstance(found, Wrong):
        return None
    if found.type.array_shape != target.array_shape:
        shapes = show(target.array_shape), show(found.type.array_shape)
        scope.report.say(codes.shape_mismatch(origin.value.span, *shapes, s.name_span))
        return None
    if offers(found.type.kind, target.kind) is not True:
        kinds = str(target.kind), str(found.type.kind)
        help = _KIND_HELP.get(target.kind.name)
        scope.report.say(codes.kind_mismatch(origin.value.span, *kinds, f"`{s.name}`", help))
        return None
    latent = _invertible(found, scope)
    chain = found.chain if latent and isinstance(found, Through) else None
    return ComputedLaw(found, latent, chain, type=target, span=s.span)


_KIND_HELP = {
    "positive": "push it through `exp` or `softplus`",
    "unit": "push it through `sigmoid`",
    "bit": "draw it: `~ Bernoulli(…)`",
    "cat": "draw it: `~ Categorical(…)`",
}


def _invertible(found: Expr, scope: Scope) -> str | None:
    """The latent of which `found` is a chain of bijections, or None."""
    if not isinstance(found, Through) or not isinstance(found.value, Read):
        return None
    declaration = scope.shared.declarations.get(found.value.name)
    latent = isinstance(declaration, ast.Variable) and declaration.role == "latent"
    return found.value.name if latent and bijective(found.chain) else None


# ── scores ───────────────────────────────────────────────────────────────────────────────────────


def _score(s: ast.Score, target: Type, scope: Scope) -> Law | None:
    if s.time is None or s.process is None:
        return _field(s, target, None, scope)
    process = _process(s.process, scope)
    if process is None:
        return None
    time = Local(s.time, type=Type(UNIT), span=s.span)
    return _field(s, target, process, scope.within(locals={s.time: time}, process=process))


def _field(s: ast.Score, target: Type, process: Process | None, scope: Scope) -> Law | None:
    found = value(s.value, scope)
    if isinstance(found, Wrong):
        return None
    if found.type.array_shape != target.array_shape:
        shapes = show(target.array_shape), show(found.type.array_shape)
        scope.report.say(codes.shape_mismatch(s.value.span, *shapes, s.span))
        return None
    return ScoreLaw(found, s.time, process, type=target, span=s.span)


def _process(node: ast.Expr, scope: Scope) -> Process | None:
    externs = library().space("process")
    function = node.function if isinstance(node, ast.Call) else node
    name = function.id if isinstance(function, ast.Name) else function.span.text
    if name not in externs:
        scope.report.say(name_codes.unknown_builtin(function.span, "process", name, externs))
        return None
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    bound = bind_arguments(externs[name], arguments, node.span, scope.report)
    if bound is None:
        return None
    found = settings(externs[name], bound, scope)
    if found is None or not _in_range(externs[name], found, bound, node.span, scope):
        return None
    return Process(externs[name], found)


def _in_range(
    extern: Extern, found: dict[str, Any], bound: dict[str, ast.Argument], span: Span, scope: Scope
) -> bool:
    """Whether numbers are above 0 (DGM0372), and rise where a process wants that (DGM0375)."""
    written = {name: argument.value for name, argument in bound.items()}
    for parameter in (p for p in extern.parameters if p.name in written):
        positive = parameter.name in extern.argument("above_zero")
        node, value = written[parameter.name], found[parameter.name]
        if positive and not above_zero(parameter, value, node, extern.name, scope.report):
            return False
    rising = extern.argument("ascending")
    held = _flat(found[name] for name in rising)
    if (held and held[0] <= 0) or any(b <= a for a, b in pairwise(held)):
        places = [node.span for name, node in written.items() if name in rising]
        place = places[0] if len(places) == 1 else span
        scope.report.say(law_codes.levels_out_of_order(place, str(held), ladder=len(rising) == 1))
        return False
    return True


def _flat(values: Iterable[Any]) -> list[Any]:
    """Numbers and lists of numbers as one list; what only the data decide is left out."""
    several = (n for v in values for n in (v if isinstance(v, tuple) else (v,)))
    return [n for n in several if not isinstance(n, Dim)]
