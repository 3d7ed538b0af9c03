"""Expressions: run-time values of one example, as a graph of typed nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import Interval, Type

if TYPE_CHECKING:
    from dgmlang.compiler.program.laws import Law
    from dgmlang.compiler.program.stages import Chain


@frozen(eq=False, kw_only=True)
class Expr:
    """A run-time value of one example."""

    type: Type
    span: Span = field(repr=False)


@frozen(eq=False)
class Literal(Expr):
    """A number, or an array of numbers as nested tuples (`[1, 2]`, `ones(3)` are functions)."""

    value: float | int | bool | tuple[Any, ...]


@frozen(eq=False)
class Open(Expr):
    """A hyperparameter that has no value yet; only in programs that cannot be lowered."""

    name: str


@frozen(eq=False)
class Read(Expr):
    """The value of a variable: data, latent, given or param."""

    name: str


@frozen(eq=False)
class Local(Expr):
    """A net's or critic's parameter inside its body, or the `t` of `at t`."""

    name: str


@frozen(eq=False)
class Loop:
    """`for index in 0..stop`. Two loops are never equal, whatever they are called.

    `over`: of `0..len(x)`, the x whose length each example has; `stop` is the greatest.
    """

    index: str
    stop: Dim
    span: Span = field(repr=False)
    over: str | None = None


@frozen(eq=False)
class Counter(Expr):
    """The variable of a loop plus a constant, as a number or as an index: `t`, `t - 1`."""

    loop: Loop
    offset: int


@frozen(eq=False)
class Past(Expr):
    """`past(variable, order)`: the entries before this one; it only stands in the variable's law.

    `order` is ("raster",) or ("random", seed).
    """

    variable: str
    order: tuple[Any, ...]


@frozen(eq=False)
class Apply(Expr):
    """An extern function or operator (`add`, `exp`, `shift`) on run-time arguments.

    `settings` are its compile-time arguments, defaults filled in.
    """

    extern: Extern
    args: tuple[Expr, ...]
    settings: Mapping[str, Any]


@frozen(eq=False)
class Index(Expr):
    """`value[items]`; an item is an Expr (gather), a SliceItem, or None (a new axis)."""

    value: Expr
    items: tuple[Expr | SliceItem | None, ...]


@frozen()
class SliceItem:
    """`start:stop` among the items of an index; None is open.

    A stop that is a Counter makes a ragged axis: its length differs from turn to turn of the loop.
    """

    start: int | None
    stop: int | Counter | None


@frozen(eq=False)
class Stack(Expr):
    """`[a, b]` of run-time values: a new leading axis."""

    items: tuple[Expr, ...]


@frozen(eq=False)
class Choose(Expr):
    """`then if test else otherwise` with a run-time test."""

    test: Expr
    then: Expr
    otherwise: Expr


@frozen(eq=False)
class Checked(Expr):
    """`value` where a narrower kind is wanted: NaN outside of `interval` when it runs.

    `wanted` is the kind, and `where` what wants it, for people. `array`: the kind where one
    value of it is an array, held against it as a whole. Analyses look through (`walk.bare`).
    """

    value: Expr
    interval: Interval
    wanted: str
    where: str
    array: str = ""


@frozen(eq=False)
class Call(Expr):
    """One head of a net applied to arguments. All heads of one call share `call`."""

    call: NetCall
    head: str


@frozen(eq=False)
class NetCall:
    """The application of a net; evaluated once however many heads are read."""

    net: str
    args: Mapping[str, Expr]


@frozen(eq=False)
class Outside(Expr):
    """The body of an `extern net`: what Python passes, at the net's own parameters.

    Its value is an array, or one array a head by name; nothing is known of it but `smooth`.
    """

    net: str
    args: tuple[Expr, ...]
    smooth: bool


@frozen(eq=False)
class Through(Expr):
    """`value |> stages` in an expression."""

    value: Expr
    chain: Chain


@frozen(eq=False)
class LogProb(Expr):
    """`log_prob(law, value)`: any law as a number."""

    law: Law
    value: Expr
