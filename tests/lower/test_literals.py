"""Arrays that are written out where a simplex or a matrix is wanted, and what is made of values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import dgmlang as dgm
from dgmlang.compiler.types.literals import misfit

RAIN = """model Rain {
  data rain : cat(3) ~ Categorical([1 / 3, 0.5, 1 / 6])
  data wet  : bit    ~ Bernoulli([0.1, 0.4, 0.9][rain])
  data mud  : cat(2) ~ Categorical([[0.99, 0.01], [0.3, 0.7]][wet])
}"""
COIN = """model Coin {
  param p : real from 0.3
  data  x : cat(2) ~ Categorical([p, 1 - p])
}"""
SHARES = """model Shares {
  param p : unit[3]
  data  x : cat(3) ~ Categorical(p)
}"""


def nothing_to_learn(text: str) -> dgm.Fitted:
    return dgm.parse(text).with_params({})


def test_tables_are_read_row_by_row() -> None:
    rain, wet, mud = (grid.ravel() for grid in np.meshgrid(range(3), range(2), range(2)))
    first, second = np.array([1 / 3, 1 / 2, 1 / 6]), np.array([0.1, 0.4, 0.9])[rain]
    third = np.array([[0.99, 0.01], [0.3, 0.7]])[wet, mud]
    truth = np.log(first[rain] * np.where(wet, second, 1 - second) * third)
    found = nothing_to_learn(RAIN).log_prob({"rain": rain, "wet": wet, "mud": mud})
    np.testing.assert_allclose(found, truth, rtol=1e-5)
    assert np.exp(truth).sum() == pytest.approx(1)


def test_a_triangle_of_numbers_is_the_scale_of_a_gaussian() -> None:
    scale, x = np.array([[2, 0], [0.5, 1.5]]), np.array([[0.3, -1.0], [2.0, 4.0]])
    text = "model G {\n  data x : real[2] ~ MultivariateNormal([1, 0], [[2, 0], [0.5, 1.5]])\n}"
    law: Any = multivariate_normal
    truth = law([1, 0], scale @ scale.T).logpdf(x)
    np.testing.assert_allclose(nothing_to_learn(text).log_prob(x), truth, rtol=1e-5)


def test_a_mixture_has_the_weights_that_are_written() -> None:
    text = "model M {\n  data x : real ~ mixture([0.25, 0.75], Normal([0, 4], 1))\n}"
    x = np.array([0.0, 1.0, 4.0])
    parts = np.exp(-0.5 * (x[:, None] - [0, 4]) ** 2) / np.sqrt(2 * np.pi)
    truth = np.log(parts @ [0.25, 0.75])
    np.testing.assert_allclose(nothing_to_learn(text).log_prob(x), truth, rtol=1e-5)


def test_entries_that_are_computed_have_to_add_up_to_one() -> None:
    coin = dgm.parse(COIN)
    np.testing.assert_allclose(coin.with_params({"p": 0.3}).log_prob([0, 1]), np.log([0.3, 0.7]))
    with pytest.raises(dgm.DgmError, match=r"DGM0715(.|\n)*found values from -0\.5 to 1\.5"):
        coin.with_params({"p": 1.5}).log_prob([0, 1])
    shares = dgm.parse(SHARES)
    shares.with_params({"p": [0.2, 0.3, 0.5]}).log_prob([0, 1, 2])
    with pytest.raises(dgm.DgmError, match=r"DGM0715(.|\n)*entries that add up to 1\.1"):
        shares.with_params({"p": [0.2, 0.4, 0.5]}).log_prob([0, 1, 2])


def test_a_simplex_of_a_thousand_single_floats_adds_up() -> None:
    text = SHARES.replace("unit[3]", "unit[1000]").replace("cat(3)", "cat(1000)")
    raw = np.random.default_rng(0).exponential(size=1000).astype(np.float32)
    found = dgm.parse(text).with_params({"p": raw / raw.sum()}).log_prob([0, 999])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", ["cov", "corr"])
def test_positive_definite_means_that_every_eigenvalue_is(kind: str) -> None:
    rng, seen = np.random.default_rng(1), set()
    for _ in range(200):
        a = rng.uniform(-1, 1, (3, 3))
        a = (a + a.T) / 2
        np.fill_diagonal(a, 1)
        is_one = misfit(tuple(map(tuple, a.tolist())), kind) is None
        assert is_one == (np.linalg.eigvalsh(a).min() > 0)
        seen.add(is_one)
    assert seen == {True, False}


def test_why_an_array_is_none() -> None:
    assert misfit((0.2, 0.3, 0.5), "simplex") is None
    assert misfit((0.2, 0.9), "simplex") == "numbers that add up to 1.1"
    assert misfit((1.0, 1.0), "ordered") == "1 before 1"
    assert misfit(((1.0, 0.0), (3.0, -1.0)), "tril") == "-1 on the diagonal"
    assert misfit(((1.0, 0.5), (0.4, 1.0)), "cov") == "a matrix that is not symmetric"
    assert misfit(((1.0, 0.0), (0.6, 0.8)), "corr_tril") is None
    assert misfit(((1.0, 0.0), (0.6, 0.9)), "corr_tril") == "a row of length 1.08167"
