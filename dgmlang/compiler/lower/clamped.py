"""A model some of whose entries are known: the rest's law up to a constant, for chains to move.

Beside the values of a variable stand those that are known, under its name and `=`, and where it is
missing, under its name and `?`. What a chain writes where an entry is known is not read. There the
density has a factor exp(−½ (x − known)²) for reals, so that a chain's state does not wander off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.facts import Block
from dgmlang.compiler.lower.gibbs import Key, Tempered, over_chains, update
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import mask
from dgmlang.objectives.objective import Params, Values


def known(name: str) -> str:
    """The key, among values, of those entries of a variable that are known."""
    return f"{name}="


def clamp(values: Values) -> Values:
    """The values with the known entries in their places."""
    names = [name for name in values if known(name) in values]
    parts = {n: jnp.where(values[mask(n)], values[n], values[known(n)]) for n in names}
    return {**values, **parts}


@dataclass(frozen=True, eq=False)
class Clamped(Lowered):
    """The same functions, of states in which the known entries are what they are."""

    @cached_property
    def chained(self) -> Lowered:
        return Clamped(replace(self.built, facts=replace(self.facts, in_chains=())))

    def log_prob(self, params: Params, values: Values) -> Array:
        at = clamp(values)
        names = [n for n in values if known(n) in values]
        reals = [n for n in names if self.program.variables[n].type.kind.space == "continuous"]
        log_p = super().log_prob(params, _alone(at))
        return log_p - sum(0.5 * jnp.sum((values[n] - at[n]) ** 2 * ~at[mask(n)]) for n in reals)

    def packed(self, values: Values) -> dict[str, Any]:
        return values

    def update_chains(
        self,
        params: Params,
        key: Array,
        values: Values,
        block: Block,
        law: Tempered | None = None,
    ) -> Values:
        def one(key: Array, values: Values, law: Tempered | None) -> Values:
            return self.update(params, key, values, block, law)

        return over_chains(one, key, values, law)

    def update(
        self,
        params: Params,
        key: Key,
        values: Values,
        block: Block,
        law: Tempered | None = None,
    ) -> Values:
        """Sites of a block are independent given the rest, so the known ones are put back.

        Where one is drawn after the other, those to come do not see what was drawn of known ones.
        """
        beside = {n: a for n, a in values.items() if n not in self.program.variables}

        def at_known(v: Values) -> Array:
            return self.log_joint(params, _alone(clamp({**v, **beside})))

        joint = None if block.together else at_known
        moved = update(self.built, params, key, _alone(clamp(values)), block, law, joint)
        return clamp({**moved, **beside})


def _alone(values: Values) -> Values:
    return {name: array for name, array in values.items() if name[-1] not in "?="}
