"""Run-time checks of kinds: what is out of range never yields a number, and the line is named."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.runtime.loop import NotFinite

GOLDEN = Path(__file__).parents[1] / "golden" / "training"
EXAMPLES = Path(__file__).parents[2] / "examples"

SCALE = """model Scale {
  param m : real from 0
  param s : real from 0.5
  data  x : real ~ Normal(m, s)
}"""
CHANCE = """model Chance {
  param p : real[2] from [0.2, 0.3]
  latent z : bit    ~ Bernoulli(0.4)
  data   x : bit[3] ~ Bernoulli(probs = p[z])
}"""
BELOW = """model Below {
  param a : real from 1
  data  x : positive ~ LogNormal(0, a)
}"""
ENERGY = """model Energy {
  param  a : real from 2
  data   x : spin[2]
  energy log(a) * sum(x)
}"""
GUIDE = """model Guided {
  param w : real from 0.4
  latent z : bit ~ Bernoulli(0.5)
  data   x : real ~ Normal(z, 1)
  guide { z ~ Bernoulli(probs = w + 0 * x) }
}"""
NET = """model Net {
  param  s : real from 3
  net f(a: positive[2]) -> real[2] = a |> mlp([4])
  latent z : real[2] ~ Normal(0, 0.1)
  data   x : real[2] = f(z + s)
}"""
BITS, REALS = np.ones((5, 3)), np.linspace(0.1, 1, 5)

Query = Callable[[dgm.Fitted], Any]
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, Query]] = {
    "log_prob": (SCALE, {}, {"s": -0.5}, "4:30", lambda f: f.log_prob(REALS)),
    "sample": (SCALE, {}, {"s": -0.5}, "4:30", lambda f: f.sample(7)),
    "score": (SCALE, {}, {"s": 0.0}, "4:30", lambda f: f.score(REALS)),
    "summed": (CHANCE, {}, {"p": [0.5, 1.5]}, "4:41", lambda f: f.log_prob(BITS)),
    "discrete": (CHANCE, {}, {"p": [-0.5, -1.5]}, "4:41", lambda f: f.sample(7)),
    "posterior": (CHANCE, {}, {"p": [0.5, 1.5]}, "4:41", lambda f: f.posterior(BITS)),
    "below": (BELOW, {}, {"a": -1.0}, "3:37", lambda f: f.log_prob(REALS)),
    "energy": (ENERGY, {}, {"a": -1.0}, "4:14", lambda f: f.energy(np.ones((2, 2)))),
    "chain": (ENERGY, {}, {"a": -1.0}, "4:14", lambda f: f.sample(3)),
    "guide": (GUIDE, {}, {"w": 1.5}, "5:33", lambda f: f.posterior(REALS)),
    "bound": (GUIDE, {}, {"w": 1.5}, "5:33", lambda f: f.log_prob(REALS)),
    "implicit": (NET, {}, {"s": -1.0}, "5:26", lambda f: f.sample(9)),
}


ARRAYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "tril": (
        [[1, 0], [0.5, 2]],
        {
            "numbers above the diagonal": [[1, 0.1], [0.5, 2]],
            "a number on the diagonal that is not above 0": [[1, 0], [0.5, -2]],
        },
    ),
    "cov": (
        [[1, 0.5], [0.5, 2]],
        {
            "a matrix that is not symmetric": [[1, 0.5], [0.4, 2]],
            "a matrix that is not positive definite": [[1, 2], [2, 1]],
        },
    ),
    "corr": (
        [[1, 0.5], [0.5, 1]],
        {
            "a number on the diagonal that is not 1": [[1, 0.5], [0.5, 2]],
            "a matrix that is not positive definite": [[1, 1.5], [1.5, 1]],
        },
    ),
    "corr_tril": ([[1, 0], [0.6, 0.8]], {"a row whose length is not 1": [[1, 0], [0.6, 0.6]]}),
    "ordered": ([-1, 0.5], {"numbers that do not rise": [1, 1]}),
    "simplex": ([0.3, 0.7], {"entries that add up to 0.9": [0.3, 0.6]}),
}
"""A value of each kind, and what is said of arrays of its shape that are none."""


@pytest.mark.parametrize("kind", ARRAYS)
def test_reals_are_held_against_a_kind_of_arrays(kind: str) -> None:
    """An array is taken where it is one of the kind; else no number is given, and the line is."""
    good, faults = ARRAYS[kind]
    shape = ", ".join(map(str, np.shape(good)))
    model = dgm.parse(f"""model Whole {{
      param a : real[{shape}]
      net f(u: {kind}(2)) -> real raw = sum(u)
      data x : real ~ Normal(f(a), 1)
    }}""")
    values = {"x": jnp.ones(())}
    found = model.log_prob({"a": jnp.asarray(good, float)}, values)
    assert float(found) == pytest.approx(-0.5 * (1 - np.sum(good)) ** 2 - 0.9189385, abs=1e-5)
    for words, wrong in faults.items():
        with pytest.raises(dgm.DgmError, match=f"found {words}") as raised:
            model.log_prob({"a": jnp.asarray(wrong, float)}, values)
        assert "DGM0715" in str(raised.value)
        assert "<text>:4:32" in str(raised.value)


@pytest.mark.parametrize("name", CASES)
def test_a_query_is_refused_only_where_a_check_fails(name: str) -> None:
    text, good, bad, place, query = CASES[name]
    model = dgm.parse(text)
    query(model.with_params(good))
    with pytest.raises(dgm.DgmError, match="DGM0715") as raised:
        query(model.with_params(bad))
    assert f"<text>:{place}" in str(raised.value)


def test_a_discrete_draw_hides_what_is_out_of_range() -> None:
    """The sampler's own draws are bits even so: only the laws at the draws show it."""
    fitted = dgm.parse(CHANCE).with_params({"p": [1.5, 1.5]})
    drawn = fitted.model.lowered.draw(fitted.raw, jax.random.key(0), {})
    assert set(np.unique(drawn["x"])) <= {0.0, 1.0}


