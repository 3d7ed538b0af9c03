"""The way of data into a fit: read, named, prepared, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.program import Variable
from dgmlang.compiler.syntax import ast
from dgmlang.runtime import arrange, data, preparation, sizes
from dgmlang.runtime.blocks import Blocks
from dgmlang.runtime.conform import blanks, conform, finite, storable
from dgmlang.runtime.data import Dataset
from dgmlang.runtime.keys import Purpose, purpose, root
from dgmlang.runtime.preparation import Preparation, States
from dgmlang.runtime.shared import as_examples

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Intake:
    """Arrays by variable as they came, and as the model sees them with random steps frozen.

    What is prepared is made a block at a time where it is looked at, and never kept whole. `shared`
    are arrays that all examples have in common.
    """

    arrays: Arrays
    prepared: Mapping[str, Blocks]
    preparation: Preparation
    states: States
    place: str
    notes: tuple[Diagnostic, ...]
    shared: Arrays = field(default_factory=dict)

    def solve(
        self, variables: Sequence[Variable], names: Sequence[str]
    ) -> tuple[dict[str, int], tuple[Diagnostic, ...]]:
        """The open hyperparameters `names`, from the data, and notes; DGM0514 where one is left."""
        arrays = {**self.prepared, **as_examples(self.shared)}
        found, notes = arrange.solve(variables, arrays, self.place)
        arrange.require(names, found, sizes.likely(variables, arrays), self.place)
        return {name: found[name] for name in names}, notes

    def of(self, variables: Sequence[Variable]) -> Intake:
        """The same for a program without open dimensions."""
        return replace(self, preparation=self.preparation.of(variables))

    def checked(self, variables: Sequence[Variable]) -> tuple[Arrays, tuple[Diagnostic, ...]]:
        """The arrays as they go to the device, held against types without open dimensions."""
        warnings = conform(variables, self.prepared, self.place)
        chains = {chain.name for chain in self.preparation.chains}
        kinds = {variable.name: variable for variable in variables}
        brought = {**self.arrays, **blanks(variables, self.arrays)}
        arrays = {n: storable(kinds[n], a, n in chains) for n, a in brought.items()}
        return arrays, (*self.notes, *warnings)


def take_in(
    variables: Sequence[Variable], source: Any, prepare: Mapping[str, ast.Expr], seed: int
) -> Intake:
    """Training data: the preparation is fitted to them."""
    dataset = data.read(source)
    arrays, notes = arrange.arrange(variables, dataset, prepare)
    finite(variables, arrays, dataset.place)
    chains = preparation.parse(prepare, variables)
    key = purpose(root(seed), Purpose.FREEZE)
    states = chains.fit(arrays, key)
    intake = _prepared(arrays, chains, states, key, dataset.place, notes)
    return replace(intake, shared=dataset.shared)


def take_more(
    variables: Sequence[Variable], source: Any, chains: Preparation, states: States, seed: int
) -> Intake:
    """Held-out data and data of queries: prepared as the training data were."""
    dataset = data.read(source)
    arrays, notes = arrange.arrange(variables, dataset, [chain.name for chain in chains.chains])
    finite(variables, arrays, dataset.place)
    key = purpose(root(seed), Purpose.FREEZE)
    chains.check(states, arrays, key, dataset.place)
    return _prepared(arrays, chains, states, key, dataset.place, notes)


def share(source: Any, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """A share of the examples, drawn by the seed, held out: (the rest, the share)."""
    dataset = data.read(source)
    count = dataset.count
    key = purpose(root(seed), Purpose.SPLIT)
    order = np.asarray(jax.random.permutation(key, count))
    held = min(count - 1, max(1, round(fraction * count)))
    out, rest = np.sort(order[:held]), np.sort(order[held:])
    return dataset.rows(rest), dataset.rows(out)


def _prepared(
    arrays: Arrays, chains: Preparation, states: States, key: jax.Array, place: str, notes: Any
) -> Intake:
    given = {name: Blocks.of(array) for name, array in arrays.items()}
    prepared = {**given, **chains.frozen(states, arrays, key)}
    return Intake(arrays, prepared, chains, states, place, notes)
