"""Energies, guides, critics and noise laws."""

from __future__ import annotations

from collections.abc import Iterator

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import Critic, Expr, Guide, Head, Law, Local, Loop, Read
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dependence import Circular, components
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.compiler.types.laws import law
from dgmlang.compiler.types.looped import law_in_loops
from dgmlang.compiler.types.loops import flatten
from dgmlang.compiler.types.scope import Scope, Wrong
from dgmlang.compiler.walk import reads


def energy(s: ast.Energy, scope: Scope) -> Expr | None:
    """One term of the energy (DGM0325, DGM0326)."""
    found = value(s.value, scope.within(owner=("energy",)))
    if isinstance(found, Wrong):
        return None
    if found.type.array_shape:
        shape = show(found.type.array_shape)
        scope.report.say(law_codes.not_scalar(s.value.span, "an energy", shape))
        return None
    for name, place in reads(found).items():
        declaration = scope.shared.declarations[name]
        if (
            isinstance(declaration, ast.Variable)
            and declaration.role != "param"
            and declaration.origin
        ):
            scope.report.say(law_codes.energy_reads_directed(place.span, name))
            return None
    return found


def guide(body: tuple[ast.Statement, ...], scope: Scope) -> Guide | None:
    """q(latents | data), its laws in an order in which they can be drawn."""
    block = next(_blocks(body, "guide"), None)
    if block is None:
        return None
    laws: dict[str, Law] = {}
    if any(not isinstance(s, ast.Variable | ast.For) for s in block.body):
        scope.report.say(name_codes.not_built(block.span, "guides with other statements than laws"))
        return None
    written = list(flatten(block.body, scope))
    # Data are observed values here, so only what the guide itself draws has a past.
    scope = scope.within(looped={s.name: around for s, around in written if around})
    for s, around in written:
        if s.name in laws:
            first = laws[s.name].span
            scope.report.say(name_codes.declared_twice(s.name_span, first, s.name))
        found = _guide_law(s, around, scope)
        if found is not None:
            laws[s.name] = found
    return Guide(_ordered(laws), block.span)


def _guide_law(s: ast.Variable, around: tuple[Loop, ...], scope: Scope) -> Law | None:
    declaration = scope.shared.declarations.get(s.name)
    known = scope.shared.values.get(s.name)
    if not isinstance(declaration, ast.Variable):
        scope.report.say(name_codes.unknown_name(s.name_span, s.name, scope.known()))
        return None
    if not isinstance(known, Read):
        return None  # its declaration is wrong, or in a loop, and has been reported
    if declaration.role != "latent" and not known.type.optional:
        scope.report.say(law_codes.guide_target(s.name_span, s.name))
        return None
    if not isinstance(s.origin, ast.Drawn):
        scope.report.say(name_codes.not_built(s.span, "deterministic guides"))
        return None
    written = s.origin.law

    def entry_law(target: Type, inside: Scope) -> Law | None:
        return law(written, target, known.span, inside)

    inner = scope.within(law_of=s.name, owner=("guide", s.name))
    if not around:
        return entry_law(known.type, inner.within(law_of=None))
    stops = tuple(loop.stop for loop in around)
    if known.type.shape[: len(stops)] != stops:
        shapes = show(known.type.shape), show(stops)
        scope.report.say(codes.shape_mismatch(s.name_span, *shapes, known.span))
        return None
    return law_in_loops(s, known.type, around, inner, entry_law)


def _ordered(laws: dict[str, Law]) -> dict[str, Law]:
    """Each law behind those that it reads; a cycle is reported later, and stays as written."""
    try:
        return {name: laws[name] for part in components(laws) for name in part.variables}
    except Circular:
        return laws


def noise(body: tuple[ast.Statement, ...], scope: Scope) -> dict[str, Law]:
    """The noise laws of NCE, by variable; written ones are not built."""
    for block in _blocks(body, "noise"):
        scope.report.say(name_codes.not_built(block.span, "noise laws that a program writes"))
    return {}


def _blocks(body: tuple[ast.Statement, ...], role: str) -> Iterator[ast.Companion]:
    return (s for s in body if isinstance(s, ast.Companion) and s.role == role)


def critic(body: tuple[ast.Statement, ...], scope: Scope) -> Critic | None:
    """A real-valued function of some variables, with a dense head."""
    s = next((s for s in body if isinstance(s, ast.Critic)), None)
    if s is None:
        return None
    local: dict[str, Expr] = {}
    for name in s.parameters:
        known = scope.shared.values.get(name)
        if not isinstance(known, Read):
            scope.report.say(name_codes.unknown_name(s.span, name, scope.shared.declarations))
            return None
        local[name] = Local(name, type=known.type, span=s.span)
    found = value(s.value, scope.within(locals=local, variables=False, owner=("critic",)))
    if isinstance(found, Wrong):
        return None
    if len(found.type.array_shape) > 1:
        shape = show(found.type.array_shape)
        scope.report.say(codes.head_shape(s.value.span, shape, "of the critic", "[]"))
        return None
    head = Head("", Type(REAL), 0, direct=not found.type.array_shape)
    return Critic(s.parameters, found, head, s.span)