def test_the_range_is_of_all_values() -> None:
    fitted = dgm.parse(CHANCE).with_params({"p": [0.25, 1.5]})
    with pytest.raises(dgm.DgmError, match=r"found values from 0\.25 to 1\.5"):
        fitted.log_prob(BITS)


def test_rounding_at_an_end_is_no_fault() -> None:
    fitted = dgm.parse(CHANCE).with_params({"p": [np.float32(1 + 1e-7), -1e-7]})
    assert np.all(np.isfinite(fitted.log_prob(np.ones((1, 3)))))


def test_jit_vmap_and_grad() -> None:
    model = dgm.parse(SCALE)
    scales = jnp.array([0.5, -0.5, 2.0, 0.0])

    @jax.jit
    def log_prob(s: jax.Array) -> jax.Array:
        return model.log_prob({"m": jnp.float32(0), "s": s}, {"x": jnp.float32(1)})

    value, slope = jax.vmap(jax.value_and_grad(log_prob))(scales)
    exact = jax.vmap(jax.value_and_grad(lambda s: -jnp.log(s) - 0.5 / s**2))(scales)
    good = np.array([0, 2])
    assert np.array_equal(np.isnan(value), [False, True, False, True])
    np.testing.assert_allclose(value[good] + 0.5 * np.log(2 * np.pi), exact[0][good], rtol=1e-5)
    np.testing.assert_allclose(slope[good], exact[1][good], rtol=1e-5)


def test_a_value_that_is_not_chosen_is_no_fault() -> None:
    model = dgm.parse("""model Chosen {
      param w : real[3]
      data  x : real[3] ~ Normal(log(w) if w > 0 else w, 1)
    }""")
    w = jnp.array([-1.0, 2.0, 0.5])
    fitted = model.with_params({"w": w})
    mean = np.where(w > 0, np.log(np.abs(w)), w)
    found = np.asarray(fitted.log_prob(np.ones((1, 3))))[0]
    np.testing.assert_allclose(found, -0.5 * np.sum((1 - mean) ** 2 + np.log(2 * np.pi)), rtol=1e-5)
    slope = jax.grad(lambda w: model.log_prob({"w": w}, {"x": jnp.ones(3)}))(w)
    np.testing.assert_allclose(slope, (1 - mean) * np.where(w > 0, 1 / w, 1), rtol=1e-5)


BORDER = """model Border {
  param w : real[4]
  let f(a) = log(a) if a > 0 else 0
  data x : real
  let far = w + 2
  let one = sum(f(w)) + 2 * sum(w ** 0.5 if w > 0 else w) + 3 * sum(1 / w if not (w <= 0) else 0)
  let two = 5 * sum((sqrt(w) * w if w < 8 else exp(100 * w)) if w > 0 else w ** 2)
  let three = 7 * (sum(log(w)) if w[0] > 0 else 0) + (log(w[2]) if far[1] > 1 else 0)
  energy x ** 2 + one + two + three
}"""


