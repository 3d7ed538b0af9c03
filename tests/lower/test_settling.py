"""Flows that start from data: what leaves each `actnorm` has mean 0 and variance 1, once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.bijections.bijection import pull
from dgmlang.compiler.lower.settling import EXAMPLES
from dgmlang.compiler.walk import chains

FLOW = "coupling(mlp([4]), condition = c) |> actnorm"
VECTOR = f"""model M {{ given c : real[2]
  data x : real[3] ~ Normal(0, 1) |> repeat(3) {{ {FLOW} }} }}"""
PICTURE = """model M { data x : real[4, 4, 1] ~ Normal(0, 1)
  |> multiscale(levels = 2) { actnorm |> conv1x1 |> coupling(conv_net(4), mask = channel) } }"""
GREYS = "model M { data x : grey(5)[6] ~ quantize(Normal(0, 1) |> actnorm |> sigmoid) }"
SMALL = "model M { data x : real[3] ~ Normal(0, 1) |> repeat(2) { coupling(mlp([4])) |> actnorm } }"

ABSENT = """model M { data x : real[2]? ~ Normal(0, 1) |> scale |> actnorm
  data y : bit ~ Bernoulli(0.5) }"""


def skewed(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(size=shape[1:]))
    return (rng.gamma(2.0, 1.0, shape) * scale + 3.0).astype("f")


def towards_the_base(model: Any, params: Any, x: Any) -> Any:
    """What the whole chain of a model without inputs makes of data."""
    stages = next(iter(chains(model.plan.program))).stages
    for stage in reversed(stages):
        flow = model.lowered.built.bijections[id(stage)]
        own = params["x"].get(stage.place, {})
        x = jax.vmap(partial(pull, flow.transform(own)))(x)[0]
    return x


def moments(values: Any, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return np.mean(values, axis=axes), np.std(values, axis=axes)


@pytest.mark.usefixtures("x64")
def test_copies_are_set_in_turn_the_one_at_the_data_first() -> None:
    model = dgm.parse(VECTOR)
    x, c = skewed(200, 3), skewed(200, 2, seed=1)
    own = model.init(0, {"x": x, "c": c})["x"]["repeat"]["actnorm"]
    ys = x.astype(float)
    for copy in (2, 1, 0):  # couplings start as the identity
        mean, deviation = moments(ys, (0,))
        np.testing.assert_allclose(own["shift"][copy], mean, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(np.exp(own["log_scale"][copy]), deviation, rtol=1e-6)
        ys = (ys - mean) / deviation


@pytest.mark.usefixtures("x64")
def test_every_level_of_a_picture_starts_normalised() -> None:
    model, x = dgm.parse(PICTURE), skewed(300, 4, 4, 1)
    z = towards_the_base(model, model.init(0, {"x": x}), jnp.asarray(x, float))
    squares = np.asarray(z).reshape(300, 2, 2, 2, 2)  # [n, row, ·, column, ·]: four channels
    mean, deviation = moments(squares, (0, 1, 3))
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    assert np.abs(deviation - 1).max() < 0.4  # half of the channels are set at the second level
    last = np.sort(np.abs(deviation - 1).ravel())
    np.testing.assert_allclose(last[:2], 0, atol=1e-5)


def test_without_data_it_is_the_identity_and_the_check_above_would_fail() -> None:
    model, x = dgm.parse(PICTURE), skewed(300, 4, 4, 1)
    params = model.init(0)
    assert all(
        (np.asarray(leaf) == 0).all() for leaf in params["x"]["multiscale"]["0"]["actnorm"].values()
    )
    z = towards_the_base(model, params, jnp.asarray(x, float))
    assert np.abs(np.mean(z, axis=0)).max() > 1


def test_a_latent_is_set_by_draws_of_its_guide() -> None:
    model = dgm.parse(GREYS)
    x = np.random.default_rng(0).integers(0, 5, (EXAMPLES, 6))
    params = model.init(0, {"x": x})["x"]["actnorm"]
    ends = (x + 0.5) / 5
    middle = np.log(ends / (1 - ends)).mean(axis=0)
    assert np.abs(params["shift"] - middle).max() < 0.2
    assert (np.asarray(params["log_scale"]) > 0.2).all()


def test_constant_channels_and_single_examples_start_finite() -> None:
    model = dgm.parse(SMALL)
    for x in (np.ones((5, 3), "f"), skewed(1, 3)):
        params = model.init(0, {"x": x})
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))
        assert np.isfinite(model.fit(x, steps=1, batch=1).log_prob(x).value).all()


def test_examples_that_lack_something_are_left_out() -> None:
    model = dgm.parse(ABSENT)
    x = skewed(20, 2)
    gaps = x.copy()
    gaps[3:9] = np.nan
    y = np.zeros(20)
    found = model.init(0, {"x": gaps, "y": y})["x"]["actnorm"]
    kept = np.delete(x, slice(3, 9), axis=0)
    np.testing.assert_allclose(found["shift"], kept.mean(axis=0), rtol=1e-4)


def test_a_run_that_goes_on_is_not_set_again(tmp_path: Path) -> None:
    """On other data: a second start would show in every parameter."""
    model, x, other = dgm.parse(SMALL), skewed(64, 3), skewed(64, 3, seed=5) * 40
    plain: dict[str, Any] = {"batch": 16, "optimizer": "adam(0.01)"}  # whatever the steps
    whole = model.fit(x, steps=8, **plain, out=tmp_path / "whole")
    model.fit(x, steps=4, **plain, out=tmp_path / "half")
    resumed = model.fit(x, steps=8, **plain, resume=tmp_path / "half")
    for one, two in zip(jax.tree.leaves(whole.raw), jax.tree.leaves(resumed.raw), strict=True):
        np.testing.assert_array_equal(one, two)
    again = dgm.restore(tmp_path / "whole")
    np.testing.assert_array_equal(again.log_prob(other).value, whole.log_prob(other).value)
    moved = model.fit(other, steps=1, batch=16, init=tmp_path / "whole", optimizer="sgd(1e-30)")
    for one, two in zip(jax.tree.leaves(whole.raw), jax.tree.leaves(moved.raw), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)
