"""The variables of a model as arrays."""

from __future__ import annotations

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Values


def shape_of(variable: Variable) -> tuple[int, ...]:
    """The shape of the array that one example brings for a variable."""
    return numbers(variable.type.array_shape)


def data_names(lowered: Lowered) -> tuple[str, ...]:
    """The names of the data variables, in the order of declaration."""
    return tuple(v.name for v in lowered.program.having("data"))


def only(values: Values, names: tuple[str, ...]) -> Values:
    """The entries of these names."""
    return {name: values[name] for name in names}
