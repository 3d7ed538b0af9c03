"""Linear-Gaussian latents go in closed form: against covariances and analytic fits."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

import dgmlang as dgm
from tests.lower.statistics import log_gaussian

pytestmark = pytest.mark.usefixtures("x64")

PPCA = """model PPCA(latents: int, d: int) {
  param W : real[d, latents]
  param b : real[d]
  param s : positive
  latent z : real[latents] ~ Normal(0, 1)
  data   x : real[d]       ~ Normal(W @ z + b, s)
}
"""


def best(x: np.ndarray, q: int) -> dict[str, np.ndarray]:
    """The maximum-likelihood parameters (Tipping & Bishop 1999, eqs. 7 and 8)."""
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = values[q:].mean()
    return {
        "W": vectors[:, :q] * np.sqrt(np.maximum(values[:q] - noise, 0)),
        "b": x.mean(axis=0),
        "s": np.sqrt(noise),
    }


@pytest.mark.parametrize(
    ("data", "q", "truth"),
    [
        (load_iris, 1, -3.1377963888),
        (load_iris, 2, -2.6997518677),
        (load_digits, 10, -159.9937312),
    ],
)
def test_ppca_at_its_best_has_the_analytic_likelihood(data, q, truth) -> None:
    x = np.asarray(data(return_X_y=True)[0])
    fitted = dgm.parse(PPCA, latents=q, d=x.shape[1]).with_params(best(x, q))
    found = fitted.log_prob(x)
    assert found.kind == "exact"
    assert float(found.mean()) == pytest.approx(truth, abs=1e-4)


def test_the_posterior_mean_is_the_analytic_one() -> None:
    x = np.asarray(load_iris(return_X_y=True)[0])
    params = best(x, 2)
    fitted = dgm.parse(PPCA, latents=2, d=4).with_params(params)
    W, noise = params["W"], params["s"] ** 2
    truth = (x - params["b"]) @ W @ np.linalg.inv(W.T @ W + noise * np.eye(2))
    found = fitted.posterior(x)["z"]
    assert found.kind == "exact"
    np.testing.assert_allclose(found.value, truth, atol=1e-4)


CHAIN = """model Chain {
  param A : real[3, 2]
  param B : real[4, 3]
  net f(v: real[3]) -> real[4] = v |> dense(5)
  latent k : cat(2) ~ Categorical(uniform(2))
  latent u : real[2] ~ Normal(0, 1)
  latent v : real[3] ~ Normal(A @ u + 2 * k, 0.5)
  data   x : real[4] ~ Normal(B @ v + f(v), 0.3)
  data   y : real[2] ~ Normal(u, 0.7)
}
"""


def test_several_latents_and_a_class_go_together() -> None:
    model = dgm.parse(CHAIN.replace("2 * k", "[0, 2][k]"))
    rules = {r.variable: r.rule for r in model.plan.facts.removed}
    assert rules == {"u": "closed form", "v": "closed form", "k": "sum"}
    params = model.init(0)
    shown = {
        n: np.asarray(a, float) for n, a in model.lowered.constrain(params).items() if n in "AB"
    }
    A, F = shown["A"], shown["B"] + by_columns(params["f"])[0]
    offset = by_columns(params["f"])[1]
    whole = np.concatenate([F @ np.hstack([A, np.eye(3)]), np.eye(2, 5)])
    prior = np.diag([1, 1, 0.25, 0.25, 0.25])
    covariance = whole @ prior @ whole.T + np.diag([0.09] * 4 + [0.49] * 2)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(4), rng.standard_normal(2)
    means = [[*(F @ np.full(3, 2.0 * k) + offset), 0, 0] for k in range(2)]
    terms = [log_gaussian(np.array([*x, *y]) - mean, covariance) for mean in means]
    truth = np.log(np.exp(terms).mean())
    found = model.log_prob(params, {"x": jnp.asarray(x), "y": jnp.asarray(y)})
    assert found == pytest.approx(truth, abs=1e-5)


def by_columns(net) -> tuple[np.ndarray, np.ndarray]:
    """The matrix and offset of the affine net, from its two dense maps."""
    first, last = net["dense"], net["head"]
    matrix = np.asarray(first["kernel"]) @ np.asarray(last["kernel"])
    return matrix.T, np.asarray(first["bias"]) @ np.asarray(last["kernel"]) + np.asarray(
        last["bias"]
    )


@pytest.mark.parametrize(
    "law",
    ["Normal(w * z ** 2, 1)", "Normal(exp(z), 1)", "Normal(w, exp(z))", "Laplace(w * z, 1)"],
)
def test_what_is_not_linear_gaussian_is_bounded(law) -> None:
    assert bounded_in(law) == ["z"]


def test_of_two_latents_that_are_multiplied_one_is_bounded() -> None:
    assert bounded_in("Normal(z * u, 1)") == ["u"]


def bounded_in(law: str) -> list[str]:
    model = dgm.parse(
        "model M { param w : real\n latent z : real ~ Normal(0, 1)\n"
        f" latent u : real ~ Normal(w, 1)\n data x : real ~ {law}\n data y : real ~ Normal(u, 1) }}"
    )
    return [b.variable for b in model.plan.facts.bounded]
