"""Directed programs against closed forms: VAE, mixture, autoregressive net, flow, implicit net."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax, softmax
from sklearn.mixture import GaussianMixture

from tests.lower.hand import argument, example, lowered, source
from tests.lower.statistics import frequencies_match, log_gaussian, mean_matches

pytestmark = pytest.mark.usefixtures("x64")


def perturbed(params, seed=7, size=0.5):
    """Parameters at no special point: heads of flows start at zero, where much is trivial."""
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(seed)
    return tree.unflatten([leaf + size * rng.standard_normal(leaf.shape) for leaf in leaves])


# ── VAE ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def vae():
    return lowered(example("vae"), side=4, hidden=(8,), latents=3, act="tanh")


def by_hand(params, z, x):
    """log p(z) + log p(x | z) of the VAE, written with SciPy."""
    decoder = jax.tree.map(np.asarray, params["decoder"])
    hidden = np.tanh(z @ decoder["mlp"]["0"]["kernel"] + decoder["mlp"]["0"]["bias"])
    logits = (hidden @ decoder["logits"]["kernel"] + decoder["logits"]["bias"]).reshape(4, 4)
    return stats.norm.logpdf(z).sum() + stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-logits))).sum()


def test_vae_joint_is_the_closed_form(vae):
    params = vae.init(0, None)
    rng = np.random.default_rng(1)
    z, x = rng.standard_normal(3), rng.integers(2, size=(4, 4)).astype(float)
    found = vae.log_joint(params, {"z": jnp.asarray(z), "x": jnp.asarray(x)})
    assert found == pytest.approx(by_hand(params, z, x), abs=1e-10)
    terms = vae.log_terms(params, {"z": jnp.asarray(z), "x": jnp.asarray(x)})
    assert terms["z"] == pytest.approx(stats.norm.logpdf(z).sum(), abs=1e-10)


def test_vae_guide_draws_what_its_density_says(vae):
    params = vae.init(0, None)
    x = jnp.asarray(np.random.default_rng(1).integers(2, size=(4, 4)).astype(float))
    keys = jax.random.split(jax.random.key(2), 4000)
    drawn, log_q = jax.jit(jax.vmap(lambda k: vae.guide_draw(params, k, {"x": x})))(keys)
    encoder = jax.tree.map(np.asarray, params["encoder"])
    hidden = np.tanh(np.asarray(x).reshape(-1) @ encoder["mlp"]["0"]["kernel"])
    loc = hidden @ encoder["loc"]["kernel"]
    scale = np.log1p(np.exp(hidden @ encoder["scale"]["kernel"])) + 1e-6
    z = np.asarray(drawn["z"])
    assert mean_matches(z, loc)
    assert not mean_matches(z, loc + 0.2 * scale)
    assert np.allclose(log_q, stats.norm.logpdf(z, loc, scale).sum(axis=1))


def test_vae_divergence_is_the_mean_of_the_terms_it_replaces(vae):
    params = vae.init(0, None)
    x = jnp.asarray(np.random.default_rng(1).integers(2, size=(4, 4)).astype(float))

    def difference(key):
        drawn, log_q = vae.guide_draw(params, key, {"x": x})
        return log_q - vae.log_terms(params, {"x": x, **drawn})["z"]

    draws = np.asarray(jax.jit(jax.vmap(difference))(jax.random.split(jax.random.key(3), 4000)))
    exact = float(vae.kl(params, {"x": x, "z": jnp.zeros(3)})["z"])
    assert mean_matches(draws, exact)
    assert not mean_matches(draws, exact + 0.3)


def test_draws_given_latents_keep_them(vae):
    params, z = vae.init(0, None), jnp.arange(3.0)
    drawn = vae.draw(params, jax.random.key(0), {"z": z})
    assert jnp.array_equal(drawn["z"], z)
    assert drawn["x"].shape == (4, 4)
    assert set(np.unique(drawn["x"])) <= {0.0, 1.0}


def test_a_site_keeps_its_draws_when_others_come(vae):
    params = vae.init(0, None)
    alone = lowered(
        "model M { latent z : real[3] ~ Normal(0, 1)\n data x : real[3] ~ Normal(z, 1) }"
    )
    key = jax.random.key(5)
    assert jnp.array_equal(vae.draw(params, key, {})["z"], alone.draw({}, key, {})["z"])


# ── mixture of Gaussians ─────────────────────────────────────────────────────────────────────────


def eruptions():
    """Made data of the shape of Old Faithful's: two clouds of unequal size, spread and slant."""
    rng = np.random.default_rng(4)
    short = rng.normal([2.0, 54.0], [0.3, 6.0], (97, 2))
    return np.concatenate([short, rng.normal([4.3, 80.0], [0.4, 6.0], (175, 2))])


