"""The way of data into a query, and of draws back to the scale of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.program import Program, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Values
from dgmlang.runtime.columns import Columns
from dgmlang.runtime.conform import blanks, conform, storable
from dgmlang.runtime.intake import Intake, take_more
from dgmlang.runtime.preparation import Preparation, States
from dgmlang.runtime.shared import require_same


@dataclass(frozen=True, eq=False)
class Inlet:
    """The preparation as fitted to the training data; random steps are frozen by the seed.

    `columns` say which columns of a table are which variable. `shared` are the givens that have one
    value for the data set: queries use those of the fit.
    """

    preparation: Preparation = field(default_factory=Preparation)
    states: States = field(default_factory=dict)
    seed: int = 0
    columns: Columns = field(default_factory=Columns)
    shared: Values = field(default_factory=dict)

    def values(self, program: Program, data: Any) -> tuple[Values, Array]:
        """Data as the model sees them, and log |∂ prepared / ∂ given| of one example's data.

        Where examples differ in their lengths it is one number for each.

        Inputs that the model conditions on have no density, so their scale does not count.
        """
        own = program.having("shared")
        data = self.columns.read(data, (*brought(program), *own))
        require_same(own, data.shared, self.shared)
        values = self.prepared(brought(program), data)
        own = {v.name: values[v.name] for v in program.having("data") if v.name in values}
        return values, self.preparation.log_det(self.states, own)

    def bounds(self, program: Program) -> bool:
        """Whether a density of the prepared data only bounds that of the data."""
        return self.preparation.bounds([v.name for v in program.having("data")])

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """The shape that an example of a variable comes in, and draws of it have."""
        seen = numbers(variable.type.array_shape)
        return self.preparation.given(self.states, variable.name, seen)

    def prepared(self, variables: Sequence[Variable], data: Any) -> Values:
        """Data for these variables as the model sees them, held against their types."""
        data = self.columns.read(data, variables)
        intake = take_more(variables, data, self.preparation, self.states, self.seed)
        conform(variables, intake.prepared, intake.place)
        return whole(variables, intake)

    def invert(self, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draws on the scale of the data, labels in place, as far back as can be undone."""
        values = {name: jnp.asarray(array) for name, array in drawn.items()}
        found = self.preparation.invert(self.states, values)
        return self.columns.shown({name: np.asarray(array) for name, array in found.items()})


def whole(variables: Sequence[Variable], intake: Intake) -> Values:
    """All of the data as the model sees them, random steps frozen."""
    known = {v.name: v for v in variables}
    made = {name: blocks.whole() for name, blocks in intake.prepared.items()}
    brought = {**made, **blanks(variables, intake.arrays)}
    arrays = {n: storable(known[n], a, False) for n, a in brought.items()}
    return {name: jnp.asarray(array) for name, array in arrays.items()}


def brought(program: Program) -> tuple[Variable, ...]:
    """The variables that examples bring."""
    return program.having("data", "given")
