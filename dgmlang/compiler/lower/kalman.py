"""Gaussian latents of a chain, integrated out turn by turn.

The log densities of a turn are quadratic in this turn's latents and the last one's, so that value,
slope and curvature at 0 say all: a message about the last turn's latents, joined with them and
integrated over these, is one about this turn's. It is Kalman's filter in its information form.
Source: Kalman 1960; Koller & Friedman 2009, sec. 14.2 and 15.3 (canonical forms).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import cho_solve

from dgmlang.compiler.derive.facts import Turns
from dgmlang.compiler.lower.counted import counted
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import log_density, log_density_of
from dgmlang.compiler.lower.turns import at_turns, ends, hoisted, places, reads_of
from dgmlang.compiler.program import Law, Repeated
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Values


class _Form(NamedTuple):
    """The quadratics a + gᵀz − ½ zᵀP z of all turns: [turns], [turns, n], [turns, n, n]."""

    value: Array
    slope: Array
    curvature: Array


def chain_integral(inside: Evaluation, turns: Turns, bias: Values | None = None) -> Array:
    """Log ∫ over all latents of the chain of the product of the laws that read them.

    `bias` are weights [turns, …] of the latents, whose product with them is added: the gradient
    there is their posterior mean.
    """
    variables = [inside.built.program.variables[name] for name in turns.variables]
    zeros = {v.name: jnp.zeros(numbers(v.type.array_shape)[1:]) for v in variables}
    flat, unravel = ravel_pytree(zeros)
    size = flat.size
    turn = _law(inside, turns.variables[0]).loops[0].stop
    count = numbers((turn,))[0]
    form = _Form(
        jnp.zeros(count), jnp.zeros((count, 2 * size)), jnp.zeros((count, 2 * size, 2 * size))
    )
    for name in turns.readers:
        for at, one in _of_reader(inside, turns, name, unravel, size):
            form = _Form(*(whole.at[at].add(part) for whole, part in zip(form, one, strict=True)))
    if bias is not None:
        rows = jnp.concatenate([bias[n].reshape(count, -1) for n in zeros], axis=1)
        form = form._replace(slope=form.slope.at[:, size:].add(rows))
    # Nothing stands before the first turn: its own curvature makes the integral over it one.
    start = jnp.zeros(size), jnp.eye(size)
    before = -0.5 * size * jnp.log(2 * jnp.pi)

    def step(message: tuple[Array, Array], own: _Form) -> tuple[tuple[Array, Array], Array]:
        slope, curvature = message
        known = own.slope.at[:size].add(slope), own.curvature.at[:size, :size].add(curvature)
        left, value = _integrated(*known, size)
        return left, own.value + value

    (slope, curvature), values = jax.lax.scan(step, start, form)
    return before + jnp.sum(values) + _integrated(slope, curvature, size)[1]


def _integrated(slope: Array, curvature: Array, size: int) -> tuple[tuple[Array, Array], Array]:
    """A quadratic without its first variables, and the number that their integral leaves."""
    root = jnp.linalg.cholesky(curvature[:size, :size])
    across = curvature[size:, :size]
    solved = cho_solve((root, True), jnp.column_stack([slope[:size], across.T]))
    mean, gain = solved[:, 0], solved[:, 1:]
    left = slope[size:] - across @ mean, curvature[size:, size:] - across @ gain
    volume = 0.5 * size * jnp.log(2 * jnp.pi) - jnp.sum(jnp.log(jnp.diag(root)))
    return left, 0.5 * slope[:size] @ mean + volume


def _of_reader(
    inside: Evaluation,
    turns: Turns,
    name: str,
    unravel: Callable[[Array], Values],
    size: int,
) -> Iterator[tuple[tuple[Any, ...], _Form]]:
    """One reader's quadratics, piece by piece, with the turns of each."""
    law = _law(inside, name)
    known = hoisted(law, inside, frozenset(turns.variables))
    held = (
        counted(name, inside) if name in inside.values else np.zeros(numbers((law.loops[0].stop,)))
    )
    for piece in law.pieces:
        reads = reads_of(piece.law, turns)

        def run(entry: Law, here: Evaluation, own: Any, reads: Any = reads) -> _Form:
            def density(both: Array) -> Array:
                parts = unravel(both[size:]), unravel(both[:size])
                there = here.injected({i: parts[lag][v] for i, v, lag in reads})
                if name in turns.variables:
                    return log_density(entry, parts[0][name], there)
                value, counts = own
                return log_density_of(entry, value, counts, there)

            zero = jnp.zeros(2 * size)
            value, slope = jax.value_and_grad(density)(zero)
            return _Form(value, slope, -jax.hessian(density)(zero))

        ids = frozenset(i for i, _, _ in reads)
        form = at_turns(law, piece, inside, run, held, {}, known, ids)
        yield places(ends(piece), {}), form


def _law(inside: Evaluation, name: str) -> Repeated:
    law = inside.built.law(name)
    assert isinstance(law, Repeated)
    return law
