"""Deterministic state of loops: `let h[t] = e`, one value a turn that may read earlier ones.

A state has the type of its value, and its value reads the state. So the first piece whose value is
typed without it gives the shape; of the kind it is assumed that all pieces stay within `unit`,
`positive` or the reals: the narrowest that holds, as a variance's recursion stays positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dgmlang.compiler.diagnostics.codes import loops as codes
from dgmlang.compiler.diagnostics.codes import types as type_codes
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import ComputedLaw, Expr, Loop, Piece, Read, Repeated, Variable
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.kinds import POSITIVE, REAL, UNIT, Kind, Type, offers
from dgmlang.compiler.types.loops import entered, pieces
from dgmlang.compiler.types.scope import Places, Scope, Shared, Wrong, wrong

ROLE = "state"
"""The role of a state among a program's variables."""


class Untyped(Exception):
    """A state is read before anything says what it is."""


def read(name: str, let: ast.Let, span: Span, scope: Scope) -> Expr:
    """A read of a state, which is elaborated when it is first read."""
    shared = scope.shared
    if scope.law_of != name:
        shared.used.add(name)
    if name not in shared.values:
        if name in shared.pending:
            raise Untyped
        if name not in scope.looped:  # its loop is wrong, and was reported
            return wrong(span)
        elaborate(let, scope.looped[name], scope)
    known = shared.values[name]
    return Read(name, type=known.type, span=span) if isinstance(known, Read) else wrong(span)


def elaborate_all(written: Iterable[tuple[ast.Let, tuple[Loop, ...]]], scope: Scope) -> None:
    """Every state that nothing has asked for yet."""
    shared = scope.shared
    for let, around in written:
        if let.names[0] not in shared.values:
            elaborate(let, around, scope)
    for let, _ in written:  # as declared, not as first read
        if let.names[0] in shared.states:
            shared.states[let.names[0]] = shared.states.pop(let.names[0])


def elaborate(let: ast.Let, around: tuple[Loop, ...], scope: Scope) -> None:
    """Give a state its type and its values, one law a piece (DGM0385)."""
    outside = scope.within(
        locals=scope.outer, arguments={}, variables=True, ranges={}, kept=Places()
    )
    outside = outside.within(owner=scope.owner[: scope.owner[:1] == ("guide",)])
    state = _State(let, around, outside)
    shared, (name,) = scope.shared, let.names
    shared.pending.append(name)
    first = state.first()
    shared.pending.pop()
    if first is None:
        shared.report.say(codes.no_start(let.span, name, around[-1].index))
    shared.values[name] = wrong(let.span)
    if first is None or isinstance(first, Wrong):
        return
    for kind in _kinds(first.type.kind):
        shared.values[name] = state.read(Type(kind, first.type.shape))
        try:
            with _tentative(shared):
                fits = all(_fits(v, kind) for v in state.values())
        except Untyped:
            return  # of a state around this one, which asks again once it has its own type
        if fits:
            break
    shared.states[name] = state.variable()


def _kinds(first: Kind) -> Iterator[Kind]:
    if first.interval is None:
        yield first
    else:
        yield from (kind for kind in (UNIT, POSITIVE, REAL) if offers(first, kind) is True)


def _fits(value: Expr, kind: Kind) -> bool:
    return isinstance(value, Wrong) or offers(value.type.kind, kind) is True


@contextmanager
def _tentative(shared: Shared) -> Iterator[None]:
    """What is found and said inside counts for nothing afterwards."""
    said, values, states = list(shared.report.found), dict(shared.values), set(shared.states)
    pending = list(shared.pending)
    try:
        yield
    finally:
        shared.report.found[:] = said
        shared.pending[:] = pending
        for name in shared.values.keys() - values.keys():
            del shared.values[name]
        for name in shared.states.keys() - states:
            del shared.states[name]


@frozen()
class _State:
    """One statement, in its loops, with the scope around them."""

    let: ast.Let
    loops: tuple[Loop, ...]
    scope: Scope

    def parts(self) -> Iterator[Scope]:
        (name,) = self.let.names
        inner = self.scope.within(owner=(*self.scope.owner, name), law_of=name)
        return pieces(self.let, entered(inner, self.loops))

    def value(self, part: Scope) -> Expr:
        from dgmlang.compiler.types.expressions import value

        if part.kept is not None:
            part.kept.visits.clear()
        return value(self.let.value, part)

    def values(self) -> list[Expr]:
        return [self.value(part) for part in self.parts()]

    def first(self) -> Expr | None:
        """The value of the first piece that is typed without the state; a wrong one is said."""
        for part in self.parts():
            try:
                with _tentative(self.scope.shared):
                    found = self.value(part)
            except Untyped:
                continue
            return self.value(part) if isinstance(found, Wrong) else found
        return None

    def read(self, entry: Type) -> Read:
        """The state as a whole, the loops' axes in front."""
        (name,), over = self.let.names, self.loops[0].over
        if over is not None:
            self.scope.shared.lengths[name] = over
        shape = (*(loop.stop for loop in self.loops), *entry.shape)
        whole = Type(entry.kind, shape, varying=over is not None)
        return Read(name, type=whole, span=self.let.span)

    def variable(self) -> Variable:
        (name,) = self.let.names
        known = self.scope.shared.values[name]
        assert isinstance(known, Read)
        entry = Type(known.type.kind, known.type.shape[len(self.loops) :])
        found: list[Piece] = []
        for part in self.parts():
            law = self._law(self.value(part), entry)
            ranges = tuple((r.start, r.stop) for r in part.ranges.values())
            found += [] if law is None else [Piece(ranges, law)]
        law = Repeated(self.loops, tuple(found), type=known.type, span=self.let.span)
        return Variable(ROLE, name, known.type, law, None, self.let.span, self.let.doc)

    def _law(self, found: Expr, entry: Type) -> ComputedLaw | None:
        report, name = self.scope.report, f"`{self.let.names[0]}`"
        if isinstance(found, Wrong):
            return None
        if found.type.array_shape != entry.array_shape:
            shapes = show(entry.array_shape), show(found.type.array_shape)
            report.say(type_codes.shape_mismatch(found.span, *shapes, self.let.span))
        elif offers(found.type.kind, entry.kind) is not True:
            kinds = str(entry.kind), str(found.type.kind)
            report.say(type_codes.kind_mismatch(found.span, *kinds, name))
        return ComputedLaw(found, None, None, type=entry, span=self.let.span)
