"""From a resolved model to a typed program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import loops as loop_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import (
    Expr,
    Law,
    Loop,
    Net,
    Program,
    Read,
    Variable,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.resolve import Resolved
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types import companions, guides, nesting, nets, states
from dgmlang.compiler.types.constants import circles, constants
from dgmlang.compiler.types.declared import declared
from dgmlang.compiler.types.dims import broadcast, show
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.held import held
from dgmlang.compiler.types.kinds import ANY, Type, within
from dgmlang.compiler.types.literals import told
from dgmlang.compiler.types.looped import law_in_loops
from dgmlang.compiler.types.origins import law_of
from dgmlang.compiler.types.recipes import recipe
from dgmlang.compiler.types.scope import Scope, Shared, Wrong, wrong
from dgmlang.compiler.types.whole import idle_declarations, once, settle
from dgmlang.compiler.walk import reads


class Tracked(dict[str, Any]):
    """The hyperparameters, remembering which were read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)


def check(resolved: Resolved, report: Report, above: tuple[ast.Model, ...] = ()) -> Program | None:
    """The typed program, or None where the report holds an error.

    `above` are the models that this one is a part of.
    """
    model = resolved.model
    hypers = Tracked(resolved.hypers)
    types = {h.name: h.type for h in model.hypers}
    used: set[str] = set()
    shared = Shared(
        report, hypers, types, resolved.names, resolved.models, used=used,
        constants=constants(resolved.names, resolved.hypers, used), above=above or (model,),
    )  # fmt: skip
    once(model.body, resolved.recipes, report)
    written, lets = nesting.flatten(model.body, Scope(shared, {}))
    scope = Scope(shared, {}, looped=nesting.looped(written, lets))
    declare(written, scope)
    shared.nets.update(_nets(resolved, scope))
    states.elaborate_all(lets, scope)
    scores = _scores(model.body, scope)
    energies = tuple(
        companions.energy(s, scores, scope) for s in model.body if isinstance(s, ast.Energy)
    )
    energetic = _has_energy(model.body)
    variables = {s.name: _variable(s, around, scores, energetic, scope) for s, around in written}
    guide, noise = guides.guide(model.body, scope), guides.noise(model.body, scope)
    critic = companions.critic(model.body, scope)
    recipes = {r.name: recipe(r, scope) for r in resolved.recipes}
    if not any(found.code in ("DGM0203", "DGM0207") for found in report.found):
        for found in circles(resolved.names):
            report.say(found)
    if report.failed:
        return None
    known = {**variables, **shared.inlined, **shared.states}
    program = Program(
        model.name,
        model.doc,
        dict(resolved.hypers),
        resolved.open,
        {n: v for n, v in known.items() if v is not None},
        {**_with_ends(shared), **shared.inlined_nets},
        (*(e for e in energies if e is not None), *shared.inlined_energies),
        guides.with_parts(guide, shared.inlined_guide, model.span),
        critic,
        noise,
        recipes,
        model.span,
    )
    settle(program, report)
    for idle in idle_declarations(program, shared, hypers.read, model):
        report.say(idle)
    return None if report.failed else program


def _has_energy(body: tuple[ast.Statement, ...]) -> bool:
    """Whether some energy is written, in a loop too, where it is refused and still means one."""
    inner = (s.body for s in body if isinstance(s, ast.For))
    return any(isinstance(s, ast.Energy) for s in body) or any(map(_has_energy, inner))


def declare(written: list[nesting.InLoops], scope: Scope) -> None:
    """Give every variable its type, so that laws may read them in any order.

    Loops' axes stand in front.
    """
    for s, around in written:
        if s.type is None:
            continue  # the parser has said so
        type_ = declared(s.type, scope.static)
        if s.shared:
            type_ = _shared_type(s, type_, scope)
        if type_.may_miss and s.role not in ("data", "given"):
            scope.report.say(codes.never_missing(s.type.span, s.role, s.name))
            type_ = type_.present
        if around and type_.may_miss:
            type_ = _missing_in_loops(type_)
        whole = _in_loops(s, type_, around, scope)
        read = Read(s.name, type=whole, span=s.name_span)
        scope.shared.values[s.name] = wrong(s.name_span) if type_.kind == ANY else read


def _shared_type(s: ast.Variable, found: Type, scope: Scope) -> Type:
    """One value for the data set is never missing, and its sizes are numbers (DGM0396)."""
    if found.may_miss or found.varying:
        scope.report.say(codes.shared_varies(s.span, s.name, str(found), missing=found.may_miss))
    return replace(found.present, varying=False)


