"""What each output of a causal layer sees, by its Jacobian: every entry before it, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.library import library
from dgmlang.layers.layer import Site
from dgmlang.registry import implementation, implemented

RNG = np.random.default_rng(0)

STRICT: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "made": ({"hidden": (40, 40), "activation": "tanh"}, (6,)),
    "nade": ({"hidden": 5}, (6,)),
    "fvsbn": ({}, (6,)),
    "pixelcnn": ({"channels": 4, "layers": 5, "kernel": 3}, (4, 3, 2)),
}
TRIANGLE: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "pixelrnn": ({"channels": 3, "layers": 2}, (3, 4, 2)),
}
WEAK: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "gru": ({"width": 5, "both_ways": False}, (6, 3)),
    "lstm": ({"width": 5, "both_ways": False}, (6, 3)),
    "wavenet": ({"channels": 5, "dilations": [1, 2, 4]}, (6, 3)),
    "transformer": ({"layers": 2, "heads": 3}, (6, 3)),
}


def built(name: str, settings: dict[str, Any], shape: tuple[int, ...]) -> Callable[[Any], Any]:
    """The layer with random parameters, and behind it the head that it brings."""
    layer = implementation("layer", name)(settings, Site(shape))
    params = random_like(layer.init(np.random.default_rng(1)))
    if not hasattr(layer, "head"):
        return lambda x: layer(params, x)
    head = layer.head((*shape, 2))
    last = random_like(head.init(np.random.default_rng(2)))
    return lambda x: head(last, layer(params, x))


def random_like(params: Any) -> Any:
    """No parameter at a special value such as 0, at which a dependence would not show."""
    return jax.tree.map(lambda leaf: jnp.asarray(RNG.normal(size=leaf.shape), jnp.float32), params)


def seen(run: Callable[[Any], Any], shape: tuple[int, ...], sites: int) -> np.ndarray:
    """seen[i, j]: whether what stands at site i depends on site j; the sites come first."""
    slopes = np.zeros((sites, sites))
    for _ in range(3):
        x = jnp.asarray(0.3 * RNG.normal(size=shape), jnp.float32)
        whole = jax.jacobian(run)(x).reshape(sites, -1, sites, int(np.prod(shape)) // sites)
        slopes += np.abs(whole).sum((1, 3))
    return slopes > 0


def test_every_causal_layer_is_here() -> None:
    known = {
        kind: {
            name
            for _, name in implemented("layer")
            if library().space("layer")[name].argument("causal") == (kind,)
        }
        for kind in ("strict", "weak")
    }
    assert known == {"strict": set(STRICT) | set(TRIANGLE), "weak": set(WEAK)}


@pytest.mark.parametrize("name", STRICT)
def test_a_strict_layer_sees_all_before_and_nothing_else(name: str) -> None:
    settings, shape = STRICT[name]
    sites = int(np.prod(shape))
    found = seen(built(name, settings, shape), shape, sites)
    np.testing.assert_array_equal(found, np.tri(sites, k=-1, dtype=bool))


def test_a_row_lstm_sees_the_triangle_above_it_and_its_row_before_it() -> None:
    settings, shape = TRIANGLE["pixelrnn"]
    h, w, c = shape
    i, j, k = np.indices(shape).reshape(3, -1, 1)
    above, column, channel = np.indices(shape).reshape(3, 1, -1)
    in_row = (above == i) & (column * c + channel < j * c + k)
    truth = in_row & (j - column <= 2) | (above < i) & (column <= j + i - above)
    found = seen(built("pixelrnn", settings, shape), shape, h * w * c)
    np.testing.assert_array_equal(found, truth)


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_layer_sees_all_up_to_itself_and_nothing_else(name: str) -> None:
    settings, shape = WEAK[name]
    found = seen(built(name, settings, shape), shape, shape[0])
    np.testing.assert_array_equal(found, np.tri(shape[0], dtype=bool))


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_both_ways_sees_everything(name: str) -> None:
    settings = {"width": 5, "both_ways": True}
    assert seen(built(name, settings, (6, 3)), (6, 3), 6).all()


def test_an_encoder_sees_everything() -> None:
    assert seen(built("encoder", {"layers": 1, "heads": 3}, (6, 3)), (6, 3), 6).all()


@pytest.mark.parametrize("name", ["pixelcnn", "pixelrnn"])
@pytest.mark.parametrize("by_place", [False, True])
def test_a_condition_of_a_picture_is_read(name: str, by_place: bool) -> None:
    """A condition of the picture's sides stands place by place; any other is seen everywhere."""
    settings, shape = (STRICT | TRIANGLE)[name]
    condition = (*shape[:2], 1) if by_place else (7,)
    layer = implementation("layer", name)(settings, Site(shape, inputs={"condition": condition}))
    params = random_like(layer.init(np.random.default_rng(1)))
    x, given = (jnp.asarray(0.3 * RNG.normal(size=s), jnp.float32) for s in (shape, condition))
    slopes = jax.jacobian(lambda c: layer(params, x, condition=c))(given)
    here = np.abs(slopes).reshape(12, -1, int(np.prod(condition))).sum(1) > 0
    assert here.diagonal().all() if by_place else here.all()


@pytest.mark.parametrize("name", ["pixelcnn", "pixelrnn"])
def test_levels_enter_evenly_over_the_interval(name: str) -> None:
    settings, shape = (STRICT | TRIANGLE)[name]
    x = RNG.integers(0, 17, shape)
    plain = implementation("layer", name)(settings, Site(shape))
    params = plain.init(np.random.default_rng(1))
    with_levels = implementation("layer", name)(settings, Site(shape, levels=17))
    found = with_levels(params, jnp.asarray(x))
    np.testing.assert_allclose(found, plain(params, jnp.asarray(x / 8 - 1, jnp.float32)), atol=1e-5)
