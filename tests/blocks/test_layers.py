"""Layers: shapes, initial values, finiteness; what each computes; masks and causality of made."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.layers.layer import Site
from dgmlang.layers.made import spread
from dgmlang.registry import implementation, implemented

RNG = np.random.default_rng(0)

CASES: dict[str, tuple[dict[str, Any], Site, tuple[int, ...]]] = {
    "dense": ({"units": 5}, Site((3,)), (5,)),
    "mlp": ({"hidden": [4, 6], "activation": "swish"}, Site((3,)), (6,)),
    "flatten": ({}, Site((2, 3)), (6,)),
    "fourier": ({"features": 7}, Site(()), (7,)),
    "embed": ({"width": 4}, Site((), levels=3), (4,)),
    "made": ({"hidden": (8, 5), "activation": "tanh"}, Site((3,)), (5,)),
    "conv": ({"channels": 4, "kernel": 3}, Site((5, 6, 2)), (5, 6, 4)),
    "conv_net": (
        {"channels": 4, "layers": 2, "kernel": 3, "activation": "swish"},
        Site((5, 6, 2)),
        (5, 6, 4),
    ),
}
SEQUENCE = Site((5, 4))
CASES |= {
    "gru": ({"width": 6, "both_ways": False}, SEQUENCE, (5, 6)),
    "lstm": ({"width": 6, "both_ways": False}, SEQUENCE, (5, 6)),
    "wavenet": ({"channels": 6, "dilations": [1, 2]}, SEQUENCE, (5, 6)),
    "transformer": ({"layers": 2, "heads": 2}, SEQUENCE, (5, 4)),
    "encoder": ({"layers": 2, "heads": 2}, SEQUENCE, (5, 4)),
    "nade": ({"hidden": 6}, Site((5,)), (5, 6)),
    "fvsbn": ({}, Site((5,)), (5,)),
    "pixelcnn": ({"channels": 3, "layers": 2, "kernel": 3}, Site((4, 5, 2)), (4, 5, 2, 3)),
    "pixelrnn": ({"channels": 3, "layers": 2}, Site((4, 5, 2)), (4, 5, 2, 3)),
    "unet": ({"channels": [4, 6]}, Site((4, 6, 2), inputs={"time": ()}), (4, 6, 2)),
    "residual": ({"body": None}, Site((3,)), (3,)),
}
ACTIVATIONS = sorted(name for _, name in implemented("activation"))


class Blocks:
    """Builds a layer that is the block of another."""

    def block(self, chain: Any, source: tuple[int, ...]) -> Any:
        return layer("mlp", {"hidden": source, "activation": "swish"}, Site(source))


def layer(name: str, settings: dict[str, Any], site: Site) -> Any:
    own = (Blocks(),) if "body" in settings else ()
    return implementation("layer", name)(settings, site, *own)


def inputs(site: Site) -> dict[str, Any]:
    return {name: jnp.full(shape, 0.3) for name, shape in site.inputs.items()}


def unit(site: Site) -> Any:
    return jnp.asarray(2) if site.levels else jnp.asarray(RNG.normal(size=site.shape), jnp.float32)


def test_every_layer_is_here() -> None:
    assert set(CASES) == {name for _, name in implemented("layer")}


@pytest.mark.parametrize("name", CASES)
def test_output_has_the_target_shape_and_is_finite(name: str) -> None:
    settings, site, target = CASES[name]
    built = layer(name, settings, site)
    params = built.init(np.random.default_rng(1))
    x = unit(site)

    def run(params: Any, x: Any) -> Any:
        return built(params, x, **inputs(site))

    y = jax.jit(run)(params, x)
    assert built.target == y.shape == target
    assert y.dtype == jnp.float32
    batch = jax.vmap(run, (None, 0))(params, jnp.stack([x] * 4))
    # In float32 a batch adds up in another order; an example that saw others would be far off.
    np.testing.assert_allclose(batch, jnp.stack([y] * 4), rtol=1e-5, atol=1e-5)
    gradient = jax.grad(lambda p: run(p, x).sum())(params)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((y, gradient)))


@pytest.mark.parametrize("name", CASES)
def test_initial_values_are_numpy_float32_and_follow_the_generator(name: str) -> None:
    settings, site, _ = CASES[name]
    built = layer(name, settings, site)
    first, again = (built.init(np.random.default_rng(3)) for _ in range(2))
    for one, two in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        assert isinstance(one, np.ndarray)
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, two)


def kernels(params: Any) -> list[np.ndarray]:
    paths = jax.tree_util.tree_leaves_with_path(params)
    return [leaf for path, leaf in paths if path[-1].key == "kernel"]


@pytest.mark.parametrize(
    ("name", "settings"), [("dense", {"units": 300}), ("mlp", CASES["mlp"][0] | {"hidden": [300]})]
)
def test_kernels_start_at_variance_one_over_fan_in(name: str, settings: dict[str, Any]) -> None:
    (kernel,) = kernels(layer(name, settings, Site((200,))).init(np.random.default_rng(5)))
    assert kernel.shape == (200, 300)
    # Mean and variance of n Gaussians, five standard errors each.
    n, variance = kernel.size, 1 / 200
    assert abs(kernel.mean()) < 5 * np.sqrt(variance / n)
    assert abs(kernel.var() / variance - 1) < 5 * np.sqrt(2 / n)


def test_masked_kernels_start_at_variance_one_over_what_they_see() -> None:
    built = layer("made", {"hidden": [4000], "activation": "tanh"}, Site((8,)))
    (kernel,) = kernels(built.init(np.random.default_rng(5)))
    for degree in range(1, 8):
        own = kernel[:, built.degrees[1] == degree]
        seen = own[:degree]
        assert not own[degree:].any()
        assert abs(seen.var() * degree - 1) < 5 * np.sqrt(2 / seen.size)


def test_dense_is_affine() -> None:
    params = {"kernel": jnp.array([[1.0, 2.0], [3.0, 4.0]]), "bias": jnp.array([10.0, 20.0])}
    found = layer("dense", {"units": 2}, Site((2,)))(params, jnp.array([1.0, -1.0]))
    np.testing.assert_allclose(found, [8.0, 18.0])


@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_conv_is_a_convolution_with_zeros_around(kernel: int) -> None:
    built = layer("conv", {"channels": 4, "kernel": kernel}, Site((5, 6, 2)))
    params = built.init(np.random.default_rng(1))
    x = unit(Site((5, 6, 2)))
    truth = jax.lax.conv_general_dilated(
        x[None],
        params["kernel"],
        window_strides=(1, 1),
        padding=[(kernel // 2, (kernel - 1) // 2)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    np.testing.assert_allclose(built(params, x), truth[0], atol=1e-5)


def test_mlp_ends_in_its_activation_and_names_its_parameters() -> None:
    built = layer("mlp", {"hidden": [5, 4], "activation": "relu"}, Site((3,)))
    params = built.init(np.random.default_rng(2))
    assert {k: sorted(v) for k, v in params.items()} == {
        "0": ["bias", "kernel"],
        "1": ["bias", "kernel"],
    }
    x = np.array([0.5, -1.0, 2.0], np.float32)
    first = np.maximum(x @ params["0"]["kernel"], 0)
    np.testing.assert_allclose(
        built(params, jnp.asarray(x)), np.maximum(first @ params["1"]["kernel"], 0), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["mlp", "made"])
def test_a_condition_is_read(name: str) -> None:
    settings = {"hidden": [8], "activation": "tanh"}
    built = layer(name, settings, Site((3,), inputs={"condition": (2, 2)}))
    params = built.init(np.random.default_rng(2))
    assert params["0"]["kernel"].shape == (7, 8)
    slopes = jax.jacobian(lambda c: built(params, jnp.ones(3), condition=c))(jnp.ones((2, 2)))
    assert bool((jnp.abs(slopes).sum((1, 2)) > 0).all())


def test_embed_takes_the_row_of_the_class() -> None:
    built = layer("embed", {"width": 4}, Site((), levels=3))
    params = built.init(np.random.default_rng(2))
    np.testing.assert_array_equal(built(params, jnp.asarray(1)), params["table"][1])


@pytest.mark.parametrize("features", [1, 2, 7, 32])
def test_fourier_features_are_accurate_in_float32(features: int) -> None:
    built = layer("fourier", {"features": features}, Site(()))
    assert built.init(np.random.default_rng(0)) == {}
    times = np.linspace(0, 1, 57).astype(np.float32)
    single = jax.vmap(lambda t: built({}, t))(jnp.asarray(times))
    with jax.enable_x64(True):
        double = jax.vmap(lambda t: built({}, t))(jnp.asarray(times, float))
        assert double.dtype == jnp.float64
    np.testing.assert_allclose(single, double, atol=3e-5)


def test_fourier_features_tell_times_apart() -> None:
    built = layer("fourier", {"features": 32}, Site(()))
    times = jnp.array([1e-5, 1e-3, 1e-2, 0.1, 0.5, 0.99, 1.0])
    features = jax.vmap(lambda t: built({}, t))(times)
    apart = jnp.linalg.norm(features[:, None] - features[None], axis=-1)
    assert float((apart + 10 * jnp.eye(len(times))).min()) > 0.1


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_increasing_far_out_and_finite(name: str) -> None:
    function = implementation("activation", name)
    x = jnp.array([-1e4, -3.0, 0.0, 3.0, 1e4])
    slopes = jax.vmap(jax.grad(function))(x)
    assert bool(jnp.isfinite(function(x)).all() & jnp.isfinite(slopes).all())
    assert function(x).shape == x.shape
    assert float(function(x)[3]) > float(function(x)[2])


def test_orders_are_permutations_fixed_by_their_seed() -> None:
    np.testing.assert_array_equal(implementation("order", "raster")({}, 5), np.arange(5))
    random = implementation("order", "random")
    first, again, other = (random({"seed": seed}, 50) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert sorted(first) == list(range(50))
    assert (first != other).any()


MADES = [
    (1, (4,)),
    (2, (3,)),
    (5, (16,)),
    (5, (16, 16)),
    (6, (20, 3, 20)),
    (4, (2,)),
    (3, ()),
]


def through_head(n: int, hidden: tuple[int, ...], rest: tuple[int, ...], given: int = 0) -> Any:
    """(function of x and a condition, its parameters) for a made with random head."""
    inputs = {"condition": (given,)} if given else {}
    settings = {"hidden": hidden, "activation": "tanh"}
    built = layer("made", settings, Site((n,), inputs=inputs))
    head = built.head((n, *rest))
    rng = np.random.default_rng(7)
    params = (built.init(rng), head.init(rng))

    def outputs(x: Any, condition: Any = None) -> Any:
        more = {} if condition is None else {"condition": condition}
        return head(params[1], built(params[0], x, **more))

    return outputs


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("rest", [(), (3,)])
@pytest.mark.parametrize(("n", "hidden"), MADES)
def test_made_is_strictly_causal(n: int, hidden: tuple[int, ...], rest: tuple[int, ...]) -> None:
    outputs = through_head(n, hidden, rest)
    x = jnp.asarray(RNG.normal(size=n))
    assert outputs(x).shape == (n, *rest)
    slopes = jnp.abs(jax.jit(jax.jacobian(outputs))(x)).reshape(n, -1, n).sum(1)
    assert not jnp.triu(slopes).any()


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("n", "hidden"), [m for m in MADES if min(m[1], default=9) >= m[0] - 1])
def test_made_reaches_every_earlier_entry(n: int, hidden: tuple[int, ...]) -> None:
    slopes = jax.jit(jax.jacobian(through_head(n, hidden, ())))(jnp.asarray(RNG.normal(size=n)))
    assert bool((slopes != 0)[np.tril_indices(n, -1)].all())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("n", [1, 4])
def test_every_output_of_made_sees_the_condition_and_stays_causal(n: int) -> None:
    outputs = through_head(n, (12,), (), given=2)
    x, condition = jnp.asarray(RNG.normal(size=n)), jnp.ones(2)
    assert bool((jax.jit(jax.jacobian(outputs, 1))(x, condition) != 0).all())
    assert not jnp.triu(jax.jit(jax.jacobian(outputs))(x, condition)).any()


@pytest.mark.usefixtures("x64")
def test_the_jacobian_sees_a_broken_mask() -> None:
    built = layer("made", {"hidden": (9,), "activation": "tanh"}, Site((4,)))
    head = built.head((4,))
    head.mask[:] = 1
    rng = np.random.default_rng(0)
    params, own = built.init(rng), head.init(rng)
    assert jnp.triu(jax.jacobian(lambda x: head(own, built(params, x)))(jnp.ones(4))).any()


@pytest.mark.parametrize("width", [1, 2, 3, 7, 20])
def test_degrees_are_spread_evenly(width: int) -> None:
    degrees = spread(width, 1, 6)
    counts = np.bincount(degrees, minlength=7)[1:]
    assert degrees.min() >= 1
    assert degrees.max() <= 6
    assert counts.sum() == width
    assert counts.max() - counts.min() <= 1
    assert (np.diff(degrees) >= 0).all()
