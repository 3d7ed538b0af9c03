"""`observed` and `fill` in guides: examples of one batch lack different entries."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from tests.lower.loops import at, model

pytestmark = pytest.mark.usefixtures("x64")

GAPS = np.array([[0.5, np.nan, -1.0], [np.nan, np.nan, np.nan], [0.1, 0.2, 0.3]])

WHOLE = """model M(d: int = 3) {
  param W : real[d]
  param a : real[d]
  param b : real[d]
  latent z : bit ~ Bernoulli(0.3)
  data   x : real?[d] ~ Normal(W * z, 1)
  guide { z ~ Bernoulli(logits = sum(a * fill(x, 0)) + sum(b * observed(x))) }
}"""
A, B, W = np.array([0.7, -0.4, 1.1]), np.array([0.2, -0.6, 0.5]), np.array([1.0, -2.0, 0.5])


def bound(x: np.ndarray, there: np.ndarray) -> float:
    """Σ_z q(z | x) (log p(x, z) − log q(z | x)) over the entries that are there."""
    q = expit(A @ np.where(there, x, 0.0) + B @ there)
    total = 0.0
    for z, weight, prior in ((0, 1 - q, 0.7), (1, q, 0.3)):
        log_p = np.log(prior) + stats.norm.logpdf(x[there], W[there] * z).sum()
        total += weight * (log_p - np.log(weight))
    return total


def test_each_example_is_guided_by_what_it_holds():
    found = model(WHOLE)
    assert {r.variable: r.rule for r in found.facts.removed} == {"x": "leaf"}
    params = at(found, W=W, a=A, b=B)

    def one(x: jax.Array) -> jax.Array:
        total = jnp.zeros(())
        for z in (0.0, 1.0):
            values = {"x": x, "z": jnp.asarray(z)}
            log_q = found.guide_log_prob(params, values)
            total += jnp.exp(log_q) * (found.log_joint(params, values) - log_q)
        return total

    values = jax.jit(jax.vmap(one))(jnp.asarray(GAPS))
    wanted = [bound(x, ~np.isnan(x)) for x in GAPS]
    np.testing.assert_allclose(values, wanted, atol=1e-12)
    ignored = [bound(np.nan_to_num(x), np.ones(3, bool)) for x in GAPS]
    assert np.abs(np.array(ignored) - wanted).max() > 0.1
    lacking = {"x": jnp.asarray(GAPS[1]), "z": jnp.ones(())}
    slopes = jax.grad(lambda p: found.guide_log_prob(p, lacking))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


LOOP = """model M(T: int = 3) {
  param a : real
  param b : real
  for t in 0..T {
    latent z[t] : real ~ Normal(0 if t == 0 else z[t-1], 1)
    data   x[t] : real? ~ Normal(tanh(z[t]), 1)
  }
  guide {
    let seen = observed(x)
    for t in 0..T { z[t] ~ Normal(a * fill(x[t], 0.5) + b * seen[t], 1) }
  }
}"""


def test_turns_of_a_guide_see_what_each_of_them_lacks():
    found = model(LOOP)
    params, z = at(found, a=2.0, b=-1.0), jnp.array([0.1, 0.4, -0.3])
    run = jax.jit(jax.vmap(lambda x: found.guide_log_prob(params, {"x": x, "z": z})))
    there = ~np.isnan(GAPS)
    loc = 2.0 * np.where(there, GAPS, 0.5) - there
    wanted = stats.norm.logpdf(np.asarray(z), loc).sum(axis=1)
    np.testing.assert_allclose(run(jnp.asarray(GAPS)), wanted, atol=1e-12)


LABELS = """model M {
  param c : real[3, 2]
  param e : real[2]
  data   y : cat(3)? ~ Categorical(uniform(3))
  latent z : bit ~ Bernoulli(0.5)
  data   x : bit[2] ~ Bernoulli(logits = c[y] + z)
  guide {
    y ~ Categorical(logits = [0.3, -0.2, 0.1])
    z ~ Bernoulli(logits = e[0] + e[1] * observed(y))
  }
}"""


def test_what_the_guide_fills_in_was_not_observed():
    """The mask is the example's own, also once a guide has drawn what was missing."""
    found = model(LABELS)
    params = at(found, c=np.zeros((3, 2)), e=[0.4, -1.5])
    for y, seen in ((-1, 0), (1, 1)):
        values = {"x": jnp.array([1.0, 0.0]), "y": jnp.asarray(y)}
        drawn, _ = found.guide_draw(params, jax.random.key(0), values)
        log_q = found.guide_terms(params, {**values, **drawn})["z"]
        chance = expit(0.4 - 1.5 * seen)
        wanted = np.log(chance if float(drawn["z"]) else 1 - chance)
        assert float(log_q) == pytest.approx(wanted)


def test_a_net_sees_whether_a_given_is_there():
    found = model("""model M {
      net f(c: real[2]?) -> (loc: real) = concat(fill(c, -1), observed(c))
      given c : real[2]?
      data  x : real ~ Normal(f(c).loc, 1)
    }""")
    params = found.init(0, None)
    kernel = np.asarray(params["f"]["loc"]["kernel"])[:, 0]
    for c in (np.array([0.5, 2.0]), np.full(2, np.nan)):
        there = ~np.isnan(c).any()
        loc = np.array([*(c if there else (-1.0, -1.0)), there]) @ kernel
        value = found.log_prob(params, {"c": jnp.asarray(c), "x": jnp.zeros(())})
        assert float(value) == pytest.approx(stats.norm.logpdf(0.0, loc))
