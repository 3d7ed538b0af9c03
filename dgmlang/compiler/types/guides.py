"""Guides and noise: the laws of companions, over variables that the model declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import companions as companion_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import nested as nested_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.linking import mentioned
from dgmlang.compiler.program import ComputedLaw, Guide, Law, Loop, Read, WithinBin
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types import lets, states
from dgmlang.compiler.types.dependence import Circular, components
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.held import held
from dgmlang.compiler.types.kinds import UNIT, Type
from dgmlang.compiler.types.laws import law
from dgmlang.compiler.types.lets import is_chain
from dgmlang.compiler.types.looped import law_in_loops
from dgmlang.compiler.types.nesting import State, flatten, looped
from dgmlang.compiler.types.scope import Scope, Wrong, wrong
from dgmlang.compiler.walk import arguments, entries, reads


def guide(body: Sequence[ast.Statement], scope: Scope) -> Guide | None:
    """q(latents | data), its laws in an order in which they can be drawn."""
    block = next(_blocks(body, "guide"), None)
    if block is None:
        return None
    laws: dict[str, Law] = {}
    unnamed = tuple(s for s in block.body if not isinstance(s, ast.Let))
    written, states_ = flatten(unnamed, scope)
    # Data are observed values here, so only what the guide itself draws has a past.
    scope = scope.within(looped=looped(written, states_), owner=("guide",))
    scope = _with_lets(block, states_, scope)
    states.elaborate_all([s for s in states_ if s[0].names[0] not in scope.locals], scope)
    for s, around in written:
        if s.name in laws:
            first = laws[s.name].span
            scope.report.say(name_codes.declared_twice(s.name_span, first, s.name))
        found = _law(s, around, scope.within(owner=("guide", s.name)))
        if found is not None:
            laws[s.name] = found
    return Guide(_ordered(laws), block.span)


def with_parts(written: Guide | None, parts: Mapping[str, Law], span: Span) -> Guide | None:
    """The guide, and the guides of models that stand in the program as laws."""
    if not parts:
        return written
    laws = {} if written is None else written.laws
    built = tuple(name for name, law in parts.items() if _is_built(law))
    return Guide(_ordered({**laws, **parts}), span if written is None else written.span, built)


def _is_built(law: Law) -> bool:
    """Whether a part's guide is the uniform one of a bin."""
    return any(isinstance(e, WithinBin) and e.place is None for e in entries(law))


def noise(body: Sequence[ast.Statement], scope: Scope) -> dict[str, Law]:
    """The noise laws of NCE, by data variable (DGM0373)."""
    laws: dict[str, Law] = {}
    for block in _blocks(body, "noise"):
        for s in (s for s in block.body if isinstance(s, ast.Variable)):
            found = _law(s, (), scope.within(owner=("noise", s.name)))
            if s.name in laws:
                first = laws[s.name].span
                scope.report.say(name_codes.declared_twice(s.name_span, first, s.name))
            if found is not None and _reads_params_only(found, scope):
                laws[s.name] = found
        declared = scope.shared.declarations.values()
        data = [d.name for d in declared if isinstance(d, ast.Variable) and d.role == "data"]
        missing = [name for name in data if name not in laws]
        if missing and len(laws) == len(block.body):
            scope.report.say(companion_codes.noise_missing(block.span, missing[0]))
    return laws


def _blocks(body: Sequence[ast.Statement], role: str) -> Iterator[ast.Companion]:
    return (s for s in body if isinstance(s, ast.Companion) and s.role == role)


def _reads_params_only(found: Law, scope: Scope) -> bool:
    for name, place in reads(*arguments(found)).items():
        declaration = scope.shared.declarations.get(name)
        if isinstance(declaration, ast.Variable) and declaration.of_examples:
            scope.report.say(companion_codes.noise_reads(place.span, name))
            return False
    return True


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────


def _law(s: ast.Variable, around: tuple[Loop, ...], scope: Scope) -> Law | None:
    built = scope.shared.inlined_guide.get(s.name)
    if s.role == "guide" and built is not None and _is_built(built):
        return _within(s, around, built, scope)
    declaration = scope.shared.declarations.get(s.name)
    known = scope.shared.values.get(s.name)
    if not isinstance(declaration, ast.Variable):
        scope.report.say(name_codes.unknown_name(s.name_span, s.name, scope.known()))
        return None
    if not isinstance(known, Read):
        return None  # its declaration is wrong, or in a loop, and has been reported
    if not _fits(s, declaration, known, scope):
        return None
    if not around:
        return _entry_law(s, known.type, known, scope)
    stops = tuple(loop.stop for loop in around)
    if known.type.shape[: len(stops)] != stops:
        shapes = show(known.type.shape), show(stops)
        scope.report.say(codes.shape_mismatch(s.name_span, *shapes, known.span))
        return None

    def entry_law(target: Type, inside: Scope) -> Law | None:
        return _entry_law(s, target, known, inside)

    return law_in_loops(s, known.type, around, scope.within(law_of=s.name), entry_law)


def _within(
    s: ast.Variable, around: tuple[Loop, ...], built: Law, scope: Scope
) -> WithinBin | None:
    """`x.u ~ D`: where within its bin the number lies that `quantize` cuts, from 0 to 1.

    Of an x in loops it is the law of all turns at once (DGM0943).
    """
    known = scope.shared.values[s.name.removesuffix(".u")]
    if around or not isinstance(s.origin, ast.Drawn) or not isinstance(known, Read):
        index = around[0].index if around else None
        scope.report.say(nested_codes.place_without_density(s.span, s.name, index))
        return None
    levels, target = known.type.kind.levels, replace(built.type, kind=UNIT)
    found = law(s.origin.law, target, built.span, scope)
    if found is None or levels is None:
        return None
    del scope.shared.inlined_guide[s.name]  # what is written stands in for what is built
    seen = replace(known, type=known.type.present, span=built.span)
    return WithinBin(seen, levels, found, type=target, span=s.span)


