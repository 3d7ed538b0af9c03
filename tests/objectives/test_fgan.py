"""`fgan`: conjugate pairs, the divergence that the best critic reaches, and a trained critic."""

from __future__ import annotations

from math import e

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import norm

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.adversary import Critic, fakes
from dgmlang.objectives.fgan import DIVERGENCES
from dgmlang.registry import implementation
from tests.objectives.models import arrays, model
from tests.objectives.test_adversarial import RATIO, SHIFT, expected, normals, shifted

pytestmark = pytest.mark.usefixtures("x64")
P, Q = norm.pdf(RATIO), norm.pdf(RATIO, 1)
LOG_RATIO = 0.5 - RATIO
NAMES = tuple(DIVERGENCES)

# f, f* and the domain of f*, as the papers have them.
GENERATORS = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "js": lambda u: 0.5 * (u * np.log(u) - (1 + u) * np.log((1 + u) / 2)),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (1 - u) ** 2 / u,
    "hellinger": lambda u: 1 - np.sqrt(u),
    "total_variation": lambda u: 0.5 * np.abs(u - 1),
}
CONJUGATES = {
    "kl": lambda t: np.exp(t - 1),
    "reverse_kl": lambda t: -1 - np.log(-t),
    "js": lambda t: -0.5 * np.log(2 - np.exp(2 * t)),
    "pearson": lambda t: t**2 / 4 + t,
    "neyman": lambda t: 2 - 2 * np.sqrt(1 - t),
    "hellinger": lambda t: -1 - 1 / (4 * t),
    "total_variation": lambda t: np.where(np.abs(t) <= 0.5, t, np.inf),
}
BEST = {
    "kl": np.log,
    "reverse_kl": np.log,
    "js": np.log,
    "pearson": lambda u: 2 * (u - 1),
    "neyman": lambda u: 2 * np.log(u),
    "hellinger": lambda u: 0.5 * np.log(u),
    "total_variation": lambda u: 40 * np.sign(u - 1),
}
"""The critic's value at which g(v) = f′(u)."""

TRUTH = {
    "kl": 0.5,
    "reverse_kl": 0.5,
    "js": 0.1114214822,
    "pearson": e - 1,
    "neyman": e - 1,
    "hellinger": 0.1175030974,
    "total_variation": 0.38292492,
}
"""Between N(0, 1) and N(1, 1)."""


def gap(name, u, v):
    """f(u) + f*(t) − u t at t = g(v), never negative by Fenchel's inequality."""
    activation, conjugate = DIVERGENCES[name]
    return GENERATORS[name](u) + np.asarray(conjugate(v)) - u * np.asarray(activation(v))


@pytest.mark.parametrize("name", NAMES)
def test_conjugate_pairs(name):
    u = np.geomspace(0.02, 50, 60)[:, None]
    v = jnp.linspace(-6, 6, 121)
    assert gap(name, u, v).min() > -1e-9
    best = jnp.asarray(BEST[name](u))
    assert np.allclose(gap(name, u, best), 0, atol=1e-9)
    far = np.abs(np.log(u)) > 0.5
    assert gap(name, u, jnp.asarray(BEST[name](1 / u)))[far].min() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_activations_stay_in_the_domain_and_begin_alike(name):
    activation, conjugate = DIVERGENCES[name]
    v = jnp.linspace(-5, 5, 101)
    t = np.asarray(activation(v))
    assert np.allclose(conjugate(v), CONJUGATES[name](t), atol=1e-9)
    assert np.all(np.diff(t) > 0)
    alike = float(activation(jnp.zeros(()))) - float(conjugate(jnp.zeros(())))
    assert alike == pytest.approx(0, abs=1e-12)
    single = jnp.asarray([-80.0, 80.0], jnp.float32)
    assert np.all(np.isfinite(activation(single))), "a critic in float32 may go far"
    assert np.all(np.isfinite(conjugate(single)))


