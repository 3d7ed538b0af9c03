"""Data that may be missing: the density is the exact sum over what an example lacks."""

from __future__ import annotations

from itertools import product
from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import Method

SPRINKLER = """model Sprinkler {
  param p_rain      : unit
  param p_sprinkler : unit[2]
  param p_wet       : unit[2, 2]
  data rain      : bit? ~ Bernoulli(p_rain)
  data sprinkler : bit? ~ Bernoulli(p_sprinkler[rain])
  data wet       : bit? ~ Bernoulli(p_wet[rain, sprinkler])
}"""
TABLES = {
    "p_rain": np.float32(0.3),
    "p_sprinkler": np.array([0.6, 0.1], np.float32),
    "p_wet": np.array([[0.05, 0.8], [0.7, 0.95]], np.float32),
}


def joint(rain: int, sprinkler: int, wet: int) -> float:
    p, q, r = TABLES["p_rain"], TABLES["p_sprinkler"][rain], TABLES["p_wet"][rain, sprinkler]
    return float(np.prod([a if on else 1 - a for a, on in ((p, rain), (q, sprinkler), (r, wet))]))


def test_every_pattern_of_missing_values_is_summed_over() -> None:
    fitted = dgm.parse(SPRINKLER).with_params(TABLES)
    patterns = list(product((0.0, 1.0, np.nan), repeat=3))
    columns = dict(zip(("rain", "sprinkler", "wet"), np.array(patterns).T, strict=True))
    found = fitted.log_prob(columns).value
    wanted = [
        log(sum(joint(*s) for s in product((0, 1), repeat=3) if _agrees(s, pattern)))
        for pattern in patterns
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def _agrees(state: tuple[int, ...], pattern: tuple[float, ...]) -> bool:
    return all(np.isnan(seen) or seen == s for s, seen in zip(state, pattern, strict=True))


def test_a_column_may_be_left_out() -> None:
    fitted = dgm.parse(SPRINKLER).with_params(TABLES)
    columns = {"rain": np.array([0.0, 1.0]), "wet": np.array([1.0, 1.0])}
    wanted = [log(sum(joint(r, s, 1) for s in (0, 1))) for r in (0, 1)]
    np.testing.assert_allclose(fitted.log_prob(columns).value, wanted, atol=1e-5)
    masked = np.ma.masked_array([0, 0], mask=[True, True])
    again = fitted.log_prob({**columns, "sprinkler": masked})
    np.testing.assert_allclose(again.value, wanted, atol=1e-5)


def test_the_posterior_of_what_is_missing() -> None:
    fitted = dgm.parse(SPRINKLER).with_params(TABLES)
    found = fitted.posterior({"rain": [np.nan], "sprinkler": [np.nan], "wet": [1.0]})
    rain = sum(joint(1, s, 1) for s in (0, 1))
    total = rain + sum(joint(0, s, 1) for s in (0, 1))
    np.testing.assert_allclose(found["rain"].value[0], [1 - rain / total, rain / total], atol=1e-5)
    np.testing.assert_allclose(found["wet"].value[0], [0, 1], atol=1e-6)


LEAF = """model M(d: int = 3) {
  param p : unit[d]
  param loc : real[d]
  data x : bit?[d]  ~ Bernoulli(p)
  data y : real[d]? ~ Normal(loc, 2)
}"""


def test_a_missing_leaf_counts_nothing() -> None:
    model = dgm.parse(LEAF)
    assert {r.variable: r.rule for r in model.plan.facts.removed} == {"x": "leaf", "y": "leaf"}
    params = {"p": np.array([0.2, 0.5, 0.9]), "loc": np.array([0.0, 1.0, 2.0])}
    data = {"x": [[1, np.nan, 0], [np.nan] * 3], "y": [[np.nan] * 3, [0.0, 1.0, 2.0]]}
    found = model.with_params(params).log_prob(data).value
    at_mode = -3 * log(2) - 1.5 * log(2 * np.pi)
    np.testing.assert_allclose(found, [log(0.2) + log(0.1), at_mode], atol=1e-5)


def test_gradients_are_finite_where_everything_is_missing() -> None:
    model = dgm.parse(LEAF)
    params = model.init(0)
    values = {"x": jnp.full(3, jnp.nan), "y": jnp.full(3, jnp.nan)}
    slopes = jax.grad(model.log_prob)(params, values)
    assert all(np.all(np.asarray(leaf) == 0) for leaf in jax.tree.leaves(slopes))


def test_part_of_a_whole_is_refused() -> None:
    model = dgm.parse(LEAF).with_params({})
    with pytest.raises(DgmError, match="DGM0525"):
        model.log_prob({"x": np.zeros((1, 3)), "y": [[np.nan, 0.0, 0.0]]})


SEMI = """model Semi {
  param b : real[2]
  param c : real[3, 2]
  data   y : cat(3)? ~ Categorical(uniform(3))
  latent z : bit ~ Bernoulli(logits = b[0])
  data   x : bit[2] ~ Bernoulli(logits = c[y] + b * z)
  net label(x: bit[2]) -> (logits: real[3]) = x
  net code(x: bit[2], y: cat(3)) -> (logits: real) = concat(x, one_hot(y))
  guide {
    y ~ Categorical(label(x)...)
    z ~ Bernoulli(code(x, y)...)
  }
}"""


def test_a_guide_sums_over_labels_only_where_they_are_missing() -> None:
    """With the exact posterior as the guide's law the bound is the log-likelihood."""
    model = dgm.parse(SEMI)
    assert {b.variable: b.gradient for b in model.plan.facts.bounded} == {
        "y": "enumerate", "z": "enumerate",
    }  # fmt: skip
    params = model.init(0)
    data = {"y": jnp.array([-1, 0, 1, 2]), "x": jnp.array([[1.0, 0.0]] * 4)}
    validate = model.objective(Method("objective", "elbo")).validate
    assert validate is not None
    bound = -validate(params, data, jax.random.key(0))
    np.testing.assert_allclose(bound, [_bound(model, params, int(y)) for y in data["y"]], atol=1e-5)
    drawn = model.lowered.guide_draw(params, jax.random.key(1), {n: a[1] for n, a in data.items()})
    assert int(drawn[0]["y"]) == 0


def _bound(model: dgm.Model, params, seen: int) -> float:
    """The bound by enumeration, from log p(x, y, z) and the guide's densities at each state."""
    x, total = jnp.array([1.0, 0.0]), 0.0
    for y in range(3) if seen < 0 else [seen]:
        for z in (0.0, 1.0):
            values = {"x": x, "y": jnp.array(y), "z": jnp.array(z)}
            log_q = model.lowered.guide_terms(params, values)
            own = float(log_q["z"]) + (float(log_q["y"]) if seen < 0 else 0.0)
            total += np.exp(own) * (float(model.lowered.log_joint(params, values)) - own)
    return total


ABSENT = """model M(classes: int = 3) {
  net f(y: cat(classes)?) -> real = y |> embed(4)
  given y : cat(classes)?
  data  x : real ~ Normal(f(y), 1)
}"""


def test_an_absent_given_has_a_vector_of_its_own() -> None:
    model = dgm.parse(ABSENT)
    params = model.init(0)
    assert params["f"]["embed"]["table"].shape == (4, 4)
    absent, first = (
        model.log_prob(params, {"x": jnp.zeros(()), **y}) for y in ({}, {"y": 0 * jnp.array(1)})
    )
    assert float(absent) != float(first)
    fitted = model.with_params({})
    found = fitted.log_prob({"x": np.zeros(2), "y": [np.nan, 0]}).value
    np.testing.assert_allclose(found, [absent, first], atol=1e-6)
    assert fitted.sample(3).shape == (3,)


FACTOR = """model M {
  param W : real[3, 2]
  latent z : real[2]  ~ Normal(0, 1)
  data   x : real?[3] ~ Normal(W @ z, 0.5)
}"""


def test_missing_entries_beside_a_latent_in_closed_form() -> None:
    model = dgm.parse(FACTOR)
    assert {r.variable: r.rule for r in model.plan.facts.removed} == {
        "z": "closed form", "x": "leaf",
    }  # fmt: skip
    W = np.array([[1.0, 0.5], [-0.3, 0.8], [0.2, 2.0]])
    found = model.with_params({"W": W}).log_prob([[0.7, np.nan, -1.0]]).value
    covariance = W @ W.T + 0.25 * np.eye(3)
    kept = covariance[np.ix_([0, 2], [0, 2])]
    x = np.array([0.7, -1.0])
    wanted = -0.5 * (x @ np.linalg.solve(kept, x) + np.linalg.slogdet(2 * np.pi * kept)[1])
    np.testing.assert_allclose(found, [wanted], atol=1e-4)


def test_an_entry_of_a_given_that_may_be_absent_is_no_index() -> None:
    """Absent is stored as −1, which would read the last row."""
    program = """model M {
  given c : cat(3)?[4]
  param m : real[3]
  data x : real ~ Normal(m[c[1]], 1)
}"""
    with pytest.raises(dgm.DgmError, match="DGM0380"):
        dgm.parse(program)
    dgm.parse(program.replace("?", ""))
