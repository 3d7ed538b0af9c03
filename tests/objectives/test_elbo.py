from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.registry import implementation
from tests.objectives.models import COIN, LINEAR, arrays, model, within

pytestmark = pytest.mark.usefixtures("x64")
X = np.array([1.3, -0.4])

TWO = """model Two {
  param w : real
  param a : real
  param b : real
  latent y : bit  ~ Bernoulli(0.3)
  latent z : real ~ Normal(y, 1)
  data   x : real ~ Normal(w * z + y, 1)
  guide { y ~ Bernoulli(logits = a * x); z ~ Normal(b * x + y, 0.7) }
}"""


def gradients(lowered, params, n, **settings):
    """The gradient of the loss on X for n keys, [n] by parameter."""
    loss = implementation("objective", "elbo")(lowered, **settings).players[0].loss
    grad = jax.grad(lambda p, key: loss(p, {}, arrays(x=X), key)[0])
    keys = jax.random.split(jax.random.key(1), n)
    return jax.jit(jax.vmap(grad, in_axes=(None, 0)))(params, keys)


def agree(found, truth):
    return all(within(found[name], np.asarray(truth[name])) for name in truth)


def gaussian(x, loc, scale):
    return -0.5 * ((x - loc) / scale) ** 2 - jnp.log(scale) - 0.5 * np.log(2 * np.pi)


def linear_elbo(p):
    """E_q log N(x; wz, 1) − KL(N(ax, s²) ‖ N(0, 1)), averaged over X."""
    mean, s = p["a"] * X, jnp.exp(p["r"])
    fit = gaussian(X, p["w"] * mean, 1.0) - 0.5 * p["w"] ** 2 * s**2
    return jnp.mean(fit - 0.5 * (mean**2 + s**2 - 1 - 2 * jnp.log(s)))


def bernoulli(z, logits):
    return z * jax.nn.log_sigmoid(logits) + (1 - z) * jax.nn.log_sigmoid(-logits)


def coin_elbo(p):
    total = 0.0
    for z in (0.0, 1.0):
        log_q = bernoulli(z, p["a"] * X)
        log_p = bernoulli(z, p["p"]) + gaussian(X, p["w"] * z, 1.0)
        total = total + jnp.exp(log_q) * (log_p - log_q)
    return jnp.mean(total)


