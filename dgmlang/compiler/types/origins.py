"""How a variable arises: drawn, computed, by an energy, or by a score."""

from __future__ import annotations

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
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import bind_arguments
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.invoke import settings
from dgmlang.compiler.types.kinds import UNIT, Type, offers
from dgmlang.compiler.types.laws import law
from dgmlang.compiler.types.scope import Scope, Wrong
from dgmlang.compiler.types.stages import bijective


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
    if found is None or not _rising(externs[name], found, bound, scope):
        return None
    return Process(externs[name], found)


def _rising(
    extern: Extern, found: dict[str, Any], bound: dict[str, ast.Argument], scope: Scope
) -> bool:
    """Whether the lists that a process takes in rising order are (DGM0375)."""
    for name in extern.argument("ascending"):
        held = found[name]
        if not held or held[0] <= 0 or any(b <= a for a, b in pairwise(held)):
            span = bound[name].value.span
            scope.report.say(law_codes.levels_out_of_order(span, str(list(held))))
            return False
    return True
