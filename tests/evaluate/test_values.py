"""Expressions and nets of a fitted model, example by example."""

from __future__ import annotations

import numpy as np
import pytest

import dgmlang as dgm

LINEAR = """model Linear {
  net f(c: real[2]) -> real[3] = c
  param b : real[3]
  given c : real[2]
  data x : real[3] ~ Normal(f(c) + b, 1)
}
"""
X = np.random.default_rng(0).normal(size=(5, 2))


def fit() -> dgm.Fitted:
    return dgm.parse(LINEAR).with_params({"b": [1.0, 2.0, 3.0]})


def by_hand(x: np.ndarray) -> np.ndarray:
    leaf = fit().params["f"]["head"]
    return x @ np.asarray(leaf["kernel"]) + np.asarray(leaf["bias"])


def test_a_net_is_a_function_of_arrays():
    found = fit().nets.f(X)
    np.testing.assert_allclose(found, by_hand(X), rtol=1e-5, atol=1e-6)
    assert found.kind == "exact"
    assert "f" in dir(fit().nets)
    with pytest.raises(AttributeError, match="there are f"):
        fit().nets.g  # noqa: B018


def test_an_expression_reads_params_and_variables():
    np.testing.assert_allclose(
        fit().value("2 * f(c) + b", c=X), 2 * by_hand(X) + [1.0, 2.0, 3.0], rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(fit().value("sum(b)"), 6.0)
    np.testing.assert_array_equal(fit().value("f(c)", c=X), fit().nets.f(X))


def test_heads_come_by_name():
    model = dgm.parse(
        """model Heads {
          net enc(x: real[3]) -> (loc: real[2], scale: positive[2]) = x
          latent z : real[2] ~ Normal(0, 1)
          param w : real
          data x : real[3] ~ Normal(w * sum(z), 1)
          guide { z ~ Normal(enc(x)...) }
        }"""
    )
    fitted, x = model.with_params({}), np.ones((4, 3))
    heads = fitted.nets.enc(x)
    assert {name: a.shape for name, a in heads.items()} == {"loc": (4, 2), "scale": (4, 2)}
    assert (heads["scale"] > 0).all()
    np.testing.assert_array_equal(fitted.value("enc(x).scale", x=x), heads["scale"])
    np.testing.assert_array_equal(fitted.value("enc(x)", x=x)["loc"], heads["loc"])


def test_data_are_prepared_before_they_are_read():
    program = """model Scaled {
      param m : real
      data x : real[2] ~ Normal(m, 1)
      recipe default { prepare x = 10 * x }
    }"""
    fitted = dgm.parse(program).fit(np.ones((8, 2)), steps=1)
    np.testing.assert_allclose(fitted.value("sum(x)", x=np.ones((3, 2))), 20.0)
