"""The joint states of finite sites, numbered, and the sites that a Gibbs block removes exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import Block
from dgmlang.compiler.lower.domains import stored
from dgmlang.compiler.lower.grid import where
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Values


@dataclass(frozen=True, eq=False)
class Sites:
    """Some sites of one finite variable: `mask` has the variable's shape."""

    variable: Variable
    mask: np.ndarray

    @property
    def levels(self) -> int:
        """How many values one site has."""
        dim = self.variable.type.kind.levels
        return numbers((dim,))[0] if dim is not None else 0

    @property
    def places(self) -> np.ndarray:
        """The flat positions of the sites."""
        return np.flatnonzero(self.mask)

    @property
    def log2_states(self) -> float:
        return len(self.places) * log2(self.levels)

    def values(self, digits: Array) -> Array:
        """An array of the variable's shape: `digits` [sites] as values, 0 at all other sites."""
        kind = self.variable.type.kind
        entries = stored(kind, 2 * digits - 1 if kind.name == "spin" else digits)
        flat = jnp.zeros(self.mask.size, entries.dtype).at[self.places].set(entries)
        return flat.reshape(self.mask.shape)


def whole(variable: Variable) -> Sites:
    """All sites of a variable."""
    return Sites(variable, np.ones(numbers(variable.type.shape), bool))


def outside(sites: Sites, block: Block) -> Sites:
    """The sites that the block leaves."""
    mask = sites.mask
    for part in block.parts:
        if part.variable == sites.variable.name:
            mask = mask & ~where(part, mask.shape)
    return Sites(sites.variable, mask)


def numbered(sites: tuple[Sites, ...], number: Array) -> Values:
    """The joint state of this number (mixed radix, the first site the slowest)."""
    radices = np.concatenate([np.full(len(s.places), s.levels) for s in sites]).astype(int)
    strides = np.append(np.cumprod(radices[::-1])[::-1], 1)[1:].astype(np.int32)
    digits = (number // strides) % radices.astype(np.int32)
    ends = np.cumsum([len(s.places) for s in sites])[:-1]
    return {
        s.variable.name: s.values(d) for s, d in zip(sites, jnp.split(digits, ends), strict=True)
    }


def total_states(sites: tuple[Sites, ...]) -> float:
    """log₂ of the number of joint states."""
    return sum(s.log2_states for s in sites)


def kinds(variables: Mapping[str, Variable], block: Block) -> frozenset[str]:
    """The kinds of the block's variables."""
    return frozenset(variables[name].type.kind.name for name in block.variables)
