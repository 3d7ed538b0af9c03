"""Finite latents summed out one after the other, in the order that `derive` has found.

A table is the log density of one law over the states of the latents that it reads, an axis each.
Source: Dechter 1999, Bucket elimination, sec. 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.derive.facts import Elimination, Removal
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.domains import choices, dtype
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.forward import Fold, log_sum
from dgmlang.compiler.lower.joint import term
from dgmlang.compiler.lower.missing import agrees
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values

Table = tuple[tuple[str, ...], Array]
"""The latents whose states are the axes, and the log weights."""


def elimination_of(removals: Iterable[Removal]) -> Elimination | None:
    """How those latents are eliminated that are; a model may hold one of them that it is given."""
    gone = {r.variable: r.elimination for r in removals if r.elimination is not None}
    if not gone:
        return None
    whole = next(iter(gone.values()))
    scopes = {site: tuple(n for n in scope if n in gone) for site, scope in whole.scopes.items()}
    order = tuple(n for n in whole.order if n in gone)
    return Elimination(order, {site: s for site, s in scopes.items() if s}, whole.entries)


def tables(built: Built, params: Params, way: Elimination, values: Values) -> list[Table]:
    """The laws that read the latents; −∞ where a state contradicts what an example holds."""
    variables = built.program.variables
    every = {name: states([variables[name]])[name] for name in way.order}
    found: list[Table] = []
    for site, scope in way.scopes.items():

        def at(*state: Array, site: str = site, scope: tuple[str, ...] = scope) -> Array:
            held = {**values, **dict(zip(scope, state, strict=True))}
            return term(site, evaluation(built, params, held))

        for axis in reversed(range(len(scope))):
            at = jax.vmap(at, tuple(0 if i == axis else None for i in range(len(scope))))
        found.append((scope, at(*(every[name] for name in scope))))
    for name in (n for n in way.order if variables[n].type.may_miss and n in values):
        possible = jax.vmap(lambda state, name=name: agrees(state, values[name]))(every[name])
        found.append(((name,), jnp.where(possible, 0.0, -jnp.inf)))
    return found


def eliminated(
    found: Iterable[Table], order: Sequence[str], fold: Fold = log_sum
) -> tuple[Array, list[Table]]:
    """Log Σ over all states, and the table from which each latent went, the others then left."""
    left, passed = list(found), list[Table]()
    for name in order:
        joined = _joined([t for t in left if name in t[0]])
        scope, table = joined
        passed.append(joined)
        axis = scope.index(name)
        rest = tuple(n for n in scope if n != name)
        left = [*(t for t in left if name not in t[0]), (rest, fold(table, axis))]
    return sum((table for _, table in left), start=jnp.zeros(())), passed


def _joined(found: Sequence[Table]) -> Table:
    """The product of tables, over the states of all latents in any of them."""
    scope = tuple(dict.fromkeys(n for names, _ in found for n in names))
    total: Array = jnp.zeros((1,) * len(scope))
    for names, table in found:
        place = [scope.index(n) for n in names]
        ordered = jnp.transpose(table, np.argsort(place).tolist())
        shape = dict(zip(sorted(place), ordered.shape, strict=True))
        total = total + ordered.reshape([shape.get(i, 1) for i in range(len(scope))])
    return scope, total


def states(variables: list[Variable]) -> Values:
    """All joint states of finite variables, along a new leading axis."""
    sizes = [int(np.prod(numbers(v.type.shape))) for v in variables]
    every = [
        choices(v.type.kind) for v, size in zip(variables, sizes, strict=True) for _ in range(size)
    ]
    table = np.array(list(product(*every)), float).reshape(-1, sum(sizes))
    columns = np.split(table, np.cumsum(sizes)[:-1], axis=1)
    return {
        v.name: jnp.asarray(c.reshape(-1, *numbers(v.type.shape)), dtype(v.type.kind))
        for v, c in zip(variables, columns, strict=True)
    }
