"""Gibbs sweeps of lattices, networks and mixtures of both against all of their states."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.lower.domains import choices, dtype
from dgmlang.compiler.lower.gibbs import Tempered
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Values
from dgmlang.samplers.sweeps import Move, energy_variables, gibbs_sweep
from dgmlang.samplers.tempered import tempered
from tests.objectives.models import ERRORS, model

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
N = 10_000

CASES = {
    "a ring of odd length": """data s : spin[5]
      energy -0.6 * sum(s * shift(s, 1, axis = 0)) - 0.2 * s[0]""",
    "an open boundary": """data s : bit[2, 3]
      energy -1.5 * sum(s[1:, :] * s[:-1, :]) + sum(s[:, 1:] * s[:, :-1]) + 0.4 * sum(s)""",
    "an even grid": """data c : cat(3)[2, 2]
      energy -0.7 * sum((c == shift(c, 1, axis = 0)) + (c != shift(c, 1, axis = 1)))
      energy -0.4 * sum(c == 1)""",
    "all with all": """data s : bit[4]
      energy -0.8 * sum(s) ** 2 + s[0] * s[1] + 2.3 * sum(s)""",
    "classes in a function": """data c : cat(3)[2]
      data b : bit[2]
      energy exp(0.5 * sum(c == 1)) - 1.2 * b[0] * b[1] * (c[0] == 2)""",
    "levels of a one-hot": """data c : cat(3)[3]
      energy -0.9 * sum(one_hot(c) * one_hot(shift(c, 1, axis = 0))) - 0.5 * sum(c == 2)""",
}
DRAWN_IN_TURN = {"all with all", "classes in a function"}


def lowered(name: str) -> Lowered:
    return model(f"model M {{\n{CASES[name]}\n}}")


def states(own: Lowered) -> tuple[Values, np.ndarray]:
    """All states by variable, and their law."""
    variables = energy_variables(own)
    shapes = {n: numbers(v.type.shape) for n, v in variables.items()}
    sites = [choices(v.type.kind) for n, v in variables.items() for _ in range(prod(shapes[n]))]
    ends = np.cumsum([prod(shape) for shape in shapes.values()])[:-1]
    parts = np.split(np.array(list(product(*sites)), float), ends, axis=1)
    values = {
        n: jnp.asarray(p.reshape(-1, *shapes[n]), dtype(variables[n].type.kind))
        for n, p in zip(shapes, parts, strict=True)
    }
    log_p = jax.vmap(lambda v: -own.energy({}, v))(values)
    return values, np.asarray(jax.nn.softmax(log_p))


def numbered(values: Values, every: Values) -> np.ndarray:
    """The row among all states of each of many."""
    flat = [np.concatenate([np.asarray(v[n], float).reshape(len(v[n]), -1) for n in every], 1)
            for v in (values, every)]  # fmt: skip
    weights = 3.0 ** np.arange(flat[0].shape[1])
    keys = (flat[1] + 1) @ weights  # values lie in −1 … 2
    order = np.argsort(keys)
    return order[np.searchsorted(keys[order], (flat[0] + 1) @ weights)]


def sweeps(own: Lowered) -> Callable[[Values, int], Values]:
    """The states [N, …] after so many sweeps."""
    move = repeated_any(gibbs_sweep(own))
    keys = jax.random.split(KEY, N)
    return jax.jit(lambda start, times: jax.vmap(move, (0, 0, None))(keys, start, times))


def repeated_any(move: Move) -> Callable[[jax.Array, Values, int], Values]:
    """As many transitions as is said when it runs."""

    def moves(key: jax.Array, values: Values, times: int) -> Values:
        def one(i: Any, values: Values) -> Values:
            return move({}, jax.random.fold_in(key, i), values)

        return jax.lax.fori_loop(0, times, one, values)

    return moves


def fits(found: np.ndarray, law: np.ndarray) -> bool:
    """Whether draws are of the law, by χ²."""
    counts, n = np.bincount(found, minlength=len(law)), len(found)
    off = ((counts - n * law) ** 2 / (n * law)).sum()
    free = len(law) - 1
    return bool(off < free + ERRORS * np.sqrt(2 * free))


@pytest.mark.parametrize("name", CASES)
def test_a_sweep_leaves_the_law_as_it_is_and_many_reach_it(name: str) -> None:
    own = lowered(name)
    assert any(b.together for b in own.blocks) == (name not in DRAWN_IN_TURN)
    every, law = states(own)
    run, rng = sweeps(own), np.random.default_rng(0)
    exact = rng.choice(len(law), N, p=law)
    moved = numbered(run({n: v[exact] for n, v in every.items()}, 1), every)
    assert np.mean(moved != exact) > 0.2
    assert fits(moved, law)
    # The twin: the law at another temperature.
    assert not fits(moved, law**0.8 / (law**0.8).sum())
    found = numbered(run({n: jnp.repeat(v[:1], N, 0) for n, v in every.items()}, 25), every)
    assert fits(found, law)
    seen = np.bincount(found, minlength=len(law)) / N
    # E|p̂ − p| is at most √(2p/πN), so total variation ½ Σ√(2p/πN) in the mean.
    assert 0.5 * np.abs(seen - law).sum() < 2 * 0.5 * np.sqrt(2 * law / np.pi / N).sum()


@pytest.mark.parametrize("name", ["an even grid", "all with all"])
def test_each_chain_has_the_law_at_its_own_temperature(name: str) -> None:
    """Half of the chains at β = 1, the other half at 0.4, on one axis."""
    own = lowered(name)
    every, law = states(own)
    moves, betas = tempered(own, {}), jnp.repeat(jnp.asarray([1.0, 0.4]), N // 2)
    start = moves.standing({n: jnp.repeat(v[:1], N, 0) for n, v in every.items()})

    @jax.jit
    def run(chains: Any) -> Values:
        def one(i: Any, chains: Any) -> Any:
            return moves.move({}, jax.random.fold_in(KEY, i), chains, Tempered(betas), {})[0]

        return moves.values(jax.lax.fori_loop(0, 30, one, chains))

    cold, hot = np.split(numbered(run(start), every), 2)
    assert fits(cold, law)
    assert fits(hot, law**0.4 / (law**0.4).sum())
    assert not fits(hot, law)


def balanced(before: np.ndarray, after: np.ndarray, count: int) -> bool:
    """Whether flows i → j and j → i agree: Σ (n_ij − n_ji)² / (n_ij + n_ji) is χ² of the pairs."""
    flows = np.zeros((count, count))
    np.add.at(flows, (before, after), 1)
    up = np.triu_indices(count, 1)
    both, apart = (flows + flows.T)[up], (flows - flows.T)[up]
    seen = both > 10
    value, free = (apart[seen] ** 2 / both[seen]).sum(), seen.sum()
    return bool(value < free + ERRORS * np.sqrt(2 * free))


@pytest.mark.parametrize("name", ["a ring of odd length"])
def test_each_block_is_in_detailed_balance(name: str) -> None:
    own = lowered(name)
    every, law = states(own)
    chosen = np.random.default_rng(1).choice(len(law), N, p=law)
    updates = [jax.jit(jax.vmap(partial(own.update, {}, block=b))) for b in own.blocks]

    def moved(before: np.ndarray, place: int) -> np.ndarray:
        keys = jax.random.split(jax.random.key(place), N)
        return numbered(updates[place](keys, {n: v[before] for n, v in every.items()}), every)

    found = [moved(chosen, place) for place in range(len(updates))]
    assert all(balanced(chosen, after, len(law)) for after in found)
    # The twin: two blocks one after the other have the law, and no balance.
    both = moved(found[0], 1)
    assert fits(both, law)
    assert not balanced(chosen, both, len(law))


def test_what_is_known_of_sites_in_turn_is_held() -> None:
    """Three bits of four given, of which any two interact: the fourth's conditional."""
    fit = dgm.parse(f"model M {{\n{CASES['all with all']}\n}}").with_params({})
    every, law = states(fit.model.lowered)
    bits = np.asarray(every["s"])
    s = np.array([1.0, np.nan, np.nan, 0.0])
    held = (bits[:, 0] == 1) & (bits[:, 3] == 0)
    drawn = np.asarray(fit.sample(N, given={"s": s}, sampler="gibbs(sweeps = 10)"), float)
    assert np.all(drawn[:, [0, 3]] == [1, 0])
    both = 2 * drawn[:, 1] + drawn[:, 2]
    share = np.bincount(both.astype(int), minlength=4) / N
    truth = np.array([law[held & (bits[:, 1] == i) & (bits[:, 2] == j)].sum()
                      for i in (0, 1) for j in (0, 1)]) / law[held].sum()  # fmt: skip
    assert np.all(np.abs(share - truth) < ERRORS * np.sqrt(truth * (1 - truth) / N))
    assert not np.all(np.abs(share - truth[::-1]) < ERRORS * np.sqrt(truth * (1 - truth) / N))
