from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.objectives.contrast import contrast
from dgmlang.registry import implementation
from tests.objectives.models import QUADRATIC, RBM, arrays, bits, model, rbm_params, within

pytestmark = pytest.mark.usefixtures("x64")
DATA = bits(4)[[1, 6, 15, 8]]


def likelihood_gradient(rbm, params):
    mle = implementation("objective", "mle")(rbm).players[0].loss
    return jax.grad(lambda p: mle(p, {}, arrays(v=DATA), jax.random.key(0))[0])(params)


def contrastive_gradients(rbm, params, k, n):
    loss = implementation("objective", "cd")(rbm, k=k).players[0].loss
    grad = jax.grad(lambda p, key: loss(p, {}, arrays(v=DATA), key)[0])
    keys = jax.random.split(jax.random.key(1), n)
    return jax.jit(jax.vmap(grad, in_axes=(None, 0)))(params, keys)


def test_long_chains_give_the_likelihood_gradient():
    rbm, params = model(RBM), rbm_params()
    truth = likelihood_gradient(rbm, params)
    long = contrastive_gradients(rbm, params, 50, 2000)
    assert all(within(long[name], np.asarray(truth[name])) for name in truth)
    # The twin: one sweep from the data is biased, which is what CD-1 is.
    short = contrastive_gradients(rbm, params, 1, 2000)
    assert not all(within(short[name], np.asarray(truth[name])) for name in truth)


def test_contrast_has_no_gradient_through_states():
    def energy(params, batch):
        return params["a"] * batch["x"] ** 2

    def loss(a):
        states = jax.lax.stop_gradient({"x": a * jnp.ones(3)})
        above = energy({"a": a}, states), states
        return contrast(energy, {"a": a}, above, {"x": a * jnp.zeros(3)}, 0.0)[0]

    assert float(jax.grad(loss)(2.0)) == pytest.approx(4.0)


def test_persistent_chains_reach_the_model():
    rbm, params = model(RBM), rbm_params()
    objective = implementation("objective", "pcd")(rbm, k=1, chains=4000)
    state = objective.start(jax.random.key(0), params, arrays(v=DATA))
    assert state["chains"]["v"].shape == (4000, 4)
    step = jax.jit(lambda s, key: objective.players[0].loss(params, s, arrays(v=DATA), key)[1][0])
    counts = []
    for i in range(60):
        counts.append(np.asarray(state["chains"]["v"]))
        state = step(state, jax.random.key(i))
    each = implementation("objective", "mle")(rbm).validate
    law = np.exp(-np.asarray(each(params, arrays(v=bits(4)), jax.random.key(0))))
    codes = 2 ** np.arange(4)
    seen = (counts[-1] @ codes)[:, None] == (bits(4) @ codes)[None, :]
    assert within(seen, law)
    # The twin: where they started.
    assert not within((counts[1] @ codes)[:, None] == (bits(4) @ codes)[None, :], law)


def test_langevin_chains_fit_a_gaussian():
    """Descent ends where the chains' variance is the data's, up to the step's bias of ε/4."""
    objective = implementation("objective", "pcd")(
        model(QUADRATIC), k=20, chains=500, step=0.1, l2=0.0
    )
    rng = np.random.default_rng(0)
    data = arrays(x=np.sqrt(0.5) * rng.standard_normal(2000))
    loss = objective.players[0].loss
    state = objective.start(jax.random.key(0), arrays(a=0.0), data)

    def step(carry, key):
        params, state = carry
        slopes, (state, _) = jax.grad(loss, has_aux=True)(params, state, data, key)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, slopes)
        return (params, state), params["a"]

    keys = jax.random.split(jax.random.key(5), 300)
    _, path = jax.lax.scan(step, (arrays(a=0.0), state), keys)
    fitted = float(jnp.exp(-jnp.mean(path[150:])))
    assert fitted == pytest.approx(float(jnp.mean(data["x"] ** 2)), rel=0.06)


def test_the_penalty_is_on_squared_energies():
    def energy(params, batch):
        return params["a"] * batch["x"]

    above, below = {"x": jnp.asarray([1.0, 3.0])}, {"x": jnp.asarray([2.0])}
    params = {"a": jnp.asarray(1.0)}
    value, metrics = contrast(energy, params, (energy(params, above), above), below, 0.5)
    assert float(metrics["energy_gap"]) == 0.0
    assert float(value) == pytest.approx(0.5 * (5.0 + 4.0))


def test_no_held_out_number_is_offered():
    for name in ("cd", "pcd"):
        objective = implementation("objective", name)(model(RBM))
        assert objective.validate is None
        assert "not a likelihood" in objective.quantity


def test_latents_that_no_rule_removes_get_chains():
    dbm = model("""model DBM {
      param W : real[3, 2]
      param U : real[2, 2]
      data v : bit[3]
      latent h : bit[2]
      latent g : bit[2]
      energy -(v @ W @ h) - (h @ U @ g)
    }""")
    assert dbm.facts.bounded
    rng = np.random.default_rng(1)
    params = arrays(W=rng.normal(size=(3, 2)), U=rng.normal(size=(2, 2)))
    data = bits(3)[[1, 6]]
    loss = implementation("objective", "cd")(dbm, k=40).players[0].loss
    grad = jax.jit(
        jax.vmap(jax.grad(lambda p, key: loss(p, {}, arrays(v=data), key)[0]), in_axes=(None, 0))
    )
    found = grad(params, jax.random.split(jax.random.key(2), 3000))

    def log_weight(p, v):
        h, g = bits(2), bits(2)
        table = (v @ p["W"] @ h.T)[:, None] + h @ p["U"] @ g.T
        return jax.nn.logsumexp(table)

    def nll(p):
        log_z = jax.nn.logsumexp(jax.vmap(lambda v: log_weight(p, v))(bits(3)))
        return log_z - jnp.mean(jax.vmap(lambda v: log_weight(p, v))(data))

    truth = jax.grad(nll)(params)
    assert all(within(found[name], np.asarray(truth[name])) for name in truth)
