"""The law of some variables given others, with its functions: what the plan split, lowered."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.plan.conditional import AbstractSplit, split
from dgmlang.model import Model
from dgmlang.samplers.sampler import AbstractSampler


@dataclass(frozen=True, eq=False)
class Conditional(AbstractSplit):
    """A split program, and its functions."""

    lowered: Lowered

    @cached_property
    def samplers(self) -> dict[str, AbstractSampler]:
        """The chains built so far, by their text: a second call compiles nothing."""
        return {}


def conditional(
    model: Model,
    unknown: Set[str],
    known: Set[str],
    asked: Set[str] = frozenset(),
    *,
    joint: bool = False,
) -> Conditional:
    """The way to the law of what is not known: see `split` (DGM0851)."""
    cache = model.__dict__.setdefault("_conditionals", {})
    key = (frozenset(unknown), frozenset(known), frozenset(asked), joint)
    if key not in cache:
        found = split(model.plan.program, model.plan.facts.marginalised, *key[:3], joint=joint)
        lowered = lower(found.program, found.facts, model.precision, model.nets)
        cache[key] = Conditional(**vars(found), lowered=lowered)
    return cache[key]
