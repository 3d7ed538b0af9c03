"""One ordinary differential equation from one time to another, by a Diffrax solver.

A batch is `jax.vmap`, and under it every example takes the steps that it needs. The gradient in
weights that all examples share then costs a copy of them an example, since what goes backwards is
mapped as well. `together` gives `vmap` another rule: one equation of all examples, whose step is
as small as the worst of them needs.

Source: Chen et al. 2018, arXiv:1806.07366; Kidger 2021, arXiv:2202.02435.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap

from dgmlang.registry import implementation
from dgmlang.solvers import names
from dgmlang.solvers.solving import How

MOST = 4096
"""How many steps a solve may take."""

State = Any
"""A tree of arrays."""

Field = Callable[[Any, State, Any], State]
"""(t, state, arguments) → the state's derivative; all that it reads comes with the arguments."""

Norm = Callable[[State], Array]


@dataclass(frozen=True)
class Scheme:
    """How an equation is solved.

    Attributes:
        solver: The name of a solver of the library.
        rtol: Relative tolerance of a step.
        atol: Absolute tolerance of a step.
        steps: How many equal steps; None: as many as the tolerances take.
        adjoint: The name of a way to differentiate.
    """

    solver: str = "Tsit5"
    rtol: float = 1e-5
    atol: float = 1e-5
    steps: int | None = None
    adjoint: str = "checkpoint"


def solve(
    field: Field,
    state: State,
    span: tuple[float, float],
    args: Any,
    scheme: Scheme,
    how: How = "alone",
) -> tuple[State, Array]:
    """The state at the end of a span of time, and how often the field was evaluated.

    NaN where the solver needs more than `MOST` steps.

    Args:
        field: The derivative.
        state: The state at `span[0]`.
        span: The first and the last time.
        args: What the field reads besides; gradients pass through it.
        scheme: How it is solved.
        how: See `Solving`.
    """
    if how != "together":
        adjoint = "direct" if how == "forward" else scheme.adjoint
        return _solved(field, state, span, args, scheme, adjoint, _rms)

    @custom_vmap
    def run(state: State, args: Any) -> tuple[State, Array]:
        return _solved(field, state, span, args, scheme, scheme.adjoint, _rms)

    @run.def_vmap
    def _(n: int, mapped: Any, state: State, args: Any) -> Any:
        axes = jax.tree.map(lambda batched: 0 if batched else None, mapped[1])
        state = jax.tree.map(
            lambda leaf, batched: (
                leaf if batched else jnp.broadcast_to(leaf[None], (n, *leaf.shape))
            ),
            state,
            mapped[0],
        )
        fields = jax.vmap(field, in_axes=(None, 0, axes))
        end, count = _solved(fields, state, span, args, scheme, scheme.adjoint, _worst)
        return (end, jnp.full(n, count)), (jax.tree.map(lambda _: True, end), True)

    return run(state, args)


def _solved(
    field: Field,
    state: State,
    span: tuple[float, float],
    args: Any,
    scheme: Scheme,
    adjoint: str,
    norm: Norm,
) -> tuple[State, Array]:
    dtype = jnp.result_type(float, *jax.tree.leaves(state))
    first, last = (jnp.asarray(time, dtype) for time in span)
    if scheme.steps is not None:
        return _in_equal_steps(field, state, first, last, args, scheme, adjoint)
    solver = implementation("solver", scheme.solver)()
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field), solver, first, last, None, state, args,
        stepsize_controller=diffrax.PIDController(scheme.rtol, scheme.atol, norm),
        adjoint=implementation("adjoint", adjoint)(),
        max_steps=MOST,
        throw=False,
    )  # fmt: skip
    arrived = solution.result == diffrax.RESULTS.successful
    end = jax.tree.map(lambda leaf: jnp.where(arrived, leaf[-1], jnp.nan), solution.ys)
    return end, solution.stats["num_steps"] * names.stages(solver) + _kept(solver)


def _in_equal_steps(
    field: Field,
    state: State,
    first: Array,
    last: Array,
    args: Any,
    scheme: Scheme,
    adjoint: str,
) -> tuple[State, Array]:
    """By plain scans over steps and their stages, which derivatives of any mode pass.

    Of Diffrax's solver it takes the tableau; a last stage that only the next step reads is left
    out, and so costs nothing.
    """
    solver, count = implementation("solver", scheme.solver)(), scheme.steps or 1
    stages, length = _tableau(solver), (last - first) / count

    def combined(state: State, weights: Array, slopes: State) -> State:
        def add(y: Array, k: Array) -> Array:
            return y + length * jnp.tensordot(weights.astype(y.dtype), k, axes=1)

        return jax.tree.map(add, state, slopes)

    def step(state: State, i: Array) -> tuple[State, None]:
        def stage(slopes: State, row: Any) -> tuple[State, None]:
            number, place, weights = row
            time = first + length * (i + place).astype(length.dtype)
            slope = field(time, combined(state, weights, slopes), args)
            return jax.tree.map(lambda ks, k: ks.at[number].set(k), slopes, slope), None

        none = jax.tree.map(lambda y: jnp.zeros((len(stages.ends), *y.shape), y.dtype), state)
        rows = jnp.arange(len(stages.ends)), stages.places, stages.weights
        slopes, _ = jax.lax.scan(stage, none, rows)
        return combined(state, stages.ends, slopes), None

    step = step if adjoint == "direct" else jax.checkpoint(step)
    end, _ = jax.lax.scan(step, state, jnp.arange(count))
    return end, jnp.asarray(count * names.stages(solver))


class Stages(NamedTuple):
    """An explicit Runge–Kutta method: where its s stages lie in a step, and what they combine.

    Attributes:
        places: The stages' times, in steps, [s].
        weights: What a stage adds of the slopes of those before it, [s, s].
        ends: What the step adds of all, [s].
    """

    places: Array
    weights: Array
    ends: Array


def _tableau(solver: Any) -> Stages:
    tableau = getattr(solver, "tableau", None)
    if tableau is None:  # Euler's
        return Stages(jnp.zeros(1), jnp.zeros((1, 1)), jnp.ones(1))
    count = names.stages(solver)
    rows = [
        np.zeros(count),
        *(np.pad(a, (0, count - len(a))) for a in tableau.a_lower[: count - 1]),
    ]
    places = np.concatenate([[0.0], tableau.c])[:count]
    return Stages(*map(jnp.asarray, (places, np.stack(rows), np.asarray(tableau.b_sol)[:count])))


def _kept(solver: Any) -> int:
    """How often the first step evaluates it more, where a step keeps the last one's evaluation."""
    tableau = getattr(solver, "tableau", None)
    return 0 if tableau is None else int(tableau.fsal)


def _rms(state: State) -> Array:
    """The root mean square of all entries."""
    return _worst(jax.tree.map(lambda leaf: leaf[None], state))


def _worst(state: State) -> Array:
    """The greatest root mean square of an example, examples along the first axis."""
    leaves = [leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(state)]
    every = jax.lax.stop_gradient(jnp.concatenate(leaves, axis=1))
    return jnp.sqrt(jnp.max(jnp.mean(every**2, axis=1), initial=0.0))
