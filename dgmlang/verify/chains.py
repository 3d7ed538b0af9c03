"""Do chains leave the law invariant: exact draws, one transition, the same law again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.program import Variable
from dgmlang.objectives.objective import Values
from dgmlang.samplers.sweeps import energy_variables, gibbs_sweep
from dgmlang.samplers.target import moved
from dgmlang.verify.densities import DRAWS, ERRORS, farthest
from dgmlang.verify.features import features
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.instance import Instance
from dgmlang.verify.langevin import Moves, mala, settled
from dgmlang.verify.nodes import ENOUGH, Nodes, fits, nodes


def chains(instance: Instance) -> Iterator[Finding | Untested]:
    """One test of each chain that is legal here and not biased by design."""
    lowered, samplers = instance.lowered, instance.model.plan.samplers
    if not lowered.facts.flags["energy"]:
        return
    if samplers["gibbs"].legal:
        joint = list(energy_variables(lowered).values())
        yield _invariant(instance, "gibbs", joint, _minus_energy(instance), _gibbs(instance))
    if samplers["mala"].legal and samplers["mala"].built:
        yield _invariant(
            instance, "mala", list(moved(lowered)), instance.marginal_log_prob, mala(instance)
        )


def _minus_energy(instance: Instance) -> Callable[[Values], Array]:
    return lambda v: -instance.lowered.energy(instance.params, {**instance.given, **v})


def _invariant(
    instance: Instance,
    name: str,
    variables: list[Variable],
    log_density: Callable[[Values], Array],
    moves: Moves,
) -> Finding | Untested:
    if not fits(variables):
        return Untested(name, "no small instance can be enumerated or integrated")
    over = nodes(variables, _centres(instance, variables), instance.key("nodes"))
    log_f = over.each(log_density)
    if over.effective(log_f) < ENOUGH:
        return Untested(name, "too few points fall where the law has its mass")
    log_f = log_f - jnp.max(log_f)
    start = _resampled(over, log_f, instance.key("resample"))
    function = features(variables, start, log_density, instance.seed)
    expected, error = over.mean(log_f, over.each(function))
    # Resampling draws from the weighted nodes, so their common error counts once more.
    right, wrong, mistake = moves
    keys = jax.random.split(instance.key("moves"), DRAWS)
    both = jax.jit(jax.vmap(lambda key, values: (right(key, values), wrong(key, values))))
    ended = both(keys, start)
    off, caught = (farthest(function, e, expected, jnp.sqrt(2.0) * error) for e in ended)
    how = f"{DRAWS:,} exact draws, moved once"
    return Finding(name, "leaves the law as it is", how, off, ERRORS, mistake, caught)


def _centres(instance: Instance, variables: list[Variable]) -> Values:
    """Where continuous variables are likely."""
    finite = all(v.type.kind.space == "finite" for v in variables)
    return {} if finite else settled(instance)[0]


def _resampled(over: Nodes, log_f: Array, key: Array) -> Values:
    weights = over.weights(log_f).reshape(-1)
    chosen = jax.random.choice(key, weights.size, (DRAWS,), p=weights / jnp.sum(weights))
    flat = {name: v.reshape(-1, *v.shape[2:]) for name, v in over.values.items()}
    return {name: v[chosen] for name, v in flat.items()}


def _gibbs(instance: Instance) -> Moves:
    """Blocks that interact, drawn at once, are the mistake that block sampling invites."""
    lowered, given = instance.lowered, instance.given
    sweep = gibbs_sweep(lowered)

    def right(key: Array, values: Values) -> Values:
        return _free(sweep(instance.params, key, {**given, **values}), values)

    def at_once(key: Array, values: Values) -> Values:
        moved = dict(values)
        for i, block in enumerate(lowered.blocks):
            own = block if block.together else replace(block, rule="differences")
            drawn = lowered.update(
                instance.params, jax.random.fold_in(key, i), {**given, **values}, own
            )
            for name in block.variables:
                moved[name] = jnp.where(drawn[name] != values[name], drawn[name], moved[name])
        return moved

    return right, at_once, "all blocks drawn at once"


def _free(moved: Values, like: Values) -> Values:
    return {name: moved[name] for name in like}
