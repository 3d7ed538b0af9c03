"""The forward algorithm by scaled probabilities, against logarithms and against all paths."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from dgmlang.compiler.lower.forward import log_sum_of_chain, logs_of_chain
from dgmlang.compiler.lower.scaled import Spans, Tables, safe, value

pytestmark = pytest.mark.usefixtures("x64")

CASES: dict[str, tuple[int, list[tuple[int, bool]]]] = {
    "one table": (1, [(1, True), (5, True)]),
    "a table a turn": (1, [(6, False)]),
    "two back": (2, [(2, True), (4, False)]),
    "three back": (3, [(6, True)]),
}
"""How far the states look back, and of each run its turns and whether it has one table."""
STATES = 3
Way = Callable[..., Array]


def chain(name: str, seed: int = 0) -> tuple[Array, Tables, Spans, int]:
    lag, runs = CASES[name]
    rng = np.random.default_rng(seed)
    ends = np.cumsum([0, *(count for count, _ in runs)]).tolist()
    spans = tuple(pairwise(ends))
    shape = (STATES,) * (lag + 1)
    tables = tuple(jnp.asarray(3 * rng.normal(size=(1 if one else n, *shape))) for n, one in runs)
    return jnp.asarray(40 * rng.normal(size=(ends[-1], STATES))), tables, spans, lag


def by_paths(now: Array, tables: Tables, spans: Spans, lag: int) -> Array:
    """Log Σ over all paths, term by term; before the first turn stand first states."""
    paths = np.array(list(product(range(now.shape[1]), repeat=now.shape[0])))
    before = np.concatenate([np.zeros((len(paths), lag), int), paths], axis=1)
    total = jnp.zeros(len(paths))
    for table, (start, stop) in zip(tables, spans, strict=True):
        for t in range(start, stop):
            here = table[0 if len(table) == 1 else t - start]
            total += now[t, paths[:, t]] + here[tuple(before[:, t : t + lag + 1].T)]
    return jax.scipy.special.logsumexp(total)


def sloped(way: Way, name: str, seed: int = 0) -> tuple[Array, list[Array]]:
    """A sum with its gradient in all tables."""
    now, tables, spans, lag = chain(name, seed)
    found = jax.jit(jax.value_and_grad(lambda *logs: way(*logs, spans, lag), argnums=(0, 1)))
    value, slopes = found(now, tables)
    return value, jax.tree.leaves(slopes)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_all_paths(name: str) -> None:
    _, tables, _, lag = chain(name)
    assert bool(safe(tables, lag))
    truth, wanted = sloped(by_paths, name)
    for way in (log_sum_of_chain, logs_of_chain):
        value, slopes = sloped(way, name)
        assert float(value) == pytest.approx(float(truth), abs=1e-9)
        for slope, right in zip(slopes, wanted, strict=True):
            assert np.asarray(slope) == pytest.approx(np.asarray(right), abs=1e-9)
    assert abs(float(sloped(log_sum_of_chain, name, seed=1)[0] - truth)) > 1e-3  # it has power


def switching(rare: float, gap: float = -800.0) -> tuple[Array, Tables, Spans, int]:
    """Two states that hardly ever change, and turns that each rule one of them out."""
    stay = jnp.asarray([[[0.0, rare], [rare, 0.0]]])
    now = jnp.asarray([[0.0, gap], [gap, 0.0], [0.0, gap]])
    return now, (jnp.zeros((1, 2, 2)), stay), ((0, 1), (1, 3)), 1


def test_what_underflows_goes_by_logarithms() -> None:
    """A change costs e^-720, below the least float, and each turn but for it e^-800."""
    now, tables, spans, lag = switching(-720.0)
    truth = by_paths(now, tables, spans, lag)
    assert not bool(safe(tables, lag))
    kept = float(jax.jit(log_sum_of_chain, static_argnums=(2, 3))(now, tables, spans, lag))
    assert kept == pytest.approx(float(truth), abs=1e-9)
    lost = float(value(now, tables, spans, lag))
    assert abs(lost - float(truth)) > 1  # the twin: probabilities alone are wrong here


@pytest.mark.parametrize("gap", [-100.0, -500.0, -800.0])
def test_spread_tables_are_safe_as_far_as_floats_reach(gap: float) -> None:
    now, tables, spans, lag = switching(-330.0, gap)
    assert bool(safe(tables, lag))
    assert not bool(safe(tables, 2))
    truth = float(by_paths(now, tables, spans, lag))
    assert float(log_sum_of_chain(now, tables, spans, lag)) == pytest.approx(truth, abs=1e-9)


def test_the_bound_is_no_looser_than_it_must_be() -> None:
    """Twice as far apart, a turn's scale takes e^-800 for 0 that the next turn needs."""
    now, tables, spans, lag = switching(-600.0)
    assert not bool(safe(tables, lag))
    lost = value(now, tables, spans, lag)
    assert abs(float(lost - by_paths(now, tables, spans, lag))) > 1


@pytest.mark.parametrize("entry", [-jnp.inf, jnp.nan])
def test_tables_with_zeros_go_by_logarithms(entry: float) -> None:
    assert not bool(safe((jnp.asarray([[[0.0, entry], [0.0, 0.0]]]),), 1))


def test_impossible_turns_bring_no_nan() -> None:
    now, tables, spans, lag = chain("one table")
    now = now.at[3].set(-jnp.inf)
    value, slopes = jax.value_and_grad(log_sum_of_chain)(now, tables, spans, lag)
    assert value == -jnp.inf
    assert np.all(np.asarray(slopes) == 0)


def test_curvature_is_that_of_logarithms() -> None:
    """Score matching differentiates twice, forwards over backwards; forwards twice is right too."""
    now, tables, spans, lag = chain("one table")

    def curved(way: Way, twice: Callable[..., Any]) -> Array:
        return jax.jit(twice(lambda t: way(now / 20, (tables[0], t[None]), spans, lag)))(
            tables[1][0]
        )

    wanted = curved(logs_of_chain, jax.hessian)
    for twice in (
        jax.hessian,
        lambda f: jax.jacrev(jax.grad(f)),
        lambda f: jax.jacfwd(jax.jacfwd(f)),
    ):
        found = curved(log_sum_of_chain, twice)
        assert np.asarray(found) == pytest.approx(np.asarray(wanted), abs=1e-9)
    assert float(jnp.max(jnp.abs(wanted))) > 1e-3


def test_examples_of_a_batch_go_one_way() -> None:
    """Under `vmap` one unsafe example sends all to logarithms, so that never both ways run."""
    tables = jnp.stack([switching(rare)[1][1] for rare in (-1.0, -720.0)])
    found = jax.vmap(lambda table: safe((table,), 1), out_axes=None)
    assert not bool(found(tables))
    assert bool(found(tables[:1]))
