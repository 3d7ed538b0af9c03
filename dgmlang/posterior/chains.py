"""Chains over the parameters: their draws, and what these say about whether they have mixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import jax
import numpy as np

from dgmlang.objectives.objective import Params
from dgmlang.runtime import paths
from dgmlang.samplers.mixing import bulk_ess, split_r_hat

Arrays = Mapping[str, np.ndarray]


class Row(NamedTuple):
    """One number of a parameter: its posterior, rank-normalised R̂, and effective sample size."""

    name: str
    mean: float
    deviation: float
    low: float
    high: float
    r_hat: float
    effective: float


@dataclass(frozen=True, eq=False, repr=False)
class Chains:
    """Draws [chains, draws, …] of the parameters; printed, a table of what they say.

    Attributes:
        params: As the program declares them; nets by their paths.
        latents: Of the training examples, [chains, draws, n, …], where chains moved them too.
        statistics: Of transitions [chains, draws]: `diverging`, `acceptance`, `steps`, `energy`.
    """

    params: Params
    latents: Arrays = field(default_factory=dict)
    statistics: Arrays = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """How many chains, and how many draws of each."""
        leaf = next(iter(paths.named(self.params).values()))
        return leaf.shape[0], leaf.shape[1]

    @property
    def size(self) -> int:
        """The number of draws of all chains."""
        return self.shape[0] * self.shape[1]

    @property
    def flat(self) -> Params:
        """The draws of all chains [chains × draws, …], one chain after the other."""
        return jax.tree.map(lambda a: np.asarray(a).reshape(-1, *a.shape[2:]), self.params)

    def thinned(self, draws: int) -> Chains:
        """At most so many draws of each chain, evenly spaced."""
        most = self.shape[1]
        kept = np.linspace(0, most - 1, min(draws, most)).round().astype(int)
        parts = (self.params, self.latents, self.statistics)
        return Chains(*(jax.tree.map(lambda a: np.asarray(a)[:, kept], part) for part in parts))

    @property
    def divergences(self) -> int:
        """Transitions that diverged."""
        return int(np.sum(self.statistics.get("diverging", 0)))

    def rows(self) -> tuple[Row, ...]:
        """Every number of every parameter, in the order of the program."""
        return self._rows

    @cached_property
    def _rows(self) -> tuple[Row, ...]:
        found: list[Row] = []
        each = ((p, a) for n, t in self.params.items() for p, a in paths.named({n: t}).items())
        for path, draws in each:
            flat = np.asarray(draws, float).reshape(*draws.shape[:2], -1)
            r_hat, effective = _mixing(flat)
            low, high = np.quantile(flat, (0.05, 0.95), axis=(0, 1))
            mean, deviation = flat.mean(axis=(0, 1)), flat.std(axis=(0, 1), ddof=1)
            for i, place in enumerate(np.ndindex(*draws.shape[2:])):
                name = path + (f"[{', '.join(map(str, place))}]" if place else "")
                found.append(
                    Row(name, mean[i], deviation[i], low[i], high[i], r_hat[i], effective[i])
                )
        return tuple(found)

    def worst(self) -> Row:
        """The number whose chains agree least, of those that move."""
        moving = [row for row in self.rows() if not np.isnan(row.r_hat)]
        return max(moving or self.rows(), key=lambda row: row.r_hat)

    def __str__(self) -> str:
        """The table, of its first forty numbers and of the worst of them all."""
        rows = self.rows()
        shown = rows if len(rows) <= SHOWN else (*rows[:SHOWN], self.worst())
        wide = max(len(row.name) for row in shown)
        head = f"{'':{wide}}  {'mean':>9} {'sd':>9} {'5 %':>9} {'95 %':>9} {'R̂':>6} {'ESS':>7}"
        lines = [head, *(_line(row, wide) for row in shown)]
        if len(rows) > SHOWN:
            lines.insert(-1, f"… {len(rows) - SHOWN} more, of which R̂ is largest at")
        chains, draws = self.shape
        ends = f"{chains} chains of {draws} draws, {self.divergences} divergent transitions"
        return "\n".join([*lines, ends])

    __repr__ = __str__


SHOWN = 40
"""How many numbers a printed table holds."""


def _line(row: Row, wide: int) -> str:
    numbers = " ".join(f"{x:9.3g}" for x in (row.mean, row.deviation, row.low, row.high))
    return f"{row.name:{wide}}  {numbers} {row.r_hat:6.3f} {row.effective:7.0f}"


def _mixing(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R̂ and the effective sample size of each number of draws [chains, draws, d].

    What never moves has neither: NaN, and 0.
    """
    each = [draws[:, :, i] for i in range(draws.shape[2])]
    r_hat = [split_r_hat(one) if np.ptp(one) else np.nan for one in each]
    return np.array(r_hat), np.array([bulk_ess(one) if np.ptp(one) else 0.0 for one in each])
