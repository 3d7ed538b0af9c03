"""Gibbs conditionals class by class: the classes themselves, and scores against all densities."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.lower import by_class, gibbs
from dgmlang.compiler.lower.grid import grid_of, where
from dgmlang.compiler.lower.joint import log_joint
from dgmlang.compiler.lower.lowered import Lowered

pytestmark = pytest.mark.usefixtures("x64")

GRIDS = [
    ((4, 6), (1, 1), 2),
    ((6,), (1,), 3),
    ((5, 5, 10), (1, 2, 1), 5),
    ((3, 6), (1, 2), 3),
    ((4, 4, 4), (1, 1, 1), 2),
    ((4, 4), (0, 0), 1),
    ((6, 5), (1, 0), 2),
]
"""Sides, weights and modulus."""


@pytest.mark.parametrize(("shape", "weights", "modulus"), GRIDS)
def test_a_grid_comes_apart_and_together(
    shape: tuple[int, ...], weights: tuple[int, ...], modulus: int
) -> None:
    grid = grid_of(shape, weights, modulus)
    assert grid is not None
    x = jnp.arange(np.prod(shape)).reshape(shape)
    packed = grid.split(x)
    assert jnp.array_equal(packed.joined(), x)
    colour = np.tensordot(weights, np.indices(shape), 1) % modulus
    for r, one in enumerate(packed.classes):
        assert set(np.ravel(one)) == set(np.asarray(x)[colour == r])
    for axis in range(len(shape)):
        for k in (-2, -1, 1, 3):
            moved = packed.shifted(k, axis)
            if moved is None:
                assert weights[axis] * shape[axis] % modulus
                continue
            assert jnp.array_equal(moved.joined(), jnp.roll(x, k, axis))
            assert not jnp.array_equal(moved.joined(), jnp.roll(x, k + 1, axis))


def test_a_slope_goes_back_by_the_same_shift() -> None:
    grid = grid_of((4, 6), (1, 1), 2)
    assert grid is not None
    x, y = np.random.default_rng(0).normal(size=(2, 4, 6))

    def whole(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.tanh(jnp.roll(x, 1, 1) * jnp.roll(x, -2, 0)) * y)

    def apart(x: jax.Array) -> jax.Array:
        one, other = grid.split(x).shifted(1, 1), grid.split(x).shifted(-2, 0)
        assert one is not None
        assert other is not None
        each = zip(one.classes, other.classes, grid.split(y).classes, strict=True)
        return sum((jnp.sum(jnp.tanh(a * b) * c) for a, b, c in each), jnp.zeros(()))

    assert np.allclose(jax.grad(apart)(x), jax.grad(whole)(x), atol=1e-12)


PROGRAMS = {
    "ising": """data s : spin[4, 6]
      energy -0.4 * sum(s * shift(s, 1, axis = 0) + s * shift(s, 1, axis = 1))""",
    "field": """param h : real[4, 6]
      given u : real
      given m : bit[4, 6]
      data s : bit[4, 6]
      energy -sum(s * shift(s, -1, axis = 1) * 0.7 + u * h * s) + exp(u) * sum(m * s) / 3""",
    "three colours": """data s : bit[6]
      energy sum(s * shift(s, 1, axis = 0) * shift(s, 2, axis = 0)) - 0.3 * sum(s)""",
    "no line of a class": """data s : spin[3, 3]
      energy -0.4 * sum(s * shift(s, 1, axis = 0) + s * shift(s, 1, axis = 1))""",
    "odd sides": """data s : spin[3, 5]
      energy -0.4 * sum(s * shift(s, 1, axis = 0) + s * shift(s, 1, axis = 1))""",
    "odd classes": """data s : cat(3)[5]
      energy -0.8 * sum(s == shift(s, 1, axis = 0))""",
    "open boundary": """param w : real[2, 5]
      data s : bit[3, 5]
      energy -sum(w * s[1:, :] * s[:-1, :]) - 0.7 * sum(s[:, 1:] * s[:, :-1])""",
    "potts": """data s : cat(3)[4, 4]
      energy -0.8 * sum((s == shift(s, 1, axis = 0)) + (s != shift(s, 1, axis = 1)))""",
    "levels": """param h : real[3]
      given m : cat(3)[4, 4]
      data s : cat(3)[4, 4]
      energy -sum((s == shift(s, 1, axis = 0)) * 0.5 + (s == m) - (2 != s) * 0.3)
      energy -sum(one_hot(s) @ h)""",
    "two variables": """data s : spin[4, 4]
      data t : spin[4, 4]
      energy -0.3 * sum(s * shift(s, 1, axis = 0) + t * shift(t, 1, axis = 1) + s * t)""",
    "dense": """param w : real[4, 3]
      data v : cat(4)
      data h : bit[3]
      energy -sum((one_hot(v) @ w) * h)""",
}
UNPROVED = {
    "two levels of a site": """data s : cat(3)[4]
      energy sum(one_hot(s) * one_hot(s)) + sum((s == shift(s, 1, axis = 0)))""",
    "a class squared": """data s : cat(3)[4]
      energy sum((s == shift(s, 1, axis = 0)) * (s == shift(s, -1, axis = 0)))""",
}


def model(body: str) -> Lowered:
    return dgm.parse(f"model M {{\n{body}\n}}").lowered


def some(own: Lowered, chains: int) -> tuple[Any, dict[str, jax.Array]]:
    """Parameters, and values of all variables [chains, …]."""
    rng = np.random.default_rng(3)
    params = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape)), own.init(0, None))
    values = {}
    for v in own.program.having("data", "given"):
        shape = (chains, *(int(str(d)) for d in v.type.array_shape))
        high = v.type.kind.levels.value if v.type.kind.levels else None
        drawn = rng.integers(0, high, shape) if high else rng.normal(size=shape)
        drawn = 2 * drawn - 1 if v.type.kind.name == "spin" else drawn
        values[v.name] = jnp.asarray(drawn, int if v.type.kind.name == "cat" else float)
    return params, values


def by_differences(own: Lowered, params: Any, values: Any, name: str) -> np.ndarray:
    """Log p of each level less that of the first, at every site."""
    density = partial(log_joint, own.built, params)
    tables = jax.jit(lambda v: gibbs.level_densities(own.built, density, v, (name,)))(values)
    return np.asarray(tables[name] - tables[name][..., :1])


@pytest.mark.parametrize("name", PROGRAMS)
def test_scores_are_differences_of_densities(name: str) -> None:
    own = model(PROGRAMS[name])
    params, many = some(own, 2)
    values = {n: v[0] for n, v in many.items()}
    chains = {n: jnp.moveaxis(v, 0, -1) for n, v in many.items()}
    assert {block.rule for block in own.blocks} == {"multilinear"}
    agreed = np.zeros(0)
    for block in own.blocks:
        found = jax.jit(lambda v, b=block: by_class.scores(own.built, params, v, b))(values)
        together = jax.jit(
            lambda v, b=block: by_class.scores(own.built, params, own.packed(v), b, (-1,))
        )(chains)
        for part in block.parts:
            table = by_differences(own, params, values, part.variable)
            mask = where(part, table.shape[:-1])
            score = np.asarray(found[part.variable])
            kind = own.program.variables[part.variable].type.kind
            score = score[..., None] if kind.two_valued else score - score[..., :1]
            wanted = table[..., 1:] if kind.two_valued else table
            grid = grid_of(mask.shape, part.weights, part.modulus)
            if grid is None:
                score, wanted = score[mask], wanted[mask]
            else:
                wanted = grid.split(jnp.asarray(wanted)).classes[part.residue]
                assert score.size * part.modulus == mask.size * score.shape[-1]
            assert np.allclose(score, wanted, atol=1e-10)
            agreed = np.append(agreed, score)
            assert np.allclose(together[part.variable][..., 0], found[part.variable], atol=1e-10)
    assert np.ptp(agreed) > 0.3  # so that agreement says something


@pytest.mark.parametrize("name", UNPROVED)
def test_what_is_not_of_degree_one_goes_by_differences(name: str) -> None:
    assert {block.rule for block in model(UNPROVED[name]).blocks} <= {"differences"}


@pytest.mark.parametrize("name", ["ising", "levels", "no line of a class"])
def test_chains_on_the_last_axis_are_drawn_from_their_conditionals(name: str) -> None:
    """The share of each level at each site of many chains that hold the same state."""
    own, n = model(PROGRAMS[name]), 4000
    params, one = some(own, 1)
    chains = {name: jnp.repeat(jnp.moveaxis(v, 0, -1), n, -1) for name, v in one.items()}
    values = {name: v[0] for name, v in one.items()}
    block, key = own.blocks[0], jax.random.key(0)
    run = jax.jit(lambda v: by_class.whole(own.update_chains(params, key, own.packed(v), block)))
    drawn = run(chains)["s"]
    table = by_differences(own, params, values, "s")
    chance = np.exp(table) / np.exp(table).sum(-1, keepdims=True)
    mask = where(block.parts[0], chance.shape[:-1])
    levels = (-1, 1) if chance.shape[-1] == 2 else range(3)
    share = np.stack([np.mean(np.asarray(drawn) == level, -1) for level in levels], -1)
    error = np.sqrt(chance * (1 - chance) / n) + 1e-9
    assert np.all(np.abs(share - chance)[mask] < 5 * error[mask])
    assert not np.all(np.abs(share - chance[..., ::-1])[mask] < 5 * error[mask])
    assert np.array_equal(np.asarray(drawn[..., 0])[~mask], np.asarray(values["s"])[~mask])


@pytest.mark.parametrize("name", ["ising", "potts"])
def test_a_sweep_costs_what_its_sites_cost(name: str) -> None:
    """Four times the sites take four times the operations; by differences it were sixteen."""

    def operations(side: int) -> float:
        own = model(PROGRAMS[name].replace("[4, 6]", "[4, 4]").replace("4, 4", f"{side}, {side}"))
        params, one = some(own, 8)
        chains = own.packed({n: jnp.moveaxis(v, 0, -1) for n, v in one.items()})

        def sweep(key: jax.Array, state: Any) -> Any:
            for block in own.blocks:
                state = own.update_chains(params, key, state, block)
            return state

        cost: Any = jax.jit(sweep).lower(jax.random.key(0), chains).compile().cost_analysis()
        return cost["flops"]

    assert operations(32) / operations(16) == pytest.approx(4, rel=0.1)
