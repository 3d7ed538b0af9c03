"""The whole program, and what stands in it besides expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program.expressions import Expr
from dgmlang.compiler.program.laws import Law
from dgmlang.compiler.program.stages import Head, Net
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.kinds import Type


@frozen(eq=False)
class Variable:
    """A declared variable. Givens have no law; a param's law is its prior, or None.

    The role of a given with one value for the data set is `shared`.
    """

    role: str
    name: str
    type: Type
    law: Law | None
    start: Expr | None
    span: Span = field(repr=False)
    doc: str = ""

    @property
    def of_examples(self) -> bool:
        """Whether each example has one; else there is one for the data set."""
        return self.role not in ("param", "shared")


@frozen(eq=False)
class Guide:
    """q(latents | data, givens): laws in the order in which they are drawn.

    `built` are the latents whose laws the program does not write.
    """

    laws: Mapping[str, Law]
    span: Span = field(repr=False)
    built: tuple[str, ...] = ()


@frozen(eq=False)
class Critic:
    """A real-valued function of variables; `value` reads them as `Local`s, a real head is added."""

    parameters: tuple[str, ...]
    value: Expr
    head: Head
    span: Span = field(repr=False)


RECIPE_KEYS = (
    "objective", "optimizer", "sampler", "steps", "epochs", "batch", "patience", "average",
)  # fmt: skip
"""What a recipe may set besides `prepare`."""

RECIPE_NUMBERS: Mapping[str, tuple[str, int, int | None]] = {
    "steps": ("int", 1, None),
    "epochs": ("float", 0, None),
    "batch": ("int", 1, None),
    "patience": ("int", 1, None),
    "average": ("float", 0, 1),
}
"""Those that are numbers: their type, the least that they may be, and what they stay below."""


@frozen(eq=False)
class Recipe:
    """Named settings: numbers, and methods as the expressions that name them.

    `prepare` maps variables to expressions of the `prepare` space.
    """

    name: str
    settings: Mapping[str, Any]
    prepare: Mapping[str, Any]
    span: Span = field(repr=False)


@frozen(eq=False)
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

    @property
    def priors(self) -> Mapping[str, Law]:
        """The priors of the params and, for each of a net's weights, of the nets that have one."""
        laws = {v.name: v.law for v in self.having("param")}
        laws |= {net.name: net.prior for net in self.nets.values()}
        return {name: law for name, law in laws.items() if law is not None}

    @property
    def latents(self) -> tuple[Variable, ...]:
        """What some example does not bring: the latents, and the data that may be missing."""
        known = self.having("data", "latent")
        return tuple(v for v in known if v.role == "latent" or v.type.may_miss)
