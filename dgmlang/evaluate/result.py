"""Answers of queries: arrays that know their kind, so that no number is without it."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dgmlang.runtime.sequences import shown

if TYPE_CHECKING:
    from dgmlang.samplers.mixing import Diagnostics

Kind = Literal["exact", "model", "bound", "estimate", "draws"]


class Result(np.ndarray):
    """An array that says what it is and how it was got.

    It is a NumPy array, a subclass and no wrapper, because NumPy, JAX, pandas, Matplotlib and
    scikit-learn then take it as they take any array: JAX's functions accept no wrapper that has
    only `__array__`. What a subclass risks is that arrays computed from it inherit a claim that
    is no longer true. So claims are passed on by name only: an index and `mean` keep the kind and
    carry the standard error along, arithmetic and functions return plain arrays, and what NumPy
    only rearranges (`reshape`, `astype`) has kind None, "makes no claim". The entries are
    read-only for the same reason; `copy()` is a plain array to write to.

    Attributes:
        kind: `exact`, `bound`, `estimate` or `draws`; `model` for a score that is itself what is
            modelled; None where nothing is claimed.
        stderr: The standard error of each entry, of the array's shape; None where there is none.
        shared: The part of it that all entries have in common, as a log Z that was estimated once:
            it does not average out. `stderr` holds it.
        method: How the numbers were got, for people ("iwae, k = 512"); what is biased says so.
        diagnostics: Of draws from chains, whether these have mixed; None elsewhere.
    """

    kind: Kind | None
    stderr: np.ndarray | None
    shared: float
    method: str
    diagnostics: Diagnostics | None

    def __new__(
        cls,
        value: Any,
        kind: Kind | None,
        stderr: Any = None,
        method: str = "",
        shared: float = 0.0,
    ) -> Result:
        found = np.array(value).view(cls)
        found.kind, found.method, found.shared = kind, method, float(shared)
        if stderr is not None:
            found.stderr = np.broadcast_to(np.asarray(stderr), found.shape)
        found.flags.writeable = False
        return found

    def __array_finalize__(self, source: Any) -> None:
        self.kind, self.stderr, self.method, self.shared = None, None, "", 0.0
        self.diagnostics = None

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        outputs = settings.get("out")
        if outputs is not None:
            settings["out"] = tuple(map(_plain, outputs))
        return getattr(ufunc, method)(*map(_plain, inputs), **settings)

    @property
    def value(self) -> np.ndarray:
        """The numbers alone."""
        return self.view(np.ndarray)

    def shifted(self, by: Any) -> Result:
        """The same with a known number added to each entry, which leaves kind and error alone."""
        return Result(self.value + by, self.kind, self.stderr, self.method, self.shared)

    def of_one_noise(self) -> Result:
        """The density of data with noise in their bins, as what it is of the data: a bound."""
        kind: Kind | None = "bound" if self.kind == "exact" else self.kind
        how = f"{self.method}, one draw of dequantize"
        return Result(self.value, kind, self.stderr, how, self.shared)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, **settings: Any) -> Any:
        """The mean along an axis, with its kind; its error is the estimator's, not the data's.

        Errors of entries are independent, each example having its own key, but for what is shared.
        The mean of draws is a plain array, since how far it is from the law's mean is another
        question.
        """
        found = self.value.mean(axis, dtype, out, **settings)
        if out is not None or "where" in settings or self.kind in (None, "draws"):
            return found
        error = None
        if self.stderr is not None and self.size:
            own = np.maximum(self.stderr**2 - self.shared**2, 0.0)
            total = np.sqrt(np.sum(own, axis, dtype, **settings))
            error = np.hypot(total * (np.size(found) / self.size), self.shared)
        return Result(found, self.kind, error, self.method, self.shared)

    def copy(self, order: Any = "C") -> np.ndarray:
        """A plain array with the same numbers, to write to."""
        return self.value.copy(order)

    def __getitem__(self, index: Any) -> Any:
        """A part with its kind and error; one entry of draws is a plain number."""
        found = self.value[index]
        if self.kind is None or (self.kind == "draws" and not isinstance(found, np.ndarray)):
            return found
        error = None if self.stderr is None else self.stderr[index]
        return Result(found, self.kind, error, self.method, self.shared)

    def __repr__(self) -> str:
        numbers = np.array2string(self.value, separator=", ", threshold=20)
        if self.kind is None:
            return numbers
        error = ""
        if self.stderr is not None:
            error = f" ± {np.array2string(self.stderr, precision=2, separator=', ', threshold=20)}"
        how = f": {self.method}" if self.method not in ("", self.kind) else ""
        return f"{numbers}{error}  ({self.kind}{how})"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        return Result, (self.copy(), self.kind, self.stderr, self.method, self.shared)

    def __copy__(self) -> Result:
        return Result(self, self.kind, self.stderr, self.method, self.shared)

    def __deepcopy__(self, memo: Any) -> Result:
        return self.__copy__()


def bits_per_dim(log_prob: Result, entries: int | np.ndarray) -> Result:
    """−log₂ p(x) per entry, of examples that have so many."""
    scale = 1.0 / (np.maximum(entries, 1) * log(2.0))
    stderr = None if log_prob.stderr is None else log_prob.stderr * scale
    shared = log_prob.shared * float(np.max(scale, initial=0.0))
    return Result(-log_prob.value * scale, log_prob.kind, stderr, log_prob.method, shared)


def draws(
    arrays: Mapping[str, Any], method: str, diagnostics: Diagnostics | None = None
) -> dict[str, Result]:
    """Draws of several variables, by name; NaN behind the ends of sequences of floats.

    `diagnostics` are what chains tell that the draws came from.
    """
    found = {n: Result(shown(np.asarray(a)), "draws", None, method) for n, a in arrays.items()}
    for each in found.values():
        each.diagnostics = diagnostics
    return found


def only(found: Mapping[str, Result]) -> Any:
    """The one array that there is, else the dictionary."""
    return next(iter(found.values())) if len(found) == 1 else dict(found)


def _plain(array: Any) -> Any:
    return array.view(np.ndarray) if isinstance(array, Result) else array
