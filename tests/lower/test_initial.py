"""First values: the rules of the table, and that streams belong to sites."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.lower.initial import locations
from dgmlang.compiler.plan.initial import initial_rules
from tests.lower.hand import example, lowered

CENTRES = np.array([[-8.0, 0.0], [0.0, 9.0], [7.0, -5.0]])


def clouds(n=300):
    rng = np.random.default_rng(0)
    return CENTRES[np.arange(n) % 3] + 0.1 * rng.standard_normal((n, 2))


def rules(model):
    return initial_rules(model.program, model.facts)


def test_locations_picked_by_a_latent_start_apart_on_the_data():
    gmm = lowered(example("gmm"), [("k", "sum")], K=3, d=2)
    data = clouds()
    params = gmm.constrain(gmm.init(0, {"x": jnp.asarray(data)}))
    distances = np.linalg.norm(np.asarray(params["loc"])[:, None] - CENTRES, axis=-1)
    assert sorted(distances.argmin(axis=1)) == [0, 1, 2]
    assert distances.min(axis=1).max() < 0.6
    assert np.allclose(params["scale"], np.tile(data.std(axis=0), (3, 1)), rtol=1e-4)
    assert np.allclose(params["weight"], 1 / 3, atol=0.02)
    assert np.ptp(params["weight"]) > 0
    assert rules(gmm) == {
        "weight": "near uniform, with jitter",
        "loc": "k-means++ on x",
        "scale": "the standard deviation of x",
    }


def test_k_means_plus_plus_copes_with_equal_points():
    found = locations(np.random.default_rng(0), np.ones((20, 2)), (3, 2))
    assert np.array_equal(found, np.ones((3, 2)))


@pytest.mark.parametrize(
    ("energy", "sign"),
    [("-(v @ W @ h) - b @ v - c @ h", 1), ("-(v @ W @ h) + sum(b * v) - c @ h", -1)],
)
def test_visible_biases_start_at_the_means(energy, sign):
    text = f"""model M(d: int = 3) {{
      param W : real[d, 4]
      param b : real[d]
      param c : real[4]
      data v : bit[d]
      latent h : bit[4]
      energy {energy}
    }}"""
    model = lowered(text, [("h", "free energy")])
    data = np.repeat([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], [30, 70], axis=0)
    params = model.init(0, {"v": jnp.asarray(data)})
    smoothed = (data.sum(axis=0) + 1) / 102
    assert np.allclose(sign * params["b"], np.log(smoothed / (1 - smoothed)), rtol=1e-5)
    assert np.all(params["c"] == 0)
    assert 0 < np.std(params["W"]) < 0.03
    assert rules(model)["b"] == "log-odds of the means of v"
    assert rules(model)["W"] == "N(0, 0.01²)"


def test_visible_biases_of_spins_start_at_the_means():
    text = "model M { param b : real[2]\n data s : spin[2]\n energy -b @ s }"
    model = lowered(text)
    data = np.repeat([[1.0, -1.0], [-1.0, -1.0]], [25, 75], axis=0)
    params = model.init(0, {"s": jnp.asarray(data)})

    def log_odds(i):
        down, up = (jnp.full(2, -1.0).at[i].set(s) for s in (-1.0, 1.0))
        return model.log_prob(params, {"s": up}) - model.log_prob(params, {"s": down})

    smoothed = (np.array([25.0, 0.0]) + 1) / 102
    found = [float(log_odds(i)) for i in range(2)]
    assert np.allclose(found, np.log(smoothed / (1 - smoothed)), rtol=1e-4)


def test_a_written_start_is_kept_exactly():
    ising = lowered(example("ising"), side=3)
    assert float(ising.init(0, None)["J"]) == pytest.approx(0.44)
    text = "model M { param s : positive[2] from 0.3\n data x : real[2] ~ Normal(0, s) }"
    model = lowered(text)
    assert np.allclose(model.constrain(model.init(0, None))["s"], 0.3)
    assert rules(model) == {"s": "as written after `from`"}


def test_every_kind_of_param_has_a_start_of_its_kind():
    text = """model M {
      param a : positive[3]
      param b : unit[3]
      param c : simplex(3)[2]
      param e : tril(2)
      param f : real[4, 5]
      param g : interval(2, 3)
      data x : real ~ Normal(sum(a) + sum(b) + sum(c) + sum(e) + sum(f) + g, 1)
    }"""
    model = lowered(text)
    params = model.init(3, None)
    found = model.constrain(params)
    assert np.allclose(found["a"], 1, atol=0.1)
    assert np.allclose(found["b"], 0.5, atol=0.1)
    assert np.allclose(np.asarray(found["c"]).sum(axis=-1), 1)
    assert found["e"].shape == (2, 2)
    assert np.all(np.diag(found["e"]) > 0)
    assert 2 < float(found["g"]) < 3
    assert 0.2 < np.std(found["f"]) < 1
    back = model.constrain(model.unconstrain(found))
    assert jax.tree.all(jax.tree.map(lambda p, q: np.allclose(p, q, atol=1e-5), back, found))


def test_adding_a_site_leaves_the_others_alone():
    net = "net f(z: real[2]) -> real[3] = z |> mlp([4])\n"
    body = "latent z : real[2] ~ Normal(0, 1)\n data x : real[3] ~ Normal(f(z) + w"
    one = lowered(f"model M {{ param w : real[3]\n {net} {body}, 1) }}")
    two = lowered(f"model M {{ param a : real\n param w : real[3]\n {net} {body} + a, 1) }}")
    before, after = one.init(5, None), two.init(5, None)
    assert two.names == ("a", "f", "w")
    same = jax.tree.map(np.array_equal, before, {n: after[n] for n in before})
    assert jax.tree.all(same)
    assert not np.array_equal(before["w"], one.init(6, None)["w"])


def test_parameters_follow_the_precision():
    model = lowered(example("gan"), latents=2)
    assert {leaf.dtype for leaf in jax.tree.leaves(model.init(0, None))} == {jnp.dtype("float32")}
    with jax.enable_x64(True):
        wide = {leaf.dtype for leaf in jax.tree.leaves(model.init(0, None))}
    assert wide == {jnp.dtype("float64")}


@pytest.mark.parametrize(
    ("law", "stuck"),
    [
        ("Normal(a * b, 1)", "ab"),
        ("Normal((a - b) * mean([a, b]), exp(c))", "ab"),
        ("Normal(c - a ** 2, exp(b))", "a"),
        ("Normal(a * b / (1 + c), 1)", "ab"),
        ("Normal(a, exp(a * b))", ""),
        ("Normal((a + b) ** 2 + a, 1)", ""),
        ("Normal(exp(a) * b, 1)", ""),
        ("Normal(a * b + a * c, 1)", ""),
    ],
)
def test_a_start_that_no_gradient_leaves_is_told(law: str, stuck: str) -> None:
    """By the gradient at the start, and at the values that the other params have a step later."""
    text = (
        "model M {{ param a : real{0}\n param b : real{0}\n param c : real\n data y : real ~ {1} }}"
    )
    model = dgm.parse(text.format("", law))
    grad = jax.grad(lambda params: model.log_prob(params, {"y": jnp.asarray(0.7)}))
    params = {"a": jnp.zeros(()), "b": jnp.zeros(()), "c": jnp.ones(())}
    for _ in range(2):
        slope = grad(params)
        params = {name: value + 0.1 * slope[name] for name, value in params.items()}
    assert "".join(name for name in "ab" if params[name] == 0) == stuck
    if not stuck:
        dgm.parse(text.format(" from 0", law))
        return
    with pytest.raises(dgm.DgmError, match=f"`{stuck[0]}` starts at 0, where its gradient is 0"):
        dgm.parse(text.format(" from 0", law))
