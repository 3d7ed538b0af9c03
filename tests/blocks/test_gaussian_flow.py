"""A Gaussian autoregression is a flow: one `maf` layer whose transform is `location_scale`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.bijections.bijection import pull, push
from dgmlang.bijections.transforms import AT_ZERO

AUTOREGRESSION = """model A {
  net f(x: real[4]) -> (loc: real[4], scale: positive[4]) = x |> made([6, 6])
  data x : real[4] ~ Normal(f(past(x))...)
}"""
FLOW = "model F { data x : real[4] ~ Normal(0, 1) |> maf(made([6, 6]), transform = TRANSFORM) }"

pytestmark = pytest.mark.usefixtures("x64")


def as_flow(params: Any) -> Any:
    """The weights of the autoregression's net as those of the layer: heads side by side."""
    heads = params["f"]["loc"], params["f"]["scale"]
    bias = heads[0]["bias"], heads[1]["bias"] - AT_ZERO
    kernel = [h["kernel"] for h in heads]
    head = {
        "kernel": jnp.stack(kernel, axis=-1).reshape(kernel[0].shape[0], -1),
        "bias": jnp.stack(bias, axis=-1).reshape(-1),
    }
    return {"x": {"maf": {"made": params["f"]["made"], "head": head}}}


def pair(transform: str = "location_scale") -> tuple[Any, Any, Any, Any]:
    """(autoregression, its parameters, flow, its parameters), away from the start."""
    one, other = dgm.parse(AUTOREGRESSION), dgm.parse(FLOW.replace("TRANSFORM", transform))
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda a: jnp.asarray(a + 0.3 * rng.normal(size=a.shape)), one.lowered.init(0, None)
    )
    return one.lowered, params, other.lowered, as_flow(params)


def test_it_has_the_density_of_one_layer() -> None:
    one, params, other, mapped = pair()
    xs = {"x": jnp.asarray(np.random.default_rng(1).normal(size=(50, 4)) * 2)}
    densities = [jax.jit(jax.vmap(m.log_prob, (None, 0)))(p, xs)
                 for m, p in ((one, params), (other, mapped))]  # fmt: skip
    np.testing.assert_allclose(*densities, rtol=1e-10, atol=1e-10)


def test_the_bounded_scale_of_affine_is_another_law() -> None:
    """The power of the check above, and why weights alone do not make `affine` the same."""
    one, params, other, mapped = pair("affine")
    x = {"x": jnp.array([0.3, -1.0, 2.0, 0.1])}
    assert abs(one.log_prob(params, x) - other.log_prob(mapped, x)) > 1e-2


def test_a_draw_is_the_layers_draw_of_its_code() -> None:
    """Codes of draws are normal, and the layer makes draws of them again; gradients pass."""
    one, params, other, mapped = pair()
    xs = jax.jit(jax.vmap(lambda key: one.draw(params, key, {})["x"]))(
        jax.random.split(jax.random.key(0), 4000)
    )
    (bijection,) = other.built.bijections.values()
    layer = bijection.transform(mapped["x"]["maf"])
    codes = jax.jit(jax.vmap(lambda x: pull(layer, x)[0]))(xs)
    again = jax.jit(jax.vmap(lambda z: push(layer, z)[0]))(codes)
    np.testing.assert_allclose(again, xs, rtol=1e-10, atol=1e-10)
    error = 5 / np.sqrt(len(codes))
    np.testing.assert_allclose(codes.mean(0), np.zeros(4), atol=error)
    np.testing.assert_allclose(np.cov(codes.T), np.eye(4), atol=error * np.sqrt(2))
    assert np.abs(np.cov(xs.T) - np.eye(4)).max() > error * np.sqrt(2)
    slopes = jax.jit(jax.grad(lambda p: one.draw(p, jax.random.key(0), {})["x"].sum()))(params)
    assert all(bool(jnp.abs(leaf).max() > 0) for leaf in jax.tree.leaves(slopes))