def test_what_is_not_chosen_has_no_slope_at_the_border_and_beyond() -> None:
    """Against the slopes by hand; `where` alone gives NaN at 0, where a slope is infinite."""
    model = dgm.parse(BORDER)
    energy = partial(model.lowered.energy, values={"x": jnp.zeros(())})
    w = np.array([-1.0, 0.0, 2.0, 9.0])
    found = jax.jit(jax.grad(lambda w: energy({"w": w})))(jnp.asarray(w))
    up = np.where(w > 0, w, 1)
    slope = np.where(w > 0, 1 / up + up**-0.5 - 3 / up**2, 2)
    slope += 5 * np.where(w <= 0, 2 * w, 1.5 * up**0.5) + [0, 0, 0.5, 0]
    np.testing.assert_allclose(found[:3], slope[:3], rtol=1e-5)
    assert np.isinf(found[3])  # exp(900) is chosen there
    plain = jax.grad(lambda w: jnp.sum(jnp.where(w > 0, jnp.log(w), 0)))(jnp.asarray(w))
    assert np.isnan(plain[1])


def test_the_fault_that_matters_is_named() -> None:
    """The first check fails too, but its value is not chosen."""
    model = dgm.parse("""model Two {
      param w : real from 1
      data  x : real ~ Normal(log(w) if w > 0 else 0, w + 3)
    }""")
    with pytest.raises(dgm.DgmError, match=r"`scale` of Normal; found -1"):
        model.with_params({"w": -4.0}).log_prob(REALS)


def test_pure_functions_raise_outside_of_a_trace() -> None:
    model = dgm.parse(BELOW)
    params = {"a": jnp.float32(-1)}
    with pytest.raises(dgm.DgmError, match="DGM0715"):
        model.log_prob(params, {"x": jnp.float32(1)})
    with pytest.raises(dgm.DgmError, match="DGM0715"):
        model.draw(params, jax.random.key(0))
    with pytest.raises(dgm.DgmError, match="DGM0715"):
        model.loss(params, {"x": jnp.ones(4)}, jax.random.key(0))


# ── training ─────────────────────────────────────────────────────────────────────────────────────


def test_training_names_the_line(
    golden: Callable[[Path, str], None],
) -> None:
    model = dgm.parse(SCALE)
    data = 1e-3 * np.random.default_rng(0).normal(size=500)
    with pytest.raises(NotFinite) as raised:
        model.fit(data, steps=1000, optimizer="sgd(learning_rate = 0.1)")
    golden(GOLDEN / "check_failed.txt", str(raised.value) + "\n")
    assert np.isfinite(raised.value.fitted.params["s"])


TRAINED = {
    "bit_guide": (GUIDE.replace("from 0.4", "from 1.2"), "elbo", REALS),
    "several_particles": (GUIDE.replace("from 0.4", "from 1.2"), "iwae(k = 3)", REALS),
    "energy": (ENERGY.replace("from 2", "from -2"), "pcd", np.ones((5, 2))),
    "players": (NET.replace("from 3", "from -3"), "gan", np.ones((5, 2))),
}


@pytest.mark.parametrize("name", TRAINED)
def test_each_kind_of_objective_stops(name: str) -> None:
    text, objective, data = TRAINED[name]
    with pytest.raises(NotFinite, match="DGM0715"):
        dgm.parse(text).fit(data, objective=objective, steps=3, batch=5)


def test_a_start_is_checked() -> None:
    text = "model M(w: float[] = [1, -2]) {\n param s : positive from sum(w)\n"
    model = dgm.parse(text + " data x : real ~ Normal(0, s)\n}")
    with pytest.raises(dgm.DgmError, match=r"the initial value; found -1"):
        model.init()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.dgm")), ids=lambda p: p.stem)
def test_where_nothing_may_fail_nothing_is_checked(path: Path) -> None:
    model = dgm.load(path)
    if model.plan.facts.unbuilt:
        pytest.skip("it names a part that is not built")
    sizes = dict.fromkeys(model.open, 4)
    assert model.with_hypers(**sizes).lowered.built.checks == ()
