"""Ancestral sampling: each variable given those above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.methods import Method
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implementation, implements
from dgmlang.samplers.sampler import AbstractSampler, Info

FIRST = 2**31 - 1
"""What no draw of a key folds in: the latents that have a sampler of their own."""


@implements("sampler", "ancestral")
@dataclass(frozen=True, eq=False)
class Ancestral(AbstractSampler):
    """Exact, independent draws of all latents and data in the order of their dependence.

    Autoregressive laws take one step an entry. Latents by an energy or a score are drawn first, by
    the sampler that `sites` names for them, and what is below them given these: the draws are then
    as good as that sampler's. At another `temperature` τ each law is p^(1/τ), normalised again,
    entry by entry: not the model's law, and not its joint density to that power.
    """

    lowered: Lowered
    temperature: float = 1.0
    sites: Mapping[str, Method] = field(default_factory=dict)

    @property
    def note(self) -> str:
        return self._with(self._first.note if self._first else "")

    def told(self, info: Info) -> str:
        return self._with(self._first.told(info)) if self._first and info else self.note

    def _with(self, note: str) -> str:
        warned = "" if self.temperature == 1 else "not the model's law"
        return "; ".join(filter(None, (warned, note)))

    def drawn(self, params: Params, key: Array, n: int, given: Values) -> tuple[Values, Info]:
        above, info = self._above(params, jax.random.fold_in(key, FIRST), n, given)
        known = {**above, **given}
        draw = jax.vmap(self._cooled.draw, in_axes=(None, 0, 0 if known else None))
        return {**draw(params, jax.random.split(key, n), known), **known}, info

    def _above(self, params: Params, key: Array, n: int, given: Values) -> tuple[Values, Info]:
        """The latents by an energy or a score, where not all of them are given."""
        inner = self.lowered.inner
        if self._first is None or inner is None or all(name in given for name in self.sites):
            return {}, {}
        known = {name: a for name, a in given.items() if name in inner.program.variables}
        return self._first.drawn(params, key, n, known)

    @cached_property
    def _cooled(self) -> Lowered:
        if self.temperature == 1:
            return self.lowered
        return Lowered(replace(self.lowered.built, temperature=float(self.temperature)))

    @cached_property
    def _first(self) -> AbstractSampler | None:
        """The sampler of those latents: they have one law, so that the sites' are all alike."""
        method = next(iter(self.sites.values()), None)
        if method is None or self.lowered.inner is None:
            return None
        return implementation("sampler", method.name)(self.lowered.inner, **method.settings)
