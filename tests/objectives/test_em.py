"""Expectation–maximisation against scikit-learn, hmmlearn, counts and the slope of log p."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hmmlearn.hmm import CategoricalHMM, GaussianHMM
from sklearn.mixture import GaussianMixture

from dgmlang.compiler.derive.tabular import tabular
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.batch import WEIGHT
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implementation
from tests.objectives.models import example, model

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
RNG = np.random.default_rng(5)

CLUSTERS = np.concatenate(
    [RNG.normal([0, 0], [1, 0.5], (60, 2)), RNG.normal([3, 1], [0.4, 1.5], (40, 2))]
)
"""Two clusters of unequal sizes and shapes."""


def steps(
    lowered: Lowered, start: Mapping[str, Any], data: Mapping[str, Any], count: int = 1
) -> Params:
    """The params after so many closed M-steps, on their own scale."""
    player = implementation("objective", "em")(lowered).players[0]
    params = lowered.unconstrain(start)
    batch = {n: jnp.asarray(a) for n, a in data.items()}
    leap = jax.jit(lambda params: player.leap(params, frozenset(start), {}, batch, KEY)[0])
    for _ in range(count):
        params |= leap(params)
    return lowered.constrain(params)


def close(found: Params, expected: Mapping[str, Any], rel: float = 1e-6) -> bool:
    return all(np.allclose(found[n], expected[n], rtol=rel, atol=1e-7) for n in expected)


@pytest.mark.parametrize("name", ["gmm", "gmm_expression"])
def test_a_diagonal_mixture_steps_as_scikit_learn_does(name: str) -> None:
    start = {"weight": np.array([0.5, 0.5]), "loc": np.array([[-1.0, 0], [2, 2]]),
             "scale": np.ones((2, 2))}  # fmt: skip
    found = steps(example(name, K=2, d=2), start, {"x": CLUSTERS}, 3)
    peer = GaussianMixture(
        2, covariance_type="diag", tol=0, reg_covar=0, max_iter=3, weights_init=start["weight"],
        means_init=start["loc"], precisions_init=np.ones((2, 2)),
    )  # fmt: skip
    with pytest.warns(match="converge"):
        peer.fit(CLUSTERS)
    scale = np.sqrt(np.asarray(peer.covariances_))
    assert close(found, {"weight": peer.weights_, "loc": peer.means_, "scale": scale})


def test_a_full_mixture_steps_as_scikit_learn_does() -> None:
    start = {"weight": np.array([0.3, 0.7]), "loc": np.array([[-1.0, 0], [2, 2]]),
             "L": np.stack([np.eye(2)] * 2)}  # fmt: skip
    found = steps(example("gmm_full", K=2, d=2), start, {"x": CLUSTERS}, 3)
    peer = GaussianMixture(
        2, tol=0, reg_covar=0, max_iter=3, weights_init=start["weight"], means_init=start["loc"],
        precisions_init=np.stack([np.eye(2)] * 2),
    )  # fmt: skip
    with pytest.warns(match="converge"):
        peer.fit(CLUSTERS)
    factor = np.linalg.cholesky(np.asarray(peer.covariances_))
    assert close(found, {"weight": peer.weights_, "loc": peer.means_, "L": factor})


@pytest.mark.parametrize(
    ("kind", "argument", "form"),
    [
        ("tril", "scale_tril", np.linalg.cholesky),
        ("cov", "covariance_matrix", np.asarray),
        ("cov", "precision_matrix", np.linalg.inv),
    ],
)
def test_shared_scales_take_all_clusters(kind: str, argument: str, form: Any) -> None:
    text = f"""model Tied {{
      param weight : simplex(2)
      param loc : real[2, 2]
      param L : {kind}(2)
      latent k : cat(2) ~ Categorical(weight)
      data x : real[2] ~ MultivariateNormal(loc[k], {argument} = L)
    }}"""
    start = {"weight": np.array([0.5, 0.5]), "loc": np.array([[-1.0, 0], [2, 2]]), "L": np.eye(2)}
    found = steps(model(text), start, {"x": CLUSTERS}, 3)
    peer = GaussianMixture(
        2, covariance_type="tied", tol=0, reg_covar=0, max_iter=3, weights_init=start["weight"],
        means_init=start["loc"], precisions_init=np.eye(2),
    )  # fmt: skip
    with pytest.warns(match="converge"):
        peer.fit(CLUSTERS)
    assert close(found, {"loc": peer.means_, "L": form(np.asarray(peer.covariances_))})


def test_a_gaussian_chain_steps_as_hmmlearn_does() -> None:
    x = RNG.normal(size=(6, 9, 2)) + 2 * (RNG.random((6, 9, 1)) < 0.4)
    start = {"start": np.array([0.6, 0.4]), "step": np.array([[0.7, 0.3], [0.4, 0.6]]),
             "loc": np.array([[0.0, 0], [1, 2]]), "scale": np.ones((2, 2))}  # fmt: skip
    found = steps(example("hmm", K=2, T=9, d=2), start, {"x": x}, 2)
    peer = GaussianHMM(
        2, init_params="", n_iter=2, tol=-np.inf, covars_prior=0, covars_weight=1, min_covar=0
    )
    peer.startprob_, peer.transmat_ = start["start"], start["step"]
    peer.means_, peer.covars_ = start["loc"], np.ones((2, 2))
    peer.fit(x.reshape(-1, 2), [9] * 6)
    spread = np.sqrt([np.diag(c) for c in peer.covars_])
    expected = {"start": peer.startprob_, "step": peer.transmat_, "loc": peer.means_}
    assert close(found, {**expected, "scale": spread})


SYMBOLS = """model Symbols(T: int = 7) {
  param start : simplex(2)
  param step  : simplex(2)[2]
  param emit  : simplex(3)[2]
  for t in 0..T {
    latent s[t] : cat(2) ~ Categorical(start if t == 0 else step[s[t-1]])
    data x[t] : cat(3) ~ Categorical(emit[s[t]])
  }
}"""


def test_a_chain_of_symbols_steps_as_hmmlearn_does() -> None:
    x = RNG.integers(0, 3, (5, 7))
    start = {"start": np.array([0.6, 0.4]), "step": np.array([[0.7, 0.3], [0.4, 0.6]]),
             "emit": np.array([[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]])}  # fmt: skip
    found = steps(model(SYMBOLS), start, {"x": x}, 3)
    peer = CategoricalHMM(2, init_params="", n_iter=3, tol=-np.inf)
    peer.startprob_, peer.transmat_ = start["start"], start["step"]
    peer.emissionprob_ = start["emit"]
    peer.fit(x.reshape(-1, 1), [7] * 5)
    expected = {"start": peer.startprob_, "step": peer.transmat_, "emit": peer.emissionprob_}
    assert close(found, expected)


def test_known_labels_are_counted_at_once() -> None:
    """Where nothing is missing one step is maximum likelihood: relative frequencies."""
    y, x = RNG.integers(0, 3, 80), RNG.integers(0, 2, (80, 4)).astype(float)
    start = {"prior": np.full(3, 1 / 3), "p": np.full((3, 4), 0.5)}
    found = steps(example("naive_bayes", classes=3, d=4), start, {"y": y, "x": x})
    means = np.stack([x[y == k].mean(0) for k in range(3)])
    assert close(found, {"prior": np.bincount(y) / 80, "p": means}, 1e-5)


MIXED = """model Mixed {
  param w    : simplex(2)
  param rate : positive[2]
  param mean : real[2]
  param wide : positive
  param odds : real[2]
  latent k : cat(2)   ~ Categorical(w)
  data   n : count    ~ Poisson(rate[k])
  data   x : positive ~ LogNormal(mean[k], wide)
  data   b : bit      ~ Bernoulli(logits = odds[k])
  data   y : real     ~ Normal(mean[k], 2)
}"""


def mixed(count: int = 50) -> Values:
    rng = np.random.default_rng(8)
    return {"n": jnp.asarray(rng.poisson(3, count)), "x": jnp.asarray(rng.gamma(2, 1, count)),
            "b": jnp.asarray(rng.integers(0, 2, count), float),
            "y": jnp.asarray(rng.normal(size=count))}  # fmt: skip


def mean_log_likelihood(lowered: Lowered, params: Params, data: Values) -> jax.Array:
    return jnp.mean(jax.vmap(lowered.log_prob, (None, 0))(params, data))


def test_only_params_of_one_role_are_closed() -> None:
    """`mean` stands in the laws of x and of y, of two families: it has no closed form here."""
    assert tabular(model(MIXED).program).closed == ("w", "rate", "wide", "odds")


def test_the_likelihood_never_falls_and_rests_where_its_slope_is_zero() -> None:
    lowered, data = model(MIXED), mixed()
    params = lowered.init(0, data)
    player = implementation("objective", "em")(lowered, chunk=7).players[0]
    names = frozenset(tabular(lowered.program).closed)

    @jax.jit
    def leap(params: Params) -> tuple[Params, Any]:
        moved, metrics = player.leap(params, names, {}, data, KEY)
        return {**params, **moved}, metrics["loss"]

    losses = []
    for _ in range(300):
        params, loss = leap(params)
        losses.append(float(loss))
    assert np.all(np.diff(losses) < 1e-12)
    assert losses[-1] < losses[0] - 0.1
    slope = jax.jit(jax.grad(lambda p: mean_log_likelihood(lowered, p, data)))(params)
    assert all(np.allclose(slope[n], 0, atol=1e-4) for n in names)
    assert abs(float(slope["mean"].sum())) > 1e-3  # what does not move has not come to rest


def test_chunks_and_weights_do_not_change_what_is_summed() -> None:
    gmm, data = example("gmm", K=2, d=2), {"x": jnp.asarray(CLUSTERS[:20])}
    params, names = gmm.init(0, data), frozenset(("weight", "loc", "scale"))

    def moved(chunk: int, batch: Values) -> Params:
        player = implementation("objective", "em")(gmm, chunk=chunk).players[0]
        return jax.jit(lambda batch: player.leap(params, names, {}, batch, KEY)[0])(batch)

    assert close(moved(7, data), moved(100, data))
    twice = {n: jnp.concatenate([a, a[:5]]) for n, a in data.items()}
    weighed = moved(6, {**data, WEIGHT: jnp.where(jnp.arange(20) < 5, 2.0, 1.0)})
    assert close(weighed, moved(100, twice))
    assert not close(weighed, moved(100, data))  # the twin: weights that are left out are seen


def test_a_tilt_that_counts_wrongly_is_seen() -> None:
    """The power of the comparisons above: the same step with one row of statistics lost."""
    start = {"weight": np.array([0.5, 0.5]), "loc": np.array([[-1.0, 0], [2, 2]]),
             "scale": np.ones((2, 2))}  # fmt: skip
    gmm = example("gmm", K=2, d=2)
    right = steps(gmm, start, {"x": CLUSTERS})
    assert not close(steps(gmm, start, {"x": CLUSTERS[1:]}), right, 1e-4)


NEURAL = """model Neural {
  param w : simplex(2)
  net f(k: cat(2)) -> (loc: real, scale: positive) = one_hot(k) |> mlp([4])
  latent k : cat(2) ~ Categorical(w)
  data x : real ~ Normal(f(k)...)
}"""


def test_other_parameters_take_the_slope_of_the_likelihood() -> None:
    lowered = model(NEURAL)
    objective = implementation("objective", "em")(lowered, chunk=4)
    assert [p.name for p in objective.players] == ["tables", "others"]
    data = {"x": jnp.asarray(CLUSTERS[:10, 0])}
    params = lowered.init(0, data)
    others = objective.players[1]
    slope = jax.jit(jax.grad(lambda p: others.loss(p, {}, data, KEY)[0]))(params)["f"]
    truth = jax.jit(jax.grad(lambda p: -mean_log_likelihood(lowered, p, data)))(params)["f"]
    assert jax.tree.all(jax.tree.map(np.allclose, slope, truth))


def test_a_prior_leaves_a_param_to_the_gradient() -> None:
    text = MIXED.replace("param rate : positive[2]", "param rate : positive[2] ~ HalfNormal(2)")
    assert tabular(model(text).program).closed == ("w", "wide", "odds")