def _fits(s: ast.Variable, declaration: ast.Variable, known: Read, scope: Scope) -> bool:
    """Whether the companion may give this variable a law, and one of this form."""
    if s.role == "noise":
        if declaration.role != "data":
            scope.report.say(companion_codes.noise_target(s.name_span, s.name))
        elif not isinstance(s.origin, ast.Drawn):
            scope.report.say(companion_codes.noise_computed(s.span, s.name))
        return declaration.role == "data" and isinstance(s.origin, ast.Drawn)
    if declaration.role != "latent" and not known.type.may_miss:
        scope.report.say(companion_codes.guide_target(s.name_span, s.name))
        return False
    return True


def _entry_law(s: ast.Variable, target: Type, known: Read, scope: Scope) -> Law | None:
    if isinstance(s.origin, ast.Drawn):
        return law(s.origin.law, target, known.span, scope)
    return _computed(s, s.origin, target, scope) if s.origin is not None else None


def _computed(
    s: ast.Variable, origin: ast.Computed, target: Type, scope: Scope
) -> ComputedLaw | None:
    """`z = e`: a deterministic encoder."""
    found = value(origin.value, scope)
    if isinstance(found, Wrong):
        return None
    if found.type.array_shape != target.array_shape:
        shapes = show(target.array_shape), show(found.type.array_shape)
        scope.report.say(codes.shape_mismatch(found.span, *shapes, s.name_span))
        return None
    taken = held(found, target.kind, f"`{s.name}`")
    if taken is None:
        kinds = str(target.kind), str(found.type.kind)
        scope.report.say(codes.kind_mismatch(found.span, *kinds, f"`{s.name}`"))
        return None
    return ComputedLaw(taken, None, None, type=target, span=s.span)


def _ordered(laws: dict[str, Law]) -> dict[str, Law]:
    """Each law behind those that it reads; a cycle is reported later, and stays as written."""
    try:
        return {name: laws[name] for part in components(laws) for name in part.variables}
    except Circular:
        return laws


# ── the guide's own names ────────────────────────────────────────────────────────────────────────


def _with_lets(block: ast.Companion, states_: Sequence[State], scope: Scope) -> Scope:
    """The scope with the names that the guide gives.

    Functions, chains and states are put in where they are read. Of the values each is elaborated
    after those that it rests on.
    """
    given, refused = _named(block, [let for let, _ in states_], scope)
    declared = {**scope.shared.declarations, **{n: let for let in given for n in let.names}}
    shared = replace(scope.shared, declarations=declared)
    scope = scope.within(shared=shared, locals={**scope.locals, **_silent(refused)})
    lazy = [let for let in given if let.indices or let.parameters is not None]
    lazy += [let for let in given if let not in lazy and is_chain(let, scope)]
    pending = [let for let in given if let not in lazy]
    behind = _behind(given)
    while pending:
        waiting = {name: let for let in pending for name in let.names}
        ready = [let for let in pending if not waiting.keys() & behind[let.names[0]]]
        if not ready:
            scope.report.say(name_codes.cycle(pending[0].span, _circle(waiting, behind)))
            return scope.within(locals={**scope.locals, **_silent(pending)})
        for let in ready:
            inner = scope.within(owner=("guide", let.names[0]))
            known = {**scope.locals, **lets.named(let, inner)}
            scope = scope.within(locals=known, outer=known)
        pending = [let for let in pending if let not in ready]
    return scope


def _behind(given: Sequence[ast.Let]) -> dict[str, set[str]]:
    """The names of a guide that the value of each rests on, through others."""
    direct = {n: set(mentioned(let.value)) for let in given for n in let.names}
    found = {name: set(read) for name, read in direct.items()}
    for _ in direct:  # no way is longer than there are names
        for read in found.values():
            read |= {n for name in read & direct.keys() for n in direct[name]}
    return found


def _circle(waiting: Mapping[str, ast.Let], behind: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Names that lead back to the first of them."""
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        direct = [n for n in mentioned(waiting[path[-1]].value) if n in waiting]
        path.append((direct or [n for n in waiting if n in behind[path[-1]]])[0])
    return tuple(path[path.index(path[-1]) : -1])


def _silent(lets_: Sequence[ast.Let]) -> dict[str, Wrong]:
    """Names known to be wrong, so that their uses say nothing more."""
    return {name: wrong(let.span) for let in lets_ for name in let.names}


def _named(
    block: ast.Companion, states_: Sequence[ast.Let], scope: Scope
) -> tuple[list[ast.Let], list[ast.Let]]:
    """The guide's names, and those refused (DGM0203); idle ones are said (DGM0292)."""
    kept: list[ast.Let] = []
    refused: list[ast.Let] = []
    used = set(mentioned(block.body))
    spans = {name: d.span for name, d in scope.shared.declarations.items()}
    for let in (*(s for s in block.body if isinstance(s, ast.Let)), *states_):
        taken = next((name for name in let.names if name in spans), None)
        if taken is not None:
            scope.report.say(name_codes.declared_twice(let.span, spans[taken], taken))
        (kept if taken is None else refused).append(let)
        for name in let.names:
            spans.setdefault(name, let.span)
            if name not in used:
                scope.report.say(name_codes.idle(let.span, "name", name))
    return kept, refused
