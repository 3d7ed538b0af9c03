"""Stages, chains of them, and nets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program.expressions import Call, Expr
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.kinds import Type

if TYPE_CHECKING:
    from dgmlang.compiler.program.laws import Law


@frozen(eq=False)
class Choice:
    """A setting from a name space with settings of its own: `transform = spline(bins = 8)`.

    One without (`activation = swish`) is a plain string.
    """

    extern: Extern
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.extern.name


def chosen(space: str, held: str | Choice) -> Extern:
    """The extern that a setting names: `relu`, or `checkerboard(odd = true)`."""
    return held.extern if isinstance(held, Choice) else library().space(space)[held]


def choices(stage: Stage) -> Iterator[Extern]:
    """What the settings of a stage choose: `transform = spline(bins = 8)`, `mask = channel`."""
    for name, held in stage.settings.items():
        if isinstance(held, Choice):
            yield held.extern
        elif isinstance(held, str) and held in (space := library().space(name)):
            yield space[held]


@frozen(eq=False)
class NetUse:
    """A net that the program declares, as the argument of a stage: `ode(v)`.

    `value` is its call, whose arguments are `Local`s of its parameters' names.
    """

    value: Call

    @property
    def net(self) -> str:
        return self.value.call.net

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of its parameters, in order."""
        return tuple(self.value.call.args)


@frozen(eq=False)
class Stage:
    """One layer or bijection at one place of the text.

    `place` is its name among its owner's parameters (`mlp`, `dense_2`). `settings` holds its
    compile-time arguments, `inputs` the run-time ones (`condition`, `time`); `body` its block.
    """

    extern: Extern
    place: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, Expr]
    body: Chain | None
    source: Type
    target: Type
    span: Span = field(repr=False)


@frozen(eq=False)
class Chain:
    """Stages applied from left to right. `owner` is the parameter path above the places.

    A chain passed as an argument (`coupling(mlp([64]))`) is checked for an input of open size; its
    consumer builds it for the size that it feeds in.
    """

    stages: tuple[Stage, ...]
    owner: tuple[str, ...]
    source: Type
    target: Type


@frozen(eq=False)
class Head:
    """One output of a net: a dense map from the body's last axes to `type`, then its kind's map.

    `prefix`: how many leading axes of the body the head keeps (the map acts on the rest).
    `direct`: the body is taken as it is (no map). `masked`: the body ends in a causal stage that
    brings its own head, one output a site.
    """

    name: str
    type: Type
    prefix: int
    direct: bool = False
    masked: bool = False


@frozen(eq=False)
class Net:
    """A function with its own parameters: `body` reads its parameters as `Local`s.

    `prior` is the law of each of its weights, if they have one.
    """

    name: str
    parameters: Mapping[str, Type]
    body: Expr
    heads: tuple[Head, ...]
    span: Span = field(repr=False)
    prior: Law | None = None

    @property
    def record(self) -> bool:
        """True where heads are named; one unnamed head has the name ''."""
        return self.heads[0].name != ""
