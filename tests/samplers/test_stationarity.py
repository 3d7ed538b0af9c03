"""Exact draws in, some transitions of each kernel, the exact law out (Geweke 2004)."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implementation
from dgmlang.samplers.adjusted import evaluated
from dgmlang.samplers.metropolis import At
from dgmlang.samplers.target import target
from tests.objectives.models import ERRORS, arrays, model

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(5)
CHAINS, TRANSITIONS = 10_000, 8

BANANA = """model Banana {
  param c : real
  data x : real[2]
  data p : positive
  energy x[0] ** 2 / 2 + (x[1] - c * x[0] ** 2) ** 2
  energy 2 * p - 2 * log(p)
}"""
"""x₀ ~ N(0, 1), x₁ ~ N(c x₀², ½), p ~ Gamma(3, 2): skewed, of two kinds."""

PAIR = """model Pair {
  param c : real
  data x : real[2]
  data s : spin[2]
  energy sum(x ** 2) / 2 - c * sum(x * s) - 0.3 * sum(s)
}"""
"""s independent with log-odds 0.6, x given s ~ N(c s, 1): Gaussian and spin blocks."""


def exact(name: str, c: float) -> Values:
    rng = np.random.default_rng(1)
    if name == "gibbs":
        s = np.where(rng.random((CHAINS, 2)) < 1 / (1 + np.exp(-0.6)), 1.0, -1.0)
        return {"x": jnp.asarray(c * s + rng.normal(size=s.shape)), "s": jnp.asarray(s)}
    x0 = rng.normal(size=CHAINS)
    x1 = c * x0**2 + rng.normal(size=CHAINS) / np.sqrt(2)
    p = rng.gamma(3.0, 0.5, size=CHAINS)
    return {"x": jnp.asarray(np.stack([x0, x1], 1)), "p": jnp.asarray(p)}


def standing(name: str, sampler: Any, params: Params, values: Values) -> Any:
    """The sampler's state with its chains at these values."""
    lowered: Lowered = sampler.lowered
    if name == "gibbs":
        return {n: jnp.moveaxis(v, 0, -1) for n, v in values.items()}
    if name == "nuts":
        free = target(lowered, {})
        begin, _ = sampler._kernel(free.log_density(params, {}))
        return jax.vmap(begin)(jax.random.split(KEY, CHAINS), jax.vmap(free.flat)(values))
    state = sampler.start(params, KEY, CHAINS, {})
    if name == "mh":
        at = At(values, jax.vmap(partial(lowered.log_prob, params))(values))
        return state._replace(at=at, log_steps={n: jnp.log(0.7) for n in state.log_steps})
    if name == "temper":
        return state._replace(chains=values)
    free = target(lowered, {})
    x = jax.vmap(free.flat)(values)
    chains = jax.vmap(partial(evaluated, free.log_density(params, {})))(x)
    return state._replace(chains=chains, log_step=jnp.log(0.3))


def moved(name: str, c: float, kernel: float) -> np.ndarray:
    """Moments' terms [chains, moments] after transitions of the kernel of another c."""
    lowered = model(PAIR if name == "gibbs" else BANANA)
    frozen = {"warmup": 0} if name != "gibbs" else {}
    alone = {"levels": 1} if name == "temper" else {}
    sampler = implementation("sampler", name)(lowered, **frozen, **alone)
    params = arrays(c=kernel)

    @jax.jit
    def run(state: Any) -> Values:
        def one(i: jax.Array, state: Any) -> Any:
            return sampler.move(params, jax.random.fold_in(KEY, i), i, state, {})

        return sampler.values(jax.lax.fori_loop(0, TRANSITIONS, one, state), {})

    values = run(standing(name, sampler, params, exact(name, c)))
    x = np.asarray(values["x"])
    assert np.mean(np.any(x != np.asarray(exact(name, c)["x"]), axis=1)) > 0.5
    if name == "gibbs":
        s = np.asarray(values["s"])
        return np.stack([x[:, 0], x[:, 0] ** 2, s[:, 0], x[:, 1] * s[:, 1], s[:, 0] * s[:, 1]], 1)
    p = np.asarray(values["p"])
    return np.stack([x[:, 0], x[:, 0] ** 2, x[:, 1], x[:, 1] ** 2, p, p**2, p * x[:, 1]], 1)


def off(found: np.ndarray, truth: list[float]) -> float:
    """The largest distance of a mean from its truth, in standard errors."""
    return float(np.max(np.abs(found.mean(0) - truth) / (found.std(0) / np.sqrt(len(found)))))


@pytest.mark.parametrize("name", ["gibbs", "mh", "mala", "hmc", "nuts", "temper"])
def test_a_kernel_leaves_its_law_as_it_is(name: str) -> None:
    c, mean = 0.7, np.tanh(0.3)
    truth = [0.0, 1.0, c, 0.5 + 3 * c**2, 1.5, 3.0, 1.5 * c]
    if name == "gibbs":
        truth = [c * mean, 1 + c**2, mean, c, mean**2]
    assert off(moved(name, c, c), truth) < ERRORS
    # The twin: the kernel of another law.
    assert off(moved(name, c, 1.3), truth) > ERRORS
