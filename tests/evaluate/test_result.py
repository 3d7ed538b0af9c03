"""Answers are arrays wherever arrays go, and claim a kind only where it is still true."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import dgmlang as dgm
from dgmlang.evaluate.result import Result

EXAMPLES = Path(__file__).parents[2] / "examples"
VALUE = np.arange(6.0).reshape(3, 2)
ERROR = np.array([[0.3, 0.4], [0.0, 0.0], [1.0, 1.0]])
MIXED = """model Mixed {
  param w : real
  latent z : real ~ Normal(0, 1)
  data x : real[2] ~ Normal(w * z, 1)
  guide { z ~ Normal(0.3 * sum(x), 0.7) }
}
"""


def result(kind: Any = "estimate") -> Result:
    return Result(VALUE, kind, ERROR, "a way")


def test_a_part_keeps_its_kind_and_error():
    for index in (1, slice(1, None), [0, 2], np.array([True, False, True]), (slice(None), 1)):
        part = result()[index]
        assert (part.kind, part.method) == ("estimate", "a way")
        np.testing.assert_array_equal(part.value, VALUE[index])
        np.testing.assert_array_equal(part.stderr, ERROR[index])
    assert result()[0, 1].kind == "estimate"
    assert float(result()[0, 1].stderr) == 0.4
    assert type(Result([0, 1], "draws")[1]) is np.int64


def test_a_mean_keeps_its_kind_and_propagates_its_error():
    assert float(np.mean(result())) == 2.5
    assert isinstance(np.mean(result()), Result)
    along = result().mean(axis=1)
    np.testing.assert_allclose(along, [0.5, 2.5, 4.5])
    np.testing.assert_allclose(along.stderr, [0.25, 0.0, np.sqrt(2) / 2])
    assert result().mean(axis=0, keepdims=True).stderr.shape == (1, 2)
    assert type(result("draws").mean()) is np.float64


@pytest.mark.parametrize(
    "derived",
    [
        lambda r: r + 1,
        lambda r: 2 * r,
        lambda r: -r,
        lambda r: r @ r.T,
        lambda r: np.exp(r),
        lambda r: np.add(r, 1, out=np.zeros((3, 2))),
        lambda r: r.sum(axis=0),
        lambda r: np.concatenate([r, r]),
        lambda r: np.where(r > 1, r, 0),
        lambda r: r.reshape(6),
        lambda r: r.astype(int),
        lambda r: r.T[0],
        lambda r: r.copy(),
    ],
)
def test_what_is_computed_from_a_result_claims_nothing(derived):
    found = derived(result())
    assert getattr(found, "kind", None) is None
    np.testing.assert_array_equal(found, derived(VALUE))


def test_nothing_is_written_into_a_result():
    with pytest.raises(ValueError, match="read-only"):
        result()[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        np.add(1.0, VALUE, out=result())
    plain = result().copy()
    plain[0] = 9.0
    source = VALUE.copy()
    made = Result(source, "exact")
    source[0, 0] = 7.0
    assert made[0, 0] == 0.0


def test_copies_and_pickles_keep_everything():
    for again in (
        copy.copy(result()),
        copy.deepcopy(result()),
        pickle.loads(pickle.dumps(result())),
    ):
        assert (again.kind, again.method) == ("estimate", "a way")
        np.testing.assert_array_equal(again.value, VALUE)
        np.testing.assert_array_equal(again.stderr, ERROR)


def test_jax_takes_it():
    np.testing.assert_allclose(jnp.asarray(result()), VALUE)
    np.testing.assert_allclose(jax.jit(jnp.exp)(result()), np.exp(VALUE), rtol=1e-6)
    assert jnp.mean(result()) == 2.5


def test_pandas_and_matplotlib_take_it():
    from matplotlib.figure import Figure

    table = pd.DataFrame(result(), columns=["a", "b"])
    np.testing.assert_array_equal(table.to_numpy(), VALUE)
    assert pd.Series(result()[:, 0]).sum() == 6.0
    axes = Figure().add_subplot()
    (line, _) = axes.plot(result())
    np.testing.assert_array_equal(line.get_ydata(), VALUE[:, 0])
    axes.hist(result()[:, 0])
    axes.imshow(result())


def test_it_prints_its_kind():
    assert repr(Result([1.5, 2.0], "exact")) == "[1.5, 2. ]  (exact)"
    one = Result(1.5, "bound", 0.25, "iwae, k = 8")
    assert repr(one) == str(one) == "1.5 ± 0.25  (bound: iwae, k = 8)"
    assert f"{one:.3f}" == "1.500"
    assert repr(result().reshape(6)) == repr(VALUE.reshape(6))[6:-1]


def test_every_query_answers_with_its_kind():
    fit, x = dgm.parse(MIXED).with_params({"w": 0.5}), np.zeros((4, 2))
    assert fit.sample(3).kind == fit.draws(3)["z"].kind == "draws"
    assert fit.sample(3).method == "ancestral"
    assert fit.reconstruct(x).kind == "draws"
    assert fit.log_prob(x).kind == fit.bits_per_dim(x).kind == "bound"
    assert fit.posterior(x)["z"].kind == "draws"
    gauss = dgm.parse("model G { data x : real[2] ~ Normal(0, 1) }").with_params({})
    for found in (gauss.log_prob(x), gauss.energy(x), gauss.score(x)):
        assert found.kind == "exact"
    modelled = dgm.load(EXAMPLES / "score_sde.dgm").with_params({}).score(x, t=0.5)
    assert modelled.kind == "model"
    assert modelled.method == "as modelled"
    ising = dgm.load(EXAMPLES / "ising.dgm", side=3).with_params({})
    assert ising.log_normalizer().kind == "exact"
    assert "Markov chain" in ising.sample(2, sampler="gibbs(sweeps = 2)").method


@pytest.mark.parametrize(("step", "kind"), [("dequantize", "bound"), ("standardize", "exact")])
def test_a_density_behind_noise_in_bins_is_a_bound(step, kind):
    model = dgm.parse("model N { param m : real\n data x : real[2] ~ Normal(m, 1) }")
    x = np.random.default_rng(0).integers(0, 4, (20, 2)).astype(float)
    found = model.fit({"x": x}, prepare={"x": f"{step}(x)"}, steps=1).log_prob({"x": x})
    assert found.kind == kind
    assert ("one draw of dequantize" in found.method) == (kind == "bound")


@pytest.mark.parametrize(
    "query",
    [
        lambda fit, x, seed: fit.sample(4, seed=seed),
        lambda fit, x, seed: fit.draws(4, seed=seed)["z"],
        lambda fit, x, seed: fit.log_prob(x, seed=seed),
        lambda fit, x, seed: fit.bits_per_dim(x, method="iwae(k = 3)", seed=seed),
        lambda fit, x, seed: fit.posterior(x, seed=seed)["z"],
        lambda fit, x, seed: fit.reconstruct(x, seed=seed),
    ],
)
def test_a_seed_fixes_the_numbers(query):
    fit, x = dgm.parse(MIXED).with_params({"w": 0.5}), np.ones((4, 2))
    np.testing.assert_array_equal(query(fit, x, 3), query(fit, x, 3))
    assert not np.array_equal(query(fit, x, 3), query(fit, x, 4))
