from __future__ import annotations

from functools import partial
from importlib import import_module
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from dgmlang.objectives.bound import log_weight
from dgmlang.registry import implementation
from tests.objectives.models import COIN, ERRORS, LINEAR, arrays, model, within
from tests.objectives.test_elbo import bernoulli, gaussian

module = import_module("dgmlang.objectives.iwae")  # as an attribute it is the constructor
pytestmark = pytest.mark.usefixtures("x64")
X = np.array([1.3])
AT = partial(arrays, w=0.8, a=0.1, r=-0.3)
K = 5


def doubly(lowered, params, n):
    """The objective's gradient for n keys."""
    loss = implementation("objective", "iwae")(lowered, k=K).players[0].loss
    grad = jax.grad(lambda p, key: loss(p, {}, arrays(x=X), key)[0])
    return jax.vmap(grad, in_axes=(None, 0))(params, jax.random.split(jax.random.key(1), n))


def plainly(lowered, params, n):
    """The gradient of the bound through the draws alone, nothing stopped."""

    def loss(p, key):
        def weigh(key):
            latents, _ = lowered.guide_draw(p, key, arrays(x=X[0]))
            return log_weight(lowered, p, {**arrays(x=X[0]), **latents}, p)

        return -module.log_mean_exp(jax.vmap(weigh)(jax.random.split(key, K)))

    keys = jax.random.split(jax.random.key(2), n)
    return jax.vmap(jax.grad(loss), in_axes=(None, 0))(params, keys)


def same_mean(one, other):
    """Whether two sets of independent estimates have the same mean, parameter by parameter."""
    for name in one:
        a, b = np.asarray(one[name]), np.asarray(other[name])
        error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        if abs(a.mean() - b.mean()) > ERRORS * error:
            return False
    return True


def test_doubly_reparameterised_gradient_is_that_of_the_bound(monkeypatch):
    lowered = model(LINEAR)
    truth = plainly(lowered, AT(), 40_000)
    assert same_mean(doubly(lowered, AT(), 20_000), truth)
    # The twin: particles weighted once, the guide's own parameters still stopped.
    monkeypatch.setattr(module, "weight_twice", lambda latents, zeros: (latents, zeros))
    assert not same_mean(doubly(lowered, AT(), 20_000), truth)


def test_its_variance_is_less():
    lowered = model(LINEAR)
    for name in ("a", "r"):
        assert np.var(doubly(lowered, AT(), 2000)[name]) < np.var(
            plainly(lowered, AT(), 2000)[name]
        )


def test_at_the_posterior_the_guide_has_no_gradient():
    w = 0.8
    exact = arrays(w=w, a=w / (1 + w**2), r=-0.5 * np.log(1 + w**2))
    found = doubly(model(LINEAR), exact, 10)
    assert np.allclose(found["a"], 0.0, atol=1e-12)
    assert np.allclose(found["r"], 0.0, atol=1e-12)


def test_bounds_are_ordered_below_the_truth():
    bounds = {}
    for k in (1, 10):
        validate = implementation("objective", "iwae")(model(LINEAR), k=k).validate
        keys = jax.random.split(jax.random.key(3), 4000)
        each = jax.vmap(lambda key, v=validate: -v(AT(), arrays(x=X), key)[0])(keys)
        bounds[k] = float(each.mean()), ERRORS * float(each.std() / np.sqrt(4000))
    truth = norm.logpdf(X[0], 0, np.sqrt(1 + 0.8**2))
    assert bounds[1][0] + bounds[1][1] < bounds[10][0] - bounds[10][1]
    assert bounds[10][0] + bounds[10][1] < truth


def test_the_bound_is_tight_at_the_posterior():
    w = 0.8
    exact = arrays(w=w, a=w / (1 + w**2), r=-0.5 * np.log(1 + w**2))
    objective = implementation("objective", "iwae")(model(LINEAR), k=3)
    found = -objective.validate(exact, arrays(x=X), jax.random.key(0))
    assert np.allclose(found, norm.logpdf(X, 0, np.sqrt(1 + w**2)))


def coin_bound(p, k):
    """E log (1/k) Σ w over all k-tuples of bits."""
    total = 0.0
    for states in product((0.0, 1.0), repeat=k):
        z = jnp.asarray(states)
        log_q = bernoulli(z, p["a"] * X[0])
        log_p = bernoulli(z, p["p"]) + gaussian(X[0], p["w"] * z, 1.0)
        total = total + jnp.exp(jnp.sum(log_q)) * module.log_mean_exp(log_p - log_q)
    return total


def test_vimco_is_unbiased():
    params = arrays(p=-0.4, w=1.5, a=0.3)
    truth = jax.grad(lambda p: -coin_bound(p, K))(params)
    found = doubly(model(COIN, gradients={"z": "reinforce"}), params, 20_000)
    assert all(within(found[name], np.asarray(truth[name])) for name in truth)
    wrong = doubly(model(COIN, gradients={"z": "pathwise"}), params, 20_000)
    assert not within(wrong["a"], np.asarray(truth["a"]))
