"""A small objective with everything that the loop must carry: noise, a state, metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.plan.recipes import Recipe
from dgmlang.objectives.objective import (
    Objective,
    Params,
    Player,
    State,
    Values,
    everything,
    nothing,
    stateless,
)
from dgmlang.runtime.loop import Outlet, Result, train
from dgmlang.runtime.settings import Settings, configure

RECIPE = Recipe(rate=0.02, warmup=3, clip=1.0)


def data(count: int = 64, seed: int = 0) -> Values:
    return {"x": jnp.asarray(np.random.default_rng(seed).normal(3.0, 1.0, (count, 2)), jnp.float32)}


def params() -> Params:
    return {"net": {"0": {"kernel": np.eye(2, dtype=np.float32)}}, "loc": np.zeros(2, np.float32)}


def error(params: Params, values: Values) -> jax.Array:
    """Σ ½ (x A − loc)² of each example."""
    kernel, loc = params["net"]["0"]["kernel"], params["loc"]
    return jax.vmap(lambda x: 0.5 * jnp.sum((x @ kernel - loc) ** 2))(values["x"])


def noisy(params: Params, state: State, values: Values, key: jax.Array) -> tuple[jax.Array, Any]:
    """The error of jittered data; the state counts steps and averages what was seen."""
    jitter = 0.1 * jax.random.normal(key, values["x"].shape)
    loss = jnp.mean(error(params, {"x": values["x"] + jitter}))
    new = {"seen": state["seen"] + 1, "mean": 0.9 * state["mean"] + 0.1 * jnp.mean(values["x"])}
    return loss, (new, {"drift": new["mean"]})


def counted(_: jax.Array, __: Params, ___: Values) -> State:
    return {"seen": jnp.int32(0), "mean": jnp.float32(0)}


def objective(loss: Callable[..., Any] = noisy, start: Callable[..., State] = counted) -> Objective:
    return Objective(
        "toy",
        "squared error",
        (Player("model", loss, everything),),
        nothing,
        start,
        lambda params, values, key: error(params, values),
    )


def plain(loss: Callable[[Params, Values], jax.Array]) -> Objective:
    """An objective of a loss without state, noise or metrics."""
    return objective(lambda p, s, v, k: (loss(p, v), (s, {})), stateless)


NOISY = objective()


def fit(
    settings: Settings,
    *,
    what: Objective = NOISY,
    values: Values | None = None,
    outlet: Outlet | None = None,
    **more: Any,
) -> Result:
    values = data() if values is None else values
    config = configure(what, params(), values, settings, RECIPE)
    return train(config, params(), values, settings, outlet=outlet, **more)


def same(a: Any, b: Any) -> bool:
    """Bit for bit, structure and dtypes included."""
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(
        np.asarray(x).dtype == np.asarray(y).dtype and np.array_equal(x, y) for x, y in pairs
    )
