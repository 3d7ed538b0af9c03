"""A reversed process, simulated: in fixed or adaptive steps, with noise or without."""

from __future__ import annotations

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import lineax
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.processes.edm import RHO
from dgmlang.samplers.reverse import Reverse
from dgmlang.solvers.names import STOCHASTIC, solver_named, stages

FINEST = 2.0**-14
"""The shortest step of an adaptive stochastic solver, and what its Brownian tree resolves."""


def _increments(solver: diffrax.AbstractSolver) -> Any:
    """The least that a solver must know of the Brownian motion over a step."""
    least = getattr(solver, "minimal_levy_area", diffrax.AbstractBrownianIncrement)
    known = diffrax.BrownianIncrement, diffrax.SpaceTimeLevyArea, diffrax.SpaceTimeTimeLevyArea
    return next(area for area in known if issubclass(area, least))


# ── with noise ───────────────────────────────────────────────────────────────────────────────────


def euler_maruyama(reverse: Reverse, key: Array, steps: int) -> tuple[Array, Array]:
    """The x at the first time from noise at the last by equal Euler–Maruyama steps.

    A plain scan: Diffrax's loop for fixed steps does the same work, slower.
    """
    process = reverse.continuous
    first, rest = jax.random.split(key)
    begin = reverse.start(first)
    h = (process.last_time - process.first_time) / steps

    def step(x: Array, i: Array) -> tuple[Array, None]:
        t = process.last_time - i.astype(x.dtype) * h
        return reverse.back(jax.random.fold_in(rest, i), x, t, h), None

    return jax.lax.scan(step, begin, jnp.arange(steps))[0], jnp.asarray(steps)


def by_stochastic(
    reverse: Reverse, key: Array, name: str, steps: int, rtol: float
) -> tuple[Array, Array]:
    """The x at the first time by a Diffrax solver, in the time that is left of `last_time`.

    Equal steps where `rtol` is 0; else each as long as its error allows, the first 1/steps, on a
    virtual Brownian tree. Solvers without an error estimate take each step in two halves as well.
    """
    process = reverse.continuous
    solver = solver_named(name, STOCHASTIC)
    levy = _increments(solver)
    each = stages(solver)
    if rtol and not isinstance(solver, diffrax.AbstractAdaptiveSolver):
        solver, each = diffrax.HalfSolver(solver), 3 * each
    first, second = jax.random.split(key)
    x = reverse.start(first)
    last = process.last_time - process.first_time
    resolved = FINEST if rtol else 0.5 * last / steps
    path = diffrax.VirtualBrownianTree(
        0.0, last, tol=resolved, shape=x.shape, key=second, levy_area=levy
    )

    def diffusion(s: ArrayLike, x: Array, _: None) -> lineax.DiagonalLinearOperator:
        scale = process.diffusion(process.last_time - s)
        return lineax.DiagonalLinearOperator(jnp.full(x.shape, scale, x.dtype))

    terms = diffrax.MultiTerm(
        diffrax.ODETerm(lambda s, x, _: -reverse.drift(x, process.last_time - s)),
        diffrax.ControlTerm(diffusion, path),
    )
    controller = (
        diffrax.PIDController(rtol=rtol, atol=rtol, pcoeff=0.1, icoeff=0.3, dtmin=FINEST)
        if rtol
        else diffrax.ConstantStepSize()
    )
    most = None if rtol else steps + 1
    x, taken = _solved(terms, solver, (0.0, last), last / steps, x, controller, most)
    return x, each * taken


# ── without noise ────────────────────────────────────────────────────────────────────────────────


def by_flow(
    reverse: Reverse,
    x: Array,
    name: str,
    tolerances: tuple[float, float],
    ends: tuple[float, float] | None = None,
) -> tuple[Array, Array]:
    """The x at one time from x at another along the probability flow, in steps as its error allows.

    `tolerances` are relative and absolute; `ends` the times, by default from noise to data.
    """
    solver = solver_named(name)
    if not isinstance(solver, diffrax.AbstractAdaptiveSolver):
        raise DgmError(queries.no_error_estimate(name))
    process = reverse.continuous
    times = ends or (process.last_time, process.first_time)
    term = diffrax.ODETerm(lambda t, x, _: reverse.flow(x, t))
    controller = diffrax.PIDController(rtol=tolerances[0], atol=tolerances[1])
    x, taken = _solved(term, solver, times, None, x, controller, 4096)
    return x, stages(solver) * taken


def by_steps(reverse: Reverse, x: Array, name: str, steps: int) -> tuple[Array, Array]:
    """The x at the first time from x at the last in the given steps of Karras et al.

    In y = x/α and the level l = σ/α every process's flow is dy/dl = ε: its curvature is the
    data's alone. Levels are equally spaced in l^(1/7).

    Source: Karras et al. 2022, algorithm 1, eq. 4 and 5, arXiv 2206.00364.
    """
    process, solver = reverse.continuous, solver_named(name)
    ends = process.level(jnp.asarray([process.last_time, process.first_time], x.dtype))
    roots = ends ** (1.0 / RHO)
    levels = (roots[0] + jnp.linspace(0.0, 1.0, steps + 1) * (roots[1] - roots[0])) ** RHO
    levels = levels.at[0].set(ends[0]).at[-1].set(ends[1])

    def slope(fallen: ArrayLike, y: Array, _: None) -> Array:
        t = process.time(levels[0] - fallen)
        return -reverse.noise(process.signal(t) * y, t)

    controller = diffrax.StepTo(levels[0] - levels)
    ends = 0.0, levels[0] - levels[-1]
    start = x / process.signal(process.last_time)
    y, taken = _solved(diffrax.ODETerm(slope), solver, ends, None, start, controller, steps + 1)
    return process.signal(process.first_time) * y, stages(solver) * taken


def _solved(
    terms: Any,
    solver: diffrax.AbstractSolver,
    ends: tuple[float | Array, float | Array],
    step: float | None,
    x: Array,
    controller: Any,
    most: int | None,
) -> tuple[Array, Array]:
    """The state at the end, and the steps that it took."""
    solution = diffrax.diffeqsolve(
        terms, solver, *ends, step, x, stepsize_controller=controller, max_steps=most
    )
    if solution.ys is None:
        raise ValueError("a solver saved no state")
    return solution.ys[-1], solution.stats["num_steps"]
