"""Values of one example, or of a batch, for the pure functions of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.missing import absent
from dgmlang.compiler.program import Program
from dgmlang.compiler.types.dims import numbers, show
from dgmlang.objectives.objective import Params, Values


def placed(
    program: Program, params: Params, values: Any, needed: tuple[str, ...], leading: int
) -> tuple[Params, Values]:
    """Parameters and values, `shared` givens among the former as the program's functions want."""
    found = held(program, values, needed, leading)
    names = [v.name for v in program.having("shared")]
    return {**params, **{name: found.pop(name) for name in names}}, found


def held(program: Program, values: Any, needed: tuple[str, ...], leading: int = 0) -> Values:
    """Values by name, their names and shapes checked (DGM0422); a bare array is the only data.

    Shapes are known while JAX traces, so this costs nothing at run time.

    Args:
        program: The program that they are of.
        values: Arrays by name, or the one that is needed.
        needed: The roles of variables that must be there.
        leading: How many axes stand before those of an example; `shared` givens have none.
    """
    place = program.span.source.name
    wanted = [v.name for v in program.having(*needed, "shared")]
    if not isinstance(values, Mapping):
        values = {wanted[0]: values} if len(wanted) == 1 else {}
    if not leading:
        values = {**_absent(program, wanted), **values}
    for name in wanted:
        if name not in values:
            raise DgmError(codes.wrong_values(f"there is no value for `{name}`", place))
    for name, value in values.items():
        if name not in program.variables or program.variables[name].role == "param":
            raise DgmError(codes.wrong_values(f"`{name}` is no variable here", place))
        own = program.variables[name].role != "shared"
        shape = tuple(getattr(value, "shape", ()))[leading if own else 0 :]
        if shape != numbers(program.variables[name].type.array_shape):
            expected = show(program.variables[name].type.array_shape)
            why = f"Expected `{name}` of shape {expected}; found {list(shape)}"
            raise DgmError(codes.wrong_values(why, place))
    return dict(values)


def _absent(program: Program, names: Sequence[str]) -> Values:
    """What stands for optional variables that one example lacks."""
    found = (program.variables[name] for name in names)
    return {v.name: absent(v) for v in found if v.type.optional}
