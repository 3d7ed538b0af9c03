"""`elbo(params = meanfield)`: the Gaussians that it ends at, and what queries make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special, stats

import dgmlang as dgm
from dgmlang.objectives import meanfield

LINE = """
model Line {
  given a : real[2]
  param w : real[2] ~ Normal(0, 2)
  data  y : real    ~ Normal(w @ a, 0.5)
}
"""

RATE = """
model Rate {
  param rate : positive ~ Gamma(2, 1)
  data x : count ~ Poisson(rate)
}
"""

LATENT = """
model Latent {
  param m : real ~ Normal(0, 0.3)
  latent z : real ~ Normal(m, 1)
  data x : real[2] ~ Laplace(z, 1)
  guide { z ~ Normal(0.5 * x[0] + 0.3 * x[1], 0.4) }
}
"""

HIERARCHY = """
model Hierarchy {
  param s : positive ~ HalfNormal(1)
  param w : real ~ Normal(0, s)
  data x : real ~ Normal(w, 1)
}
"""

FIT: dict[str, Any] = {
    "objective": "elbo(params = meanfield)",
    "optimizer": "adam(cosine_decay_schedule(3e-2, 3000))",
    "steps": 3000,
    "seed": 0,
}


def line() -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Data whose posterior is correlated, and its mean and precision."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(12, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    y = a @ np.array([1.0, -0.5]) + 0.5 * rng.normal(size=12)
    precision = a.T @ a / 0.25 + np.eye(2) / 4
    return {"a": a, "y": y}, np.linalg.solve(precision, a.T @ y / 0.25), precision


def test_it_ends_at_the_best_independent_gaussians() -> None:
    """Of a Gaussian posterior: its mean, and 1/Λᵢᵢ, not the marginal variance (Bishop 10.11–15).

    Tolerances: the deviation of 1000 draws is known to 1/√2000 of itself, the mean to s/√1000, five
    of each; what training leaves is less.
    """
    data, mean, precision = line()
    fit = dgm.parse(LINE).fit(data, **FIT)
    drawn = fit.params["w"].reshape(-1, 2)
    wanted, exact = np.diag(precision) ** -0.5, np.diag(np.linalg.inv(precision)) ** 0.5
    np.testing.assert_allclose(drawn.mean(0), mean, atol=5.5 * wanted.max() / 1000**0.5)
    np.testing.assert_allclose(drawn.std(0), wanted, rtol=5.5 / 2000**0.5)
    assert (np.abs(drawn.std(0) / exact - 1) > 5.5 / 2000**0.5).all()
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 5 / 1000**0.5


def rate_bound(m: Any, s: Any, x: np.ndarray, *, jacobian: bool = True) -> float:
    """E_q[log p(x, rate)] + H(q) of log rate ~ N(m, s²), in closed form."""
    mean = np.exp(m + s**2 / 2)
    log_joint = (x.sum() + 1) * m - (len(x) + 1) * mean - special.gammaln(x + 1).sum()
    return log_joint + jacobian * m + 0.5 * np.log(2 * np.pi * np.e * s**2)


def test_a_positive_param_is_gaussian_in_its_logarithm() -> None:
    """The loss is the closed form at any q, and without the Jacobian it is another."""
    x = np.array([3, 1, 4, 2, 2])
    lowered = dgm.parse(RATE).lowered
    objective = dgm.parse(RATE).objective(dgm_method("elbo(params = meanfield)", RATE))
    data = {"x": jnp.asarray(x)}
    m, s = 0.6, 0.3
    params = lowered.unconstrain({"rate": np.exp(m)})
    params |= {meanfield.LOG_SCALES: {"rate": jnp.asarray(np.log(s), jnp.float32)}}
    state = objective.start(jax.random.key(0), params, data)
    keys = jax.random.split(jax.random.key(1), 20_000)
    losses = jax.vmap(lambda k: objective.players[0].loss(params, state, data, k)[0])(keys)
    error = 5 * float(losses.std()) / 20_000**0.5
    assert abs(float(losses.mean()) + rate_bound(m, s, x) / 5) < error
    assert abs(float(losses.mean()) + rate_bound(m, s, x, jacobian=False) / 5) > error


def dgm_method(text: str, program: str) -> Any:
    from dgmlang.compiler.plan.methods import objective

    return objective(dgm.parse(program).plan, text)


def test_the_best_log_normal_is_found() -> None:
    x = np.array([3, 1, 4, 2, 2])
    best = optimize.minimize(lambda q: -rate_bound(q[0], np.exp(q[1]), x), [0.0, -1.0]).x
    logs = np.log(dgm.parse(RATE).fit({"x": x}, **FIT).params["rate"].ravel())
    s = np.exp(best[1])
    assert abs(logs.mean() - best[0]) < 5.5 * s / 1000**0.5
    assert abs(logs.std() / s - 1) < 5.5 / 2000**0.5


def test_queries_average_over_the_draws(tmp_path: Path) -> None:
    """The predictive density of one more row: N(m·a, 0.25 + Σ sᵢ² aᵢ²); of the centre: without."""
    data, mean, precision = line()
    fit = dgm.parse(LINE).fit(data, **FIT)
    new = {"a": np.array([[2.0, -2.0]]), "y": np.array([4.5])}
    wide = (0.25 + (new["a"] ** 2) @ (1 / np.diag(precision))) ** 0.5
    centre = new["a"] @ mean
    found = fit.log_prob(new)
    wanted, narrow = (float(stats.norm.logpdf(4.5, centre, s).item()) for s in (wide, 0.5))
    tolerance = 5 * float(np.asarray(found.stderr).item()) + 0.1  # the centre is trained to ~0.02
    assert abs(float(found[0]) - wanted) < tolerance
    assert abs(narrow - wanted) > 2 * tolerance
    for point in ("last", "mean"):
        assert abs(float(fit.using(point).log_prob(new)[0]) - narrow) < tolerance
    fit.save(tmp_path / "run")
    np.testing.assert_array_equal(dgm.restore(tmp_path / "run").log_prob(new), found)


def test_a_run_folder_draws_as_the_fit_did(tmp_path: Path) -> None:
    """What training writes holds the law alone; its draws are made again."""
    data, _, _ = line()
    settings = {**FIT, "steps": 20}
    fit = dgm.parse(LINE).fit(data, **settings, out=tmp_path / "run")
    again = dgm.restore(tmp_path / "run")
    np.testing.assert_array_equal(again.params["w"], fit.params["w"])
    assert again.which == "posterior"
    assert set(again.to_arviz().groups()) >= {"posterior"}


def test_latents_keep_their_guide() -> None:
    """E_q(m) of the ELBO at m, minus the KL of the params, is the loss: by quadrature over m."""
    model = dgm.parse(LATENT)
    objective = model.objective(dgm_method("elbo(params = meanfield)", LATENT))
    inner = model.objective(dgm_method("elbo", LATENT)).unpriced
    assert inner is not None
    data = {"x": jnp.asarray([[0.5, 1.0], [-1.0, 0.2], [2.0, 1.5]])}
    log_s = jnp.log(jnp.asarray(0.7))
    params = {"m": jnp.asarray(0.4), meanfield.LOG_SCALES: {"m": log_s}}
    state = objective.start(jax.random.key(0), params, data)
    keys = jax.random.split(jax.random.key(1), 4000)
    losses = jax.vmap(lambda k: objective.players[0].loss(params, state, data, k)[0])(keys)
    points, weights = np.polynomial.hermite_e.hermegauss(9)

    def at(point: Any) -> jax.Array:
        own = {"m": 0.4 + 0.7 * point}
        return jax.vmap(lambda k: inner.players[0].loss(own, {}, data, k)[0])(keys).mean()

    weights = weights / weights.sum()
    conditional = float(weights @ np.asarray(jax.lax.map(at, jnp.asarray(points))))
    kl = np.log(0.3 / 0.7) + (0.7**2 + 0.4**2) / (2 * 0.3**2) - 0.5
    error = 5 * float(losses.std()) * 2 * 4000**-0.5
    assert abs(float(losses.mean()) - conditional - kl / 3) < error
    assert kl / 3 > error


def test_nets_with_a_prior_move_too() -> None:

    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (64, 1))
    data = {"a": a, "y": np.sin(3 * a[:, 0]) + 0.1 * rng.normal(size=64)}
    fit = dgm.parse(NET).fit(data, **{**FIT, "steps": 300})
    assert all(leaf.shape[:1] == (1000,) for leaf in jax.tree.leaves(fit.params))
    far, near = (np.std(fit.value("f(a)", a=np.array([[at]]))) for at in (4.0, 0.0))
    assert far > near > 0


NET = """
model Net {
  given a : real[1]
  net f(a: real[1]) -> real ~ Normal(0, 1) = a |> mlp([4])
  data y : real ~ Normal(f(a), 0.1)
}
"""


@pytest.mark.parametrize(
    ("objective", "code"),
    [
        ("elbo", "DGM0412"),
        ("elbo(params = meanfeld)", "DGM0412"),
        ("elbo(params = meanfield) + mle", "DGM0436"),
    ],
)
def test_what_is_refused(objective: str, code: str) -> None:
    with pytest.raises(dgm.DgmError, match=code) as error:
        dgm.parse(LINE).fit(line()[0], objective=objective)
    if code == "DGM0412":
        assert "elbo(params = meanfield)" in str(error.value)


def test_an_unbounded_mode_asks_for_it() -> None:
    """Where a prior reads a param, the bound at a point is refused and that over params is not."""
    plan = dgm.parse(HIERARCHY).plan
    assert plan.objectives["elbo"].ways == ("elbo(params = meanfield)",)
    assert not plan.objectives["map"].legal
