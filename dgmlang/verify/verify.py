"""All tests of a model, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dgmlang.model import Model
from dgmlang.verify.bounds import bounds
from dgmlang.verify.chains import chains
from dgmlang.verify.densities import density
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.flows import flows
from dgmlang.verify.implicit import implicit
from dgmlang.verify.instance import Instance, small
from dgmlang.verify.latents import latents
from dgmlang.verify.processes import processes
from dgmlang.verify.scores import scores

TESTS: tuple[Callable[[Instance], Iterable[Finding | Untested]], ...] = (
    density, latents, flows, bounds, chains, scores, processes, implicit,
)  # fmt: skip


def verify(
    model: Model, asked: Mapping[str, Any], seed: int = 0
) -> tuple[Instance, Iterator[Finding | Untested]]:
    """A small instance of a model, and what its tests find, one after the other.

    Args:
        model: The model; whole-number hyperparameters are cut to 4 or less.
        asked: The hyperparameters that the caller set, which stay.
        seed: Of the parameters and of every draw. Tests of estimates allow five standard errors.

    Raises:
        DgmError: Where no small instance is well formed.
    """
    instance = small(model, asked, seed)
    return instance, (found for test in TESTS for found in test(instance))
