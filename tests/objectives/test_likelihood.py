from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.registry import implementation
from tests.objectives.models import GAUSSIAN, RBM, arrays, bits, example, model, rbm_params

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)

PRIORED = """model Priored {
  param loc : real ~ Normal(0, 2)
  data x : real ~ Normal(loc, 1)
}"""


def test_mle_is_the_mean_negative_log_density():
    mle = implementation("objective", "mle")(model(GAUSSIAN))
    x = np.array([0.3, -1.0, 2.5])
    params = arrays(loc=0.4, rate=np.log(1.5))
    value, _ = mle.players[0].loss(params, {}, arrays(x=x), KEY)
    assert float(value) == pytest.approx(-norm.logpdf(x, 0.4, 1.5).mean(), rel=1e-12)
    each = mle.validate(params, arrays(x=x), KEY)
    assert np.allclose(each, -norm.logpdf(x, 0.4, 1.5))


def test_mle_subtracts_a_summed_normaliser():
    rbm = model(RBM)
    params = rbm_params()
    mle = implementation("objective", "mle")(rbm)
    each = mle.validate(params, arrays(v=bits(4)), KEY)
    assert float(jax.nn.logsumexp(-each)) == pytest.approx(0.0, abs=1e-10)
    # The twin: without log Z the probabilities do not sum to one.
    bare = jax.vmap(lambda v: rbm.log_prob(params, {"v": v}))(bits(4))
    assert abs(float(jax.nn.logsumexp(bare))) > 0.1


def test_the_gradient_goes_through_the_normaliser():
    rbm = model(RBM)
    params = rbm_params()
    loss = implementation("objective", "mle")(rbm).players[0].loss
    data = arrays(v=bits(4)[[1, 6, 15]])
    found = jax.grad(lambda p: loss(p, {}, data, KEY)[0])(params)["b"]
    each = implementation("objective", "mle")(rbm).validate(params, arrays(v=bits(4)), KEY)
    expected = np.exp(-np.asarray(each)) @ bits(4) - data["v"].mean(0)
    assert np.allclose(found, expected)


def test_map_adds_the_prior_once_for_the_data_set():
    objective = implementation("objective", "map")(model(PRIORED))
    params, data = arrays(loc=0.7), arrays(x=[0.0, 1.0, 2.0, 4.0])
    state = objective.start(KEY, params, data)
    batch = arrays(x=[1.0, 4.0])
    value, (after, metrics) = objective.players[0].loss(params, state, batch, KEY)
    likelihood = -norm.logpdf(np.array([1.0, 4.0]), 0.7, 1).mean()
    assert float(value) == pytest.approx(likelihood - norm.logpdf(0.7, 0, 2) / 4)
    assert float(metrics["log_prior"]) == pytest.approx(norm.logpdf(0.7, 0, 2))
    assert float(after["count"]) == 4
    assert np.allclose(objective.validate(params, batch, KEY).mean(), likelihood)


def test_mle_leaves_priors_out():
    objective = implementation("objective", "mle")(model(PRIORED))
    assert objective.start(KEY, arrays(loc=0.7), arrays(x=[0.0])) == {}


@pytest.mark.parametrize(
    ("coupling", "field", "expected"),
    [(0.4, 0.0, 14.5610930238), (0.2, 0.1, 11.9907494357)],
)
def test_log_z_of_a_small_lattice(coupling, field, expected):
    text = """model Ising(side: int = 4) {
      param J : real
      param h : real
      data  s : spin[side, side]
      energy -J * sum(s * shift(s, 1, axis = 0) + s * shift(s, 1, axis = 1)) - h * sum(s)
    }"""
    found = log_normalizer(model(text), arrays(J=coupling, h=field), {})
    assert float(found) == pytest.approx(expected, abs=1e-9)


def test_log_z_of_an_rbm_is_that_of_enumeration():
    rbm = model(RBM, visible=5, hidden=3)
    params = rbm_params(5, 3)
    v, h = bits(5), bits(3)
    table = np.einsum("vi,ij,hj->vh", v, params["W"], h)
    table += (v @ params["b"])[:, None] + (h @ params["c"])[None, :]
    expected = np.logaddexp.reduce(table.ravel())
    assert float(log_normalizer(rbm, params, {})) == pytest.approx(expected, abs=1e-10)


def test_log_z_of_a_larger_lattice():
    found = log_normalizer(example("ising", side=8), arrays(J=0.4), {})
    assert float(found) == pytest.approx(56.5993887604, abs=1e-9)


def test_the_budget_is_held():
    with pytest.raises(DgmError) as refused:
        log_normalizer(example("ising", side=32), {"J": jnp.asarray(0.4)}, {})
    assert refused.value.diagnostics[0].code == "DGM0802"


WEIGHTS = """model Regression {{
  {param}
  net f(u: real[2]) -> real {prior} = u |> mlp([4])
  given u : real[2]
  data  y : real ~ Normal(f(u), 0.5)
}}"""


def regression(prior: str, param: str = ""):
    return dgm.parse(WEIGHTS.format(prior=prior, param=param))


def test_a_prior_on_weights_counts_each_of_them_once_over_all_examples():
    """log p(w)/N enters `map`, and `mle` leaves it out."""
    priced, plain = regression("~ Laplace(0, 0.5)"), regression("")
    params = priced.init(0)
    batch = {"u": jnp.ones((8, 2)), "y": jnp.arange(8.0)}
    weights = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])
    log_prior = float(np.sum(-np.log(2 * 0.5) - np.abs(weights) / 0.5))
    least = float(plain.loss(params, batch, KEY, "mle"))
    assert priced.plan.default_objective == "map"
    found = float(priced.loss(params, batch, KEY, "map"))
    np.testing.assert_allclose(found, least - log_prior / 8, rtol=1e-5)
    np.testing.assert_allclose(float(priced.loss(params, batch, KEY, "mle")), least, rtol=1e-6)
    # The power of this: a prior that is counted for every example, or never, is far off.
    assert abs(log_prior) > 1


def test_which_priors_a_posterior_over_parameters_needs():
    def flags(model):
        found = model.plan.facts.flags
        return found["priors"], found["all_priors"], found["hierarchical"]

    assert flags(regression("")) == (False, False, False)
    assert flags(regression("~ Normal(0, 1)")) == (True, True, False)
    assert flags(regression("~ Normal(0, s)", "param s : positive")) == (True, False, True)
    known = "param s : positive ~ LogNormal(0, 1)"
    assert flags(regression("~ Normal(0, s)", known)) == (True, True, True)
    refused = regression("~ Normal(0, s)", known).plan.objectives["map"]
    assert not refused.legal
    guided = dgm.parse("""model M {
  net e(x: real) -> (loc: real, scale: positive) = x
  param m : real ~ Normal(0, 1)
  latent z : real ~ Normal(m, 1)
  data   x : real ~ Normal(z ** 3, 1)
  guide { z ~ Normal(e(x)...) }
}""")
    assert flags(guided) == (True, True, False)  # what only a guide learns needs no prior


def test_a_prior_on_weights_pulls_each_to_its_mode():
    """The gradient of map − mle is w/(σ²N), in every layer and head."""
    found = regression("~ Normal(0, 0.5)")
    params = found.init(0)
    batch = {"u": jnp.ones((8, 2)), "y": jnp.arange(8.0)}

    def slope(objective):
        return jax.grad(lambda p: found.loss(p, batch, KEY, objective))(params)

    pull = jax.tree.map(jnp.subtract, slope("map"), slope("mle"))
    expected = jax.tree.map(lambda w: w / (0.25 * 8), params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), pull, expected)
    assert max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(expected)) > 0.1
