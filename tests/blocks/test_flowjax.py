"""Weights copied into flowjax's flows give the same density."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm

equinox = pytest.importorskip("equinox")
bijections = pytest.importorskip("flowjax.bijections")
distributions = pytest.importorskip("flowjax.distributions")
paramax = pytest.importorskip("paramax")

DIM, WIDTH, LAYERS = 4, 9, 2
ORDER = np.array([3 * (j % 3) + j // 3 for j in range(WIDTH)])
"""Their hidden units have ranks 0 1 2 0 1 2 …, ours ascend: which of ours is their unit j."""

pytestmark = pytest.mark.usefixtures("x64", "their_broadcasting")


@pytest.fixture
def their_broadcasting() -> Any:
    """flowjax broadcasts ranks, which our tests forbid."""
    with jax.numpy_rank_promotion("allow"):
        yield


def model(stage: str) -> tuple[Any, Any]:
    """A flow of two copies, away from the start."""
    text = f"data x : real[{DIM}] ~ Normal(0, 1) |> repeat({LAYERS}) {{ {stage} |> reverse }}"
    lowered = dgm.parse(f"model M {{ {text} }}").lowered
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda a: jnp.asarray(a + 0.3 * rng.normal(size=a.shape)), lowered.init(0, None)
    )
    return lowered, params


def with_weights(mlp: Any, layers: list[Any], *, masked: bool) -> Any:
    """Their perceptron with our kernels and biases."""
    for i, own in enumerate(layers):
        kernel, bias = own["kernel"], own["bias"]
        if masked:
            kernel = kernel if i == 0 else kernel[ORDER]
            last = i == len(layers) - 1
            kernel, bias = (kernel, bias) if last else (kernel[:, ORDER], bias[ORDER])
        weight = mlp.layers[i].weight
        weight = equinox.tree_at(lambda w: w.args[1], weight, kernel.T) if masked else kernel.T
        mlp = equinox.tree_at(
            lambda m, i=i: (m.layers[i].weight, m.layers[i].bias), mlp, (weight, bias),
            is_leaf=lambda leaf: isinstance(leaf, paramax.AbstractUnwrappable),
        )  # fmt: skip
    return mlp


def theirs(layers: list[Any]) -> Any:
    """Their law: each layer, then the flip."""
    flow = [b for layer in layers for b in (layer, bijections.Flip((DIM,)))]
    law = distributions.Transformed(distributions.Normal(jnp.zeros(DIM)), bijections.Chain(flow))
    return paramax.unwrap(law)


def agree(lowered: Any, params: Any, law: Any) -> None:
    """The same density at the weights that were copied, another at weights slightly off."""
    xs = jnp.asarray(np.random.default_rng(1).normal(size=(20, DIM)))
    own = jax.jit(jax.vmap(lambda p, x: lowered.log_prob(p, {"x": x}), in_axes=(None, 0)))
    other = jax.jit(jax.vmap(law.log_prob))(xs)
    np.testing.assert_allclose(own(params, xs), other, rtol=1e-5, atol=1e-5)
    moved = jax.tree.map(lambda a: a + 0.01, params)
    assert np.abs(own(moved, xs) - other).max() > 1e-3


def copies(params: Any, place: str) -> list[Any]:
    stacked = params["x"]["repeat"][place]
    return [jax.tree.map(lambda a, i=i: a[i], stacked) for i in range(LAYERS)]


@pytest.mark.parametrize("name", ["maf", "iaf"])
def test_autoregressive_flows_agree(name: str) -> None:
    """Their layer reads what it transforms, as `iaf`; `maf` is its inverse, entry by entry too."""
    net = f"made([{WIDTH}, {WIDTH}], activation = tanh)"
    lowered, params = model(f"{name}({net}, transform = location_scale)")
    built = []
    for own in copies(params, name):
        affine = bijections.Affine()
        transformer = bijections.Invert(affine) if name == "maf" else affine
        layer = bijections.MaskedAutoregressive(
            jax.random.key(0), transformer=transformer, dim=DIM, nn_width=WIDTH, nn_depth=2,
            nn_activation=jnp.tanh,
        )  # fmt: skip
        weights = [own["made"]["0"], own["made"]["1"], own["head"]]
        mlp = with_weights(layer.masked_autoregressive_mlp, weights, masked=True)
        layer = equinox.tree_at(lambda b: b.masked_autoregressive_mlp, layer, mlp)
        built.append(bijections.Invert(layer) if name == "maf" else layer)
    agree(lowered, params, theirs(built))


def test_couplings_agree() -> None:
    net = f"mlp([{WIDTH}, {WIDTH}], activation = tanh)"
    lowered, params = model(f"coupling({net}, transform = location_scale)")
    built = []
    for own in copies(params, "coupling"):
        layer = bijections.Coupling(
            jax.random.key(0), transformer=bijections.Affine(), untransformed_dim=DIM // 2,
            dim=DIM, nn_width=WIDTH, nn_depth=2, nn_activation=jnp.tanh,
        )  # fmt: skip
        weights = [own["mlp"]["0"], own["mlp"]["1"], own["head"]]
        mlp = with_weights(layer.conditioner, weights, masked=False)
        built.append(equinox.tree_at(lambda b: b.conditioner, layer, mlp))
    agree(lowered, params, theirs(built))
