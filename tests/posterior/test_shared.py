"""Givens with one value for the data set, which may stand in priors; groups that `fit` did not see.

Truth is in closed form: a Gaussian group mean with prior N(u_g, τ²) and n data of variance σ² has
the posterior mean (u_g/τ² + Σy/σ²)/(1/τ² + n/σ²), which is its mode; and a group without data has
the law N(γ u, τ²), so that its data have variance τ² + σ².
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
from numpyro.infer.util import log_density

import dgmlang as dgm
from tests.objectives.models import ERRORS, EXAMPLES

pytestmark = pytest.mark.usefixtures("x64")

GROUPS = """model Groups(G: int) {
  given u : real[G] shared
  given g : cat(G)
  param a : real[G] ~ Normal(u, 0.5)
  data y : real ~ Normal(a[g], 2)
}"""
SLOPE = """model Slope(G: int) {
  given u : real[G] shared
  given g : cat(G)
  param γ : real
  param s : positive[G] ~ LogNormal(γ * u, 0.3)
  data y : real ~ Normal(γ * u[g], s[g])
}"""
HOW: Any = {"objective": "map", "optimizer": "sgd(learning_rate = 1)", "steps": 60}
U = np.array([-1.0, 0.5, 2.0])
G = np.array([0, 0, 1, 2, 2, 2])
Y = np.array([0.3, -0.4, 2.0, 1.0, 1.5, 0.9])


def mode(u: np.ndarray) -> np.ndarray:
    """The groups' means by hand."""
    count, total = np.bincount(G), np.bincount(G, weights=Y)
    return (u / 0.25 + total / 4) / (1 / 0.25 + count / 4)


@pytest.fixture(scope="module")
def fitted() -> Any:
    with jax.enable_x64(True):
        return dgm.parse(GROUPS).fit({"g": G, "y": Y}, given={"u": U}, **HOW)


def test_the_mode_is_that_of_the_closed_form(fitted: Any) -> None:
    assert fitted.params.keys() == {"a"}
    assert np.allclose(fitted.params["a"], mode(U), atol=1e-6)
    # The twin: another value of `u` has another mode.
    assert not np.allclose(fitted.params["a"], mode(U[::-1]), atol=0.1)


def test_the_joint_density_is_that_of_the_model_by_hand() -> None:
    program = dgm.load(EXAMPLES / "multilevel.dgm", G=3).numpyro()
    x = np.linspace(-1, 1, 6)
    at = {"γ": np.array([0.3, -0.7]), "τ": 0.6, "α": np.array([0.1, 1.0, -2.0])}
    at |= {"β": 0.4, "σ": 1.2}

    def found(u: np.ndarray) -> float:
        return float(log_density(program, ({"u": u, "g": G, "x": x, "y": Y},), {}, at)[0])

    terms: list[Any] = [
        dist.Normal(0, 5).log_prob(np.append(at["γ"], at["β"])),
        dist.HalfNormal(1).log_prob(np.array([at["τ"], at["σ"]])),
        dist.Normal(0.3 - 0.7 * U, 0.6).log_prob(at["α"]),
        dist.Normal(at["α"][G] + 0.4 * x, 1.2).log_prob(Y),
    ]
    assert found(U) == pytest.approx(sum(float(jnp.sum(t)) for t in terms), rel=1e-10)
    assert abs(found(U[::-1]) - found(U)) > 0.1


@pytest.mark.parametrize("how", ["keyword", "data", "npz", "npy", "frame", "list"])
def test_ways_in(fitted: Any, how: str, tmp_path: Path) -> None:
    data: Any = {"g": G, "y": Y}
    given: Any = {"u": U}
    if how in ("data", "npz"):
        data, given = {"u": U, **data}, None
    if how == "npz":
        np.savez(tmp_path / "d.npz", **data)
        data = tmp_path / "d.npz"
    if how == "npy":
        np.save(tmp_path / "u.npy", U)
        given = {"u": tmp_path / "u.npy"}
    data = pd.DataFrame(data) if how == "frame" else data
    given = {"u": U.tolist()} if how == "list" else given
    found = dgm.parse(GROUPS).fit(data, given=given, **HOW)
    assert np.array_equal(found.params["a"], fitted.params["a"])


def test_a_number_may_be_shared() -> None:
    model = dgm.parse("""model M {
  given s : positive shared
  param m : real ~ Normal(0, s)
  data y : real ~ Normal(m, 1)
}""")
    found = model.fit({"y": Y, "s": 0.5}, **HOW)
    assert found.params["m"] == pytest.approx(Y.sum() / (len(Y) + 4), abs=1e-6)


