"""Objectives that draw the parameters: NumPyro's chains on the program as a NumPyro model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from numpyro.infer import MCMC
from numpyro.infer.mcmc import MCMCKernel

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.objective import Objective, Values, nothing, stateless
from dgmlang.posterior.chains import Chains
from dgmlang.posterior.program import NumpyroModel, numpyro_model
from dgmlang.runtime import paths

STATISTICS = {
    "diverging": "diverging",
    "accept_prob": "acceptance",
    "num_steps": "steps",
    "energy": "energy",
}
"""What is kept of NumPyro's transitions, by its names."""


def drawn_by(
    lowered: Lowered,
    name: str,
    kernel: Callable[[NumpyroModel], MCMCKernel],
    *,
    draws: int,
    warmup: int,
    chains: int,
    centred: bool,
) -> Objective:
    """The objective that draws parameters (and latents left) by a kernel of NumPyro.

    Chains start uniformly between −2 and 2 on the reals behind the kinds, adapt in `warmup`
    transitions, and run side by side. The program is compiled once for data of one shape.
    """
    model = numpyro_model(lowered, centred=centred)
    run = MCMC(
        kernel(model), num_warmup=warmup, num_samples=draws, num_chains=chains,
        chain_method="vectorized", progress_bar=False, jit_model_args=True,
    )  # fmt: skip

    def sample(values: Values, key: Array, progress: bool) -> Chains:
        run.progress_bar = progress
        run.run(key, values, extra_fields=tuple(STATISTICS))
        return _chains(lowered, run)

    quantity = "draws from the posterior over parameters"
    return Objective(name, quantity, (), nothing, stateless, None, sample=sample)


def _chains(lowered: Lowered, run: MCMC) -> Chains:
    sites: dict[str, Any] = jax.tree.map(np.asarray, run.get_samples(group_by_chain=True))
    facts: dict[str, Any] = run.get_extra_fields(group_by_chain=True)
    first = lowered.init(0, None)
    moved = [name for name in lowered.program.priors if name in first]
    params = {name: paths.replace({name: first[name]}, sites)[name] for name in moved}
    latents = (v.name for v in lowered.program.having("latent"))
    return Chains(
        params,
        {name: sites[name] for name in latents if name in sites},
        {ours: np.asarray(facts[theirs]) for theirs, ours in STATISTICS.items()},
    )
