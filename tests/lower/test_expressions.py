"""Expressions, laws and priors against NumPy and SciPy, and run-time arguments of stages."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.lower.hand import argument, lowered, source

pytestmark = pytest.mark.usefixtures("x64")

X = np.array([0.5, -1.0, 2.0])
M = np.arange(6.0).reshape(2, 3) / 3

CASES = {
    "x ** 2 / (2 * 3)": X**2 / 6,
    "x @ [1.0, 2.0, 3.0] + x": X @ [1, 2, 3] + X,
    "m + x": M + X,
    "m[1] - m[0, 2]": M[1] - M[0, 2],
    "sum(m[:, 1:], axis = 1)": M[:, 1:].sum(axis=1),
    "m[k]": M[1],
    "[x, 2 * x]": np.stack([X, 2 * X]),
    "x if b == 1 else -x": X,
    "logsumexp(m, axis = 0)": np.logaddexp(*M),
    "shift(m, 1, axis = 1) * x": np.roll(M, 1, 1) * X,
    "concat(x, [7.0, 8.0])": np.append(X, [7.0, 8.0]),
    "log_prob(Normal(1, 2), x)": stats.norm.logpdf(X, 1, 2).sum(),
    "one_hot(k) @ m": M[1],
}


@pytest.mark.parametrize("text", CASES)
def test_an_expression_is_numpys(text):
    declarations = "given x : real[3]\n given m : real[2, 3]\n given k : cat(2)\n given b : bit"
    axes = ", ".join(map(str, np.shape(CASES[text])))
    shape = f"[{axes}]" if axes else ""
    model = lowered(f"model M {{ {declarations}\n data y : real{shape} ~ Normal({text}, 1) }}")
    values = {"x": X, "m": M, "k": 1, "b": 1.0}
    loc = argument(model, "y", "loc")
    found = model.evaluate({}, loc, {n: jnp.asarray(v) for n, v in values.items()})
    assert np.allclose(found, CASES[text])


def test_arguments_of_lower_rank_repeat_over_the_shape():
    model = lowered("""model M {
      param p : simplex(3)
      data x : real[2, 3] ~ Normal([0.0, 1.0, 2.0], 0.5)
      data c : cat(3)[4] ~ Categorical(p)
      data n : positive[2] ~ Gamma(2, 3)
    }""")
    params = model.unconstrain({"p": np.array([0.2, 0.3, 0.5])})
    values = {"x": jnp.asarray(M), "c": jnp.asarray([0, 2, 2, 1]), "n": jnp.asarray([0.4, 1.5])}
    terms = model.log_terms(params, values)
    assert np.allclose(terms["x"], stats.norm.logpdf(M, [0, 1, 2], 0.5).sum())
    assert np.allclose(terms["c"], np.log([0.2, 0.5, 0.5, 0.3]).sum())
    assert np.allclose(terms["n"], stats.gamma.logpdf([0.4, 1.5], 2, scale=1 / 3).sum())
    outside = {**values, "n": jnp.asarray([0.4, -1.0])}
    assert jax.jit(model.log_prob)(params, outside) == -np.inf
    drawn = model.draw(params, jax.random.key(0), {})
    assert {n: v.shape for n, v in drawn.items()} == {"x": (2, 3), "c": (4,), "n": (2,)}
    one = model.draw(params, jax.random.key(0), {})["c"]
    assert one.dtype == jnp.int32


def test_priors_are_densities_on_the_params_own_scale():
    model = lowered("""model M {
      param s : positive[2] ~ Gamma(2, 3)
      param w : real ~ Normal(0, 4)
      data x : real[2] ~ Normal(w, s)
    }""")
    params = model.unconstrain({"s": np.array([0.4, 1.5]), "w": np.array(2.0)})
    truth = stats.gamma.logpdf([0.4, 1.5], 2, scale=1 / 3).sum() + stats.norm.logpdf(2, 0, 4)
    assert np.allclose(model.log_prior(params), truth)
    without = lowered("model M { param w : real\n data x : real ~ Normal(w, 1) }")
    assert without.log_prior(without.init(0, None)) == 0


def test_run_time_arguments_reach_the_stages_of_a_block():
    model = lowered(
        """model M {
      given c : real[2]
      latent z : real[4] ~ Normal(0, 1)
      data x : real[4] = z |> repeat(2) { coupling(mlp([5]), condition = c) |> reverse }
    }""",
        [("z", "change of variables")],
    )
    rng = np.random.default_rng(0)
    leaves, tree = jax.tree.flatten(model.init(0, None))
    params = tree.unflatten([leaf + 0.3 * rng.standard_normal(leaf.shape) for leaf in leaves])
    x = jnp.asarray(rng.standard_normal(4))
    here, there = (
        jax.jit(model.log_prob)(params, {"x": x, "c": jnp.asarray(c)})
        for c in ([0.0, 1.0], [2.0, -1.0])
    )
    assert abs(float(here - there)) > 1e-3
    drawn = model.draw(params, jax.random.key(0), {"c": jnp.ones(2)})
    z = source(model, "x")
    back = model.evaluate(params, z, {"x": drawn["x"], "c": jnp.ones(2)})
    assert np.allclose(back, drawn["z"])


def test_heads_keep_the_leading_axes_of_their_body():
    model = lowered("""model M {
      net f(x: real[5, 2]) -> (loc: real[5, 3], scale: positive[5]) = x |> mlp([4])
      given x : real[5, 2]
      data y : real[5, 3] ~ Normal(f(x).loc, 1)
      data s : positive[5] ~ Exponential(f(x).scale)
    }""")
    params = model.init(0, None)
    assert params["f"]["loc"]["kernel"].shape == (4, 3)
    assert params["f"]["scale"]["kernel"].shape == (4, 1)
    x = np.random.default_rng(0).standard_normal((5, 2))
    f = jax.tree.map(np.asarray, params["f"])
    hidden = x @ f["mlp"]["0"]["kernel"]
    hidden = hidden / (1 + np.exp(-hidden))
    law = argument(model, "s", "rate")
    found = model.evaluate(params, law, {"x": jnp.asarray(x)})
    assert np.allclose(found, np.log1p(np.exp(hidden @ f["scale"]["kernel"]))[:, 0] + 1e-6)
