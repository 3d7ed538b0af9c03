from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.gan import critic_loss
from dgmlang.objectives.wgan import held
from dgmlang.registry import implementation
from tests.objectives.models import ERRORS, arrays, example, model, within

pytestmark = pytest.mark.usefixtures("x64")
JENSEN_SHANNON = 1.1634513968
N = 100_000

# Draws are N(shift, 1); with a head of kernel −1 and bias ½ the critic is log N(x; 0)/N(x; 1).
SHIFT = """model Shift {
  param shift : real
  latent z : real[1] ~ Normal(0, 1)
  data   x : real[1] = z + shift
  critic(x) = x
}"""


def shifted(kernel, bias, shift=1.0):
    critic = {"head": {"kernel": jnp.asarray([[kernel]]), "bias": jnp.asarray([bias])}}
    return {**arrays(shift=shift), "critic": critic}


def losses(name, lowered, params, data, seed=0, **settings):
    objective = implementation("objective", name)(lowered, **settings)
    return [p.loss(params, {}, arrays(x=data), jax.random.key(seed)) for p in objective.players]


def normals(n=N, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 1))


def test_the_critic_sees_the_log_ratio():
    lowered = model(SHIFT)
    shapes = jax.tree.map(jnp.shape, lowered.init(0, None)["critic"])
    assert shapes == jax.tree.map(jnp.shape, shifted(-1.0, 0.5)["critic"])
    found = lowered.critic(shifted(-1.0, 0.5), arrays(x=[0.3]))
    assert float(found) == pytest.approx(0.2)


def test_the_best_critic_reaches_the_divergence():
    grid = (np.arange(400_000) + 0.5) / 400_000
    real, fake = norm.ppf(grid), norm.ppf(grid, 1)
    found = critic_loss(jnp.asarray(0.5 - real), jnp.asarray(0.5 - fake))
    assert float(found) == pytest.approx(JENSEN_SHANNON, abs=1e-6)


def test_the_objective_computes_that_loss():
    (value, _), _ = losses("gan", model(SHIFT), shifted(-1.0, 0.5), normals(), penalty=0.0)
    error = ERRORS * 1.5 / np.sqrt(N)
    assert abs(float(value) - JENSEN_SHANNON) < error
    (worse, _), _ = losses("gan", model(SHIFT), shifted(-0.2, 0.5), normals(), penalty=0.0)
    assert float(worse) > JENSEN_SHANNON + error


@pytest.mark.parametrize("loss", ["nonsaturating", "minimax"])
def test_the_model_is_trained_on_its_draws(loss):
    objective = implementation("objective", "gan")(model(SHIFT), loss=loss)
    player = objective.players[1]

    def slope(key):
        def loss_at(shift):
            batch = arrays(x=np.zeros((20, 1)))
            return player.loss(shifted(-1.0, 0.5, shift), {}, batch, key)[0]

        return jax.grad(loss_at)(1.0)

    found = jax.vmap(slope)(jax.random.split(jax.random.key(0), 2000))
    x = norm.ppf((np.arange(20_000) + 0.5) / 20_000, 1)
    sigmoid = 1 / (1 + np.exp(-(0.5 - x)))
    truth = np.mean(1 - sigmoid) if loss == "nonsaturating" else np.mean(sigmoid)
    assert within(np.asarray(found), truth)
    other = np.mean(sigmoid) if loss == "nonsaturating" else np.mean(1 - sigmoid)
    assert not within(np.asarray(found), other)


def test_an_unknown_loss_is_named():
    with pytest.raises(DgmError) as refused:
        implementation("objective", "gan")(model(SHIFT), loss="non_saturating")
    assert refused.value.diagnostics[0].help == "write `nonsaturating`"


@pytest.mark.parametrize("name", ["gan", "wgan"])
def test_each_side_moves_its_own_parameters(name):
    lowered = example("gan")
    critic, generator = implementation("objective", name)(lowered).players
    assert [n for n in lowered.names if critic.owns(n)] == ["critic"]
    assert [n for n in lowered.names if generator.owns(n)] == ["G"]


def test_the_penalty_is_on_slopes_at_data_and_draws():
    """The critic ½ − 2x has slope −2 everywhere, so the penalty is ½ · 0.1 · (4 + 4)."""
    plain, full = (
        losses("gan", model(SHIFT), shifted(-2.0, 0.5), normals(100), penalty=penalty)[0][0]
        for penalty in (0.0, 0.1)
    )
    assert float(full - plain) == pytest.approx(0.4)


def test_a_net_of_the_critic_is_the_critics():
    lowered = model(
        SHIFT.replace(
            "critic(x) = x", "net D(x: real[1]) -> real = x |> mlp([4])\n critic(x) = D(x)"
        )
    )
    critic, generator = implementation("objective", "gan")(lowered).players
    assert {n for n in lowered.names if critic.owns(n)} == {"D", "critic"} & set(lowered.names)
    assert [n for n in lowered.names if generator.owns(n)] == ["shift"]


def test_wasserstein_distance_of_a_shift():
    (value, (_, metrics)), (model_value, _) = losses(
        "wgan", model(SHIFT), shifted(-1.0, 0.0), normals()
    )
    error = ERRORS * 2 / np.sqrt(N)
    assert abs(float(metrics["distance"]) - 1.0) < error
    assert float(metrics["gradient_norm"]) == pytest.approx(1.0)
    assert float(value) == pytest.approx(-float(metrics["distance"]))
    assert abs(float(model_value) - 1.0) < error


def test_the_penalty_is_on_the_slope():
    (value, (_, metrics)), _ = losses(
        "wgan", model(SHIFT), shifted(-2.0, 0.0), normals(), penalty=3.0
    )
    assert float(value) == pytest.approx(3.0 - float(metrics["distance"]))
    (clipped, (_, metrics)), _ = losses(
        "wgan", model(SHIFT), shifted(-2.0, 0.0), normals(), clip=0.5
    )
    assert float(metrics["gradient_norm"]) == pytest.approx(0.5)
    assert float(clipped) == pytest.approx(-float(metrics["distance"]))


def test_held_weights_never_go_further_out():
    weights = jnp.asarray([0.3, 2.0, 2.0, -2.0, -2.0])
    slopes = jnp.asarray([1.0, 1.0, -1.0, 1.0, -1.0])
    found = jax.grad(lambda w: jnp.vdot(held(w, 0.5), slopes))(weights)
    assert np.allclose(found, [1.0, 1.0, 0.0, 0.0, -1.0])
    assert np.allclose(held(weights, 0.5), [0.3, 0.5, 0.5, -0.5, -0.5])
