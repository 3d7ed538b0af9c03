"""A number with its kind: exact, a bound, or an estimate with its error."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, prod, sqrt
from typing import Any, Literal

import numpy as np

Kind = Literal["exact", "bound", "estimate", "draw"]


@dataclass(frozen=True, eq=False)
class Result:
    """An array that says what it is.

    `value` is what NumPy sees; `stderr` the standard error of each entry, None where nothing is
    random; `method` how the numbers were got, for people ("iwae, k = 512").
    """

    value: np.ndarray
    kind: Kind
    stderr: np.ndarray | None
    method: str

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __float__(self) -> float:
        return float(self.value)

    def __len__(self) -> int:
        return len(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def mean(self) -> Result:
        """The mean over the entries; its error is the estimator's, not the data's."""
        if self.stderr is None:
            return Result(np.asarray(np.mean(self.value)), self.kind, None, self.method)
        error = sqrt(float(np.sum(self.stderr**2))) / self.stderr.size
        return Result(np.asarray(np.mean(self.value)), self.kind, np.asarray(error), self.method)


def bits_per_dim(log_prob: Result, shape: tuple[int, ...]) -> Result:
    """−log₂ p(x) per entry of one example of this shape."""
    scale = 1.0 / (prod(shape) * log(2.0))
    stderr = None if log_prob.stderr is None else log_prob.stderr * scale
    return Result(-log_prob.value * scale, log_prob.kind, stderr, log_prob.method)
