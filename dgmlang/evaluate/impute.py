"""Data with what is missing in them drawn from its law given the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import conditionals as codes
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.expression import Expression
from dgmlang.evaluate.completing import completed, known_of
from dgmlang.evaluate.parts import parts
from dgmlang.evaluate.result import draws, only
from dgmlang.evaluate.sampling import mixing_of
from dgmlang.evaluate.sound import sound_at
from dgmlang.runtime.data import NAMELESS
from dgmlang.runtime.inlet import brought
from dgmlang.runtime.progress import Progress

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted


def imputed(
    fitted: AbstractFitted,
    data: Any,
    mask: Any,
    sampler: str | Expression | None,
    seed: int,
    progress: Progress,
) -> Any:
    """The data in full: see `Fitted.impute`."""
    program = fitted.model.plan.program
    given = _masked(_arrays(fitted, data), mask)
    found = parts(fitted, given)
    names = [v.name for v in program.having("data")]
    at = known_of(fitted, found, len(next(iter(given.values()))))
    if all(n in found.values and n not in found.missing for n in names):
        raise DgmError(codes.nothing_missing(names, program.name))
    got = completed(fitted, at, sampler, jax.random.key(seed), progress)
    sound_at(fitted, got.values)
    shown = fitted.inlet.invert({name: np.asarray(got.values[name]) for name in names})
    # What was there stays as it came, whatever rounding a preparation and its inverse leave.
    for name in (n for n in names if n in found.values and _undone(fitted, n)):
        before, gone = np.asarray(found.values[name]), found.missing.get(name)
        if before.dtype.kind == "O":
            continue
        shown[name] = before if gone is None else np.where(gone, shown[name], before)
    chains = None if got.sampler is None else mixing_of(fitted.model.plan, got.sampler, got.watched)
    return only(draws(shown, got.how, chains))


def _undone(fitted: AbstractFitted, name: str) -> bool:
    """Whether a variable's preparation can be undone; where not, all is as the model sees it."""
    own = (chain for chain in fitted.inlet.preparation.chains if chain.name == name)
    return all(link.step.invertible for chain in own for link in chain.links)


def _arrays(fitted: AbstractFitted, data: Any) -> dict[str, Any]:
    """The data's arrays by variable."""
    variables = brought(fitted.model.plan.program)
    if isinstance(data, np.ma.MaskedArray):
        data = np.ma.filled(data.astype(float), np.nan)
    if isinstance(data, Mapping):
        data = {
            k: np.ma.filled(v.astype(float), np.nan) if isinstance(v, np.ma.MaskedArray) else v
            for k, v in data.items()
        }
    dataset = fitted.inlet.columns.read(data, variables)
    named = dict(dataset.arrays)
    if NAMELESS in named and len(variables) == 1:
        named[variables[0].name] = named.pop(NAMELESS)
    for name in named:
        if name not in {v.name for v in variables}:
            raise DgmError(queries.unknown_choice("variable", name, [v.name for v in variables]))
    return named


def _masked(given: dict[str, Any], mask: Any) -> dict[str, Any]:
    """The arrays, NaN where the mask is true: one for the only variable, or by name."""
    if mask is None:
        return given
    everywhere: dict[str, Any] = dict.fromkeys(given, mask)
    masks: Mapping[str, Any] = mask if isinstance(mask, Mapping) else everywhere
    for name, where in masks.items():
        if name not in given:
            raise DgmError(queries.unknown_choice("variable", name, given))
        if np.shape(where) != np.shape(given[name]):
            shape, found = list(np.shape(given[name])), np.shape(where)
            raise DgmError(codes.unknown_part(f"mask of {name}", name, shape, found))
    return {
        name: np.where(masks[name], np.nan, array) if name in masks else array
        for name, array in given.items()
    }