def test_runs_keep_it_and_go_on_with_it(fitted: Any, tmp_path: Path) -> None:
    data = {"g": G, "y": Y}
    restored = dgm.restore(save(fitted, tmp_path / "saved"))
    # The data of a fit may be asked about as they came.
    whole = restored.log_prob({**data, "u": U})
    assert np.array_equal(whole, fitted.log_prob(data))
    model, half = dgm.parse(GROUPS), tmp_path / "half"
    model.fit(data, given={"u": U}, **{**HOW, "steps": 20}, out=half)
    on = model.fit(data, resume=half, steps=60)
    assert np.array_equal(on.params["a"], fitted.params["a"])
    with pytest.raises(dgm.DgmError, match="DGM0541"):
        model.fit(data, given={"u": U + 1}, resume=half, steps=60)


def save(found: Any, folder: Path) -> Path:
    found.save(folder)
    return folder


def test_another_value_has_to_be_asked_for() -> None:
    data = {"g": np.array([0, 1, 2]), "y": np.zeros(3)}
    found = dgm.parse(SLOPE, G=3).with_params({"γ": 2.0, "s": np.ones(3), "u": U})
    assert np.allclose(found.log_prob(data), dist.Normal(2 * U, 1).log_prob(0.0))
    with pytest.raises(dgm.DgmError, match="DGM0541"):
        found.log_prob({**data, "u": U + 1})
    other = found.holding(u=U + 1)
    assert np.allclose(other.log_prob(data), dist.Normal(2 * U + 2, 1).log_prob(0.0))
    # One seed, one noise: what is drawn moves by as much as the mean does.
    one, two = (found.sample(4, given={"g": 1, "u": u}, seed=3) for u in (U, U + 1))
    assert np.allclose(two - one, 2.0)
    with pytest.raises(dgm.DgmError, match="DGM0512"):
        found.holding(u=U[:2])
    with pytest.raises(dgm.DgmError, match="DGM0508"):
        found.holding(v=U)


def test_pure_functions_take_it_without_an_axis() -> None:
    model = dgm.parse(GROUPS, G=3)
    params = model.init(0)
    one = {"g": jnp.array(2), "y": jnp.array(0.5), "u": jnp.asarray(U)}
    assert model.log_prob(params, one) == pytest.approx(
        float(dist.Normal(params["a"][2], 2).log_prob(0.5))
    )
    batch = {"g": jnp.asarray(G), "y": jnp.asarray(Y), "u": jnp.asarray(U)}
    key = jax.random.key(0)
    slope = jax.grad(lambda p: model.loss(p, batch, key, "map"))(params)
    assert slope.keys() == {"a"}
    by_hand = jax.grad(lambda a: -_log_joint(a) / len(Y))(params["a"])
    assert np.allclose(slope["a"], by_hand)


def _log_joint(a: Any) -> Any:
    prior = dist.Normal(U, 0.5).log_prob(a)
    return jnp.sum(jnp.asarray(prior)) + jnp.sum(jnp.asarray(dist.Normal(a[G], 2).log_prob(Y)))


def test_a_stream_takes_it_once() -> None:
    model = dgm.parse("""model M {
  given u : real[3] shared
  given g : cat(3)
  param s : positive
  data y : real ~ Normal(u[g], s)
}""")
    how: Any = {"optimizer": "adam(learning_rate = 0.1)", "steps": 150}
    found = model.fit(iter([{"g": G, "y": U[G] + 0.5}] * 150), given={"u": U}, **how)
    assert found.params["s"] == pytest.approx(0.5, rel=1e-3)


def test_a_model_as_a_law_takes_params_for_it() -> None:
    text = """model Inner(G: int) {
  given u : real[G] shared
  param a : real[G] ~ Normal(u, 1)
  data x : real[G] ~ Normal(a, 1)
}
model Outer {
  given v : real[2] shared
  param w : real ~ Normal(0, 1)
  data x : real[2] ~ Inner(w * v)
}"""
    program = dgm.parse(text).numpyro()
    at = {"w": 0.5, "x.a": np.array([0.2, 0.1])}
    v, x = np.array([1.0, -1.0]), np.zeros((1, 2))
    found = float(log_density(program, ({"v": v, "x": x},), {}, at)[0])
    terms: list[Any] = [
        dist.Normal(0, 1).log_prob(0.5),
        dist.Normal(0.5 * v, 1).log_prob(at["x.a"]),
        dist.Normal(at["x.a"], 1).log_prob(x[0]),
    ]
    assert found == pytest.approx(sum(float(jnp.sum(t)) for t in terms), rel=1e-10)


# ── levels that a fit did not see ────────────────────────────────────────────────────────────────

WIDER = np.append(U, [4.0, -3.0])
MANY = 4000


