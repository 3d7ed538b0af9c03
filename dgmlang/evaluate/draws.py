"""Joint draws of all latents of one example given its data, each by the way in which it goes."""

from __future__ import annotations

import jax
from jax import Array

from dgmlang.compiler.derive.elimination import RULE as ELIMINATION
from dgmlang.compiler.derive.gaussian import RULE as CLOSED_FORM
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import ComputedLaw, Program, Read
from dgmlang.evaluate.posterior import freed_draw
from dgmlang.objectives.objective import Params, Values


def without_posterior(lowered: Lowered) -> tuple[str, ...]:
    """The latents that neither a rule nor a guide draws given data."""
    program = lowered.program
    drawn = {r.variable for r in lowered.facts.removed}
    drawn |= set(program.guide.laws) if program.guide else set()
    return tuple(n for n in latents(program) if n not in drawn and not _computed(program, n))


def latents(program: Program) -> tuple[str, ...]:
    """Their names, in the order of the program."""
    return tuple(v.name for v in program.having("latent"))


def codes_of_data(lowered: Lowered) -> tuple[str, ...]:
    """The latents that bijections turn into the data, so that data and they are one to one."""
    return tuple(r.variable for r in lowered.facts.removed if r.rule == "change of variables")


def draw_latents(lowered: Lowered, params: Params, key: Array, values: Values) -> Values:
    """One draw of all latents of one example; exact but for those of a guide.

    The guide's first, then states of those summed out, the Gaussian ones given these, and those
    that an energy is affine in given all others.
    """
    rules = {r.rule for r in lowered.facts.removed}
    first, second, third, fourth = jax.random.split(key, 4)
    known = dict(values)
    if lowered.program.guide is not None:
        known |= lowered.guide_draw(params, first, known)[0]
    if "sum" in rules:
        states, log_weights = lowered.responsibilities(params, known)
        chosen = jax.random.categorical(second, log_weights)
        known |= {name: array[chosen] for name, array in states.items()}
    if ELIMINATION in rules:
        known |= lowered.eliminated_draw(params, second, known)
    if CLOSED_FORM in rules:
        known |= lowered.gaussian_draw(params, third, known)
    if "free energy" in rules:
        known |= freed_draw(lowered, params, fourth, known)
    left = [name for name in latents(lowered.program) if name not in known]
    known |= {name: _value(lowered, params, known, name) for name in left}
    return {name: known[name] for name in latents(lowered.program)}


def _value(lowered: Lowered, params: Params, values: Values, name: str) -> Array:
    """A latent that follows from the others, or from the data by bijections."""
    variable = lowered.program.variables[name]
    read = Read(name, type=variable.type, span=variable.span)
    return lowered.evaluate(params, read, values)


def _computed(program: Program, name: str) -> bool:
    return isinstance(program.variables[name].law, ComputedLaw)
