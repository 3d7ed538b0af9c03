"""Every legal objective of every example takes a step that is finite, in single precision."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.library import library
from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan.plan import Plan
from dgmlang.objectives.objective import Values
from dgmlang.objectives.variables import shape_of
from dgmlang.registry import implementation
from dgmlang.samplers.initial import noise_of
from tests.objectives.models import EXAMPLES

SMALL = {
    "vae": {"side": 3, "latents": 2, "hidden": [5]},
    "gmm": {"K": 3, "d": 2},
    "made": {"d": 6, "hidden": [8]},
    "realnvp": {"layers": 2, "hidden": [8]},
    "rbm": {"visible": 5, "hidden": 3},
    "ising": {"side": 4},
    "neural_ebm": {},
    "score_sde": {},
    "gan": {},
}
SETTINGS = {
    "iwae": {"k": 3},
    "pcd": {"chains": 7},
    "gibbs": {"sweeps": 3},
    "langevin": {"steps": 3},
    "mala": {"steps": 3, "warmup": 3},
    "sde": {"steps": 3},
}
BATCH = 6


def planned(name: str) -> Plan:
    text = (EXAMPLES / f"{name}.dgm").read_text(encoding="utf-8")
    return compile_text(text, **SMALL[name])


def legal(space: str) -> Iterator[tuple[str, str]]:
    for name in SMALL:
        for verdict in getattr(planned(name), space).values():
            if verdict.legal and verdict.built and not asks(space, verdict.name):
                yield name, verdict.name


def asks(space: str, name: str) -> bool:
    """Whether a method needs to be told something, as `distill` its teacher."""
    known = library().space(space.removesuffix("s"))[name]
    return any(parameter.default is None for parameter in known.parameters)


def batch_of(lowered: Lowered) -> Values:
    variables = lowered.program.having("data", "given")
    return {
        v.name: jnp.stack([noise_of(v, jax.random.key(i)) for i in range(BATCH)]) for v in variables
    }


@pytest.fixture(scope="module")
def lowered() -> dict[str, Lowered]:
    plans = {name: planned(name) for name in SMALL}
    return {name: lower(plan.program, plan.facts) for name, plan in plans.items()}


@pytest.mark.parametrize(("name", "objective"), list(legal("objectives")))
def test_a_step_is_finite(lowered: dict[str, Lowered], name: str, objective: str) -> None:
    model = lowered[name]
    data = batch_of(model)
    built = implementation("objective", objective)(model, **SETTINGS.get(objective, {}))
    params = jax.tree.map(jnp.asarray, model.init(0, data))
    params |= built.companions(jax.random.key(0), data)
    state = built.start(jax.random.key(1), params, data)
    for player in built.players:
        assert any(player.owns(n) and n not in built.frozen for n in params)
        run = jax.jit(jax.grad(player.loss, has_aux=True))
        slopes, (after, _) = run(params, state, data, jax.random.key(2))
        assert jax.tree.structure(after) == jax.tree.structure(state)
        assert jax.tree.map(jnp.result_type, after) == jax.tree.map(jnp.result_type, state)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slopes))
        state = after
    if built.validate is not None:
        assert built.validate(params, data, jax.random.key(3)).shape == (BATCH,)


@pytest.mark.parametrize(("name", "sampler"), list(legal("samplers")))
def test_draws_are_of_the_declared_kind(
    lowered: dict[str, Lowered], name: str, sampler: str
) -> None:
    model = lowered[name]
    params = jax.tree.map(jnp.asarray, model.init(0, batch_of(model)))
    drawing = implementation("sampler", sampler)(model, **SETTINGS.get(sampler, {}))
    drawn, _ = drawing.draw(params, jax.random.key(0), 4, {})
    for variable in model.program.having("data"):
        found = drawn[variable.name]
        assert found.shape == (4, *shape_of(variable))
        assert found.dtype == noise_of(variable, jax.random.key(0)).dtype
        assert np.all(np.isfinite(found))
        if variable.type.kind.name == "spin":
            assert set(np.unique(found)) <= {-1.0, 1.0}
