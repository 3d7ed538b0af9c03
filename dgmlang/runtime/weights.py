"""Sample weights: one number an example, by which its loss counts in the mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dgmlang.compiler.diagnostics.codes import tables as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.batch import WEIGHT
from dgmlang.runtime.data import Dataset
from dgmlang.runtime.places import entry


def weighed(dataset: Dataset, given: Any) -> Dataset:
    """The examples with their weights; those that weigh nothing are left out.

    Args:
        dataset: As read.
        given: Weights [n], finite, from 0, not all 0; or the name of the column that holds them,
            which is then no variable.

    Raises:
        DgmError: DGM0526, DGM0527.
    """
    if isinstance(given, str):
        dataset, given = _taken(dataset, given)
    weights = _checked(given, dataset)
    return replace(dataset, weights=weights).rows(np.flatnonzero(weights))


def entry_of(weights: np.ndarray | None) -> dict[str, np.ndarray]:
    """The entry of the batches that holds the weights, of mean 1; none where there are none."""
    return {} if weights is None else {WEIGHT: (weights / weights.mean()).astype(np.float32)}


def _taken(dataset: Dataset, name: str) -> tuple[Dataset, np.ndarray]:
    """The data without the column `name`, and the column."""
    rest = dict(dataset.arrays)
    if name not in rest:
        raise DgmError(codes.no_such_column("sample_weight", name, rest, dataset.place))
    column = rest.pop(name)
    return replace(dataset, arrays=rest), column


def _checked(given: Any, dataset: Dataset) -> np.ndarray:
    count, place = dataset.count, dataset.place
    try:
        weights = np.ma.filled(np.ma.asarray(given, np.float64), np.nan)
    except (TypeError, ValueError):
        raise DgmError(codes.wrong_weights("found no numbers", place)) from None
    if weights.shape != (count,):
        found = f"found shape {list(weights.shape)} for {count} examples"
        raise DgmError(codes.wrong_weights(found, place))
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        value, at = entry("sample_weight", weights, wrong)
        raise DgmError(codes.wrong_weights(f"found {value} in {at}", place))
    if not weights.any():
        raise DgmError(codes.wrong_weights("every weight is 0", place))
    return weights
