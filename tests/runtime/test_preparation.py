"""Preparations: what they do to a batch, back again, and their log-determinants."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.missing import ABSENT
from dgmlang.registry import implementation, implemented
from dgmlang.runtime.blocks import ROWS
from dgmlang.runtime.intake import take_in
from dgmlang.runtime.keys import root
from dgmlang.runtime.loop import train
from dgmlang.runtime.preparation import Preparation, parse
from dgmlang.runtime.settings import Settings, configure
from dgmlang.runtime.step import Given
from dgmlang.runtime.trainer import trainer
from tests.runtime import small
from tests.runtime.programs import prepare, variables

REALS = variables("data x : real[3] ~ Normal(0, 1)")
KEY = root(7)


def chain(text: str) -> Preparation:
    return parse(prepare(x=text), REALS)


def test_six_are_implemented() -> None:
    names = {name for kind, name in implemented() if kind == "prepare"}
    assert names == {"bernoulli", "binarize", "standardize", "dequantize", "flatten", "channels"}
    assert implementation("prepare", "binarize")().threshold == 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", [1.0, 2.0, 3.0]),
        ("-x", [-1.0, -2.0, -3.0]),
        ("2 * x - 1", [1.0, 3.0, 5.0]),
        ("1 - x / 2", [0.5, 0.0, -0.5]),
        ("(x + 1) * 2 ** 2", [8.0, 12.0, 16.0]),
        ("binarize(x, 1.5)", [0.0, 1.0, 1.0]),
        ("binarize(x, threshold = 2.5)", [0.0, 0.0, 1.0]),
    ],
)
def test_arithmetic(text: str, expected: list[float]) -> None:
    x = np.array([[1.0, 2.0, 3.0]])
    made = chain(text)
    found = made.apply(made.fit({"x": x}, KEY), {"x": jnp.asarray(x)}, KEY)["x"]
    assert np.allclose(found, [expected])


def test_equal_texts_are_one_configuration() -> None:
    assert chain("bernoulli(x / 16)") == chain("bernoulli( x/16 )")
    assert hash(chain("bernoulli(x / 16)")) == hash(chain("bernoulli( x/16 )"))
    assert chain("bernoulli(x / 16)") != chain("bernoulli(x / 15)")


def test_bernoulli_is_fresh_under_each_key_and_has_its_mean() -> None:
    x = jnp.tile(jnp.array([[0.0, 0.3, 1.0]]), (20_000, 1))
    made = chain("bernoulli(x)")
    states = made.fit({"x": np.asarray(x)}, KEY)
    first, second = (made.apply(states, {"x": x}, root(k))["x"] for k in (0, 1))
    assert not np.array_equal(first, second)
    assert set(np.unique(first)) == {0.0, 1.0}
    error = 5 * np.sqrt(0.3 * 0.7 / 20_000)  # five standard errors
    assert np.allclose(first.mean(0), [0.0, 0.3, 1.0], atol=error)
    assert not np.allclose((1 - first).mean(0), [0.0, 0.3, 1.0], atol=error)


def test_missing_entries_stay_missing() -> None:
    x = jnp.array([[jnp.nan, 0.0, 1.0]])
    for text in ("bernoulli(x)", "binarize(x)"):
        made = chain(text)
        found = made.apply(made.fit({"x": np.asarray(x)}, KEY), {"x": x}, KEY)["x"]
        assert np.array_equal(found, x, equal_nan=True)


def test_dequantize_fills_the_unit_interval() -> None:
    x = np.array([[0.0, 1.0, 3.0]] * 5000)
    made = chain("dequantize(x)")
    states = made.fit({"x": x}, KEY)
    found = np.asarray(made.apply(states, {"x": jnp.asarray(x)}, KEY)["x"])
    assert np.array_equal(np.floor(4 * found), x)
    assert found.min() >= 0
    assert found.max() < 1
    assert np.allclose(found.mean(0), [0.125, 0.375, 0.875], atol=5 * 0.25 / np.sqrt(12 * 5000))


@pytest.mark.parametrize("text", ["standardize(x)", "2 * standardize(x - 3) + 1", "-x / 4", "x"])
def test_round_trip_and_log_determinant(text: str, x64: None) -> None:
    x = np.random.default_rng(0).normal(2, 3, (50, 3))
    made = chain(text)
    states = made.fit({"x": x}, KEY)

    def forward(one: jax.Array) -> jax.Array:
        return made.apply(states, {"x": one[None]}, KEY)["x"][0]

    prepared = made.apply(states, {"x": jnp.asarray(x)}, KEY)
    assert np.allclose(made.invert(states, prepared)["x"], x, atol=1e-9)
    truth = np.linalg.slogdet(jax.jacobian(forward)(jnp.asarray(x[0])))[1]
    found = made.log_det(states, prepared)
    assert float(found) == pytest.approx(float(truth), abs=1e-6)


def test_standardize_leaves_out_what_is_missing() -> None:
    x = np.random.default_rng(0).normal(3, 2, (ROWS + 9, 3))
    x[:ROWS, 1] = np.nan  # so that a whole block lacks it
    x[:, 2] = np.nan
    made = chain("standardize(x)")
    states = made.fit({"x": x}, KEY)
    present, expected = x[:, :2], np.full_like(x, np.nan)
    expected[:, :2] = (present - np.nanmean(present, axis=0)) / np.nanstd(present, axis=0)
    seen = np.asarray(made.apply(states, {"x": jnp.asarray(x)}, KEY)["x"])
    assert np.allclose(seen, expected, atol=1e-5, equal_nan=True)
    later = made.apply(states, {"x": jnp.ones((1, 3))}, KEY)["x"]
    assert later[0, 2] == 1  # no training data say what its scale is


def test_standardize_centres_a_constant_column() -> None:
    x = np.array([[0.1, 2.0, 0.0], [0.1, 4.0, 0.0]] * 15)  # thirty times 0.1 is not 3 exactly
    made = chain("standardize(x)")
    found = made.apply(made.fit({"x": x}, KEY), {"x": jnp.asarray(x)}, KEY)["x"]
    assert np.allclose(found, [[0, -1, 0], [0, 1, 0]] * 15)


def test_draws_go_back_as_far_as_steps_can_be_undone() -> None:
    x = np.random.default_rng(0).integers(0, 4, (9, 2, 3)).astype(float)
    made = chain("2 * dequantize(flatten(x)) - 1")
    states = made.fit({"x": x}, KEY)
    prepared = made.apply(states, {"x": jnp.asarray(x)}, KEY)
    assert prepared["x"].shape == (9, 6)
    back = made.invert(states, prepared)["x"]
    assert back.shape == (9, 6)  # dequantize is not undone, so flatten beneath it is not
    assert np.array_equal(np.floor(4 * back), x.reshape(9, 6))
    assert float(made.log_det(states, prepared)) == pytest.approx(6 * np.log(2) - 6 * np.log(4))
    flat = chain("flatten(x)")
    states = flat.fit({"x": x}, KEY)
    again = flat.invert(states, flat.apply(states, {"x": jnp.asarray(x)}, KEY))
    assert np.array_equal(again["x"], x)


def test_channels_stand_last_once() -> None:
    grey = np.random.default_rng(0).normal(size=(5, 2, 3))
    made = chain("2 * channels(x)")
    for x in (grey, grey[..., None]):
        states = made.fit({"x": x}, KEY)
        prepared = made.apply(states, {"x": jnp.asarray(x)}, KEY)
        assert np.allclose(prepared["x"], 2 * grey[..., None])
        back = made.invert(states, prepared)["x"]
        assert back.shape == x.shape
        assert np.allclose(back, x)
        assert float(made.log_det(states, prepared)) == pytest.approx(6 * np.log(2))


LEVELS = np.random.default_rng(0).integers(0, 4, (9, 3))
LEVELS[0] = 3


@pytest.mark.parametrize("text", ["dequantize(x)", "dequantize(16 * x)", "dequantize(8 * x - 1)"])
def test_the_scale_of_levels_does_not_change_their_probability(text: str) -> None:
    """The density of what fills the unit cube is 1, and 4 levels are as likely as one another."""
    made = chain(f"standardize({text})")
    x = {"dequantize(x)": LEVELS, "dequantize(16 * x)": LEVELS / 16}.get(text, (LEVELS + 1) / 8)
    states = made.fit({"x": x}, KEY)
    prepared = made.apply(states, {"x": jnp.asarray(x)}, KEY)
    spread = states["x"][-1]["scale"]
    expected = -3 * np.log(4) - np.log(spread).sum()
    assert float(made.log_det(states, prepared)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "law"),
    [("grey(17)", "Categorical(uniform(17))"), ("count", "Poisson(1)"), ("bit", "Bernoulli(0.5)")],
)
def test_discrete_values_have_no_jacobian(kind: str, law: str) -> None:
    """A probability stays what it is however the data wrote its value; a density does not."""
    discrete = parse(prepare(x="16 * x"), variables(f"data x : {kind}[3] ~ {law}"))
    x = {"x": jnp.ones((2, 3))}
    assert float(discrete.log_det(discrete.fit({"x": np.ones((2, 3))}, KEY), x)) == 0
    reals = chain("16 * x")
    assert float(reals.log_det(reals.fit({"x": np.ones((2, 3))}, KEY), x)) == pytest.approx(
        3 * np.log(16)
    )


def test_cats_come_out_whole() -> None:
    made = parse(
        prepare(y="binarize(y, 3)"), variables("data y : cat(2) ~ Categorical(uniform(2))")
    )
    y = jnp.array([1.0, 5.0])
    found = made.apply(made.fit({"y": np.asarray(y)}, KEY), {"y": y}, KEY)["y"]
    assert found.dtype == jnp.int32
    assert np.array_equal(found, [0, 1])


def test_a_missing_label_stays_missing() -> None:
    """It is −1 on the device, and passes the check against the kind, which −1 itself does not."""
    labels = variables("data y : cat(3)? ~ Categorical(uniform(3))")
    taken = take_in(labels, {"y": np.array([1.0, np.nan, 3.0])}, prepare(y="y - 1"), 0)
    arrays, _ = taken.checked(labels)
    found = taken.preparation.apply(taken.states, {"y": jnp.asarray(arrays["y"])}, KEY)["y"]
    assert np.array_equal(found, [0, ABSENT, 2])
    wrong = take_in(labels, {"y": np.array([0.0, np.nan, 3.0])}, prepare(y="y - 1"), 0)
    with pytest.raises(DgmError, match="DGM0516"):
        wrong.checked(labels)


def test_a_fraction_is_not_cut_off() -> None:
    labels = variables("data y : count ~ Poisson(1)")
    halves = take_in(labels, {"y": np.array([2, 3])}, prepare(y="y / 2"), 0)
    with pytest.raises(DgmError, match="DGM0516"):
        halves.checked(labels)


def test_rounding_is_no_fraction() -> None:
    """In single precision 41 · (1/41) is below 1, which would come out as 0."""
    labels = variables("data y : count ~ Poisson(1)")
    y = np.arange(100)
    for divisor in (3, 10, 41, 49, 97):
        shares = take_in(labels, {"y": divisor * y}, prepare(y=f"y / {divisor}"), 0)
        arrays, _ = shares.checked(labels)
        found = shares.preparation.apply(shares.states, {"y": jnp.asarray(arrays["y"])}, KEY)
        assert np.array_equal(found["y"], y)


def test_the_loop_prepares_each_batch_afresh_and_held_out_data_once() -> None:
    """Half of the entries are ones in every batch, never the same; the held-out loss is fixed."""
    made = parse(prepare(x="bernoulli(x)"), variables("data x : bit[2] ~ Bernoulli(0.5)"))
    values = {"x": jnp.full((32, 2), 0.5)}
    states = made.fit({"x": np.asarray(values["x"])}, KEY)

    def loss(params, state, batch, key):
        seen = state["seen"].at[state["step"]].set(batch["x"])
        return jnp.sum(params["loc"] ** 2), ({"seen": seen, "step": state["step"] + 1}, {})

    def start(*_):
        return {"seen": jnp.zeros((6, 32, 2)), "step": jnp.int32(0)}

    what, settings = small.objective(loss, start), Settings(steps=6, batch=32, valid_every=1)
    config = configure(what, small.params(), values, settings, small.RECIPE, made)
    held_out = {"x": jnp.full((40, 2), 0.5)}
    result = train(config, small.params(), values, settings, states=states, valid=held_out)
    losses = [record.values["valid"] for record in result.history]
    assert len(set(losses)) == 1  # starting at 0, nothing moves: only the noise could differ
    compiled = trainer(config)
    given = Given(values, states, root(0))
    seen = np.asarray(
        compiled.advance(compiled.begin(small.params(), given), given, 6).state["seen"]
    )
    assert set(np.unique(seen)) == {0.0, 1.0}
    assert len({one.tobytes() for one in seen}) == 6


@pytest.mark.parametrize(
    ("text", "least"), [("dequantize(255 * x - 1)", 0), ("dequantize(255 * x)", 1)]
)
def test_whole_numbers_may_come_out_of_arithmetic(text: str, least: int) -> None:
    """In single precision 255 · (1/255) − 1 is 6e-8, which is level 0 all the same."""
    levels = np.arange(255).reshape(85, 3) + least
    made, x = chain(text), (np.arange(1, 256) / 255).astype(np.float32).reshape(85, 3)
    states = made.fit({"x": x}, KEY)
    found = np.asarray(made.apply(states, {"x": jnp.asarray(x)}, KEY)["x"])
    assert np.array_equal(np.floor(found * (levels.max() + 1)), levels)
    with pytest.raises(DgmError, match="DGM0524"):
        made.fit({"x": x + np.float32(0.1 / 255)}, KEY)


def test_turns_of_varying_length_are_prepared_as_examples_are() -> None:
    """As each turn alone; what stands behind an end stays marked, and has no Jacobian."""
    text = prepare(x="1 - 2 * standardize(x)")
    rows = np.random.default_rng(0).normal(3, 5, (7, 2))
    x = np.full((3, 4, 2), np.inf)
    x[0], x[1, :3] = rows[:4], rows[4:]
    varying = parse(text, variables("data x : real[<= 4, 2] ~ Normal(0, 1)"))
    alone = parse(text, variables("data x : real[2] ~ Normal(0, 1)"))
    states, fitted = varying.fit({"x": x}, KEY), alone.fit({"x": rows}, KEY)
    found = varying.apply(states, {"x": jnp.asarray(x)}, KEY)
    wanted = alone.apply(fitted, {"x": jnp.asarray(rows)}, KEY)["x"]
    np.testing.assert_allclose(found["x"][0], wanted[:4], rtol=1e-5)
    np.testing.assert_allclose(found["x"][1, :3], wanted[4:], rtol=1e-5)
    assert np.isposinf(found["x"][2]).all()
    assert np.isposinf(found["x"][1, 3]).all()
    np.testing.assert_allclose(varying.invert(states, found)["x"], x, rtol=1e-5)
    one = alone.log_det(fitted, {"x": wanted})
    np.testing.assert_allclose(varying.log_det(states, found), one * np.array([4, 3, 0]), rtol=1e-5)
    apart = parse(text, variables("data x : real[4, 2] ~ Normal(0, 1)"))  # Power: place by place.
    other = apart.fit({"x": np.where(np.isinf(x), np.nan, x)}, KEY)
    assert not np.allclose(other["x"][0]["mean"][0], states["x"][0]["mean"])


def test_classes_of_varying_length_are_prepared_to_their_ends() -> None:
    """As they are one by one; behind an end stands the class that marks one, and back again ∞."""
    x = np.array([[1.0, 4, 4, 2], [3, np.inf, np.inf, np.inf]])
    made = parse(prepare(x="x - 1"), variables("data x : cat(4)[<= 4] ~ Categorical(uniform(4))"))
    found = made.apply(made.fit({"x": x}, KEY), {"x": jnp.asarray(x)}, KEY)["x"]
    np.testing.assert_array_equal(found, [[0, 3, 3, 1], [2, 4, 4, 4]])
    np.testing.assert_array_equal(made.invert({"x": ({},)}, {"x": found})["x"], x)
    bits = parse(prepare(x="binarize(x)"), variables("data x : bit[<= 2] ~ Bernoulli(0.5)"))
    given = np.array([[0.2, 0.9], [0.7, np.inf]])
    found = bits.apply(bits.fit({"x": given}, KEY), {"x": jnp.asarray(given)}, KEY)["x"]
    np.testing.assert_array_equal(found, [[0, 1], [1, np.inf]])


def test_a_class_that_is_yet_to_be_prepared_ends_nothing() -> None:
    text = """model M(V: int, T: int = 3) {
      param p : simplex(V)
      data x : cat(V)[<= T] ~ Categorical(p)
    }"""
    lists = [[0, 3], [1], [3, 3, 2], [2, 0, 3]]
    shifted = [[number + 1 for number in one] for one in lists]
    array = np.array([[1, 4, np.nan], [2, np.nan, np.nan], [4, 4, 3], [3, 1, 4]])
    plain = dgm.parse(text).fit(lists, steps=5, seed=0)
    for given, model in ((shifted, dgm.parse(text)), (array, dgm.parse(text, V=4))):
        fit = model.fit(given, prepare={"x": "x - 1"}, steps=5, seed=0)
        np.testing.assert_allclose(fit.log_prob(given), plain.log_prob(lists), rtol=1e-5)
