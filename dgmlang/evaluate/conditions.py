"""Values that draws are conditioned on: which may be held fixed, and how many there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.missing import absent, mask
from dgmlang.compiler.program import Program, ScoreLaw, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import behind
from dgmlang.objectives.objective import Values
from dgmlang.runtime.sequences import sequences

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted


def condition(fitted: AbstractFitted, given: Mapping[str, Any], n: int) -> Values:
    """Values to condition on, prepared and checked, with a leading axis of n.

    Raises:
        DgmError: DGM0803, DGM0805, DGM0811, DGM0813.
    """
    program = fitted.model.plan.program
    needed = [v.name for v in program.having("given") if not v.type.optional]
    missing = [name for name in needed if name not in given]
    if missing:
        raise DgmError(codes.missing_given(missing, program.name))
    known = {v.name: v for v in program.having("given", "data", "latent")}
    for name in given:
        if name not in known:
            raise DgmError(codes.unknown_choice("variable", name, known))
        blocked = unobserved(program, name, given)
        if blocked is not None:
            raise DgmError(codes.cannot_condition(known[name].span, name, blocked))
    every = {name: repeated(fitted, known[name], value, n) for name, value in given.items()}
    masks = {}
    for name in (name for name in given if _in_part(program, name)):
        array = np.asarray(every[name], float)
        every[name] = np.nan_to_num(array, nan=0.0)
        masks[mask(name)] = jnp.asarray(np.isnan(array))
    held = fitted.inlet.prepared([known[name] for name in given], every) if given else {}
    left = [v for v in program.having("given") if v.name not in held]
    return held | masks | {v.name: jnp.stack([absent(v)] * n) for v in left}


def looks_back(program: Program, given: Mapping[str, Any], missing: Collection[str]) -> bool:
    """Whether draws given these values are neither ancestral nor those of a chain or a score."""
    known = {v.name: v for v in program.having("data", "latent")}
    if any(isinstance(v.law, ScoreLaw) for v in known.values()):
        return False
    below = (name for name in given if name in known)
    return bool(missing) or any(unobserved(program, name, given) is not None for name in below)


def _in_part(program: Program, name: str) -> bool:
    """Whether samplers hold the entries of a variable that are given, and draw what is NaN."""
    law = program.variables[name].law
    return isinstance(law, ScoreLaw) and law.process is not None


def examples(fitted: AbstractFitted, given: Mapping[str, Any]) -> int:
    """How many examples are given: along a leading axis, or one."""
    for name, value in given.items():
        variable = fitted.model.plan.program.variables.get(name)
        array = np.asarray(value)
        if variable is not None and array.ndim and not _one(fitted, variable, array):
            return len(array)
    return 1


def _one(fitted: AbstractFitted, variable: Variable, array: np.ndarray) -> bool:
    """Whether an array is one example's value, in the shape of the data or as the model sees it."""
    seen, given = numbers(variable.type.array_shape), fitted.inlet.shape(variable)
    if seen == given:
        return array.ndim <= len(given)
    return array.shape in (seen, given)


def unobserved(program: Program, name: str, given: Mapping[str, Any]) -> str | None:
    """What an ancestral draw would have to infer from a value held fixed, or None.

    A variable of an energy is clamped by the chain; a directed one may only be fixed below fixed
    ones, since ancestral draws do not look upwards.
    """
    law = program.variables[name].law
    if isinstance(law, ScoreLaw) and program.variables[name].role == "data":
        return None if _in_part(program, name) else name
    above = (n for n in behind(law, program) if program.variables[n].role in ("data", "latent"))
    return next((n for n in above if n != name and n not in given), None)


def repeated(fitted: AbstractFitted, variable: Variable, value: Any, n: int) -> Any:
    """One example's value n times, or n values as they are."""
    if sequences(value) is not None and len(value) == n:
        return value
    array = np.asarray(value)
    if array.dtype.kind in "biuf" and _one(fitted, variable, array):
        return np.broadcast_to(array, (n, *array.shape))
    if array.ndim == 0 or len(array) != n:
        raise DgmError(codes.wrong_count(variable.name, list(array.shape), n))
    return array
