"""What an expression may read where it stands."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any, cast

from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.modules import Found
from dgmlang.compiler.program import Expr, Head, Law, Loop, Net, NetCall, Process, Variable
from dgmlang.compiler.report import Report
from dgmlang.compiler.resolve import Declaration
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import ANY, Type
from dgmlang.compiler.types.static import FUNCTIONS, Static


@frozen(eq=False)
class Record:
    """The heads of one call of a net, by name; `outside`: it is Python's, and maps into no kind."""

    call: NetCall
    heads: Mapping[str, Type]
    span: Span
    outside: bool = False


@frozen(eq=False)
class Wrong(Expr):
    """Stands for an expression known to be wrong; whatever follows from it stays silent."""


def wrong(span: Span) -> Wrong:
    """An error node."""
    return Wrong(type=Type(ANY), span=span)


@frozen(eq=False)
class Range:
    """The indices [start, stop) of a loop that are looked at."""

    loop: Loop
    start: Dim
    stop: Dim


class Places:
    """The stages of one text that is elaborated several times, once for each piece of a loop.

    A stage keeps its name, and so its parameters: there is one set for a place in the text.
    """

    def __init__(self) -> None:
        self.names: dict[tuple[object, ...], str] = {}
        self.visits: dict[tuple[object, ...], int] = {}


@frozen(eq=False)
class Shared:
    """What all scopes of one model share: the tables of names, elaborated on demand, once.

    `constants`: the `let`s that have a value at compile time.
    `lengths`: of each variable of varying length, the variable that has the same and brings it.
    `greatest`: the greatest length of those whose loops say it. `ends`: heads that nets get beside
    their own, for the ends of sequences.
    """

    report: Report
    hypers: Mapping[str, Any]
    hyper_types: Mapping[str, ast.TypeExpr]
    declarations: Mapping[str, Declaration]
    models: Mapping[str, Found]
    constants: Mapping[str, Any] = field(default_factory=dict)
    values: dict[str, Expr | Record] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    places: dict[tuple[str, ...], int] = field(default_factory=dict)
    sizes: dict[tuple[str, ...], Mapping[str, Any]] = field(default_factory=dict)
    indices: set[str] = field(default_factory=set)
    sources: dict[tuple[str, ...], Type] = field(default_factory=dict)
    above: tuple[ast.Model, ...] = ()
    lengths: dict[str, str] = field(default_factory=dict)
    greatest: dict[str, Dim] = field(default_factory=dict)
    nets: dict[str, Net] = field(default_factory=dict)
    ends: dict[str, tuple[Head, ...]] = field(default_factory=dict)
    states: dict[str, Variable] = field(default_factory=dict)
    inlined: dict[str, Variable] = field(default_factory=dict)
    inlined_nets: dict[str, Net] = field(default_factory=dict)
    inlined_energies: list[Expr] = field(default_factory=list)
    inlined_guide: dict[str, Law] = field(default_factory=dict)

    @contextmanager
    def elaborating(self, name: str, span: Span) -> Iterator[bool]:
        """Yields False, with DGM0207, where `name` is needed for its own elaboration."""
        if name in self.pending:
            self.report.say(codes.cycle(span, tuple(self.pending[self.pending.index(name) :])))
            yield False
            return
        self.pending.append(name)
        try:
            yield True
        finally:
            self.pending.pop()


@frozen(eq=False)
class Scope:
    """One place's view. `locals` are a net's parameters, a function's, or the `t` of `at t`.

    `arguments`: the compile-time arguments of the `let` that is put in here.
    `variables`: whether data, latents and givens may be read (a net's body may not).
    `law_of`: the variable whose law is elaborated here, where its `past` may be read.
    `owner`: the parameter path above the stages of this place.
    `ranges`: the variables of the loops around this place, outermost first.
    `looped`: the variables that loops draw, with their loops; they are read by the rules of loops.
    `kept`: the stages' names in an earlier piece of the same text.
    `outer`: the names that a guide gives, which its states see.
    `around`: the loops around the law that a `let` names, whose variables it cannot read.
    `enclosed`: whether laws here stand in an expression, `log_prob(D, x)`, and are no variable's.
    `instance`: whether this is what a `let` names, put in where a variable has it as its law.
    """

    shared: Shared
    locals: Mapping[str, Expr | Record]
    variables: bool = True
    law_of: str | None = None
    process: Process | None = None
    owner: tuple[str, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)
    looped: Mapping[str, tuple[Loop, ...]] = field(default_factory=dict)
    kept: Places | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    outer: Mapping[str, Expr | Record] = field(default_factory=dict)
    around: Mapping[str, Range] = field(default_factory=dict)
    enclosed: bool = False
    instance: bool = False

    @property
    def report(self) -> Report:
        return self.shared.report

    @property
    def own(self) -> bool:
        """Whether a law here is the whole law of `law_of`, so that it may bring latents."""
        here = self.instance or self.owner == (self.law_of,)
        return self.law_of is not None and here and not self.enclosed

    @property
    def static(self) -> Static:
        runtime = {*self.shared.declarations, *self.locals}
        return Static(self.statics, self.report, runtime=runtime, functions=FUNCTIONS)

    @property
    def words(self) -> Static:
        """The same, where an unknown name stands for itself."""
        return replace(self.static, words=True)

    @property
    def statics(self) -> Mapping[str, Any]:
        """What has a value at compile time; that one is read is noticed."""
        tables = (self.shared.hypers, self.shared.constants)
        return ChainMap(dict(self.arguments), *(cast(dict[str, Any], t) for t in tables))

    def within(self, **changes: Any) -> Scope:
        """The same scope with some fields replaced."""
        return replace(self, **changes)

    def afresh(self) -> None:
        """Stages of this owner are named from the start: what is put in again is the same."""
        for key in [k for k in self.shared.places if k[: len(self.owner)] == self.owner]:
            del self.shared.places[key]

    def place(self, name: str, at: Span) -> str:
        """A name for a stage that no other stage of this owner has: `dense`, `dense_2`, …"""
        if self.kept is None:
            return self._fresh(name)
        key = (*self.owner, name, at.source, at.start)
        visit = self.kept.visits[key] = self.kept.visits.get(key, 0) + 1
        if (*key, visit) not in self.kept.names:
            self.kept.names[*key, visit] = self._fresh(name)
        return self.kept.names[*key, visit]

    def _fresh(self, name: str) -> str:
        key = (*self.owner, name)
        count = self.shared.places[key] = self.shared.places.get(key, 0) + 1
        return name if count == 1 else f"{name}_{count}"

    def known(self) -> list[str]:
        """Every name that may be meant here."""
        names = (self.locals, self.ranges, self.shared.declarations, self.statics)
        return [name for table in names for name in table]
