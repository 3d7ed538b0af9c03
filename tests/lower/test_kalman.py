"""Linear-Gaussian chains, integrated turn by turn, against the dense joint Gaussian."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values
from tests.lower.loops import model

pytestmark = pytest.mark.usefixtures("x64")

PARAMS = """param A : real[2, 2]
 param C : real[3, 2]
 param q : positive
 param r : positive[3]"""
CHAINS = {
    "one": """latent z[t] : real[2] ~ Normal(0.3, 1.5) if t == 0 else Normal(A @ z[t-1] + 0.2, q)
      data x[t] : real[3] ~ Normal(C @ z[t] + 0.5, r)""",
    "two": """latent v[t] : real ~ Normal(0, q) if t == 0 else Normal(0.9 * v[t-1], q)
      latent z[t] : real[2] ~ Normal(v[t], 1) if t == 0 else Normal(A @ z[t-1] + v[t], q)
      data x[t] : real[3] ~ Normal(C @ z[t], r)""",
    "data that look back": """latent z[t] : real[2] ~ Normal(0, 1) if t == 0 else
        Normal(A @ z[t-1], q)
      data x[t] : real[3] ~ Normal(0, r) if t == 0 else Normal(C @ (z[t] - z[t-1]) + x[t-1], r)""",
}


def chain(text: str, turns: int = 4) -> tuple[Lowered, Params, Values]:
    found = model(f"model M {{ {PARAMS}\n for t in 0..{turns} {{ {text} }} }}")
    rng = np.random.default_rng(0)
    params = {n: jnp.asarray(rng.normal(size=p.shape)) for n, p in found.init(0, None).items()}
    return found, params, {"x": jnp.asarray(rng.normal(size=(turns, 3)))}


def dense(found: Lowered, params: Params, values: Values) -> tuple[jax.Array, Any]:
    """log ∫ p(x, z) dz and E[z | x] by the joint precision of all turns."""
    latents = found.program.having("latent")
    flat, unravel = ravel_pytree({v.name: jnp.zeros(numbers(v.type.array_shape)) for v in latents})

    def joint(z: jax.Array) -> jax.Array:
        return found.log_joint(params, {**values, **unravel(z)})

    value, slope = jax.value_and_grad(joint)(flat)
    precision = -jax.hessian(joint)(flat)
    mean = jnp.linalg.solve(precision, slope)
    volume = flat.size * jnp.log(2 * jnp.pi) - jnp.linalg.slogdet(precision)[1]
    return value + 0.5 * slope @ mean + 0.5 * volume, unravel(mean)


@pytest.mark.parametrize("name", CHAINS)
def test_chains_agree_with_the_dense_gaussian(name: str) -> None:
    found, params, values = chain(CHAINS[name])
    assert {r.rule for r in found.facts.removed} == {"closed form"}
    assert found.facts.density.value == "exact"

    wanted, means = jax.jit(dense, static_argnums=0)(found, params, values)

    @jax.jit
    def both(params: Params) -> Any:
        return found.log_prob(params, values), found.gaussian_means(params, values)

    value, smoothed = both(params)
    assert float(value) == pytest.approx(float(wanted), abs=1e-9)
    for key, mean in means.items():
        assert np.asarray(smoothed[key]) == pytest.approx(np.asarray(mean), abs=1e-9)
    assert abs(float(both({**params, "A": params["A"].T})[0] - wanted)) > 1e-3  # it has power


def test_the_gradient_is_that_of_the_dense_gaussian() -> None:
    found, params, values = chain(CHAINS["one"], turns=3)
    wanted = jax.jit(jax.grad(lambda p: dense(found, p, values)[0]))(params)
    slopes = jax.jit(jax.grad(found.log_prob))(params, values)
    for key, slope in wanted.items():
        assert np.asarray(slopes[key]) == pytest.approx(np.asarray(slope), abs=1e-8)
        assert float(jnp.max(jnp.abs(slope))) > 1e-3


def test_missing_entries_count_nothing() -> None:
    """A turn without data adds to none of the others: a chain whose last turn is missing."""
    text = CHAINS["one"].replace("data x[t] : real[3]", "data x[t] : real?[3]")
    longer, params, values = chain(text)
    shorter, _, _ = chain(CHAINS["one"], turns=3)
    part = {"x": values["x"].at[3].set(jnp.nan)}
    wanted = jax.jit(shorter.log_prob)(params, {"x": values["x"][:3]})
    found = jax.jit(longer.log_prob)(params, part)
    assert float(found) == pytest.approx(float(wanted), abs=1e-9)
    assert abs(float(jax.jit(longer.log_prob)(params, values) - found)) > 1e-3


REFUSED = {
    "not affine": CHAINS["one"].replace("A @ z[t-1]", "A @ (z[t-1] ** 2)"),
    "a scale that reads it": CHAINS["one"].replace("+ 0.5, r", "+ 0.5, exp(z[t, 0])"),
    "a chain that switches": """latent s[t] : cat(2) ~ Categorical([0.5, 0.5]) if t == 0 else
        Categorical([[0.9, 0.1], [0.2, 0.8]][s[t-1]])
      latent z[t] : real[2] ~ Normal(0, 1) if t == 0 else Normal(A[s[t]] * z[t-1], q)
      data x[t] : real[3] ~ Normal(C @ z[t], r)""",
    "two turns back": """latent z[t] : real[2] ~ Normal(0, 1) if t < 2 else Normal(z[t-2], q)
      data x[t] : real[3] ~ Normal(C @ z[t], r)""",
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_chains_stay_bounded(name: str) -> None:
    found = chain(REFUSED[name])[0]
    assert "z" in {b.variable for b in found.facts.bounded}
