"""What objectives, samplers and estimators ask of a lowered model.

All functions are pure and about one example; a batch, particles, chains and enumerated states are
`jax.vmap`s of them.
"""

from __future__ import annotations

from typing import Any, Protocol

from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.derive.facts import Block, Facts
from dgmlang.compiler.program import Program, Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values


class Noising(Protocol):
    """A forward process dx = f(x, t) dt + g(t) dw with marginals N(α(t) x₀, σ(t)²)."""

    @property
    def first_time(self) -> float:
        """The smallest time that training and sampling use."""
        ...

    def signal(self, t: ArrayLike) -> Array:
        """α(t)."""
        ...

    def noise(self, t: ArrayLike) -> Array:
        """σ(t)."""
        ...

    def drift(self, x: Array, t: ArrayLike) -> Array: ...

    def diffusion(self, t: ArrayLike) -> Array: ...

    def prior(self, shape: tuple[int, ...]) -> Any:
        """The NumPyro law of x at t = 1."""
        ...


class Lowered(Protocol):
    """A model as JAX functions."""

    @property
    def program(self) -> Program: ...

    @property
    def facts(self) -> Facts: ...

    @property
    def blocks(self) -> tuple[Block, ...]: ...

    @property
    def process(self) -> Noising | None: ...

    @property
    def score_variable(self) -> str | None:
        """The variable whose law is by a score."""
        ...

    def log_joint(self, params: Params, values: Values) -> Array: ...

    def log_terms(self, params: Params, values: Values) -> Values:
        """The summands of `log_joint` by directed variable, and of the energies together."""
        ...

    def log_prob(self, params: Params, values: Values) -> Array:
        """The density log p(data), removable latents removed; bounded ones are among the values."""
        ...

    def log_prior(self, params: Params) -> Array: ...

    def energy(self, params: Params, values: Values) -> Array: ...

    def free_energy(self, params: Params, values: Values) -> Array: ...

    def score(self, params: Params, values: Values, t: Array | None = None) -> Values: ...

    def draw(self, params: Params, key: Array, given: Values) -> Values: ...

    def guide_draw(self, params: Params, key: Array, values: Values) -> tuple[Values, Array]:
        """Latents z ~ q(z | values) and log q(z); latents that `values` holds are kept."""
        ...

    def guide_log_prob(self, params: Params, values: Values) -> Array: ...

    def guide_terms(self, params: Params, values: Values) -> Values:
        """The summands of `guide_log_prob`, by latent."""
        ...

    def kl(self, params: Params, values: Values) -> Values:
        """KL(q(zᵢ | …) ‖ p(zᵢ | …)) by latent, only where it has a closed form given `values`."""
        ...

    def critic(self, params: Params, values: Values) -> Array: ...

    def update(self, params: Params, key: Array, values: Values, block: Block) -> Values: ...


def shape_of(variable: Variable) -> tuple[int, ...]:
    """The shape of the array that one example brings for a variable."""
    return numbers(variable.type.array_shape)


def data_names(lowered: Lowered) -> tuple[str, ...]:
    """The names of the data variables, in the order of declaration."""
    return tuple(v.name for v in lowered.program.having("data"))


def only(values: Values, names: tuple[str, ...]) -> Values:
    """The entries of these names."""
    return {name: values[name] for name in names}
