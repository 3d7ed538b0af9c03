"""What whoever asks for a density or a draw wants of the differential equations in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import numpy as np
from jax import Array

How = Literal["alone", "together", "forward"]


class Evaluations:
    """Notes how often vector fields were evaluated, solve by solve, once a computation runs."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def note(self, count: Array) -> None:
        """Keep the number of a solve."""
        jax.debug.callback(self._keep, count)

    def _keep(self, count: Any) -> None:
        self.counts += np.ravel(count).tolist()

    def taken(self) -> float:
        """How many evaluations a solve took since this was asked last."""
        counts, self.counts = self.counts, []
        return float(np.mean(counts)) if counts else 0.0


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Solving:
    """How the equations in one density or one draw are solved.

    Attributes:
        key: The source of the random directions of divergences; None: divergences are exact.
        how: `alone`: each example takes steps of its own. `together`: those of a batch share their
            steps, which is much faster to differentiate in the parameters, from outside of the
            batch. `forward`: derivatives of any order and mode may be taken, at a price.
        steps: How many equal steps are taken, whatever the program says; None: what it says.
        noted: Where the number of evaluations goes.
    """

    key: Array | None = None
    how: How = field(default="alone", metadata={"static": True})
    steps: int | None = field(default=None, metadata={"static": True})
    noted: Evaluations | None = field(default=None, metadata={"static": True})
