"""A fitted model: parameters, and the questions that can be asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import Method
from dgmlang.compiler.plan.methods import sampler as named_sampler
from dgmlang.evaluate import log_prob as likelihoods
from dgmlang.evaluate.estimators import estimator
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.evaluate.result import Result, bits_per_dim
from dgmlang.model import Model
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implementation
from dgmlang.runtime.inlet import Inlet
from dgmlang.runtime.metrics import Record

ORDER = ("best", "ema", "last")
"""Which parameters queries use: the first of these that a fit kept."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model with parameters. Arrays in, arrays out; every random query takes a `seed`.

    `kept` holds the parameters that training left, by name (`best` on held-out data, `ema` the
    averaged ones, `last`), as they are stored; `which` says which of them queries use.
    """

    model: Model
    kept: Mapping[str, Params]
    which: str
    inlet: Inlet
    method: Method | None = None
    history: tuple[Record, ...] = ()
    step: int = 0
    folder: Path | None = None

    @property
    def raw(self) -> Params:
        """The chosen parameters as stored: params of constrained kinds on the real line."""
        return self.kept[self.which]

    @property
    def params(self) -> Params:
        """The chosen parameters as the program declares them; paths are the program's names."""
        return jax.tree.map(np.asarray, self.model.lowered.constrain(self.raw))

    @property
    def objective(self) -> str:
        """The objective that trained it, as people write it; '' where nothing did."""
        return str(self.method) if self.method else ""

    def using(self, which: str) -> Fitted:
        """The same model with other kept parameters: `best`, `ema` or `last` (DGM0805)."""
        if which not in self.kept:
            raise DgmError(codes.unknown_choice("parameters", which, self.kept))
        return replace(self, which=which)

    # ── draws ────────────────────────────────────────────────────────────────────────────────────

    def draws(
        self,
        n: int = 1,
        *,
        given: Mapping[str, Any] | None = None,
        sampler: str | None = None,
        seed: int = 0,
    ) -> dict[str, np.ndarray]:
        """N draws of every variable, latents included, each with a leading axis of n.

        Args:
            n: How many.
            given: Values for givens, one example's or n of them.
            sampler: A sampler as people write it, `gibbs(sweeps = 200)`; by default the recipe's,
                then the plan's.
            seed: The source of randomness.

        Raises:
            DgmError: DGM0412 where the sampler is not legal here.
        """
        recipe = self.model.plan.program.recipes.get("default")
        written = recipe.settings.get("sampler") if recipe else None
        method = named_sampler(self.model.plan, sampler or written)
        built = self._sampler(str(method), method)
        held = self._given(given or {}, n)
        drawn, _ = built.draw(self.raw, jax.random.key(seed), n, held)
        return {name: np.asarray(array) for name, array in drawn.items()}

    def sample(
        self,
        n: int = 1,
        *,
        given: Mapping[str, Any] | None = None,
        sampler: str | None = None,
        seed: int = 0,
    ) -> Any:
        """N draws of the data, on the scale of the data that came in.

        One array where the model has one data variable, else a dictionary. Arguments as `draws`.
        """
        drawn = self.draws(n, given=given, sampler=sampler, seed=seed)
        data = {v.name: drawn[v.name] for v in self.model.plan.program.having("data")}
        return self._plain(self.inlet.invert(data))

    def _sampler(self, text: str, method: Method) -> Any:
        cache = self.model.__dict__.setdefault("_samplers", {})
        if text not in cache:
            built = implementation("sampler", method.name)(self.model.lowered, **method.settings)
            cache[text] = built
        return cache[text]

    def _given(self, given: Mapping[str, Any], n: int) -> Values:
        """Givens with a leading axis of n."""
        program = self.model.plan.program
        names = [v.name for v in program.having("given")]
        missing = [name for name in names if name not in given]
        if missing:
            raise DgmError(codes.missing_given(missing, program.span.source.name))
        for name in given:
            if name not in program.variables or program.variables[name].role == "param":
                raise DgmError(codes.unknown_choice("variable", name, program.variables))
        held: Values = {}
        for name, value in given.items():
            array = np.asarray(value)
            rank = len(program.variables[name].type.array_shape)
            stretched = np.broadcast_to(array, (n, *array.shape)) if array.ndim == rank else array
            held[name] = jax.numpy.asarray(stretched)
        return held

    # ── densities ────────────────────────────────────────────────────────────────────────────────

    def log_prob(self, data: Any, *, method: str | None = None, seed: int = 0) -> Result:
        """Log p(x) in nats [n], with its kind: exact, a bound, or an estimate with its error.

        Args:
            data: As for `fit`.
            method: `exact`, `elbo(samples = 16)`, `iwae(k = 512)` or `ode`; by default the best
                that is cheap.
            seed: For methods that draw.
        """
        values, log_det = self.inlet.values(self.model.plan.program, data)
        found = estimator(self.model.plan, method)(
            self.model.lowered, self.raw, values, jax.random.key(seed)
        )
        return replace(found, value=found.value + np.asarray(log_det))

    def bits_per_dim(self, data: Any, *, method: str | None = None, seed: int = 0) -> Result:
        """−log₂ p(x) per entry of an example [n]."""
        entries = sum(
            int(np.prod([d.value or 1 for d in v.type.array_shape]))
            for v in self.model.plan.program.having("data")
        )
        return bits_per_dim(self.log_prob(data, method=method, seed=seed), (entries,))

    def log_normalizer(self) -> Result:
        """Log Z by summation (DGM0801, DGM0802 where that is not possible)."""
        value = log_normalizer(self.model.lowered, self.raw, {})
        return Result(np.asarray(value), "exact", None, "sum over states")

    def energy(self, data: Any) -> np.ndarray:
        """The (free) energy of each example [n]: −log p up to the normaliser."""
        values, _ = self.inlet.values(self.model.plan.program, data)
        return -np.asarray(likelihoods.exact(self.model.lowered, self.raw, values).value)

    def score(self, data: Any, t: float | None = None) -> Any:
        """∇ₓ log p(x) of each example; at time `t` where the model has a process."""
        values, _ = self.inlet.values(self.model.plan.program, data)
        time = None if t is None else jax.numpy.asarray(float(t))
        mapped = jax.vmap(partial(self.model.lowered.score, t=time), in_axes=(None, 0))
        return self._plain(jax.tree.map(np.asarray, mapped(self.raw, values)))

    # ── latents ──────────────────────────────────────────────────────────────────────────────────

    def posterior(self, data: Any, *, seed: int = 0) -> dict[str, np.ndarray]:
        """What the data say of the latents.

        A latent that was summed out: its probabilities [n, …, levels], exact. One that the guide
        gives: a draw of the guide [n, …].
        """
        lowered = self.model.lowered
        values, _ = self.inlet.values(self.model.plan.program, data)
        found: dict[str, np.ndarray] = {}
        if any(r.rule == "sum" for r in lowered.facts.removed):
            marginals = jax.vmap(partial(_marginals, self.model), in_axes=(None, 0))
            found |= {n: np.asarray(a) for n, a in marginals(self.raw, values).items()}
        if lowered.program.guide is not None:
            found |= {n: np.asarray(a) for n, a in self._guided(values, seed).items()}
        if not found:
            raise DgmError(codes.no_posterior(self.model.name))
        return found

    def reconstruct(self, data: Any, *, seed: int = 0) -> Any:
        """The data drawn again from a draw of the guide: x → z → x."""
        lowered, program = self.model.lowered, self.model.plan.program
        if program.guide is None:
            raise DgmError(codes.no_posterior(self.model.name))
        values, _ = self.inlet.values(program, data)
        latents = self._guided(values, seed)
        givens = {v.name: values[v.name] for v in program.having("given")}
        count = len(next(iter(values.values())))
        keys = jax.random.split(jax.random.key(seed + 1), count)
        drawn = jax.vmap(lowered.draw, in_axes=(None, 0, 0))(self.raw, keys, {**givens, **latents})
        again = {v.name: np.asarray(drawn[v.name]) for v in program.having("data")}
        return self._plain(self.inlet.invert(again))

    def _guided(self, values: Values, seed: int) -> Values:
        keys = jax.random.split(jax.random.key(seed), len(next(iter(values.values()))))
        draw: Callable[..., tuple[Values, Any]] = self.model.lowered.guide_draw
        return jax.vmap(draw, in_axes=(None, 0, 0))(self.raw, keys, values)[0]

    # ── the whole ────────────────────────────────────────────────────────────────────────────────

    def prepare(self, data: Any) -> Any:
        """The data as the model sees them, random steps frozen by the seed."""
        values, _ = self.inlet.values(self.model.plan.program, data)
        return self._plain({n: np.asarray(a) for n, a in values.items()})

    def evaluate(self, data: Any) -> Sequence[tuple[str, Result]]:
        """The held-out numbers that mean something for this model, each with its name."""
        from dgmlang.evaluate.summary import summary

        return summary(self, data)

    def save(self, folder: str | Path, *, replace: bool = False) -> None:
        """Write a run folder: sources, hyperparameters, versions and arrays; nothing is pickled."""
        from dgmlang.runtime.runs import save

        save(self, Path(folder), replace=replace)

    def _plain(self, found: Mapping[str, Any]) -> Any:
        return next(iter(found.values())) if len(found) == 1 else dict(found)


def _marginals(model: Model, params: Params, values: Values) -> Values:
    """P(latent = level | data) of each latent that was summed out."""
    states, log_weights = model.lowered.responsibilities(params, values)
    weights = jax.numpy.exp(log_weights)
    found: Values = {}
    for name, levels in states.items():
        of = model.plan.program.variables[name].type.kind.levels
        assert of is not None
        assert of.value is not None
        spread = jax.nn.one_hot(levels, of.value, dtype=weights.dtype)
        found[name] = jax.numpy.tensordot(weights, spread, axes=1)
    return found


def fitted_with(model: Model, params: Mapping[str, Any]) -> Fitted:
    """A model with known parameters on their own scale; missing names keep their initial values."""
    first = model.lowered.init(0, None)
    for name in params:
        if name not in first:
            raise DgmError(codes.unknown_choice("parameter", name, first))
    stored = model.lowered.unconstrain({**model.lowered.constrain(first), **params})
    return Fitted(model, {"last": jax.tree.map(jax.numpy.asarray, stored)}, "last", Inlet())
