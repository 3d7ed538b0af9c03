"""Values of which only a part is known: NaN, masked arrays, and `"x[:20]"`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.diagnostics.codes import conditionals as codes
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import plain
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted

PART = re.compile(r"\s*([^\W\d]\w*)\s*\[(.*)\]\s*")
"""A variable's name and what stands in the brackets behind it."""


@dataclass(frozen=True)
class Parts:
    """Values by variable, and where those that are known in part are missing.

    `values` are whole arrays, with some value of the variable's in the place of what is missing;
    `missing` has an array of bits of the same shape for each variable that lacks something.
    `written` are the values with NaN where they are missing.
    """

    values: dict[str, Any]
    missing: dict[str, np.ndarray]

    @property
    def written(self) -> dict[str, Any]:
        gone = {n: np.where(where, np.nan, self.values[n]) for n, where in self.missing.items()}
        return {**self.values, **gone}


def parts(fitted: AbstractFitted, given: Mapping[str, Any]) -> Parts:
    """What is known and what is not; a variable of which nothing is known is left out.

    Raises:
        DgmError: DGM0803 for a name that no variable has, DGM0850 for a part that is none.
    """
    program = fitted.model.plan.program
    values, missing = dict[str, Any](), dict[str, np.ndarray]()
    for name, value in _whole(fitted, given).items():
        variable = program.variables.get(name)
        gone = None if variable is None else _missing(variable, value)
        if variable is None or gone is None or not gone.any():
            values[name] = np.ma.getdata(value) if isinstance(value, np.ma.MaskedArray) else value
        elif not gone.all():
            values[name], missing[name] = _filled(variable, np.ma.getdata(value), gone), gone
    return Parts(values, missing)


def _missing(variable: Variable, value: Any) -> np.ndarray | None:
    """Where entries are missing that can be drawn; None where none can be."""
    if variable.role not in ("data", "latent") or variable.type.varying:
        return None
    masked = np.ma.getmaskarray(value) if isinstance(value, np.ma.MaskedArray) else False
    array = np.asarray(np.ma.getdata(value))
    nan = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    return np.asarray(nan | masked)


def _filled(variable: Variable, value: Any, gone: np.ndarray) -> np.ndarray:
    """The array with a value that occurs in it where there is none: it passes every check."""
    array = np.array(value)
    array[gone] = array[~gone].reshape(-1)[0]
    return array


def _whole(fitted: AbstractFitted, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values with parts by index put in their places, NaN around them.

    An index is one of the data as they come, whatever a preparation makes of their shape.
    """
    program = fitted.model.plan.program
    found: dict[str, Any] = {}
    for key, value in given.items():
        written = PART.fullmatch(key)
        if written is None:
            found[key] = value
            continue
        name, text = written.groups()
        variable = program.variables.get(name)
        if variable is None or variable.role not in ("data", "latent"):
            known = [v.name for v in program.having("data", "latent")]
            raise DgmError(queries.unknown_choice("variable", name, known))
        shape, before = fitted.inlet.shape(variable), found.get(name)
        found[name] = _placed(variable, shape, key, text, np.asarray(value), before)
    return found


def _placed(
    variable: Variable,
    shape: tuple[int, ...],
    key: str,
    text: str,
    value: np.ndarray,
    before: Any,
) -> np.ndarray:
    """The variable's array with a part of it known, for one example or for several."""
    index = _index(key, text)
    try:
        part = np.empty(shape)[index].shape
        leading = value.shape[: value.ndim - len(part)]
        whole = np.full((*leading, *shape), np.nan)
        if before is not None:
            whole = np.array(np.broadcast_to(np.asarray(before, float), whole.shape))
        whole[(*(slice(None),) * len(leading), *index)] = value
    except (IndexError, ValueError):
        raise DgmError(codes.unknown_part(key, variable.name, list(shape), value.shape)) from None
    if len(leading) > 1 or value.shape[len(leading) :] != part:
        raise DgmError(codes.unknown_part(key, variable.name, list(shape), value.shape))
    return whole


def _index(key: str, text: str) -> tuple[Any, ...]:
    """`:20, 3` as NumPy's index; integers, slices and dots only."""
    found: list[Any] = []
    for item in (part.strip() for part in text.split(",")):
        numbers_ = [n.strip() for n in item.split(":")]
        if item == "...":
            found.append(Ellipsis)
        elif not all(re.fullmatch(r"[-+]?\d+", n) or (n == "" and ":" in item) for n in numbers_):
            raise DgmError(codes.unreadable_part(key))
        elif ":" in item:
            found.append(slice(*(int(n) if n else None for n in numbers_)))
        else:
            found.append(int(item))
    return tuple(found)


def nothing_known(variable: Variable, n: int) -> np.ndarray:
    """Some value of a variable, for n examples, as the model sees it."""
    value = plain(variable.type.kind, numbers(variable.type.array_shape))
    return np.asarray(jnp.broadcast_to(value, (n, *value.shape)))
