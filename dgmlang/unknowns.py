"""Queries of what data do not say: latents, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import jax

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.codes import refining
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.expression import Expression
from dgmlang.evaluate.impute import imputed
from dgmlang.evaluate.mode import mode
from dgmlang.evaluate.posterior import answers, reconstruction, trained_on
from dgmlang.evaluate.predict import predict
from dgmlang.evaluate.prediction import Prediction
from dgmlang.evaluate.result import Result
from dgmlang.evaluate.sound import sound_at
from dgmlang.kept import AbstractFitted
from dgmlang.objectives.local import LOCAL
from dgmlang.runtime.progress import Progress, shown_by


@dataclass(frozen=True, eq=False, repr=False)
class AbstractUnknowns(AbstractFitted):
    """What a fitted model says of what it was not told."""

    def predict(
        self,
        name: str,
        *,
        given: Mapping[str, Any] | None = None,
        draws: int = 256,
        seed: int = 0,
        params: str | None = None,
    ) -> Prediction:
        """The law of one variable given others: see `Prediction`.

        Exact where finite sites have at most 2^20 joint states, 2^24 in all examples, and reals are
        Gaussian in each of them, or where the entries asked for are independent given the latents;
        else an estimate from `draws` draws an example.

        Args:
            name: A variable of the data, or a latent; NaN in `given` leaves part of it unknown.
            given: What is known, of one example or n: whole, with NaN or masked, or by part
                (`{"x[:20]": …}`). All else is summed or integrated out.
            draws: Of an estimate.
            seed: Of an estimate.
            params: Which of the fit's parameters: `last`, `best` or `ema`; by default `which`.

        Raises:
            DgmError: DGM0803, DGM0805, DGM0811; DGM0850 to DGM0852.
        """
        fitted, rest = self._at(params)._beside(given or {})
        return predict(fitted, name, rest, draws, seed)

    def impute(
        self,
        data: Any,
        *,
        mask: Any = None,
        sampler: str | Expression | None = None,
        seed: int = 0,
        progress: bool | Progress = False,
        params: str | None = None,
    ) -> Any:
        """The data in full: what is missing is drawn from its law given the rest of its example.

        Args:
            data: As for `fit`; NaN, or a masked array, marks what is missing, and variables that
                are left out are missing altogether.
            mask: True where a value is missing, of the data's shape, or by variable.
            sampler: A chain to draw by; by default draws are exact where `predict` is, else by
                `explain`'s sampler (`hmc` for reals, `mh` for others where that one is ancestral).
            seed: Another seed completes the data in another way.
            progress: Whether to show how far chains are.
            params: Which of the fit's parameters: `last`, `best` or `ema`; by default `which`.

        Raises:
            DgmError: As `predict` does; DGM0853 where nothing is missing.
        """
        return imputed(self._at(params), data, mask, sampler, seed, shown_by(progress))

    def posterior(
        self, data: Any = None, *, refine: int = 0, seed: int = 0, params: str | None = None
    ) -> dict[str, Result]:
        """What the data say of the latents, each answer with its kind.

        A latent that was summed out: its probabilities [n, …, levels], exact. One that bijections
        turn into the data: its code, exact. One that goes by its free energy, or that the guide
        gives: a draw [n, …]. With `refine` steps the latter is of a Gaussian of each example's
        own, on the reals, that begins where the guide has it (DGM0898). Without data, of a fit by
        `elbo(guide = local)`: a draw for each example that was trained on.
        """
        if not isinstance(refine, Integral) or refine < 0:
            raise DgmError(refining.wrong_steps(refine))
        if params is not None:
            return self.using(params).posterior(data, refine=refine, seed=seed)
        if data is None:
            if LOCAL not in self.raw:
                raise DgmError(refining.no_rows_kept(self.model.name))
            return trained_on(self.model.lowered, self.raw, jax.random.key(seed))
        if not refine:
            self._guide_learned()
        plan, lowered = self.model.plan, self.model.lowered
        values, _ = self.inlet.values(plan.program, data)
        key = jax.random.key(seed)
        found = lowered.sound(lambda lowered: answers(lowered, self.raw, values, key, refine))
        if not found:
            raise DgmError(codes.no_posterior(self.model.name, bool(plan.program.having("latent"))))
        if plan.program.guide is not None:
            drawn = {n: jax.numpy.asarray(found[n].value) for n in plan.program.guide.laws}
            sound_at(self, {**values, **drawn}, guide=True)
        return found

    def mode(
        self,
        given: Mapping[str, Any] | None = None,
        *,
        method: str | None = None,
        seed: int = 0,
        params: str | None = None,
    ) -> Any:
        """The most likely joint state of all variables that are not given, [n, …] (DGM0840).

        By `method`: `exact`, by default where it is known or at most 2^20 states have it; for an
        energy also `anneal(steps = 1000, hottest = 10, chains = 8)` and `icm(starts = 8)`, which
        may end in a local maximum. n is how many values are given, or 1.
        """
        return mode(*self._at(params)._beside(given or {}), method, seed)

    def reconstruct(self, data: Any, *, seed: int = 0, params: str | None = None) -> Any:
        """The data drawn again from a draw of the guide: x → z → x."""
        self._guide_learned()
        return reconstruction(self._at(params), data, seed)