def test_mixture_is_scikit_learns():
    x = eruptions()
    theirs = GaussianMixture(2, covariance_type="diag", random_state=0).fit(x)
    assert theirs.means_ is not None
    assert theirs.covariances_ is not None
    gmm = lowered(example("gmm"), [("k", "sum")], d=2, K=2)
    params = gmm.unconstrain(
        {"weight": theirs.weights_, "loc": theirs.means_, "scale": np.sqrt(theirs.covariances_)}
    )
    batch = {"x": jnp.asarray(x)}
    found = jax.jit(jax.vmap(lambda v: gmm.log_prob(params, v)))(batch)
    assert np.allclose(found, theirs.score_samples(x), atol=1e-8)
    states, weights = jax.jit(jax.vmap(lambda v: gmm.responsibilities(params, v)))(batch)
    assert np.array_equal(states["k"][0], [0, 1])
    assert np.allclose(np.exp(weights), theirs.predict_proba(x), atol=1e-8)
    slope = sum(
        p * (theirs.means_[k] - x[0]) / theirs.covariances_[k]
        for k, p in enumerate(theirs.predict_proba(x[:1])[0])
    )
    assert np.allclose(jax.jit(gmm.score)(params, {"x": batch["x"][0]})["x"], slope)


def test_mixture_written_as_one_law_is_the_same():
    text = """model M(K: int = 3, d: int = 2) {
      param weight : simplex(K)
      param loc : real[K, d]
      param scale : positive[K, d]
      data x : real[d] ~ mixture(weight, Normal(loc, scale))
    }"""
    one, two = lowered(text), lowered(example("gmm"), [("k", "sum")], K=3, d=2)
    params = perturbed(two.init(0, None))
    x = {"x": jnp.asarray([0.3, -0.8])}
    found, truth = (float(jax.jit(model.log_prob)(params, x)) for model in (one, two))
    assert found == pytest.approx(truth)


def test_summed_latents_multiply_out():
    text = """model M {
      latent a : bit[2] ~ Bernoulli(0.3)
      latent b : cat(3) ~ Categorical(logits = [0.5, 0.2, -1.0])
      data x : real ~ Normal(a @ [1.0, 2.0] + [0.0, 3.0, -2.0][b], 0.7)
    }"""
    model = lowered(text, [("a", "sum"), ("b", "sum")])
    prior = log_softmax([0.5, 0.2, -1.0])
    total = [
        np.log(0.3) * sum(a) + np.log(0.7) * (2 - sum(a)) + prior[b]
        + stats.norm.logpdf(0.4, a @ np.array([1.0, 2.0]) + [0.0, 3.0, -2.0][b], 0.7)
        for a in map(np.array, product((0, 1), repeat=2)) for b in range(3)
    ]  # fmt: skip
    values = {"x": jnp.asarray(0.4)}
    found = jax.jit(model.log_prob)({}, values)
    assert float(found) == pytest.approx(np.logaddexp.reduce(total))
    states, weights = jax.jit(model.responsibilities)({}, values)
    assert {name: s.shape for name, s in states.items()} == {"a": (12, 2), "b": (12,)}
    assert np.allclose(np.exp(weights), softmax(total))


# ── MADE ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def made():
    model = lowered(example("made"), d=6, hidden=(24,))
    return model, perturbed(model.init(0, None), size=1.0)


def test_made_sums_to_one_over_all_states(made):
    model, params = made
    states = jnp.asarray(list(product((0.0, 1.0), repeat=6)))
    log_probs = jax.jit(jax.vmap(lambda x: model.log_prob(params, {"x": x})))(states)
    assert np.exp(log_probs).sum() == pytest.approx(1.0, abs=1e-12)
    assert np.exp(log_probs).std() > 0.005


def test_made_draws_are_of_its_density(made):
    model, params = made
    states = jnp.asarray(list(product((0.0, 1.0), repeat=6)))
    truth = np.exp(jax.jit(jax.vmap(lambda x: model.log_prob(params, {"x": x})))(states))
    keys = jax.random.split(jax.random.key(11), 40_000)
    drawn = jax.jit(jax.vmap(lambda k: model.draw(params, k, {})["x"]))(keys)
    counts = np.bincount(np.asarray(drawn @ 2.0 ** jnp.arange(5, -1, -1)).astype(int), minlength=64)
    assert frequencies_match(counts, truth)
    # The twin: the same draws with entries in another order than the law's.
    assert not frequencies_match(counts, truth.reshape((2,) * 6).T.reshape(-1))


