"""The likelihood of a score model: that of its probability-flow ODE."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.derive.divergence import EXACT_UP_TO
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.result import Result
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.reverse import Reverse
from dgmlang.solvers.divergence import divergence
from dgmlang.solvers.names import solver_named


@dataclass(frozen=True)
class Options:
    """How the ODE is solved.

    Attributes:
        first: The time at which the data are taken to be; their noise there is ignored.
        solver: A Diffrax solver's name.
        rtol: Relative tolerance of a step.
        atol: Absolute tolerance of a step.
        probes: Random directions of the divergence beyond 32 entries, fixed through a solve.
    """

    first: float = 1e-5
    solver: str = "Tsit5"
    rtol: float = 1e-5
    atol: float = 1e-5
    probes: int = 8


DEFAULTS = Options()


def flow_log_prob(
    lowered: Lowered, params: Params, batch: Values, key: Array, options: Options = DEFAULTS
) -> Result:
    """The [n] log p₀(x) = log p₁(x₁) + ∫ ∇·(f − ½ g² s) dt along the flow from `first` to 1.

    It is the law of the ODE with the modelled score, which is not the SDE's unless the score is
    exact. Up to 32 entries the divergence is a sum over the diagonal (exact up to the solver's
    tolerance, so the kind is "estimate" with no standard error); beyond, it is Hutchinson's
    estimate with Rademacher probes and its standard error.

    Source: Song et al. 2021, eq. 39, arXiv 2011.13456; Grathwohl et al. 2019, arXiv 1810.01367.
    """
    keys = jax.random.split(key, size(batch))
    each = np.asarray(_solved(lowered, options, params, keys, batch))
    method = f"ode, {options.solver} at rtol {options.rtol:g} from t = {options.first:g}"
    if each.shape[1] == 1:
        return Result(each[:, 0], "estimate", None, f"{method}, exact divergence")
    stderr = np.std(each, axis=1, ddof=1) / np.sqrt(each.shape[1])
    return Result(each.mean(axis=1), "estimate", stderr, f"{method}, {each.shape[1]} probes")


@partial(jax.jit, static_argnums=(0, 1))
def _solved(
    lowered: Lowered, options: Options, params: Params, keys: Array, batch: Values
) -> Array:
    """The log density [n, probes]; one column where the divergence is exact."""

    def one(key: Array, values: Values) -> Array:
        reverse = Reverse(lowered, params, values)
        x = values[reverse.name].reshape(-1)
        probes = None
        if x.size > EXACT_UP_TO:
            probes = jax.random.rademacher(key, (max(options.probes, 2), x.size), x.dtype)
        end, gained = _along(reverse, x, probes, options)
        prior = reverse.process.prior(reverse.shape)
        return jnp.asarray(prior.log_prob(end.reshape(reverse.shape))) + gained

    return jax.vmap(one)(keys, batch)


def _along(
    reverse: Reverse, x: Array, probes: Array | None, options: Options
) -> tuple[Array, Array]:
    """The x at time 1, and the integral of the divergence by each probe."""

    def field(t: ArrayLike, state: tuple[Array, Array], _: None) -> tuple[Array, Array]:
        return divergence(lambda x: reverse.flow(x, t), state[0], probes)

    count = 1 if probes is None else probes.shape[0]
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        solver_named(options.solver),
        options.first,
        reverse.process.last_time,
        None,
        (x, jnp.zeros(count, x.dtype)),
        stepsize_controller=diffrax.PIDController(rtol=options.rtol, atol=options.atol),
    )
    if solution.ys is None:
        raise ValueError("a solver saved no state")
    end, gained = solution.ys
    return end[-1], gained[-1]
