"""The intermediate representation: a resolved, typed and instantiated model.

Everything here is about one example. Expressions form a graph: a node that is used twice (a `let`)
is one object, so identity, not equality, is what analyses and the lowering memoise on. Compile-time
values (hyperparameters, settings of stages) are Python values: int, float, bool, str, tuples,
`Dim` where a hyperparameter is still open, and `Chain` for stages passed as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dgmlang.compiler.library import Extern
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.kinds import Type

# ── expressions ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False, kw_only=True)
class Expr:
    """A run-time value of one example."""

    type: Type
    span: Span = field(repr=False)


@dataclass(frozen=True, eq=False)
class Literal(Expr):
    """A number, or an array of numbers as nested tuples (`[1, 2]`, `ones(3)` are functions)."""

    value: float | int | bool | tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Open(Expr):
    """A hyperparameter that has no value yet; only in programs that cannot be lowered."""

    name: str


@dataclass(frozen=True, eq=False)
class Read(Expr):
    """The value of a variable: data, latent, given or param."""

    name: str


@dataclass(frozen=True, eq=False)
class Local(Expr):
    """A net's or critic's parameter inside its body, or the `t` of `at t`."""

    name: str


@dataclass(frozen=True, eq=False)
class Past(Expr):
    """`past(variable, order)`: the entries before this one; it only stands in the variable's law.

    `order` is ("raster",) or ("random", seed).
    """

    variable: str
    order: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Apply(Expr):
    """An extern function or operator (`add`, `exp`, `shift`) on run-time arguments.

    `settings` are its compile-time arguments, defaults filled in.
    """

    extern: Extern
    args: tuple[Expr, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Index(Expr):
    """`value[items]`; an item is an Expr (gather), a SliceItem, or None (a new axis)."""

    value: Expr
    items: tuple[Expr | SliceItem | None, ...]


@dataclass(frozen=True)
class SliceItem:
    start: int | None
    stop: int | None


@dataclass(frozen=True, eq=False)
class Stack(Expr):
    """`[a, b]` of run-time values: a new leading axis."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, eq=False)
class Choose(Expr):
    """`then if test else otherwise` with a run-time test."""

    test: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, eq=False)
class Call(Expr):
    """One head of a net applied to arguments. All heads of one call share `call`."""

    call: NetCall
    head: str


@dataclass(frozen=True, eq=False)
class NetCall:
    """The application of a net; evaluated once however many heads are read."""

    net: str
    args: Mapping[str, Expr]


@dataclass(frozen=True, eq=False)
class Through(Expr):
    """`value |> stages` in an expression."""

    value: Expr
    chain: Chain


@dataclass(frozen=True, eq=False)
class LogProb(Expr):
    """`log_prob(law, value)`: any law as a number."""

    law: Law
    value: Expr


# ── stages ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Choice:
    """A setting from a name space with settings of its own: `transform = spline(bins = 8)`.

    One without (`activation = swish`) is a plain string.
    """

    extern: Extern
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.extern.name


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
class Chain:
    """Stages applied from left to right. `owner` is the parameter path above the places.

    A chain passed as an argument (`coupling(mlp([64]))`) is checked for an input of open size; its
    consumer builds it for the size that it feeds in.
    """

    stages: tuple[Stage, ...]
    owner: tuple[str, ...]
    source: Type
    target: Type


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
class Net:
    """A function with its own parameters: `body` reads its parameters as `Local`s."""

    name: str
    parameters: Mapping[str, Type]
    body: Expr
    heads: tuple[Head, ...]
    span: Span = field(repr=False)

    @property
    def record(self) -> bool:
        """True where heads are named; one unnamed head has the name ''."""
        return self.heads[0].name != ""


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False, kw_only=True)
class Law:
    """The law of one variable; `type` is what it yields."""

    type: Type
    span: Span = field(repr=False)


@dataclass(frozen=True, eq=False)
class Named(Law):
    """A distribution of the library. Arguments of lower rank repeat over `type.shape`."""

    extern: Extern
    arguments: Mapping[str, Expr]


@dataclass(frozen=True, eq=False)
class Pushed(Law):
    """A law pushed through bijections."""

    base: Law
    chain: Chain


@dataclass(frozen=True, eq=False)
class Mixture(Law):
    """`mixture(weights, component)`: the component axis stands before the law's own axes."""

    weights: Expr
    component: Law


@dataclass(frozen=True, eq=False)
class ComputedLaw(Law):
    """`x : T = value`. Where `chain` is set, value is that chain of bijections of `latent`."""

    value: Expr
    latent: str | None
    chain: Chain | None


@dataclass(frozen=True, eq=False)
class EnergyLaw(Law):
    """The variable belongs to the density that the program's energies define together."""


@dataclass(frozen=True, eq=False)
class ScoreLaw(Law):
    """`score x [at t under process] = value`; without a process `process` is None."""

    value: Expr
    time: str | None
    process: Process | None


@dataclass(frozen=True, eq=False)
class Process:
    """A forward noising process with its settings."""

    extern: Extern
    settings: Mapping[str, Any]


# ── the whole ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Variable:
    """A declared variable. Givens have no law; a param's law is its prior, or None."""

    role: str
    name: str
    type: Type
    law: Law | None
    start: Expr | None
    span: Span = field(repr=False)
    doc: str = ""


@dataclass(frozen=True, eq=False)
class Guide:
    """q(latents | data, givens): laws in the order in which they are drawn."""

    laws: Mapping[str, Law]
    span: Span = field(repr=False)


@dataclass(frozen=True, eq=False)
class Critic:
    """A real-valued function of variables; `value` reads them as `Local`s, a real head is added."""

    parameters: tuple[str, ...]
    value: Expr
    head: Head
    span: Span = field(repr=False)


@dataclass(frozen=True, eq=False)
class Recipe:
    """Named settings as written; `prepare` maps variables to expressions of the `prepare` space."""

    name: str
    settings: Mapping[str, Any]
    prepare: Mapping[str, Any]
    span: Span = field(repr=False)


@dataclass(frozen=True, eq=False)
class Program:
    """An instantiated model. `open` names the hyperparameters that the data have yet to give."""

    name: str
    doc: str
    hypers: Mapping[str, Any]
    open: tuple[str, ...]
    variables: Mapping[str, Variable]
    nets: Mapping[str, Net]
    energies: tuple[Expr, ...]
    guide: Guide | None
    critic: Critic | None
    noise: Mapping[str, Law]
    recipes: Mapping[str, Recipe]
    span: Span = field(repr=False)

    def having(self, *roles: str) -> tuple[Variable, ...]:
        """The variables of these roles, in the order of declaration."""
        return tuple(v for v in self.variables.values() if v.role in roles)