def two_elbo(p):
    """The bit summed, the Gaussian by quadrature (the integrand is quadratic: exact)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(10)
    weights = weights / weights.sum()
    total = 0.0
    for y in (0.0, 1.0):
        log_q = bernoulli(y, p["a"] * X)[:, None]
        mean = (p["b"] * X + y)[:, None]
        z = mean + 0.7 * nodes[None, :]
        log_p = np.log(0.3 if y else 0.7) + gaussian(z, y, 1.0)
        log_p = log_p + gaussian(X[:, None], p["w"] * z + y, 1.0)
        each = log_p - log_q - gaussian(z, mean, 0.7)
        total = total + jnp.exp(log_q[:, 0]) * (each @ weights)
    return jnp.mean(total)


LINEAR_AT = partial(arrays, w=0.8, a=0.1, r=-0.3)
COIN_AT = partial(arrays, p=-0.4, w=1.5, a=0.3)
TWO_AT = partial(arrays, w=0.8, a=0.3, b=-0.2)


def test_pathwise_gradient_is_unbiased():
    truth = jax.grad(lambda p: -linear_elbo(p))(LINEAR_AT())
    assert agree(gradients(model(LINEAR), LINEAR_AT(), 4000), truth)


def test_several_samples_estimate_the_same():
    truth = jax.grad(lambda p: -linear_elbo(p))(LINEAR_AT())
    assert agree(gradients(model(LINEAR), LINEAR_AT(), 1000, samples=5), truth)


def test_beta_weighs_the_kl():
    def weighed(p):
        mean, s = p["a"] * X, jnp.exp(p["r"])
        fit = gaussian(X, p["w"] * mean, 1.0) - 0.5 * p["w"] ** 2 * s**2
        return jnp.mean(fit - 0.2 * 0.5 * (mean**2 + s**2 - 1 - 2 * jnp.log(s)))

    truth = jax.grad(lambda p: -weighed(p))(LINEAR_AT())
    found = gradients(model(LINEAR), LINEAR_AT(), 4000, beta=0.2)
    assert agree(found, truth)
    assert not agree(found, jax.grad(lambda p: -linear_elbo(p))(LINEAR_AT()))
    objective = implementation("objective", "elbo")(model(LINEAR), beta=0.2)
    assert objective.quantity.endswith("not a bound")


def test_enumeration_is_exact():
    lowered = model(COIN, gradients={"z": "enumerate"})
    loss = implementation("objective", "elbo")(lowered).players[0].loss
    run = jax.value_and_grad(lambda p: loss(p, {}, arrays(x=X), jax.random.key(0))[0])
    value, slopes = run(COIN_AT())
    truth, expected = jax.value_and_grad(lambda p: -coin_elbo(p))(COIN_AT())
    assert float(value) == pytest.approx(float(truth))
    assert all(np.allclose(slopes[name], expected[name]) for name in expected)


def test_reinforce_is_unbiased():
    truth = jax.grad(lambda p: -coin_elbo(p))(COIN_AT())
    lowered = model(COIN, gradients={"z": "reinforce"})
    assert agree(gradients(lowered, COIN_AT(), 8000), truth)
    assert agree(gradients(lowered, COIN_AT(), 8000, samples=1), truth)
    # The twin: a bit is no function of the guide's parameters that gradients pass through.
    assert not agree(gradients(model(COIN, gradients={"z": "pathwise"}), COIN_AT(), 8000), truth)


@pytest.mark.parametrize("estimator", ["enumerate", "reinforce"])
def test_estimators_mix(estimator):
    truth = jax.grad(lambda p: -two_elbo(p))(TWO_AT())
    lowered = model(TWO, gradients={"y": estimator, "z": "pathwise"})
    assert agree(gradients(lowered, TWO_AT(), 4000), truth)
    wrong = model(TWO, gradients={"y": "pathwise", "z": "pathwise"})
    assert not agree(gradients(wrong, TWO_AT(), 4000), truth)


def test_without_bounded_latents_it_is_the_likelihood():
    exact = model("model M { param m : real\n data x : real ~ Normal(m, 1) }")
    objective = implementation("objective", "elbo")(exact)
    assert "exact" in objective.quantity
    value, _ = objective.players[0].loss(arrays(m=0.0), {}, arrays(x=X), jax.random.key(0))
    assert float(value) == pytest.approx(float(-jnp.mean(gaussian(X, 0.0, 1.0))))


FIRST, THEN = "z ~ Normal(5 * x / 6, sqrt(5 / 6))", "y ~ Normal(2 * z / 5, sqrt(1 / 5))"


@pytest.mark.parametrize(
    ("y", "guide"),
    [
        ("data y : real? ~ Normal(0, 1)", f"{FIRST}; {THEN}"),
        ("latent y : real ~ Normal(0, 1)", f"{FIRST}; {THEN}"),
        ("latent y : real ~ Normal(0, 1)", f"{THEN}; {FIRST}"),
    ],
)
def test_what_is_drawn_after_a_latent_whose_prior_reads_it(y, guide):
    """With the exact posterior for a guide the bound is log p(x); with a divergence for z, not."""
    lowered = model(f"""model M {{
  param b : real
  {y}
  latent z : real ~ Normal(2 * y, 1)
  data   x : real ~ Normal(z + b, 1)
  guide {{ {guide} }}
}}""")
    loss = implementation("objective", "elbo")(lowered).players[0].loss
    seen = {"x": X, "y": np.full(2, np.nan)} if y.startswith("data") else {"x": X}
    truth = -float(np.mean(gaussian(X, 0.0, np.sqrt(6.0))))
    keys = jax.random.split(jax.random.key(0), 4000)
    found = jax.vmap(lambda key: loss(arrays(b=0.0), {}, arrays(**seen), key)[0])(keys)
    assert np.mean(found) == pytest.approx(truth, abs=0.05)  # a divergence is off by 0.4
