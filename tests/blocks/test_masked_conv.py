"""MintNet's layer: what it may see, its inverse at the tails, and where none is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.bijections import newton
from dgmlang.bijections.bijection import pull, push
from tests.blocks.bijection_cases import CASES
from tests.blocks.test_bijections import at_random, transform

GOLDEN = Path(__file__).parents[1] / "golden" / "training" / "not_settled.txt"
MINT = """model Mint {
  data x : real[2, 2, 1] ~ Normal(0, 1)
    |> repeat(2) { masked_conv(channels = 2) |> reverse }
}"""


@pytest.mark.usefixtures("x64")
def test_the_jacobian_is_triangular_with_the_diagonal_that_is_claimed() -> None:
    case = CASES["masked_conv"]
    flow, y = transform(case), jnp.asarray(np.random.default_rng(0).normal(size=case.shape))
    matrix = jax.jit(jax.jacobian(lambda y: flow.towards_base(y)[0]))(y).reshape(12, 12)
    np.testing.assert_array_equal(np.triu(matrix, 1), 0)
    np.testing.assert_allclose(np.diag(matrix), flow.towards_base(y)[1].ravel(), rtol=1e-12)
    assert (np.diag(matrix) > 0).all()
    seen = np.tril(np.asarray(matrix) != 0, -1)
    assert seen[1].tolist() == [True] + [False] * 11  # the second channel sees the first
    assert seen[2, :2].all()  # and the pixel on the right both
    assert not seen[8, [2, 3]].any() or case.shape[1] < 3  # three wide windows end at the edge


@pytest.mark.usefixtures("x64")
def test_gradients_of_a_draw_are_those_of_the_exact_inverse() -> None:
    case = CASES["masked_conv"]
    bijection, params = case.bijection, at_random(case.bijection)
    x = jnp.asarray(np.random.default_rng(1).normal(size=case.shape))
    flow = bijection.transform(params)
    back = jax.jit(jax.jacobian(lambda y: pull(flow, y)[0]))(push(flow, x)[0]).reshape(12, 12)
    for way in (jax.jacfwd, jax.jacrev):
        there = jax.jit(way(lambda x: push(flow, x)[0]))(x).reshape(12, 12)
        np.testing.assert_allclose(there @ back, np.eye(12), atol=1e-9)

    def total(size: Any) -> Any:
        moved = {**params, "log_factor": params["log_factor"] + size}
        return jnp.sum(push(bijection.transform(moved), x)[0])

    slope = (total(1e-6) - total(-1e-6)) / 2e-6
    np.testing.assert_allclose(jax.jit(jax.grad(total))(0.0), slope, rtol=1e-6)


@pytest.mark.parametrize("size", [1e-6, 30.0, 1e4])
def test_there_and_back_at_the_tails(size: float) -> None:
    case = CASES["masked_conv"]
    flow = transform(case)
    x = size * np.random.default_rng(2).normal(size=(8, *case.shape)).astype("f")
    ys, log_dets = jax.jit(jax.vmap(lambda x: push(flow, x)))(x)
    back, same = jax.jit(jax.vmap(lambda y: pull(flow, y)))(ys)
    np.testing.assert_allclose(back, x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(same, log_dets, rtol=1e-5, atol=1e-5)


def steep(y: jax.Array, slope: float) -> tuple[jax.Array, jax.Array]:
    """y + tanh(slope y): increasing; full steps from ½ go back and forth between −½ and 1½."""
    return y + jnp.tanh(slope * y), 1 + slope * (1 - jnp.tanh(slope * y) ** 2)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("slope", [0.1, 5.0, 50.0])
def test_shorter_steps_settle_what_full_ones_do_not(slope: float) -> None:
    x = jnp.linspace(-3, 3, 13)[:, None]
    y = jax.jit(jax.vmap(lambda x: newton.solved(lambda y: steep(y, slope), x)))(x)
    np.testing.assert_allclose(steep(y, slope)[0], x, atol=1e-9)


def test_what_has_not_settled_is_nan_and_takes_no_other_example_along() -> None:
    """The slope of y³ that is claimed is a tenth of the true one where |x| is large."""

    def claimed(y: jax.Array) -> tuple[jax.Array, jax.Array]:
        return y**3 + y, jnp.where(jnp.abs(y) > 2, 0.1, 1.0) * (1 + 3 * y**2) / 2

    found = jax.jit(jax.vmap(lambda x: newton.solved(claimed, x)))(jnp.array([[40.0], [0.5]]))
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1] ** 3 + found[1], 0.5, rtol=1e-5)
    assert np.isnan(newton.solved(claimed, jnp.array([jnp.nan]))).all()


def test_a_draw_without_an_inverse_names_the_line(golden: Callable[[Path, str], None]) -> None:
    model = dgm.parse(MINT)
    assert np.isfinite(model.with_params({}).sample(50)).all()
    start = model.init(0)["x"]
    own = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf + 3.0 if path[-1].key == "own" else leaf, start
    )
    fitted = model.with_params({"x": own})
    assert np.isfinite(fitted.log_prob(np.ones((3, 2, 2, 1)))).all()
    with pytest.raises(dgm.DgmError, match="DGM0726") as raised:
        fitted.sample(50)
    golden(GOLDEN, str(raised.value) + "\n")
