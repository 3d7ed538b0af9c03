"""The loss that contrastive objectives share, and the chains behind it."""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array

from dgmlang.compiler.diagnostics.codes import composing, queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.answers import without_mean_field
from dgmlang.objectives.batch import keyed, mean, per_example
from dgmlang.objectives.factorised import factorised
from dgmlang.objectives.objective import Metrics, Params, Values
from dgmlang.samplers.initial import noise_of
from dgmlang.samplers.sweeps import (
    covered,
    energy_variables,
    gibbs_sweep,
    langevin_step,
    repeated,
)

QUANTITY = "contrastive difference, not a likelihood"

POSITIVES = ("chains", "meanfield")
"""How latents that no rule removes are inferred from data."""


class Chains:
    """The transitions that contrastive objectives use for one model.

    Where every site of the energy has a derived Gibbs block these are sweeps over the blocks;
    else Langevin steps of the data along the score in which removable latents are removed. Finite
    data beside continuous ones are summed out of the chains: no state holds them.

    Attributes:
        gibbs: Whether the transitions are Gibbs sweeps.
        state: The variables that a chain holds.
        move: k transitions of a batch of chains.

    Raises:
        DgmError: DGM0809 where a latent is left and some site has no Gibbs block; DGM0803 and
            DGM0936 where there is no such positive phase.
    """

    def __init__(self, lowered: Lowered, k: int, step: float, positive: str = POSITIVES[0]) -> None:
        if positive not in POSITIVES:
            raise DgmError(queries.unknown_choice("positive phase", positive, POSITIVES))
        self.lowered = lowered
        self.by_mean_field = positive == "meanfield"
        if self.by_mean_field and (why := without_mean_field(lowered.program, lowered.facts)):
            raise DgmError(composing.no_mean_field(why, lowered.program.name))
        self.gibbs = covered(lowered)
        if lowered.facts.bounded and not self.gibbs:
            latent = lowered.facts.bounded[0].variable
            raise DgmError(queries.no_posterior_chain(latent))
        variables = energy_variables(lowered)
        summed = {r.variable for r in lowered.facts.in_chains}
        self.data = tuple(n for n, v in variables.items() if v.role == "data" and n not in summed)
        self.summed = frozenset(summed)
        kept = variables if self.gibbs else self.data
        self.state = {name: variables[name] for name in kept}
        one = (
            gibbs_sweep(lowered) if self.gibbs else langevin_step(lowered.chained, self.data, step)
        )
        self.move = keyed(repeated(one, k))
        clamped = gibbs_sweep(lowered, frozenset(self.data))
        self._infer = keyed(repeated(clamped, k)) if lowered.facts.bounded else None

    def noise(self, key: Array, n: int, names: tuple[str, ...]) -> Values:
        """Starting states [n, …] of these variables, noise of their kinds."""
        found: Values = {}
        for place, name in enumerate(names):
            keys = jax.random.split(jax.random.fold_in(key, place), n)
            found[name] = jax.vmap(lambda key, v=self.state[name]: noise_of(v, key))(keys)
        return found

    def begin(self, key: Array, batch: Values, n: int) -> Values:
        """Chain states at n examples, the latents being noise that the first sweep replaces."""
        latents = tuple(name for name in self.state if name not in batch)
        return {**self.without_summed(batch), **self.noise(key, n, latents)}

    def without_summed(self, batch: Values) -> Values:
        """A batch without the data that chains sum out."""
        return {name: array for name, array in batch.items() if name not in self.summed}

    def above(self, params: Params, key: Array, batch: Values) -> tuple[Array, Values]:
        """The free energy [n] of a batch of data, and its states, which have no gradient.

        Latents that no rule removes are drawn from chains given the data, or have independent laws,
        at which the free energy is bounded from above.
        """
        fixed = jax.lax.stop_gradient(params)
        if self.by_mean_field:
            bound = per_example(lambda p, v: factorised(self.lowered, p, v)[1])
            return -bound(params, batch), batch
        states = jax.lax.stop_gradient(self.infer(fixed, key, batch))
        return self.energy(params, states), states

    def infer(self, params: Params, key: Array, batch: Values) -> Values:
        """The batch with the latents that no rule removes, from k sweeps given the data."""
        if self._infer is None:
            return batch
        n = next(iter(batch.values())).shape[0]
        return self._infer(params, key, self.begin(key, batch, n))

    def energy(self, params: Params, batch: Values) -> Array:
        """The free energy [n]: removable latents are removed, and summed data that it lacks.

        Its gradient at a state without them is the mean of that at their conditional draws.
        """
        whole = self.summed.issubset(batch)
        lowered = self.lowered if whole else self.lowered.chained
        return per_example(lowered.free_energy)(params, batch)


def contrast(
    energy: Callable[[Params, Values], Array],
    params: Params,
    above: tuple[Array, Values],
    negative: Values,
    l2: float,
) -> tuple[Array, Metrics]:
    """The mean E(data) − mean E(negative) + l2 · mean E², with no gradient through the states.

    `above` are the energies [n] of the data, with the batch that weighs them. The gradient is that
    of −log p where the negative states are exact draws and l2 is 0.
    """
    at_data, batch = above
    below = energy(params, jax.lax.stop_gradient(negative))
    gap = mean(at_data, batch) - mean(below, negative)
    penalty = l2 * (mean(at_data**2, batch) + mean(below**2, negative)) if l2 else 0.0
    return gap + penalty, {"energy_gap": gap}
