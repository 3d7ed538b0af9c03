"""A noising process run backwards with the modelled score, one example laid flat."""

from __future__ import annotations

from dataclasses import dataclass

import diffrax
import jax
import jax.numpy as jnp
import lineax
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import shape_of
from dgmlang.processes.process import AbstractProcess


@dataclass(frozen=True, eq=False)
class Reverse:
    """The reverse-time equations of one model at fixed parameters and givens; x is flat [d]."""

    lowered: Lowered
    params: Params
    given: Values

    @property
    def process(self) -> AbstractProcess:
        process = self.lowered.process
        if process is None:
            raise ValueError("a sampler of a process was built for a model without one")
        return process

    @property
    def name(self) -> str:
        """The variable whose law is by a score."""
        return str(self.lowered.score_variable)

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(self.lowered.program.variables[self.name])

    def score(self, x: Array, t: ArrayLike) -> Array:
        """∇ log p_t(x)."""
        values = {**self.given, self.name: x.reshape(self.shape)}
        return self.lowered.score(self.params, values, jnp.asarray(t))[self.name].reshape(-1)

    def drift(self, x: Array, t: ArrayLike) -> Array:
        """f(x, t) − g(t)² ∇ log p_t(x): the reverse SDE's drift in forward time."""
        return self.process.drift(x, t) - self.process.diffusion(t) ** 2 * self.score(x, t)

    def flow(self, x: Array, t: ArrayLike) -> Array:
        """f(x, t) − ½ g(t)² ∇ log p_t(x): the probability-flow ODE."""
        return self.process.drift(x, t) - 0.5 * self.process.diffusion(t) ** 2 * self.score(x, t)

    def start(self, key: Array) -> Array:
        """A draw of x at time 1."""
        return jnp.asarray(self.process.prior(self.shape).sample(key)).reshape(-1)

    def denoised(self, x: Array, t: ArrayLike) -> Array:
        """E[x₀ | x_t = x] = (x + σ² ∇ log p_t(x)) / α (Tweedie): no noise is left at the end."""
        variance = self.process.noise(t) ** 2
        return (x + variance * self.score(x, t)) / self.process.signal(t)


def euler_maruyama(reverse: Reverse, key: Array, steps: int) -> Array:
    """The x at `first_time` from noise at 1 by equal Euler–Maruyama steps.

    A plain scan: Diffrax's loop for fixed steps does the same work, slower.
    """
    first, rest = jax.random.split(key)
    begin = reverse.start(first)
    h = (1.0 - reverse.process.first_time) / steps

    def step(x: Array, i: Array) -> tuple[Array, None]:
        t = 1.0 - i.astype(x.dtype) * h
        noise = jax.random.normal(jax.random.fold_in(rest, i), x.shape, x.dtype)
        moved = x - h * reverse.drift(x, t)
        return moved + reverse.process.diffusion(t) * jnp.sqrt(h) * noise, None

    return jax.lax.scan(step, begin, jnp.arange(steps))[0]


def by_solver(reverse: Reverse, key: Array, solver: diffrax.AbstractSolver, steps: int) -> Array:
    """The x at `first_time` by a Diffrax solver in equal steps, in the time 1 − t."""
    first, second = jax.random.split(key)
    x = reverse.start(first)
    last = 1.0 - reverse.process.first_time
    levy = getattr(solver, "minimal_levy_area", diffrax.BrownianIncrement)
    path = diffrax.VirtualBrownianTree(
        0.0, last, tol=0.5 * last / steps, shape=x.shape, key=second, levy_area=levy
    )

    def diffusion(s: ArrayLike, x: Array, _: None) -> lineax.DiagonalLinearOperator:
        scale = reverse.process.diffusion(1.0 - s)
        return lineax.DiagonalLinearOperator(jnp.full(x.shape, scale, x.dtype))

    terms = diffrax.MultiTerm(
        diffrax.ODETerm(lambda s, x, _: -reverse.drift(x, 1.0 - s)),
        diffrax.ControlTerm(diffusion, path),
    )
    solution = diffrax.diffeqsolve(terms, solver, 0.0, last, last / steps, x, max_steps=steps + 1)
    return _final(solution)


def by_flow(
    reverse: Reverse, x: Array, solver: diffrax.AbstractSolver, rtol: float, atol: float
) -> tuple[Array, Array]:
    """The x at `first_time` from x at 1 along the probability flow, and the number of steps."""
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, x, _: reverse.flow(x, t)),
        solver,
        1.0,
        reverse.process.first_time,
        None,
        x,
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
    )
    return _final(solution), solution.stats["num_steps"]


def solver_named(name: str) -> diffrax.AbstractSolver:
    """A Diffrax solver by its name; DGM0803 for an unknown one."""
    known = {
        n: s
        for n, s in vars(diffrax).items()
        if isinstance(s, type) and issubclass(s, diffrax.AbstractSolver) and "Abstract" not in n
    }
    if name not in known:
        raise DgmError(queries.unknown_choice("solver", name, sorted(known)))
    return known[name]()


def _final(solution: diffrax.Solution) -> Array:
    """The only saved state of a solution that saved its end."""
    states = solution.ys
    if states is None:
        raise ValueError("a solver saved no state")
    return states[-1]