def bound(name, v):
    """What a critic [places] reaches, by quadrature."""
    activation, conjugate = DIVERGENCES[name]
    return expected(activation(v), P) - expected(conjugate(v), Q)


@pytest.mark.parametrize("name", NAMES)
def test_the_best_critic_reaches_the_divergence(name):
    best = jnp.asarray(BEST[name](np.exp(LOG_RATIO)))
    assert bound(name, best) == pytest.approx(TRUTH[name], abs=1e-6)
    for worse in (0.5 * best, best + 0.5, -best):
        if name != "total_variation" or worse[0] < 0:  # a large critic's sign says all there
            assert bound(name, worse) < 0.99 * TRUTH[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_objective_computes_that_bound(name):
    lowered = model(SHIFT)
    objective = implementation("objective", "fgan")(lowered, divergence=name, penalty=0.0)
    params, batch, key = shifted(-0.8, 0.3), arrays(x=normals(50)), jax.random.key(0)
    (value, (_, metrics)), (own, _) = (
        player.loss(params, {}, batch, key) for player in objective.players
    )
    drawn = np.asarray(fakes(lowered, params, key, batch)["x"])
    real, fake = (jnp.asarray(0.3 - 0.8 * x) for x in (normals(50), drawn))
    activation, conjugate = DIVERGENCES[name]
    found = float(jnp.mean(activation(real)) - jnp.mean(conjugate(fake)))
    assert float(metrics["divergence"]) == pytest.approx(found)
    assert float(value) == pytest.approx(-found)
    assert float(own) == pytest.approx(-float(jnp.mean(conjugate(fake))))


def test_the_penalty_is_that_of_gan():
    plain, full = (
        implementation("objective", "fgan")(model(SHIFT), penalty=penalty)
        .players[0]
        .loss(shifted(-2.0, 0.5), {}, arrays(x=normals(50)), jax.random.key(0))[0]
        for penalty in (0.0, 0.1)
    )
    assert float(full - plain) == pytest.approx(0.4)


def test_trained_critics_come_within_five_per_cent():
    """All seven at once: a network each, by Adam on the bound; expectations by quadrature."""
    lowered = model(SHIFT.replace("critic(x) = x", "critic(x) = x |> mlp([16])"))
    critic, optimizer = Critic(lowered), optax.adam(0.02)
    x, step = jnp.linspace(-6.0, 7.0, 200, retstep=True)
    p, q = (jnp.exp(-0.5 * (x - m) ** 2) / jnp.sqrt(2 * jnp.pi) * step for m in (0.0, 1.0))

    def bounds(params):
        v = critic(params, {"x": x[:, None]})
        return jnp.stack([p @ g(v) - q @ conjugate(v) for g, conjugate in DIVERGENCES.values()])

    def train(first, chosen):
        def move(carry, _):
            params, moments = carry
            slopes = jax.grad(lambda params: -bounds(params) @ chosen)(params)
            change, moments = optimizer.update(slopes, moments)
            return (optax.apply_updates(params, change), moments), None

        (last, _), _ = jax.lax.scan(move, (first, optimizer.init(first)), length=600)
        return bounds(last) @ chosen, bounds(first) @ chosen

    first = jax.tree.map(jnp.asarray, lowered.init(0, None))
    reached, begun = jax.jit(jax.vmap(train, in_axes=(None, 0)))(first, jnp.eye(len(NAMES)))
    for name, found, before in zip(NAMES, reached, begun, strict=True):
        assert 0.95 * TRUTH[name] < found < TRUTH[name] + 1e-4, name
        assert not 0.95 * TRUTH[name] < before


def test_an_unknown_divergence_is_named():
    with pytest.raises(DgmError) as refused:
        implementation("objective", "fgan")(model(SHIFT), divergence="reverse_KL")
    assert refused.value.diagnostics[0].help == "write `reverse_kl`"