def _missing_in_loops(entry: Type) -> Type:
    """The type of a turn's entry in the whole: turn by turn it may be missing, or parts of it."""
    together = len(entry.array_shape) if entry.optional else 0
    return replace(entry, optional=False, entry_optional=True, together=together)


def _in_loops(s: ast.Variable, entry: Type, around: tuple[Loop, ...], scope: Scope) -> Type:
    """The type of all entries: the loops' axes in front, the first of a length that may vary."""
    over = around[0].over if around else None
    if around and entry.varying and s.type is not None:
        scope.report.say(loop_codes.varying_in_loop(s.type.span, s.type.span.text, over))
        entry = replace(entry, shape=entry.shape[1:], varying=False)
    if over is not None and s.role == "given":
        whole = replace(entry, shape=(around[0].stop, *entry.shape), varying=True)
        scope.report.say(loop_codes.given_of_a_length(s.span, s.name, over, str(whole)))
    elif over is not None or (entry.varying and not around):
        scope.shared.lengths[s.name] = over or s.name
    shape = (*(loop.stop for loop in around), *entry.shape)
    return replace(entry, shape=shape, varying=over is not None or entry.varying)


def _with_ends(shared: Shared) -> dict[str, Net]:
    """The nets with the heads that laws of varying length have given them."""
    ends = shared.ends
    return {n: replace(f, heads=(*f.heads, *ends.get(n, ()))) for n, f in shared.nets.items()}


def _nets(resolved: Resolved, scope: Scope) -> dict[str, Net]:
    written = [d for d in resolved.names.values() if isinstance(d, ast.Net)]
    found = (nets.elaborate(net, scope) for net in written)
    return {net.name: net for net in found if net is not None}


def _variable(
    s: ast.Variable,
    around: tuple[Loop, ...],
    scores: Mapping[str, ast.Score],
    energies: bool,
    scope: Scope,
) -> Variable | None:
    known = scope.shared.values.get(s.name)
    if not isinstance(known, Read):
        return None
    start = None if s.start is None else _start(s.start, known.type, scope)
    score = scores.get(s.name)

    def entry_law(target: Type, inside: Scope) -> Law | None:
        return law_of(s, target, score, energies, inside)

    if around and s.origin is not None:
        law = law_in_loops(s, known.type, around, scope, entry_law)
    else:
        law = entry_law(known.type, scope)
    type_ = known.type if law is None or s.role == "data" else _narrowed(known.type, law)
    scope.shared.values[s.name] = replace(known, type=type_)
    role = "shared" if s.shared else s.role
    return Variable(role, s.name, type_, law, start, s.span, s.doc)


def _narrowed(declared_: Type, law: Law) -> Type:
    """The type of what is drawn from a law whose support is smaller than the declared kind.

    So what moves such a value, a guide or a chain, stays within the support.
    """
    kind = law.type.kind
    return replace(declared_, kind=kind) if within(kind, declared_.kind) else declared_


def _start(node: ast.Expr, target: Type, scope: Scope) -> Expr | None:
    """An initial value; it repeats over the declared shape."""
    found = value(node, scope)
    if isinstance(found, Wrong):
        return None
    for name, place in reads(found).items():
        scope.report.say(codes.start_at_run_time(place.span, name))
        return None
    if broadcast(found.type.array_shape, target.array_shape) != target.array_shape:
        shapes = show(target.array_shape), show(found.type.array_shape)
        scope.report.say(codes.shape_mismatch(node.span, *shapes))
        return None
    taken = held(found, target.kind, "the initial value")
    if taken is None:
        shown, help = told(found, target.kind)
        wanted = str(target.kind)
        scope.report.say(codes.kind_mismatch(node.span, wanted, shown, "the initial value", help))
    return taken


def _scores(body: tuple[ast.Statement, ...], scope: Scope) -> dict[str, ast.Score]:
    """The score of each variable (DGM0201, DGM0337)."""
    found = {s.variable: s for s in body if isinstance(s, ast.Score)}
    for name, s in found.items():
        declaration = scope.shared.declarations.get(name)
        if not isinstance(declaration, ast.Variable):
            scope.report.say(name_codes.unknown_name(s.span, name, scope.known()))
        elif declaration.origin is not None:
            scope.report.say(law_codes.two_laws(s.span, declaration.span, name))
    return found