def test_made_sees_the_past_in_its_order_only(made):
    model, params = made
    order = next(iter(model.built.orders.values()))
    law = argument(model, "x", "logits")
    jacobian = jax.jacobian(lambda x: model.evaluate(params, law, {"x": x}))(jnp.zeros(6))
    in_order = np.asarray(jacobian)[np.ix_(order, order)]
    assert not np.array_equal(order, np.arange(6))
    assert np.all(np.triu(in_order) == 0)
    assert np.all(np.tril(in_order, -1)[np.tril_indices(6, -1)] != 0)


# ── RealNVP ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def realnvp():
    model = lowered(example("realnvp"), [("z", "change of variables")], layers=3, hidden=(8,))
    return model, perturbed(model.init(0, None), size=0.4)


def test_flow_starts_near_the_identity(realnvp):
    model, _ = realnvp
    x = np.array([0.4, -1.2])
    found = model.log_prob(model.init(0, None), {"x": jnp.asarray(x)})
    assert found == pytest.approx(stats.norm.logpdf(x).sum(), abs=1e-10)


def test_flow_integrates_to_one(realnvp):
    model, params = realnvp
    axis = jnp.linspace(-12, 12, 401)
    grid = jnp.stack(jnp.meshgrid(axis, axis), -1).reshape(-1, 2)
    density = jnp.exp(jax.jit(jax.vmap(lambda x: model.log_prob(params, {"x": x})))(grid))
    assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=1e-5)


def test_flow_density_is_that_of_the_jacobian(realnvp):
    model, params = realnvp
    z = jnp.asarray([0.7, -0.3])

    def push(z):
        return model.draw(params, jax.random.key(0), {"z": z})["x"]

    _, log_det = np.linalg.slogdet(jax.jacobian(push)(z))
    truth = stats.norm.logpdf(z).sum() - log_det
    assert abs(log_det) > 0.01
    assert model.log_prob(params, {"x": push(z)}) == pytest.approx(truth, abs=1e-8)


def test_flow_recovers_its_latent(realnvp):
    model, params = realnvp
    drawn = model.draw(params, jax.random.key(1), {})
    z = source(model, "x")
    assert np.allclose(model.evaluate(params, z, {"x": drawn["x"]}), drawn["z"])


def test_law_pushed_through_bijections_is_the_computed_flow(realnvp):
    model, params = realnvp
    text = """model M(d: int = 2) {
      data x : real[d] ~ Normal(0, 1) |> repeat(3) { coupling(mlp([8])) |> reverse }
    }"""
    x = {"x": jnp.asarray([0.2, 0.9])}
    truth = float(model.log_prob(params, x))
    assert float(lowered(text).log_prob(params, x)) == pytest.approx(truth)


# ── GAN ──────────────────────────────────────────────────────────────────────────────────────────


def test_implicit_draws_have_pathwise_gradients():
    model = lowered(example("gan"), latents=3)
    params, key = model.init(0, None), jax.random.key(2)
    drawn = model.draw(params, key, {})
    assert drawn["x"].shape == (2,)
    assert model.critic(params, drawn).shape == ()

    def first(shift):
        head = params["G"]["head"]
        moved = {**params, "G": {**params["G"], "head": {**head, "bias": head["bias"] + shift}}}
        return model.draw(moved, key, {})["x"][0]

    assert jax.grad(first)(jnp.zeros(2)) == pytest.approx(np.array([1.0, 0.0]))


def test_implicit_density_is_refused():
    model = lowered(example("gan"), latents=3)
    params = model.init(0, None)
    drawn = model.draw(params, jax.random.key(2), {})
    with pytest.raises(TypeError, match="no density"):
        model.log_joint(params, drawn)


@pytest.mark.parametrize("shape", [(2,), (3, 2)])
def test_a_number_repeats_along_the_vector_that_a_law_wants(shape):
    covariance = np.array([[2.0, 0.6], [0.6, 1.0]])
    written = "[2.0, 0.6], [0.6, 1.0]"
    text = f"""model M {{
      param m : real
      data x : real{list(shape)} ~ MultivariateNormal(m, covariance_matrix = [{written}])
      data p : simplex(3) ~ Dirichlet(2)
    }}"""
    x, p = np.arange(np.prod(shape)).reshape(shape) / 3, np.array([0.2, 0.5, 0.3])
    found = lowered(text).log_terms(
        {"m": jnp.asarray(0.7)}, {"x": jnp.asarray(x), "p": jnp.asarray(p)}
    )
    rows = x.reshape(-1, 2)
    truth = sum(log_gaussian(row - 0.7, covariance) for row in rows)
    np.testing.assert_allclose(found["x"], truth, rtol=1e-5)
    np.testing.assert_allclose(found["p"], stats.dirichlet.logpdf(p, [2, 2, 2]), rtol=1e-5)
    first = sum(log_gaussian(row - np.array([0.7, 0]), covariance) for row in rows)
    assert abs(first - truth) > 0.1  # along the first entry alone
