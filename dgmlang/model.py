"""A model: a program that was parsed, checked and planned; immutable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from dgmlang.compiler.diagnostics.codes import outside as outside_codes
from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.codes import posterior as posterior_codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.plan.explain import Explanation
from dgmlang.compiler.plan.methods import Chosen, Sum, require_built, sampler
from dgmlang.compiler.plan.methods import objective as named_objective
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.program import Outside
from dgmlang.compiler.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from jax import Array

    from dgmlang.compiler.lower.lowered import Lowered
    from dgmlang.compiler.plan.expression import Expression
    from dgmlang.fitted import Fitted
    from dgmlang.objectives.objective import Objective, Params, Values
    from dgmlang.posterior.program import NumpyroModel
    from dgmlang.runtime.metrics import Record
    from dgmlang.runtime.progress import Progress
    from dgmlang.runtime.settings import Optimizer

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A checked program with values for its hyperparameters.

    `fit` trains it. `init`, `log_prob`, `loss` and `draw` are pure functions of parameters, for
    people with a training loop of their own: they can be jitted, mapped and differentiated.
    """

    source: Source
    settings: Mapping[str, Any]
    chosen: str | None
    plan: Plan
    warnings: tuple[Diagnostic, ...]
    precision: str = "float32"
    nets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _instances: dict[tuple[tuple[str, Any], ...], Model] = field(default_factory=dict, repr=False)
    _objectives: dict[str, Objective] = field(default_factory=dict, repr=False)
    _precisions: dict[str, Model] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        hypers = ", ".join(f"{n} = {v}" for n, v in self.hypers.items() if n not in self.open)
        return f"<Model {self.name}({hypers}) of {self.source.name}>"

    @property
    def name(self) -> str:
        """The model's name in the program."""
        return self.plan.program.name

    @property
    def hypers(self) -> Mapping[str, Any]:
        """The hyperparameters; one that is still open has no number."""
        return self.plan.program.hypers

    @property
    def open(self) -> tuple[str, ...]:
        """Hyperparameters without a value, which the data give at `fit`."""
        return self.plan.program.open

    def explain(self) -> Explanation:
        """What was derived: `print` it, or take `.json()`."""
        return Explanation(self.plan)

    def with_hypers(self, **values: Any) -> Model:
        """The same program with more hyperparameters set. Equal values give the same object."""
        if not values:
            return self
        key = tuple(sorted(values.items()))
        if key not in self._instances:
            settings = {**self.settings, **values, **self.nets}
            same = compiled(self.source, settings, self.chosen)
            self._instances[key] = same.with_precision(self.precision)
        return self._instances[key]

    def with_precision(self, precision: str) -> Model:
        """The same program, its nets computing in another precision (DGM0724, DGM0944)."""
        from dgmlang.compiler.lower.precision import require

        require(precision)
        if precision == self.precision:
            return self
        if precision not in self._precisions:
            self._precisions[precision] = replaced(
                self, precision=precision, _instances={}, _objectives={}, _precisions={}
            )
        return self._precisions[precision]

    # ── pure functions ───────────────────────────────────────────────────────────────────────────

    @cached_property
    def lowered(self) -> Lowered:
        """The program as JAX functions of one example.

        Raises:
            DgmError: DGM0291 where a part of it has no implementation, DGM0420 where a dimension
                is open, DGM0440 and DGM0442 where an `extern net` is not passed, or does not fit.
        """
        from dgmlang.compiler.lower.lowered import lower

        require_built(self.plan)
        if self.open:
            raise DgmError(codes.open_dimensions(self.open, self.source.name))
        return lower(self.plan.program, self.plan.facts, self.precision, self.nets)

    def init(self, seed: int = 0, data: Mapping[str, Any] | None = None) -> Params:
        """First parameters, by the table of initial values; `data` has a leading axis of examples.

        It runs on the host, with NumPy: it is not for `jit`. Params of constrained kinds are stored
        on the real line: `lowered.constrain` shows them.
        """
        return self.lowered.init(seed, None if data is None else dict(data))

    def log_prob(self, params: Params, values: Values) -> Array:
        """Log p of one example, every latent removed exactly; unnormalised below an energy.

        Raises:
            DgmError: DGM0412 where the model has no exact density.
        """
        density = self.plan.facts.density
        if density.value != "exact":
            witness = density.witnesses[0]
            need = codes.clause("density == exact")
            unmet = codes.Unmet("density == exact", need, witness.text, witness.span)
            raise DgmError(codes.illegal("query", "log_prob", unmet, (), None, self.source.name))
        params, held = self._held(params, values, ("data", "given"))
        return self._sound(lambda lowered: lowered.log_prob, params, held)

    def loss(
        self, params: Params, batch: Values, key: Array, objective: str | Expression | None = None
    ) -> Array:
        """The training loss of a batch (arrays with a leading axis), for the first player.

        It starts the objective's own state afresh, so chains do not persist between calls.
        """
        method = named_objective(self.plan, objective)
        bound = self.objective(method)
        if not bound.players:
            raise DgmError(posterior_codes.no_loss(str(method), self.name))
        params, batch = self._held(params, batch, ("data", "given"), leading=1)
        state = bound.start(key, params, batch)

        def loss(lowered: Lowered) -> Callable[..., tuple[Array, Any]]:
            same = bound if lowered is self.lowered else bound_to(method, lowered)
            return same.players[0].loss

        return self._sound(loss, params, state, batch, key)[0]

    def draw(self, params: Params, key: Array, given: Values | None = None) -> Values:
        """All variables of one example; those in `given` stay as they are.

        Raises:
            DgmError: DGM0412 where only a chain or a simulation draws: `Fitted.sample` does that.
        """
        sampler(self.plan, "ancestral")
        params, held = self._held(params, given or {}, ("given",))
        return self._sound(lambda lowered: lowered.draw, params, key, held)

    def numpyro(self, *, centred: bool = True) -> NumpyroModel:
        """The program as a NumPyro model: `program(values = None, n = None)`.

        Params with a prior are its sample sites, examples stand in a plate, and data among the
        values are observed; what is missing is drawn. `centred = False` draws location–scale laws
        as loc + scale × noise.
        """
        from dgmlang.posterior.program import numpyro_model

        return numpyro_model(self.lowered, centred=centred)

    def _sound(self, function: Callable[[Lowered], Callable[..., T]], *args: Any) -> T:
        """A function's value, with its run-time checks where there are any (DGM0715)."""
        import jax

        if not self.lowered.built.checks:
            return function(self.lowered)(*args)
        # Compiled, since NumPyro raises an error of its own for a NaN that it can see.
        return self.lowered.sound(lambda lowered: jax.jit(function(lowered))(*args))

    def _held(
        self, params: Params, values: Any, needed: tuple[str, ...], leading: int = 0
    ) -> tuple[Params, Values]:
        """Values by name for the pure functions, held against the program (DGM0422)."""
        from dgmlang.held import placed

        return placed(self.plan.program, params, values, needed, leading)

    def objective(self, method: Chosen) -> Objective:
        """A method bound to this model; one object for the same words, so nothing recompiles."""
        text = str(method)
        if text not in self._objectives:
            self._objectives[text] = bound_to(method, self.lowered)
        return self._objectives[text]

    # ── training ─────────────────────────────────────────────────────────────────────────────────

    def fit(
        self,
        data: Any,
        *,
        objective: str | Expression | None = None,
        optimizer: str | Optimizer | Mapping[str, str | Optimizer] | None = None,
        steps: int | None = None,
        epochs: float | None = None,
        batch: int | None = None,
        seed: int = 0,
        valid: Any = None,
        patience: int | None = None,
        average: float | None = None,
        prepare: Mapping[str, str] | str | None = None,
        recipe: str = "default",
        init: Any = None,
        freeze: Sequence[str] = (),
        callbacks: Sequence[Callable[[Record], object]] = (),
        out: str | Path | None = None,
        resume: str | Path | None = None,
        replace: bool = False,
        progress: bool | Progress = False,
        notes: Callable[[Diagnostic], object] | None = None,
        log_dir: str | Path | None = None,
        device: Any = None,
        sample_weight: Any = None,
        columns: Mapping[str, str | Sequence[str]] | str | None = None,
        precision: str | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> Fitted:
        """Train on data and return the fitted model; this model stays as it is.

        What is left out comes from the program's recipe, then from the objective's own.

        Args:
            data: An array, a data frame, `{"x": …, "y": …}`, a file (`.npy`, `.npz`, `.csv`) or
                the name of a built-in data set. The leading axis is that of examples. Or an
                iterable of batches of one shape, each an array or `{"x": …, "y": …}`.
            objective: As people write it, `"iwae(k = 8)"`, or `dgm.objectives.iwae(k = 8)`.
            optimizer: An Optax name with settings, `"adam(learning_rate = 1e-3)"`, an Optax object,
                or one of these for each player (`{"critic": …, "model": …}`).
            steps: Optimiser steps.
            epochs: Passes over the data, in place of `steps`.
            batch: Examples a step.
            seed: The source of all randomness.
            valid: Held-out data, or the share of the data to hold out.
            patience: Looks at held-out data without a new best before training ends.
            average: Decay of the averaged parameters (EMA).
            prepare: `"x = bernoulli(x)"`, or expressions by variable.
            recipe: A recipe of the program.
            init: A run folder, a fitted model, or `{path: array}` to start from.
            freeze: Globs of parameter paths that do not move.
            callbacks: Called with each record of the metrics.
            out: A run folder, written as training goes.
            resume: A run folder to go on with, to the same numbers as without the stop.
            replace: Whether `out` may overwrite another run.
            progress: Whether to show a progress bar.
            notes: Called with what is worth knowing about the data.
            log_dir: A folder for the metrics: `metrics.jsonl`, as in `out`, and TensorBoard's event
                files (`pip install 'dgmlang[tensorboard]'`).
            device: Where to compute, `"cpu"`, `"gpu"` or `"cuda:1"`, or a device of JAX; by default
                JAX's own choice. It holds for this call alone.
            sample_weight: One weight an example, or the name of the column that holds them: the
                objective is the weighted mean of the examples' losses.
            columns: The columns of a table by variable, `{"x": ["age", "bmi"], "y": "label"}` or
                `"x=age,bmi y=label"`; labels of a `cat` or a `bit` become its levels.
            precision: What nets compute in, `"float32"` (the default) or `"bfloat16"`; all else is
                in single precision. `"float64"` holds for all, and wants `JAX_ENABLE_X64=1`.
                Queries of the fitted model and a resumed run compute in the same.
            given: Values of the `shared` givens, which are one for the data set, by name: arrays,
                or files; they may as well stand among the data.

        Raises:
            DgmError: DGM04xx where the objective or a setting is not legal, DGM05xx where the data
                do not fit the program, DGM06xx for folders, DGM07xx where training fails.
        """
        from dgmlang.fitting import fit
        from dgmlang.request import Request

        request = Request(
            objective, optimizer, steps, epochs, batch, seed, valid, patience, average, prepare,
            recipe, init, freeze, callbacks, out, resume, replace, progress, notes, log_dir, device,
            sample_weight, columns, precision, given,
        )  # fmt: skip
        return fit(self, data, request)

    def with_params(self, params: Mapping[str, Any]) -> Fitted:
        """The model with parameters that are known, as users see them; missing ones are initial."""
        from dgmlang.with_params import fitted_with

        return fitted_with(self, params)


def bound_to(method: Chosen, lowered: Lowered) -> Objective:
    """An objective for one lowered model."""
    import jax

    from dgmlang.objectives.weighted_sum import weighted_sum
    from dgmlang.registry import implementation

    lowered = lowered.solved(how="together", noted=None)  # losses are of batches
    # It outlives a `jit` in which it is first asked for, so it must hold no value of that trace.
    with jax.ensure_compile_time_eval():
        found = [
            (weight, implementation("objective", term.name)(lowered, **term.settings))
            for weight, term in method.terms
        ]
        return weighted_sum(lowered, str(method), found) if isinstance(method, Sum) else found[0][1]


def compiled(source: Source, settings: Mapping[str, Any], chosen: str | None) -> Model:
    """A model from a source; DgmError with every mistake that was found.

    Settings that are functions, modules or pairs of functions are its `extern net`s (DGM0441).
    """
    nets = {name: value for name, value in settings.items() if _is_net(value)}
    hypers = {name: value for name, value in settings.items() if name not in nets}
    plan, report = compile_source(source, hypers, chosen)
    known = [net.name for net in plan.program.nets.values() if isinstance(net.body, Outside)]
    for name in nets:
        if name not in known:
            raise DgmError(outside_codes.unknown_net(name, known, source.name))
    return Model(source, hypers, chosen, plan, report.warnings, nets=nets)


def _is_net(value: Any) -> bool:
    pair = isinstance(value, tuple | list) and len(value) == 2 and all(map(callable, value))
    return pair or callable(value)


def parse(text: str, *, model: str | None = None, **hypers: Any) -> Model:
    """The model of a program given as text."""
    return compiled(Source("<text>", text), hypers, model)
