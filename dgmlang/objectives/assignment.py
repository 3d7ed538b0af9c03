"""The assignment of least cost between two sets of n points, exact, inside of a compiled step.

Rows are assigned one after the other: each along the shortest path of reduced costs to a free
column, which shifts the columns of those before it. At most n² passes over a row of the costs, some
n log n in practice.

Source: Jonker & Volgenant 1987; as in Crouse 2016, On implementing 2D rectangular assignment
algorithms, algorithm 1.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

FREE = -1
"""In place of a row or a column where there is none."""


class Matching(NamedTuple):
    """Prices of rows and columns, and who is assigned to whom so far; all of shape [n]."""

    rows: Array
    columns: Array
    row_of: Array
    column_of: Array


class Path(NamedTuple):
    """A search for the shortest way from one row to a free column.

    Attributes:
        row: The row that is looked at.
        least: The length of the way to it.
        ways: The shortest way known to each column.
        before: The row from which that comes.
        reached: The columns whose way is known to be the shortest.
        end: The free column, once it is found.
    """

    row: Array
    least: Array
    ways: Array
    before: Array
    reached: Array
    end: Array


def assignment(cost: Array) -> Array:
    """For each row of `cost` [n, n] the column [n] that it is assigned to, for the least total."""
    n = len(cost)
    none = jnp.full(n, FREE, jnp.int32)
    zero = jnp.zeros(n, cost.dtype)

    def assign(row: Array, matching: Matching) -> Matching:
        path = _shortest(cost, matching, row)
        return _shifted(_priced(matching, path, row), path, row)

    return lax.fori_loop(0, n, assign, Matching(zero, zero, none, none)).column_of


def _shortest(cost: Array, matching: Matching, row: Array) -> Path:
    n = len(cost)

    def step(path: Path) -> Path:
        through = path.least + cost[path.row] - matching.rows[path.row] - matching.columns
        shorter = ~path.reached & (through < path.ways)
        ways = jnp.where(shorter, through, path.ways)
        column = jnp.argmin(jnp.where(path.reached, jnp.inf, ways)).astype(jnp.int32)
        taken = matching.row_of[column]
        return Path(
            jnp.where(taken == FREE, path.row, taken),
            ways[column],
            ways,
            jnp.where(shorter, path.row, path.before),
            path.reached.at[column].set(True),
            jnp.where(taken == FREE, column, FREE),
        )

    start = Path(
        jnp.asarray(row, jnp.int32),
        jnp.zeros((), cost.dtype),
        jnp.full(n, jnp.inf, cost.dtype),
        jnp.full(n, FREE, jnp.int32),
        jnp.zeros(n, bool),
        jnp.asarray(FREE, jnp.int32),
    )
    return lax.while_loop(lambda path: path.end == FREE, step, start)


def _priced(matching: Matching, path: Path, row: Array) -> Matching:
    """The prices at which the new assignment is as cheap as can be."""
    spared = jnp.where(path.reached, path.least - path.ways, 0.0)
    columns = matching.columns - spared
    # A reached column's row, but for that of the free one at the end, pays what the column spares.
    owners = jnp.where(path.reached & (matching.row_of != FREE), matching.row_of, len(columns))
    rows = matching.rows.at[owners].add(spared, mode="drop").at[row].add(path.least)
    return matching._replace(rows=rows, columns=columns)


def _shifted(matching: Matching, path: Path, row: Array) -> Matching:
    """Each row on the way takes the column that it leads to."""

    def step(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        column, _, row_of, column_of = state
        taker = path.before[column]
        left = column_of[taker]
        return left, taker, row_of.at[column].set(taker), column_of.at[taker].set(column)

    start = path.end, jnp.asarray(FREE, jnp.int32), matching.row_of, matching.column_of
    _, _, row_of, column_of = lax.while_loop(lambda state: state[1] != row, step, start)
    return matching._replace(row_of=row_of, column_of=column_of)
