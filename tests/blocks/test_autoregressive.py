"""`maf` and `iaf`: which way is one pass, the walk over entries, conditions, guides."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.bijections.bijection import pull, push
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.pipeline import compile_text
from dgmlang.layers.follow import along, by_passes
from tests.blocks.bijection_cases import CASES
from tests.blocks.test_bijections import at_random, point, transform

WAYS = pytest.mark.parametrize("name", ["maf", "iaf"])


def loops(function: Any, *arguments: Any) -> int:
    """How many scans a computation has."""
    return str(jax.make_jaxpr(function)(*arguments)).count("scan[")


def lowered(text: str, **sizes: int) -> Lowered:
    plan = compile_text(text, **sizes)
    return lower(plan.program, plan.facts)


def shaken(model: Lowered, size: float = 0.3) -> Any:
    """Parameters away from the start."""
    rng = np.random.default_rng(0)
    first = model.init(0, None)
    return jax.tree.map(lambda a: jnp.asarray(a + size * rng.normal(size=a.shape), float), first)


def test_each_is_one_pass_in_its_own_direction() -> None:
    x = point(CASES["maf"])
    maf, iaf = transform(CASES["maf"]), transform(CASES["iaf"])
    assert [loops(lambda v: pull(maf, v), x), loops(lambda v: push(maf, v), x)] == [0, 1]
    assert [loops(lambda v: pull(iaf, v), x), loops(lambda v: push(iaf, v), x)] == [1, 0]


@pytest.mark.usefixtures("x64")
@WAYS
def test_jacobian_is_triangular(name: str) -> None:
    case = CASES[f"{name}, by passes"]
    for transformed in (transform(case), transform(CASES[name])):
        matrix = jax.jit(jax.jacobian(transformed))(point(CASES[name])[: transformed.own.target[0]])
        np.testing.assert_array_equal(matrix, jnp.tril(matrix))
        assert bool((jnp.abs(jnp.diag(matrix, -1)) > 1e-6).all())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", ["maf", "maf, narrow net", "maf, one entry", "maf, conditional"])
def test_reading_entry_by_entry_is_reading_at_once(case: str) -> None:
    """The walk with kept sums, passes, and one evaluation of the net give the same outputs."""
    own = CASES[case].bijection
    params, x, inputs = at_random(own), point(CASES[case]), CASES[case].inputs
    passes = by_passes(lambda v: own.net(params, v, **inputs), jnp.zeros_like(x))
    at_once = own.net(params, x, **inputs)
    for walk in (own.net.follow(params, **inputs), passes):
        outputs = outputs_of(walk, x)
        np.testing.assert_allclose(outputs, at_once, rtol=1e-12, atol=1e-13)


def outputs_of(walk: Any, x: jax.Array) -> jax.Array:
    """What the net yields before each entry of x is added."""
    state, found = walk.start, []
    for i in range(len(x)):
        step = jax.tree.map(lambda leaf, i=i: leaf[i], walk.steps)
        output, state = walk.read(state, step)
        found.append(output)
        state = walk.add(state, step, x[i])
    return jnp.stack(found)


@pytest.mark.usefixtures("x64")
def test_the_comparison_sees_an_entry_added_too_late() -> None:
    """The power of the check above."""
    own = CASES["maf"].bijection
    params, x = at_random(own), point(CASES["maf"])
    walk = own.net.follow(params)
    late = walk._replace(add=lambda state, step, entry: walk.add(state, step, entry * 0.99))
    assert bool((jnp.abs(outputs_of(late, x) - own.net(params, x)) > 1e-4).any())


def test_a_walk_uses_every_weight_once() -> None:
    """No step holds a whole layer: its work is that of its own units."""
    own = CASES["maf"].bijection
    walk = own.net.follow(own.init(np.random.default_rng(0)))
    assert [rows.shape for rows in walk.steps.rows] == [(5, 3, 5), (5, 2, 10)]


@WAYS
@pytest.mark.parametrize("size", [1e-30, 1e4, 1e30])
def test_extreme_inputs_stay_numbers_in_single_precision(name: str, size: float) -> None:
    case = CASES[f"repeat, {name}"]
    t = transform(case)
    for step in (push, pull):
        found, log_det = step(t, jnp.full(case.shape, size, jnp.float32))
        assert bool(jnp.isfinite(found).all())
        assert bool(jnp.isfinite(log_det))


@pytest.mark.usefixtures("x64")
@WAYS
def test_gradients_pass_both_ways(name: str) -> None:
    """Of both directions, against central differences."""
    case = CASES[f"{name}, conditional"]
    bijection, x = case.bijection, point(case)
    params = at_random(bijection)
    given = next(iter(case.inputs.values()))

    def loss(x: jax.Array, given: jax.Array, step: Any) -> jax.Array:
        found, log_det = step(bijection.transform(params, **{"made/condition": given}), x)
        return jnp.sum(jnp.sin(found)) + log_det

    for step in (push, pull):
        at = jax.jit(partial(loss, step=step))
        slopes = jax.jit(jax.grad(at, argnums=(0, 1)))(x, given)
        h = 1e-5
        along_x = (at(x + h, given) - at(x - h, given)) / (2 * h)
        along_given = (at(x, given + h) - at(x, given - h)) / (2 * h)
        np.testing.assert_allclose(slopes[0].sum(), along_x, rtol=1e-7)
        np.testing.assert_allclose(slopes[1].sum(), along_given, rtol=1e-7)


def test_along_adds_up_the_numbers() -> None:
    walk = by_passes(lambda v: jnp.cumsum(v)[:, None] - v[:, None], jnp.zeros(3))
    entries, total = along(walk, lambda out, v: (out[0] + v, v), jnp.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(entries, [1.0, 3.0, 7.0])
    assert total == 6.0


# ── in programs ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("stage", ["maf(made([8]), condition = c)", "iaf(made([8], condition = c))",
                                   "coupling(mlp([8], condition = c))"])  # fmt: skip
def test_a_given_conditions_density_and_draw(stage: str) -> None:
    """The same law whether the stage or its net is told; draws and density agree about it."""
    model = lowered(
        f"""model M {{
          given c : real[2]
          data x : real[3] ~ Normal(0, 1) |> repeat(2) {{ {stage} |> reverse }}
        }}"""
    )
    params, given = shaken(model), {"c": jnp.array([0.5, -1.0])}
    x = model.draw(params, jax.random.key(0), given)["x"]
    slope = jax.grad(lambda c: model.log_prob(params, {"x": x, "c": c}))
    assert bool((jnp.abs(jax.jit(slope)(given["c"])) > 1e-4).all())
    other = model.draw(params, jax.random.key(0), {"c": jnp.zeros(2)})["x"]
    assert bool((jnp.abs(x - other) > 1e-6).any())


@pytest.mark.usefixtures("x64")
def test_the_condition_of_a_stage_is_that_of_its_net() -> None:
    text = "model M {{ given c : real[2]\n data x : real[3] ~ Normal(0, 1) |> {} }}"
    one, other = (lowered(text.format(s)) for s in
                  ("maf(made([8]), condition = c)", "maf(made([8], condition = c))"))  # fmt: skip
    params = shaken(one)
    values = {"x": jnp.array([0.3, -1.0, 2.0]), "c": jnp.array([0.5, -1.0])}
    assert one.log_prob(params, values) == other.log_prob(params, values)


def test_a_condition_that_the_net_does_not_take_is_refused() -> None:
    with pytest.raises(DgmError, match="DGM0350"):
        lowered(
            """model M { given c : real[2]
              data x : real[3] ~ Normal(0, 1) |> maf(made([8], condition = c), condition = c) }"""
        )


GUIDED = """model M {
  given c : real[2]
  latent z : real[3] ~ Normal(0, 1)
  data x : real[2] ~ Normal(z[:2], 1)
  guide { z ~ Normal(0, 1) |> repeat(2) { STAGE |> reverse } }
}"""


@pytest.mark.usefixtures("x64")
def test_the_density_of_a_guides_own_draw_needs_no_way_back() -> None:
    """log q comes with it and has the gradient: a scan over copies, none over entries."""
    model = lowered(GUIDED.replace("STAGE", "iaf(made([8]), condition = c)"))
    params, key = shaken(model), jax.random.key(1)
    values = {"x": jnp.array([0.3, 1.0]), "c": jnp.array([0.5, -1.0])}

    def drawn(params: Any) -> jax.Array:
        return model.guide_draw(params, key, values)[1]

    def read_back(params: Any) -> jax.Array:
        latents = model.guide_draw(params, key, values)[0]
        return model.guide_log_prob(params, {**values, **latents})

    assert [loops(f, params) for f in (drawn, read_back)] == [1, 3]
    one, other = (jax.jit(jax.value_and_grad(f))(params) for f in (drawn, read_back))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10), one, other)
