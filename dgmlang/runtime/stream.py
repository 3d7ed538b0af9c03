"""Data that come batch by batch from an iterable: checked one by one, and never held together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import streams as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Values
from dgmlang.runtime.data import Dataset
from dgmlang.runtime.intake import Intake, take_more

WHOLE = ("resume", "batch", "sample_weight", "columns")
"""Keywords of `fit` that need all of the data at once, or a place in them to go back to."""

Take = Callable[[Any], Mapping[str, np.ndarray]]
"""A batch as it came → its arrays by variable, checked."""


def streams(source: Any) -> bool:
    """Whether a source of data is an iterable of batches, and no array, table, mapping or name."""
    known = isinstance(source, str | Path | Mapping | Sequence | Dataset)
    array = hasattr(source, "__array__") or hasattr(source, "columns")
    return hasattr(source, "__iter__") and not known and not array


class Stream:
    """Batches of one shape, as often through as training asks for, where that is possible.

    Attributes:
        first: The first batch.
        length: Batches in a pass; None where the iterable does not say.
    """

    def __init__(self, source: Any, asked: Mapping[str, Any]) -> None:
        """`asked` are the keywords of `fit` (DGM0719 for what a stream cannot do)."""
        for name in WHOLE:
            if asked[name] is not None:
                raise DgmError(codes.not_for_batches(name))
        if isinstance(asked["valid"], float | int):
            raise DgmError(codes.not_for_batches("valid"))
        self._source, self._rest = source, iter(source)
        found = next(self._rest, None)
        if found is None:
            raise DgmError(codes.no_batches())
        self.first = _single(found)
        self.length: int | None = len(source) if hasattr(source, "__len__") else None

    def settings(self, wanted: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """What is wanted, with the batch that the stream has and the steps of its epochs (DGM0720).

        A pass is as many steps as it has batches, as it is of arrays.
        """
        found = {**wanted, "batch": rows}
        if wanted.get("steps") is None and "epochs" in wanted:
            if self.length is None:
                raise DgmError(codes.no_length("`epochs` counts passes"))
            found["steps"] = max(1, round(wanted["epochs"] * self.length))
        return found

    def total(self, rows: int, priors: bool) -> float | None:
        """The number of examples, by which priors count (DGM0720)."""
        if self.length is None and priors:
            raise DgmError(codes.no_length("priors count once for all examples"))
        return None if self.length is None else float(rows * self.length)

    def chunks(self, take: Take, draws: int) -> Iterator[Values]:
        """What each step needs, on the device: `draws` batches laid end to end (DGM0721)."""
        batches = self._checked(take)
        while True:
            parts = list(islice(batches, draws))
            if len(parts) < draws:
                return
            joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            yield jax.device_put(joined)

    def _checked(self, take: Take) -> Iterator[Mapping[str, np.ndarray]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for number, batch in enumerate(self._passes()):
            arrays = take(_single(batch))
            found = {name: array.shape for name, array in arrays.items()}
            shapes = shapes or found
            for name, shape in found.items():
                if shape != shapes.get(name):
                    raise DgmError(codes.other_batch(number, name, shapes.get(name), shape))
            yield arrays

    def _passes(self) -> Iterator[Any]:
        yield from chain([self.first], self._rest)
        while self._source is not self._rest:
            some = False
            for batch in self._source:
                some = True
                yield batch
            if not some:
                return


def taking(variables: Sequence[Variable], intake: Intake, seed: int) -> Take:
    """How batches are checked: as the first one was, and prepared alike.

    Raises:
        DgmError: DGM0719 where a preparation is fitted to numbers of the data.
    """
    chains, states = intake.preparation, intake.states
    for name, fitted in states.items():
        if any(np.asarray(leaf).dtype.kind == "f" for leaf in jax.tree.leaves(fitted)):
            raise DgmError(codes.fitted_steps(name))

    def take(batch: Any) -> Mapping[str, np.ndarray]:
        return take_more(variables, batch, chains, states, seed).checked(variables)[0]

    return take


def _single(batch: Any) -> Any:
    """A batch that is a list of one array is that array, as PyTorch's loaders give it (DGM0722)."""
    parts = list(batch) if isinstance(batch, list | tuple) else []
    if not parts or not all(hasattr(part, "shape") for part in parts):
        return batch
    if len(parts) > 1:
        raise DgmError(codes.unnamed_parts(len(parts)))
    return parts[0]
