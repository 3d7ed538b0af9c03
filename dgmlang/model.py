"""A model: a program that was parsed, checked and planned; immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.pipeline import compile_source, read
from dgmlang.compiler.plan.explain import Explanation
from dgmlang.compiler.plan.methods import Method
from dgmlang.compiler.plan.methods import objective as named_objective
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.source import Source

if TYPE_CHECKING:
    from jax import Array

    from dgmlang.compiler.lower.lowered import Lowered
    from dgmlang.fitted import Fitted
    from dgmlang.objectives.objective import Objective, Params, Values


@dataclass(frozen=True, eq=False)
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
    _instances: dict[tuple[tuple[str, Any], ...], Model] = field(default_factory=dict, repr=False)
    _objectives: dict[str, Objective] = field(default_factory=dict, repr=False)

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
            self._instances[key] = compiled(self.source, {**self.settings, **values}, self.chosen)
        return self._instances[key]

    # ── pure functions ───────────────────────────────────────────────────────────────────────────

    @cached_property
    def lowered(self) -> Lowered:
        """The program as JAX functions of one example (DGM0420 where a dimension is open)."""
        from dgmlang.compiler.lower.lowered import lower

        if self.open:
            raise DgmError(codes.open_dimensions(self.open, self.source.name))
        return lower(self.plan.program, self.plan.facts)

    def init(self, seed: int = 0, data: Mapping[str, Any] | None = None) -> Params:
        """First parameters, by the table of initial values; `data` has a leading axis of examples.

        Params of constrained kinds are stored on the real line: `lowered.constrain` shows them.
        """
        return self.lowered.init(seed, None if data is None else dict(data))

    def log_prob(self, params: Params, values: Values) -> Array:
        """Log p of one example, every latent removed exactly; unnormalised below an energy.

        Raises:
            DgmError: DGM0412 where the model has no exact density.
        """
        facts = self.plan.facts
        if facts.density.value != "exact":
            witness = facts.density.witnesses[0]
            why = f"it needs an exact density: {witness.text}"
            raise DgmError(
                codes.illegal("query", "log_prob", why, witness.span, (), None, self.source.name)
            )
        return self.lowered.log_prob(params, values)

    def loss(
        self, params: Params, batch: Values, key: Array, objective: str | None = None
    ) -> Array:
        """The training loss of a batch (arrays with a leading axis), for the first player.

        It starts the objective's own state afresh, so chains do not persist between calls.
        """
        bound = self.objective(named_objective(self.plan, objective))
        state = bound.start(key, params, batch)
        return bound.players[0].loss(params, state, batch, key)[0]

    def draw(self, params: Params, key: Array, given: Values | None = None) -> Values:
        """All directed variables of one example; those in `given` stay as they are."""
        return self.lowered.draw(params, key, given or {})

    def objective(self, method: Method) -> Objective:
        """A method bound to this model; one object for the same words, so nothing recompiles."""
        from dgmlang.registry import implementation

        text = str(method)
        if text not in self._objectives:
            built = implementation("objective", method.name)(self.lowered, **method.settings)
            self._objectives[text] = built
        return self._objectives[text]

    # ── training ─────────────────────────────────────────────────────────────────────────────────

    def fit(self, data: Any, **settings: Any) -> Fitted:
        """Train on data and return the fitted model. `fitting.fit` lists the settings."""
        from dgmlang.fitting import fit

        return fit(self, data, **settings)

    def with_params(self, params: Mapping[str, Any]) -> Fitted:
        """The model with parameters that are known, as users see them; missing ones are initial."""
        from dgmlang.fitted import fitted_with

        return fitted_with(self, params)


def compiled(source: Source, settings: Mapping[str, Any], chosen: str | None) -> Model:
    """A model from a source; DgmError with every mistake that was found."""
    plan, report = compile_source(source, settings, chosen)
    return Model(source, dict(settings), chosen, plan, report.warnings)


def load(path: str | Path, *, model: str | None = None, **hypers: Any) -> Model:
    """The model of a `.dgm` file.

    Args:
        path: The file.
        model: Which of its models; by default the last.
        **hypers: Values for hyperparameters.

    Raises:
        DgmError: With every mistake in the program.
    """
    return compiled(read(path), hypers, model)


def parse(text: str, *, model: str | None = None, **hypers: Any) -> Model:
    """The model of a program given as text."""
    return compiled(Source("<text>", text), hypers, model)