def off(drawn: np.ndarray, mean: float, variance: float) -> float:
    """How far mean and variance of Gaussian draws are off, in standard errors."""
    errors = (drawn.mean() - mean) / np.sqrt(variance / MANY)
    spread = (drawn.var() - variance) / (variance * np.sqrt(2 / MANY))
    return float(max(abs(errors), abs(spread)))


def test_new_groups_have_the_law_of_the_prior(fitted: Any) -> None:
    given = {"u": WIDER, "g": 4}
    drawn = fitted.sample(MANY, given=given, new_levels="prior", seed=1)
    assert "by their priors" in drawn.method
    assert off(np.asarray(drawn), -3.0, 0.25 + 4) < ERRORS
    # The twins: the row of another group, and the fitted mean in place of a draw.
    assert off(np.asarray(drawn), 4.0, 0.25 + 4) > 10
    still = np.random.default_rng(0).normal(-3.0, np.sqrt(3.0), MANY)
    assert off(still, -3.0, 0.25 + 4) > ERRORS


def test_groups_of_the_fit_keep_their_params(fitted: Any) -> None:
    row = np.array([2, 3])
    old = fitted.sample(2, given={"g": np.array([2, 2])}, seed=5)[0]
    new = fitted.sample(2, given={"u": WIDER, "g": row}, new_levels="prior", seed=5)
    drawn = np.asarray(fitted.sample(MANY, given={"u": WIDER, "g": 2}, new_levels="prior"))
    assert np.isfinite(old)
    assert new.shape == (2,)
    assert off(drawn, float(fitted.params["a"][2]), 4.0) < ERRORS


def test_each_draw_of_the_params_has_new_groups_of_its_own() -> None:
    """Var y = E σ² + Var: with γ ~ N(1, 0.2²) drawn, y of a new group varies by (0.2 u)² more."""
    from dataclasses import replace

    from dgmlang.posterior.chains import Chains

    model = dgm.parse(
        """model Slope(G: int) {
  given u : real[G] shared
  given g : cat(G)
  param γ : real ~ Normal(0, 1)
  param a : real[G] ~ Normal(γ * u, 0.5)
  data y : real ~ Normal(a[g], 1)
}""",
        G=3,
    )
    point = model.with_params({"γ": 1.0, "a": U, "u": U})
    rng = np.random.default_rng(0)
    drawn = {"γ": rng.normal(1.0, 0.2, (1, MANY)), "a": rng.normal(U, 0.1, (1, MANY, 3))}
    several = replace(point, kept={"mean": {}}, which="posterior", chains=Chains(drawn))
    y = several.sample(MANY, given={"u": WIDER, "g": 3}, new_levels="prior")
    assert off(np.asarray(y), 4.0, (0.2 * 4) ** 2 + 0.25 + 1) < ERRORS
    assert off(np.asarray(y), 4.0, 0.25 + 1) > ERRORS
    seen = several.sample(MANY, given={"g": 1})
    assert off(np.asarray(seen), 0.5, 0.01 + 1) < ERRORS


def test_new_labels_are_new_groups() -> None:
    model = dgm.parse("""model Groups(G: int) {
  given g : cat(G)
  param a : real[G] ~ Normal(10, 0.001)
  data y : real ~ Normal(a[g], 0.001)
}""")
    frame = pd.DataFrame({"town": ["Bonn", "Ulm", "Bonn"], "y": [10.0, 10.0, 10.0]})
    found = model.fit(frame, columns={"g": "town"}, objective="map", steps=5)
    drawn = found.sample(2, given={"g": ["Rom", "Ulm"]}, new_levels="prior")
    assert np.allclose(drawn[0], 10.0, atol=0.01)
    with pytest.raises(dgm.DgmError, match="DGM0529"):
        found.sample(2, given={"g": ["Rom", "Ulm"]})


def test_priors_that_draw_levels_together_are_refused() -> None:
    model = dgm.parse(
        """model M(G: int) {
  given g : cat(G)
  param p : simplex(G) ~ Dirichlet(ones(G))
  data y : bit ~ Bernoulli(p[g])
}""",
        G=3,
    )
    found = model.with_params({"p": np.full(3, 1 / 3)})
    with pytest.raises(dgm.DgmError, match="DGM0545"):
        found.sample(2, given={"g": 3}, new_levels="prior")


def test_weights_for_each_level_are_refused() -> None:
    model = dgm.parse(
        """model M(G: int) {
  given g : cat(G)
  net f(g: real[G]) -> real = g
  data y : real ~ Normal(f(one_hot(g)), 1)
}""",
        G=3,
    )
    with pytest.raises(dgm.DgmError, match="DGM0545"):
        model.with_params({}).sample(2, given={"g": 3}, new_levels="prior")
    with pytest.raises(dgm.DgmError, match="DGM0803"):
        model.with_params({}).sample(2, given={"g": 1}, new_levels="zero")
