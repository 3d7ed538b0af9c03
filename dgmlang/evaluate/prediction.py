"""What a prediction says of one variable: probabilities, or a mean and a standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.program import Variable
from dgmlang.evaluate.result import Kind, Result
from dgmlang.objectives.variables import shape_of

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted


@dataclass(frozen=True)
class Prediction:
    """The law of one variable given others, for each of n examples.

    Attributes:
        probabilities: Of the levels of a finite variable [n] + S + [levels]; None of others.
        mean: Of another variable [n] + S, on the scale of the data; None of a finite one.
        stddev: The same.
        best: The most likely value of each entry [n] + S, labels in place; the mean where the law
            is one Gaussian; None where it is not known.
    """

    probabilities: Result | None
    mean: Result | None
    stddev: Result | None
    best: Result | None

    @property
    def kind(self) -> Kind | None:
        """Of all these numbers: `exact`, or `estimate`."""
        return self._first.kind

    @property
    def method(self) -> str:
        """How they were got."""
        return self._first.method

    @property
    def _first(self) -> Result:
        return next(r for r in (self.probabilities, self.mean) if r is not None)


def of_levels(
    fitted: AbstractFitted,
    variable: Variable,
    each: np.ndarray,
    kind: Kind,
    told: str,
    stderr: np.ndarray | None = None,
) -> Prediction:
    """From probabilities [n, entries, levels]."""
    shape = (len(each), *shape_of(variable))
    levels = np.asarray(choices(variable.type.kind))
    best = levels[each.argmax(axis=-1)].reshape(shape)
    of_data = variable.name in {v.name for v in fitted.model.plan.program.having("data")}
    shown = fitted.inlet.invert({variable.name: best})[variable.name] if of_data else best
    error = None if stderr is None else stderr.reshape(*shape, len(levels))
    probabilities = Result(each.reshape(*shape, len(levels)), kind, error, told)
    return Prediction(probabilities, None, None, Result(shown, kind, None, told))


def of_moments(
    fitted: AbstractFitted,
    name: str,
    mean: np.ndarray,
    stddev: np.ndarray,
    kind: Kind,
    told: str,
    *,
    best: bool = False,
    stderr: np.ndarray | None = None,
) -> Prediction:
    """From means and deviations [n] + S; steps that can be undone are affine, so both go back."""

    def shown(array: np.ndarray) -> np.ndarray:
        return fitted.inlet.invert({name: array})[name]

    middle = shown(mean)
    spread = np.abs(shown(mean + stddev) - middle)
    error = None if stderr is None else np.abs(shown(mean + stderr) - middle)
    at = Result(middle, kind, error, told)
    return Prediction(None, at, Result(spread, kind, None, told), at if best else None)


def of_draws(
    fitted: AbstractFitted, variable: Variable, drawn: np.ndarray, told: str
) -> Prediction:
    """From draws [n, draws] + S, which are independent."""
    n, count = drawn.shape[:2]
    if variable.type.kind.space == "finite":
        every = np.asarray(choices(variable.type.kind))
        hits = drawn.reshape(n, count, -1)[..., None] == every
        # One more draw of each level keeps the error of what was never drawn from being 0.
        near = (hits.sum(axis=1) + 1) / (count + len(every))
        error = np.sqrt(near * (1 - near) / count)
        return of_levels(fitted, variable, hits.mean(axis=1), "estimate", told, error)
    spread = drawn.std(axis=1, ddof=1)
    error = spread / np.sqrt(count)
    name, mean = variable.name, drawn.mean(axis=1)
    return of_moments(fitted, name, mean, spread, "estimate", told, stderr=error)
