"""Does the density sum or integrate to one, and are draws of the law that it is the density of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.program import Variable
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.objectives.objective import Values
from dgmlang.objectives.variables import only
from dgmlang.verify.features import features
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.instance import Instance
from dgmlang.verify.nodes import ENOUGH, Nodes, fits, mean_and_error, nodes

ERRORS = 5.0
"""Standard errors that a right implementation may be off by: one false alarm in two million."""

ROUNDING = 1e-3
"""What single precision may do to a sum of densities, relative to it."""

DRAWS = 20_000
"""Draws that are held against a density."""


def density(instance: Instance) -> Iterator[Finding | Untested]:
    """The law of the data: its mass, and its draws."""
    facts, data = instance.lowered.facts, instance.variables("data")
    name = ", ".join(v.name for v in data)
    if facts.density.value == "none" and not facts.flags["process"]:
        yield Untested(f"density of {name}", "it has none, and draws alone define the law")
    if facts.density.value != "exact":
        return
    if not fits(data):
        yield Untested(f"density of {name}", "no small instance can be enumerated or integrated")
        return
    log_p = instance.log_prob
    if facts.normaliser.value == "unknown":
        return
    direct = facts.draw.value == "direct"
    drawn = draws(instance) if direct else {}
    over = nodes(
        data, only(drawn, tuple(v.name for v in data)) if direct else {}, instance.key("n")
    )
    log_values = over.each(log_p)
    if over.effective(log_values) < ENOUGH:
        yield Untested(f"density of {name}", "too few points fall where it has its mass")
        return
    if facts.normaliser.value == "summed":
        yield _normaliser(instance, name, over, log_values)
    else:
        yield mass(f"density of {name}", over, log_values)
    if direct:
        yield matches(f"draws of {name}", data, drawn, over, log_p, log_values, instance.seed)


def draws(instance: Instance) -> Values:
    """Ancestral draws of every variable, [DRAWS, …]."""
    keys = jax.random.split(instance.key("draws"), DRAWS)
    given = instance.given
    return jax.jit(jax.vmap(lambda key: instance.lowered.draw(instance.params, key, given)))(keys)


def mass(subject: str, over: Nodes, log_values: Array) -> Finding:
    """∫ p = 1."""
    total, error = mean_and_error(over.masses(log_values))
    return Finding(
        subject,
        "integrates to 1" if over.sampled else "sums to 1",
        _ways(over),
        float(jnp.abs(total - 1.0)),
        float(ERRORS * error) + ROUNDING,
        "log p 0.1 too large",
        float(jnp.abs(total * jnp.exp(0.1) - 1.0)),
    )


def _normaliser(instance: Instance, name: str, over: Nodes, log_values: Array) -> Finding:
    """The log Z that was derived, against the sum of all unnormalised densities of the data."""
    claimed = log_normalizer(instance.lowered, instance.params, instance.given)
    summed = jnp.log(jnp.mean(over.masses(log_values)))
    off = float(jnp.abs(claimed - summed))
    allowed = ROUNDING * (1.0 + float(jnp.abs(summed)))
    return Finding(
        f"log Z of {name}", "is the log of the sum over states", _ways(over), off, allowed,
        "the most likely state left out", _without_the_best(log_values),
    )  # fmt: skip


def _without_the_best(log_values: Array) -> float:
    """By how much a log sum changes where its largest term is left out."""
    share = jnp.exp(jnp.max(log_values) - jax.nn.logsumexp(log_values))
    return float(-jnp.log1p(-jnp.minimum(share, 1 - 1e-6)))


def matches(
    subject: str,
    variables: Sequence[Variable],
    drawn: Values,
    over: Nodes,
    log_density: Callable[[Values], Array],
    log_values: Array,
    seed: int,
) -> Finding:
    """Means of bounded functions under the draws, against the same under the density.

    `log_values` [points, states] are those of `log_density` at the nodes.
    """
    chosen = only(drawn, tuple(v.name for v in variables))
    function = features(variables, chosen, log_density, seed)
    expected, error = over.mean(log_values, over.each(function))
    return Finding(
        subject,
        "have the law of the density",
        f"means of {expected.shape[0]} functions, {DRAWS:,} draws",
        farthest(function, chosen, expected, error),
        ERRORS,
        "one draw in ten moved to where p is lower",
        farthest(function, shuffled(variables, chosen, seed), expected, error),
    )


def farthest(
    function: Callable[[Values], Array], drawn: Values, expected: Array, error: Array
) -> float:
    """The largest distance of a mean from what is expected, in standard errors."""
    mean, own = mean_and_error(jax.jit(jax.vmap(function))(drawn))
    rare = 2.0 / len(next(iter(drawn.values())))  # what happens to a few draws is not Gaussian
    return float(jnp.max(jnp.abs(mean - expected) / jnp.sqrt(own**2 + error**2 + rare**2)))


def shuffled(variables: Sequence[Variable], drawn: Values, seed: int) -> Values:
    """A wrong law: in a part of the draws every entry is moved to a value less likely there."""
    broken: Values = {}
    for v in variables:
        values = drawn[v.name]
        part = jnp.arange(len(values)) % 10 == seed % 10
        mask = part.reshape(-1, *[1] * (values.ndim - 1))
        broken[v.name] = jnp.where(mask, _elsewhere(v, values), values)
    return broken


def _elsewhere(variable: Variable, values: Array) -> Array:
    kind = variable.type.kind
    if kind.space == "finite":
        low, high = jnp.min(values), jnp.max(values)
        rarer = jnp.where(jnp.mean(values == low) < jnp.mean(values == high), low, high)
        return jnp.full_like(values, rarer)
    spread = jnp.std(values, axis=0)[None]
    if kind.name == "unit":
        return values**2
    if kind.name == "simplex":
        return values**2 / jnp.sum(values**2, axis=-1, keepdims=True)
    return values * 1.5 if kind.name == "positive" else values + spread


def _ways(over: Nodes) -> str:
    points, states = next(iter(over.values.values())).shape[:2]
    if not over.sampled:
        return f"all {states:,} states"
    return f"importance sampling, {points:,} points" + (f" × {states} states" if states > 1 else "")
