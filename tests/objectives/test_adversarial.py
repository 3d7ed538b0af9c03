from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.diagnostics.render import render
from dgmlang.objectives.adversary import diversity
from dgmlang.objectives.gan import LOSSES, critic_loss
from dgmlang.objectives.wgan import held
from dgmlang.registry import implementation
from tests.objectives.models import ERRORS, arrays, example, model, within

pytestmark = pytest.mark.usefixtures("x64")
GOLDEN = Path(__file__).parents[1] / "golden" / "training"
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


def sigmoid(c):
    return 1 / (1 + np.exp(-c))


# d loss/d shift at a draw whose critic value is c; the draw moves with the shift, and c against it.
SLOPES = {
    "nonsaturating": lambda c: 1 - sigmoid(c),
    "minimax": sigmoid,
    "least_squares": lambda c: 1 - c,
    "hinge": np.ones_like,
}


@pytest.mark.parametrize("loss", SLOPES)
def test_the_model_is_trained_on_its_draws(loss):
    assert set(SLOPES) == set(LOSSES)
    objective = implementation("objective", "gan")(model(SHIFT), loss=loss)
    player = objective.players[1]

    def slope(key):
        def loss_at(shift):
            batch = arrays(x=np.zeros((20, 1)))
            return player.loss(shifted(-1.0, 0.5, shift), {}, batch, key)[0]

        return jax.grad(loss_at)(1.0)

    found = np.asarray(jax.vmap(slope)(jax.random.split(jax.random.key(0), 2000)))
    critic = 0.5 - norm.ppf((np.arange(20_000) + 0.5) / 20_000, 1)
    for name, of in SLOPES.items():
        agrees = within(found, np.mean(of(critic))) or np.allclose(found, np.mean(of(critic)))
        assert agrees == (name == loss)


RATIO = np.linspace(-12, 13, 20_001)
"""Places on the line at which both densities are summed."""


def expected(of, density):
    """The mean of a function of the critic's values under a density, by quadrature."""
    return float(np.sum(np.asarray(of) * density) * (RATIO[1] - RATIO[0]))


@pytest.mark.parametrize("name", ["least_squares", "hinge"])
def test_the_best_critic_of_the_other_losses(name):
    """(p − q)/(p + q), which loses 2 ∫ p q/(p + q); the sign of p − q, which loses 2 (1 − TV)."""
    p, q = norm.pdf(RATIO), norm.pdf(RATIO, 1)
    best = (p - q) / (p + q) if name == "least_squares" else np.sign(p - q)

    def loss(critic):
        """The mean loss of single data under p and of single draws under q."""
        each = jax.vmap(LOSSES[name].critic)
        none = jnp.full((len(RATIO), 1), {"least_squares": 1.0, "hinge": 2.0}[name])
        values = jnp.asarray(critic)[:, None]
        return expected(each(values, -none), p) + expected(each(none, values), q)

    truth = 2 * expected(p / (p + q), q) if name == "least_squares" else 2 * (1 - 0.38292492)
    assert loss(best) == pytest.approx(truth, abs=1e-6)
    for worse in (0.9 * best, best + 0.1, np.zeros_like(best)):
        assert loss(worse) > truth + 1e-3


DISJOINT = """model Disjoint {
  param shift : real
  latent z : unit[1] ~ Uniform()
  data   x : real[1] = z + shift
  critic(x) = x
}"""
"""Data on (0, 1) and draws on (shift, shift + 1)."""


def test_supports_that_do_not_meet():
    """The divergence is ln 2 wherever the draws lie, without a slope; W₁ is the shift itself."""
    data = np.random.default_rng(0).uniform(size=(N, 1))
    steep, plain = 60.0, 1.0
    for shift in (2.0, 3.0, 5.0):
        divergence, flat = at_shift("fgan", steep, 1.5 * steep, shift, data, penalty=0.0)
        assert float(divergence["divergence"]) == pytest.approx(np.log(2), abs=1e-6)
        assert abs(flat) < 1e-6
        distance, slope = at_shift("wgan", plain, 0.0, shift, data)
        assert abs(float(distance["distance"]) - shift) < ERRORS * np.sqrt(2 / 12 / N)
        assert slope == pytest.approx(1.0)


def at_shift(name, kernel, bias, shift, data, **settings):
    """The critic's metrics, and the slope of the model's loss along the shift."""
    objective = implementation("objective", name)(model(DISJOINT), **settings)
    key, batch = jax.random.key(0), arrays(x=data)

    def loss(player, shift):
        params = shifted(-kernel, bias, shift)
        return objective.players[player].loss(params, {}, batch, key)

    metrics = jax.jit(lambda: loss(0, shift)[1][1])()
    return metrics, float(jax.jit(jax.grad(lambda shift: loss(1, shift)[0]))(shift))


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


def test_the_spread_of_draws_is_measured():
    """√ of the ratio of total variances, whatever is shared by all; draws of one place have 0."""
    lowered = model(SHIFT)
    x = np.random.default_rng(0).normal(size=(50, 1))
    for draws, truth in ((3 * x + 7, 3), (0 * x, 1e-6), (x[::-1], 1)):
        found = float(diversity(lowered, arrays(x=x), arrays(x=draws)))
        assert found == pytest.approx(truth, abs=1e-5)


def test_held_weights_never_go_further_out():
    weights = jnp.asarray([0.3, 2.0, 2.0, -2.0, -2.0])
    slopes = jnp.asarray([1.0, 1.0, -1.0, 1.0, -1.0])
    found = jax.grad(lambda w: jnp.vdot(held(w, 0.5), slopes))(weights)
    assert np.allclose(found, [1.0, 1.0, 0.0, 0.0, -1.0])
    assert np.allclose(held(weights, 0.5), [0.3, 0.5, 0.5, -0.5, -0.5])


STUCK = """model Stuck {
  param s : positive from 0.01
  latent z : real[1] ~ Normal(0, 1)
  data   x : real[1] = s * z
}"""


def test_a_collapse_is_said_in_one_line(golden):
    """Draws of a hundredth of the data's width; of two thirds nothing is said."""
    said = []
    settings = {"objective": "gan", "steps": 2, "notes": said.append}
    model = dgm.parse(STUCK)
    fit = model.fit(normals(200), **settings)
    assert fit.history[-1].values["critic.diversity"] == pytest.approx(0.01, rel=0.2)
    golden(GOLDEN / "collapsed.txt", f"{render(said[0])}\n")
    model.fit(normals(200), init={"s": 0.7}, **settings)
    assert len(said) == 1


def test_a_flow_under_gan_keeps_its_density():
    """Flow-GAN: `log_prob` is exact however the flow was trained, so it integrates to one."""
    flow = dgm.parse("""model Flow {
  latent z : real[2] ~ Normal(0, 1)
  data   x : real[2] = z |> repeat(2) { coupling(mlp([8])) |> reverse }
}""")
    data = np.random.default_rng(0).normal(1, 0.5, size=(200, 2))
    fit = flow.fit(data, objective="gan", steps=100, optimizer="adam(learning_rate = 0.01)")
    places = np.linspace(-8, 8, 161)
    grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    found = fit.log_prob(grid)
    assert found.kind == "exact"
    density = np.exp(np.asarray(found.value, float)) * (places[1] - places[0]) ** 2
    assert density.sum() == pytest.approx(1, abs=1e-3)
    mean = density @ grid
    draws = np.asarray(fit.sample(4000, seed=1))
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - mean) < ERRORS * error)
    assert np.all(np.abs(mean) > 20 * error), "training moved the flow"
