"""The posterior over parameters by Hamiltonian Monte Carlo."""

from __future__ import annotations

from functools import partial

from numpyro.infer import HMC

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Objective
from dgmlang.posterior.kernels import drawn_by
from dgmlang.registry import implements


@implements("objective", "hmc")
def hmc(
    lowered: Lowered,
    *,
    draws: int = 1000,
    warmup: int = 1000,
    chains: int = 4,
    trajectory: float = 6.28,
    centred: bool = False,
) -> Objective:
    """As `nuts`, with trajectories of one length, `trajectory` in units of the adapted mass.

    Cheaper a transition than `nuts` where that length suits; where it does not, chains come back
    to where they were, or take steps too many. Its other arguments are those of `nuts`.

    Source: Neal 2011, section 5.3, arXiv 1206.1901.
    """
    kernel = partial(HMC, trajectory_length=trajectory)
    return drawn_by(
        lowered, "hmc", kernel, draws=draws, warmup=warmup, chains=chains, centred=centred
    )
