"""A fitted model: parameters, and the questions that can be asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.plan.methods import Method
from dgmlang.evaluate import denoise, flow_codes, gradient
from dgmlang.evaluate import log_prob as likelihoods
from dgmlang.evaluate.conditions import condition
from dgmlang.evaluate.entries import entries
from dgmlang.evaluate.estimators import estimator
from dgmlang.evaluate.new_levels import with_new_levels
from dgmlang.evaluate.normaliser import normaliser
from dgmlang.evaluate.result import Result, bits_per_dim, draws, only
from dgmlang.evaluate.sampling import require_count, sampled
from dgmlang.evaluate.values import Nets, value
from dgmlang.judged import AbstractJudged
from dgmlang.posterior.draws import log_prob as averaged
from dgmlang.registry import implementation
from dgmlang.runtime.progress import Progress, shown_by
from dgmlang.unknowns import AbstractUnknowns


@dataclass(frozen=True, eq=False, repr=False)
class Fitted(AbstractUnknowns, AbstractJudged):
    """A model with parameters. Answers are `Result` arrays; every random query takes a `seed`.

    `which` says which of the parameters that training left (`kept`) queries use; `params` of a
    query names others for that answer: `last`, `best` or `ema` (DGM0803). Of a fit that draws the
    parameters, `chains` has the draws, over which `sample`, `log_prob` and `value` go.
    """

    # ── draws ────────────────────────────────────────────────────────────────────────────────────

    def draws(
        self,
        n: int = 1,
        *,
        given: Mapping[str, Any] | None = None,
        sampler: str | Expression | None = None,
        seed: int = 0,
        progress: bool | Progress = False,
        new_levels: str | None = None,
        params: str | None = None,
    ) -> dict[str, Result]:
        """N draws of every variable, latents included, each with a leading axis of n.

        Args:
            n: How many.
            given: Values for givens, one example's or n of them.
            sampler: A sampler as people write it, `gibbs(sweeps = 200)`; by default the recipe's,
                then the plan's.
            seed: The source of randomness.
            progress: Whether to show how far chains are.
            new_levels: `"prior"` draws the params of groups that the fit did not see from their
                priors, anew for each of the n: levels of a `cat(G)` among `given` from G on.
            params: Which of the fit's parameters: `last`, `best` or `ema`; by default `which`.

        Draws from chains carry `.diagnostics`: R̂, effective sample size, acceptance, advice.

        Raises:
            DgmError: DGM0412 where the sampler is not legal here, DGM0543 where a level is new;
                DGM0544, DGM0545 where its params have no law.
        """
        require_count(n)
        fitted, rest = with_new_levels(self._at(params), given or {}, new_levels, n, seed)
        new = "" if fitted.model is self.model else "params of new levels by their priors"
        return sampled(fitted, n, rest, sampler, seed, shown_by(progress), new)

    def sample(
        self,
        n: int = 1,
        *,
        given: Mapping[str, Any] | None = None,
        sampler: str | Expression | None = None,
        seed: int = 0,
        progress: bool | Progress = False,
        new_levels: str | None = None,
        params: str | None = None,
    ) -> Any:
        """N draws of the data, on the scale of the data that came in.

        One array where the model has one data variable, else a dictionary. Arguments as `draws`.
        """
        drawn = self.draws(
            n, given=given, sampler=sampler, seed=seed, progress=progress, new_levels=new_levels,
            params=params,
        )  # fmt: skip
        data = {v.name: drawn[v.name] for v in self.model.plan.program.having("data")}
        one = next(iter(drawn.values()))
        return only(draws(self.inlet.invert(data), one.method, one.diagnostics))

    def _sampler(self, lowered: Lowered, method: Method) -> Any:
        cache = self.model.__dict__.setdefault("_samplers", {})
        key = (lowered, str(method))
        if lowered is not self.model.lowered.counted:
            return implementation("sampler", method.name)(lowered, **method.arguments)
        if key not in cache:
            cache[key] = implementation("sampler", method.name)(lowered, **method.arguments)
        return cache[key]

    # ── densities ────────────────────────────────────────────────────────────────────────────────

    def log_prob(
        self, data: Any, *, method: str | None = None, seed: int = 0, params: str | None = None
    ) -> Result:
        """Log p(x) in nats [n], with its kind: exact, a bound, or an estimate with its error.

        Args:
            data: As for `fit`.
            method: `exact`, `elbo(samples = 16)`, `iwae(k = 512)`, `importance(k = 512, proposal =
                guide)`, where `prior` is the other, `ode`, for an energy `ais`, for a flow by a
                field `hutchinson(probes = 8)`; by default the best that is cheap.
            seed: For methods that draw.
            params: Which of the fit's parameters: `last`, `best` or `ema`; by default `which`.
        """
        if params is not None:
            return self.using(params).log_prob(data, method=method, seed=seed)
        values, log_det = self.inlet.values(self.model.plan.program, data)
        estimate = estimator(self.model.plan, method, self._guide_learned)
        key = jax.random.key(seed)

        def run(lowered: Lowered) -> Result:
            if self._drawn_params is None:
                return estimate(lowered, self.raw, values, key)
            return averaged(lowered, self._drawn_params, values, estimate, key)

        found = self.model.lowered.counted.sound(run)
        found = found.shifted(np.asarray(log_det))
        return found.of_one_noise() if self.inlet.bounds(self.model.plan.program) else found

    def bits_per_dim(
        self, data: Any, *, method: str | None = None, seed: int = 0, params: str | None = None
    ) -> Result:
        """−log₂ p(x) per entry of an example [n]."""
        program = self.model.plan.program
        count = entries(program, self.inlet.values(program, data)[0])
        found = self.log_prob(data, method=method, seed=seed, params=params)
        return bits_per_dim(found, count)

    def log_normalizer(
        self,
        *,
        given: Mapping[str, Any] | None = None,
        method: str | None = None,
        seed: int = 0,
        params: str | None = None,
    ) -> Result:
        """Log Z of an energy, with its kind; of what is not given, [n], where something is.

        By `method`: `exact`, `ais(temperatures = 1000, chains = 100)`, `bridge(levels = 30)`, or
        `bracket`: a lower and an upper bound in the mean (DGM0801, DGM0802, DGM0841, DGM0842).
        """
        return normaliser(*self._at(params)._beside(given or {}), method, seed)

    def energy(self, data: Any, *, params: str | None = None) -> Result:
        """The (free) energy of each example [n]: −log p up to the normaliser."""
        raw, facts = self._at(params).raw, self.model.plan.facts
        if facts.density.value != "exact":
            raise DgmError(codes.no_estimator("energy", (), self.model.name))
        values, _ = self.inlet.values(self.model.plan.program, data)
        lowered = self.model.lowered
        found = lowered.sound(lambda lowered: likelihoods.exact(lowered, raw, values))
        return Result(-found.value, "exact", None, "up to a constant")

    def score(self, data: Any, t: float | None = None, *, params: str | None = None) -> Any:
        """∇ₓ log p(x) of each example, at time `t` where the model has a process.

        Its kind is `exact`, or `model` where the score is what the program models: how near it is
        to a gradient of log p, or whether it is one, is not known.
        """
        return gradient.score(self._at(params), data, t)

    # ── noise ────────────────────────────────────────────────────────────────────────────────────

    def denoise(self, data: Any, sigma: float, *, params: str | None = None) -> Any:
        """E[clean | x] where x = clean + sigma · noise, by Tweedie's formula x + σ² ∇ log p_σ(x).

        Under a process the score is that at the noise `sigma` (DGM0829 where it has no such level);
        without one it is taken to be that of the noisy data, as `dsm(sigma)` learns it.
        """
        return denoise.denoised(self._at(params), data, sigma)

    def denoising_risk(self, data: Any, sigma: float, *, params: str | None = None) -> Result:
        """Stein's unbiased estimate of ‖denoised − clean‖² [n], which needs no clean data."""
        return denoise.risk(self._at(params), data, sigma)

    def encode(self, data: Any, *, params: str | None = None) -> Result:
        """The codes of examples [n] + S: where a score's probability-flow ODE carries them."""
        return flow_codes.encoded(self._at(params), data)

    def decode(
        self, code: Any, *, given: Mapping[str, Any] | None = None, params: str | None = None
    ) -> Result:
        """The data that have these codes, on the scale of the data that came in."""
        fitted, rest = self._at(params)._beside(given or {})
        return flow_codes.decoded(fitted, code, condition(fitted, rest, len(code)))

    # ── the whole ────────────────────────────────────────────────────────────────────────────────

    def prepare(self, data: Any) -> Any:
        """The data as the model sees them, random steps frozen by the seed."""
        values, _ = self.inlet.values(self.model.plan.program, data)
        arrays = {n: np.asarray(a) for n, a in values.items()}
        return next(iter(arrays.values())) if len(arrays) == 1 else arrays

    @property
    def nets(self) -> Nets:
        """The program's nets as functions of arrays: `fit.nets.encoder(x)`."""
        return Nets(self)

    def value(self, expression: str, **values: Any) -> Any:
        """An expression of the program's language, example by example (DGM0814, DGM0815).

        Args:
            expression: `"decoder(z)"`: it may read hyperparameters, params and variables, and
                call nets and functions.
            **values: The variables that it reads, each with a leading axis of examples; data are
                prepared as for `fit`.

        Returns:
            An array; where a net's heads have names, a dictionary of them.
        """
        return value(self, expression, values)

    def export(self, path: str | Path, query: str, *, batch: int | None = None) -> None:
        """Write a query as StableHLO, to be run without this library; beside it its signature.

        Inputs are prepared data, as `prepare` gives them. `PATH.json` says the rest: shapes, types,
        kind. Read it with `jax.export.deserialize(Path(path).read_bytes()).call(…)`.

        Args:
            path: The file.
            query: `log_prob`, `energy`, `score` or `sample`.
            batch: Examples a call; None leaves it to the caller, and is 1 for `sample`.

        Raises:
            DgmError: DGM0605, DGM0817, DGM0823; DGM0818 without the extra `dgmlang[export]`.
        """
        from dgmlang.evaluate.export import export

        export(self, Path(path), query, batch)

    def to_arviz(self, data: Any = None, *, draws: int | None = None, seed: int = 0) -> Any:
        """Draws for ArviZ.

        With data: `posterior` (the latents of each example, jointly), `posterior_predictive` (the
        data drawn again from those latents), `observed_data`, `constant_data` (givens) and, where
        log p(x) is exact and normalised, `log_likelihood`. Without: `prior`, `prior_predictive`.
        `draws` (500) of each example are independent, in one chain. Of a fit by chains the
        parameters are the `posterior`, beside `sample_stats`; `draws` thins each chain. Attributes
        `kind` and `method` say what a group is.

        Returns:
            An `arviz.InferenceData` with the dimensions `chain`, `draw`, `example`, and
            `NAME_dim_0`, … for a variable's own axes.

        Raises:
            DgmError: DGM0808, DGM0820, DGM0821; DGM0818 without the extra `dgmlang[arviz]`.
        """
        from dgmlang.evaluate.arviz import inference_data

        return inference_data(self, data, draws, seed)

    def evaluate(
        self, data: Any, *, features: Fitted | None = None, params: str | None = None
    ) -> Sequence[tuple[str, Result]]:
        """The held-out numbers that mean something for this model, each with its name.

        With `features`, the Fréchet distance in the space of a fit that has some, as `compare`.
        """
        from dgmlang.evaluate.summary import summary

        return summary(self._at(params), data, features)

    def save(self, folder: str | Path, *, replace: bool = False) -> None:
        """Write a run folder: sources, hyperparameters, versions and arrays; nothing is pickled."""
        from dgmlang.runtime.runs import save

        save(self, Path(folder), replace=replace)
