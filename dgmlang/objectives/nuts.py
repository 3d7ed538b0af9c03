"""The posterior over parameters by the No-U-Turn sampler."""

from __future__ import annotations

from numpyro.infer import NUTS

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Objective
from dgmlang.posterior.kernels import drawn_by
from dgmlang.registry import implements


@implements("objective", "nuts")
def nuts(
    lowered: Lowered,
    *,
    draws: int = 1000,
    warmup: int = 1000,
    chains: int = 4,
    centred: bool = False,
) -> Objective:
    """Draws w ~ p(w | x₁ … x_N) ∝ p(w) Π p(xₙ | w), and continuous latents along with w.

    Hamiltonian trajectories that end where they would turn back. A transition costs up to 2¹⁰
    gradients of the density of all the data, so it is for data that fit one pass: for many, take
    `map`. Params that can change places (a mixture's components) leave chains in different ones,
    which R̂ shows.

    Args:
        lowered: The model, with a prior for all that it learns.
        draws: Kept draws of each chain.
        warmup: Transitions in which a chain adapts its step and its diagonal mass.
        chains: How many run side by side.
        centred: Whether location–scale laws are moved as they are: better where the data say much
            of each, worse (a funnel) where they say little.

    Source: Hoffman & Gelman 2014, arXiv 1111.4246; by NumPyro (Phan et al. 2019, 1912.11554).
    """
    return drawn_by(
        lowered, "nuts", NUTS, draws=draws, warmup=warmup, chains=chains, centred=centred
    )
