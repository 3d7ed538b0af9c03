"""Latents leave the joint density exactly: one function a rule, from a density to a density."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from zlib import crc32

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logsumexp

from dgmlang.compiler.derive.facts import Elimination, Removal, Turns
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.domains import choices
from dgmlang.compiler.lower.eliminate import eliminated, elimination_of, states, tables
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.forward import Bias, Fold, highest, joint_states, log_sum, turn_sums
from dgmlang.compiler.lower.joint import terms_of, total
from dgmlang.compiler.lower.kalman import chain_integral
from dgmlang.compiler.lower.lengths import close, until
from dgmlang.compiler.lower.missing import agrees
from dgmlang.compiler.lower.quadratic import Density, Quadratic, expanded
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values


def summed(density: Density, variable: Variable) -> Density:
    """The marginal log Σ_z p(z, rest), over all states of a finite variable at once.

    Where an example holds a value, or some of its entries, only the states that agree count.
    """
    every = states([variable])

    def marginal(values: Values) -> Array:
        return logsumexp(jax.vmap(partial(_at_state, density, [variable], values))(every))

    return marginal


def _at_state(
    density: Density, variables: Sequence[Variable], values: Values, state: Values
) -> Array:
    """The log density at a state, −∞ where it contradicts what the example holds."""
    log_p = density({**values, **state})
    for name in (v.name for v in variables if v.type.may_miss and v.name in values):
        log_p = jnp.where(agrees(state[name], values[name]), log_p, -jnp.inf)
    return log_p


def freed(density: Density, variable: Variable) -> Density:
    """The marginal a + Σ_i log Σ_{h_i} exp(g_i h_i), where log p is affine in h: a + g · h.

    softplus(g) for bits, log 2cosh(g) for spins, both without overflow. Affine functions are
    their own expansion at 0, so a and g are the value and the gradient there.
    """

    def marginal(values: Values) -> Array:
        at_zero = jnp.zeros(numbers(variable.type.array_shape), jnp.result_type(float))
        value, slope = jax.value_and_grad(lambda h: density({**values, variable.name: h}))(at_zero)
        spin = variable.type.kind.name == "spin"
        return value + jnp.sum(jnp.logaddexp(slope, -slope) if spin else jax.nn.softplus(slope))

    return marginal


def integrated(density: Density, variables: Sequence[Variable]) -> Density:
    """The marginal ∫ p dz of a density whose log is quadratic in z, in logs."""

    def marginal(values: Values) -> Array:
        return expanded(density, variables, values).integral

    return marginal


def kept(density: Density, _: Variable) -> Density:
    """The rule by which the joint density already does without the variable."""
    return density


RULES: Mapping[str, Callable[[Density, Variable], Density]] = {
    "sum": summed,
    "free energy": freed,
    "change of variables": kept,
    "leaf": kept,
}


def log_prob(built: Built, params: Params, values: Values) -> Array:
    """The log density of what is left when all removable latents are removed, innermost first."""
    return _removed(built, params, built.facts.removed)(values)


def responsibilities(built: Built, params: Params, values: Values) -> tuple[Values, Array]:
    """The joint states [S, …] of the latents summed out, and their log p(state | values)."""
    sums = [r for r in built.facts.removed if r.rule == "sum" and r.turns is None]
    density = _removed(built, params, [r for r in built.facts.removed if r not in sums])
    variables = [built.program.variables[r.variable] for r in sums]
    every = states(variables)
    weights = jax.vmap(partial(_at_state, density, variables, values))(every)
    return every, jax.nn.log_softmax(weights)


def gaussian_means(built: Built, params: Params, values: Values) -> Values:
    """E[z | values] of the latents that go in closed form, the others summed out being given."""
    found = _chain_means(built, params, values)
    return (
        {**found, **_in_gaussians(built, params, values).mean} if _in_closed_form(built) else found
    )


def gaussian_draw(built: Built, params: Params, key: Array, values: Values) -> Values:
    """A draw of z given the same."""
    return _in_gaussians(built, params, values).draw(key)


def _in_gaussians(built: Built, params: Params, values: Values) -> Quadratic:
    """The density in the latents that go in closed form."""
    given = ("sum", CLOSED_FORM)
    others = [r for r in built.facts.removed if r.turns is not None or r.rule not in given]
    return expanded(_removed(built, params, others), _in_closed_form(built), values)


def _in_closed_form(built: Built) -> list[Variable]:
    gone = [r for r in built.facts.removed if r.rule == CLOSED_FORM and r.turns is None]
    return [built.program.variables[r.variable] for r in gone]


def turn_marginals(built: Built, params: Params, values: Values) -> dict[str, Array]:
    """P(latent = level | values) of each latent summed turn by turn or eliminated, levels last.

    The gradient of log p in a log weight of a state at a turn is the state's posterior there.
    Behind the end of a sequence stands NaN.
    """
    inside = evaluation(built, params, values)
    groups = dict.fromkeys(r.turns for r in built.facts.removed if r.turns)
    groups = [turns for turns in groups if turns is not None and not turns.gaussian]
    every = {turns: joint_states(inside, turns) for turns in groups}
    zero = {turns: jnp.zeros(joint.shape) for turns, joint in every.items()}

    def weighted(bias: Bias) -> Array:
        return _removed(built, params, built.facts.removed, bias)(values)

    posterior = jax.grad(weighted)(zero)
    found = _eliminated_marginals(built, params, values)
    for turns, joint in every.items():
        for name, table in joint.tables.items():
            levels = _by_level(built.program.variables[name], table, posterior[turns])
            found[name] = until(name, levels, inside)
    return found


def _by_level(variable: Variable, table: Array, posterior: Array) -> Array:
    """Posteriors of joint states, summed for each level that the variable has in them."""
    levels = choices(variable.type.kind)
    spread = jnp.stack([table == level for level in levels], axis=-1).astype(posterior.dtype)
    return jnp.tensordot(posterior, spread, axes=1)


def most_likely(built: Built, params: Params, values: Values) -> Values:
    """The joint state of the finite latents of highest p(state | values), all of which are summed.

    The gradient of the highest log p in a log weight of a state at a turn is 1 on its path.
    """
    sums = [r for r in built.facts.removed if r.turns is None and r.elimination is None]
    turned = tuple(dict.fromkeys(r.turns for r in built.facts.removed if r.turns is not None))

    def density(values: Values, bias: Bias | None = None) -> Array:
        return _turned(built, params, turned, bias, values, highest)

    found: Values = {}
    if sums:
        variables = [built.program.variables[r.variable] for r in sums]
        every = states(variables)
        weights = jax.vmap(partial(_at_state, density, variables, values))(every)
        found = {name: table[jnp.argmax(weights)] for name, table in every.items()}
    if any(r.elimination is not None for r in built.facts.removed):
        found |= _back(built, params, {**values, **found}, highest, lambda _, t: jnp.argmax(t))
    inside = evaluation(built, params, {**values, **found})
    tables = {turns: joint_states(inside, turns) for turns in turned}
    zero = {turns: jnp.zeros(table.shape) for turns, table in tables.items()}
    path = jax.grad(partial(density, {**values, **found}))(zero) if turned else {}
    for turns, table in tables.items():
        chosen = jnp.argmax(path[turns], axis=-1)
        found |= {name: levels[chosen] for name, levels in table.tables.items()}
    ends = close(built, evaluation(built, params, {**values, **found}))
    return {name: ends.get(name, value) for name, value in found.items()}


def _turned(
    built: Built,
    params: Params,
    turned: tuple[Turns, ...],
    bias: Bias | None,
    values: Values,
    fold: Fold = log_sum,
    beside: Collection[str] = (),
) -> Array:
    """The log joint density with latents of loops summed turn by turn, some laws left out."""
    inside = evaluation(built, params, values)
    without = {name for turns in turned for name in turns.readers}.union(beside)
    sums = [
        chain_integral(inside, turns, None if bias is None else bias.get(turns))
        if turns.gaussian
        else turn_sums(inside, turns, bias, fold)
        for turns in turned
    ]
    # Behind the end of a sequence a latent sums to one, but has no highest state.
    summed = [r for r in built.facts.removed if r.rule != "leaf" and fold is log_sum]
    gone = {r.variable for r in summed}
    return total([*terms_of(inside, without, gone & built.lengths.keys()).values(), *sums])


def _removed(
    built: Built, params: Params, removals: Iterable[Removal], bias: Bias | None = None
) -> Density:
    """The density without these latents; those in closed form go at once, before any sum."""
    removals = tuple(removals)
    turned = tuple(dict.fromkeys(r.turns for r in removals if r.turns is not None))
    density: Density = partial(_turned, built, params, turned, bias)
    way = elimination_of(removals)
    if way is not None:
        density = partial(_eliminated, built, params, way, turned, bias)
    together = _in_closed_form(built)
    if together and any(r.rule == CLOSED_FORM and r.turns is None for r in removals):
        density = integrated(density, together)
    others = (r for r in removals if r.turns is None and r.elimination is None)
    for removal in (r for r in others if r.rule != CLOSED_FORM):
        density = RULES[removal.rule](density, built.program.variables[removal.variable])
    return density


def _eliminated(
    built: Built,
    params: Params,
    way: Elimination,
    turned: tuple[Turns, ...],
    bias: Bias | None,
    values: Values,
) -> Array:
    """The log joint density with finite latents summed out one after the other."""
    rest = _turned(built, params, turned, bias, values, beside=way.scopes)
    return rest + eliminated(tables(built, params, way, values), way.order)[0]


def _chain_means(built: Built, params: Params, values: Values) -> Values:
    """E[latent | values] at each turn of the Gaussian chains: the gradient in weights of theirs."""
    groups = dict.fromkeys(r.turns for r in built.facts.removed if r.turns and r.turns.gaussian)
    variables = built.program.variables
    zero = {
        turns: {n: jnp.zeros(numbers(variables[n].type.array_shape)) for n in turns.variables}
        for turns in groups
        if turns is not None
    }

    def weighted(bias: Any) -> Array:
        return _removed(built, params, others, bias)(values)

    others = [r for r in built.facts.removed if not r.summed]
    means = jax.grad(weighted)(zero)
    return {name: mean for found in means.values() for name, mean in found.items()}


def _eliminated_marginals(built: Built, params: Params, values: Values) -> dict[str, Array]:
    """P(latent = level | values) of each latent that was eliminated, levels last."""
    way = elimination_of(built.facts.removed)
    if way is None:
        return {}
    every = tables(built, params, way, values)

    def weighted(bias: Mapping[str, Array]) -> Array:
        return eliminated([*every, *(((n,), b) for n, b in bias.items())], way.order)[0]

    found = {n: states([built.program.variables[n]])[n] for n in way.order}
    zero = {n: jnp.zeros(len(table)) for n, table in found.items()}
    posterior = jax.grad(weighted)(zero)
    variables = built.program.variables
    return {n: _by_level(variables[n], found[n], posterior[n]) for n in way.order}


def eliminated_draw(built: Built, params: Params, key: Array, values: Values) -> Values:
    """A joint draw of those latents given the values."""

    def pick(name: str, weights: Array) -> Array:
        return jax.random.categorical(jax.random.fold_in(key, crc32(name.encode())), weights)

    return _back(built, params, values, log_sum, pick)


def _back(
    built: Built, params: Params, values: Values, fold: Fold, pick: Callable[[str, Array], Array]
) -> Values:
    """A state of each latent, from the last one eliminated to the first, each given the later."""
    way = elimination_of(built.facts.removed)
    assert way is not None
    chosen: dict[str, Array] = {}
    found: Values = {}
    _, passed = eliminated(tables(built, params, way, values), way.order, fold)
    for name, (scope, table) in reversed(list(zip(way.order, passed, strict=True))):
        given = table[tuple(chosen.get(n, slice(None)) for n in scope)]
        chosen[name] = pick(name, given)
        found[name] = states([built.program.variables[name]])[name][chosen[name]]
    return found
