"""Energies and critics."""

from __future__ import annotations

from collections.abc import Collection

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import loops as loop_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import Critic, Expr, Head, Local, Read
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.greys import as_number
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.compiler.types.scope import Scope, Wrong
from dgmlang.compiler.walk import reads


def energy(s: ast.Energy, scored: Collection[str], scope: Scope) -> Expr | None:
    """One term of the energy, none of whose variables is `scored` (DGM0325, DGM0326)."""
    found = as_number(value(s.value, scope.within(owner=("energy",))))
    if isinstance(found, Wrong):
        return None
    if found.type.array_shape:
        shape = show(found.type.array_shape)
        scope.report.say(law_codes.not_scalar(s.value.span, "an energy", shape))
        return None
    for name, place in reads(found).items():
        declaration = scope.shared.declarations.get(name)  # none of a param of a model put in here
        if isinstance(declaration, ast.Let):
            scope.report.say(loop_codes.energy_reads_state(place.span, name))
            return None
        if not isinstance(declaration, ast.Variable) or not declaration.of_examples:
            continue
        if declaration.origin or name in scored:
            scope.report.say(law_codes.energy_reads_directed(place.span, name))
            return None
    return found


def critic(body: tuple[ast.Statement, ...], scope: Scope) -> Critic | None:
    """A real-valued function of some variables, with a dense head."""
    s = next((s for s in body if isinstance(s, ast.Critic)), None)
    if s is None:
        return None
    local: dict[str, Expr] = {}
    for name in s.parameters:
        known = scope.shared.values.get(name)
        if not isinstance(known, Read) or name in scope.shared.states:
            scope.report.say(name_codes.unknown_name(s.span, name, scope.shared.declarations))
            return None
        local[name] = Local(name, type=known.type, span=s.span)
    inside = scope.within(locals=local, variables=False, owner=("critic",))
    found = as_number(value(s.value, inside))
    if isinstance(found, Wrong):
        return None
    if len(found.type.array_shape) > 1:
        shape = show(found.type.array_shape)
        scope.report.say(codes.head_shape(s.value.span, shape, "", "[]", "critic"))
        return None
    head = Head("", Type(REAL), 0, direct=not found.type.array_shape)
    return Critic(s.parameters, found, head, s.span)
