"""What a fit leaves: parameters, one set or several or draws of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import posterior as posterior_codes
from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import Chosen
from dgmlang.model import Model
from dgmlang.objectives.local import LOCAL
from dgmlang.objectives.objective import Params
from dgmlang.posterior.chains import Chains
from dgmlang.posterior.draws import Draws, as_stored
from dgmlang.runtime.data import Dataset
from dgmlang.runtime.inlet import Inlet
from dgmlang.runtime.metrics import Record
from dgmlang.runtime.shared import PLACE, checked, merged

ORDER = ("best", "ema", "last", "mean")
"""Which parameters queries use: the first of these that a fit kept."""

POSTERIOR = "posterior"
"""What stands for the draws of a fit that leaves some, and comes before all those."""


@dataclass(frozen=True, eq=False, repr=False)
class AbstractFitted:
    """The parameters of a fitted model, and which of them its queries use.

    Attributes:
        model: The program.
        kept: The parameters that training left, by name (`best` on held-out data, `ema` the
            averaged ones, `last`), as they are stored; of a fit that draws them their `mean`.
        which: The name of those that queries use: one of `kept`, or `posterior`, the draws.
        inlet: The way of data into a query.
        method: The objective that trained it; None where the parameters were given.
        history: What training measured.
        step: Steps done.
        folder: The run folder.
        chains: Draws of the parameters, where the objective draws them or learns their law.
    """

    model: Model
    kept: Mapping[str, Params]
    which: str
    inlet: Inlet
    method: Chosen | None = None
    history: tuple[Record, ...] = ()
    step: int = 0
    folder: Path | None = None
    chains: Chains | None = None

    def __repr__(self) -> str:
        how = f"{self.objective}, {self.step} steps" if self.method else "given parameters"
        how = f"{self.objective}, {self.chains.size} draws" if self.chains is not None else how
        return f"<Fitted {self.model.name}: {how}, {self.which} parameters>"

    @property
    def raw(self) -> Params:
        """The chosen parameters as stored, on the real line (DGM0833 where they are draws).

        With them stand the `shared` givens, as the program's functions take them.
        """
        if self.which == POSTERIOR:
            raise DgmError(posterior_codes.needs_a_point(self.objective))
        return {**self.kept[self.which], **self.inlet.shared}

    @cached_property
    def _drawn_params(self) -> Draws | None:
        """The draws that queries average over; None where they use one set of parameters."""
        if self.which != POSTERIOR or self.chains is None:
            return None
        return self._drawn_at(self.chains)

    def _drawn_at(self, chains: Chains) -> Draws:
        """Draws of the parameters as stored; what these do not move is as it is in the mean."""
        fixed = {**self.kept["mean"], **self.inlet.shared}
        return as_stored(self.model.lowered, chains, fixed)

    @property
    def params(self) -> Params:
        """The chosen parameters, by the program's names; of a posterior [chains × draws, …]."""
        if self.which == POSTERIOR and self.chains is not None:
            return self.chains.flat
        shown = jax.tree.map(np.asarray, self.model.lowered.constrain(self.raw))
        return {name: tree for name, tree in shown.items() if name not in self.inlet.shared}

    @property
    def quantity(self) -> str:
        """What the training loss is: "negative ELBO, a bound"; '' where nothing was trained."""
        return self.model.objective(self.method).quantity if self.method else ""

    @property
    def objective(self) -> str:
        """The objective that trained it, as people write it; '' where nothing did."""
        return str(self.method) if self.method else ""

    def using(self, which: str) -> Self:
        """The same model with other kept parameters: `best`, `ema`, `last` … (DGM0803)."""
        known = (*self.kept, *([POSTERIOR] if self.chains is not None else []))
        if which not in known:
            raise DgmError(codes.unknown_choice("parameters", which, known))
        return replace(self, which=which)

    def _at(self, which: str | None) -> Self:
        """These parameters, or those that a query's `params` names (DGM0803)."""
        return self if which is None else self.using(which)

    def holding(self, **values: Any) -> Self:
        """The same parameters beside other values of `shared` givens.

        Raises:
            DgmError: DGM0508 where none is called so; DGM0512, DGM0516, DGM0517 for the values.
        """
        variables = self.model.plan.program.having("shared")
        before = {n: np.asarray(a) for n, a in self.inlet.shared.items()}
        found = merged(variables, Dataset({}, PLACE, shared=before), values).shared
        held = jax.tree.map(jax.numpy.asarray, checked(variables, found, PLACE))
        return replace(self, inlet=replace(self.inlet, shared=held))

    def _beside(self, given: Mapping[str, Any]) -> tuple[Self, dict[str, Any]]:
        """The model with the `shared` givens among these, and the rest of them."""
        names = [v.name for v in self.model.plan.program.having("shared") if v.name in given]
        rest = {name: value for name, value in given.items() if name not in names}
        return (self.holding(**{n: given[n] for n in names}) if names else self), rest

    def _guide_learned(self) -> None:
        """DGM0836 where the latents of the training data were learned, and no guide for others."""
        if self.chains is not None and self.chains.latents:
            moved, kept = tuple(self.chains.latents), posterior_codes.IN_CHAINS
            raise DgmError(posterior_codes.new_latents(moved, self.objective, kept))
        if LOCAL in self.raw:
            kept = "`posterior()` draws from theirs, and `refine = 200` fits others' own"
            found = posterior_codes.new_latents(tuple(self.raw[LOCAL]), self.objective, kept)
            raise DgmError(found)
