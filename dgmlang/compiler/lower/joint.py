"""The joint density of all variables: log densities of the directed sites minus the energies.

Where the energies are a positive-definite quadratic, their term is the log density of a Gaussian.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.capabilities import energy_variables
from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.chosen import made_of
from dgmlang.compiler.lower.counted import all_count, counted
from dgmlang.compiler.lower.evaluate import Evaluation, constrained, evaluation
from dgmlang.compiler.lower.laws import log_density, log_density_of
from dgmlang.compiler.lower.quadratic import Quadratic, expanded
from dgmlang.compiler.program import ComputedLaw
from dgmlang.compiler.walk import entries
from dgmlang.objectives.objective import Params, Values

ENERGY = "energy"
"""The term of all energies together; a reserved word, so no variable has this name."""


def log_terms(built: Built, params: Params, values: Values) -> dict[str, Array]:
    """The log density p(x | those above it) of each directed site, and −Σ energies under `energy`.

    A latent that a chain of bijections turns into another variable has no term of its own: that
    variable's is the law pushed through the chain. A computed latent is a name for its value.
    """
    return terms_of(evaluation(built, params, values))


def terms_of(
    inside: Evaluation, without: Collection[str] = (), whole: Collection[str] = ()
) -> dict[str, Array]:
    """The same, from an evaluation that holds all variables; some may be left out.

    Latents in `whole` count behind the ends of sequences too: there they integrate to one.
    """
    built = inside.built
    terms: dict[str, Array] = {}
    for name in built.directed:
        if name not in {*built.encoded, *without} and not _is_name(built, name):
            own = built.law(name)
            terms[name] = (
                log_density(own, inside.values[name], inside)
                if name in whole
                else term(name, inside)
            )
    if built.program.energies:
        terms[ENERGY] = -_energy(inside)
        if built.facts.gaussian is not None:
            terms[ENERGY] -= gaussian(built, inside.params, inside.values, known=()).integral
    return terms


def gaussian(built: Built, params: Params, values: Values, known: Collection[str]) -> Quadratic:
    """The law of the energies' variables that are not known, as their quadratic gives it.

    Its integral is the log normaliser of the energies given those that are known.
    """
    free = [v for v in energy_variables(built.program) if v.name not in known]
    return expanded(lambda values: -energy(built, params, values), free, values)


def law_values(built: Built, params: Params, values: Values, guide: bool) -> list[Array]:
    """What directed laws and energies, or the guide's laws, are made of, at drawn values."""
    inside = evaluation(built, params, values)
    program = built.program
    laws = {name: built.law(name) for name in built.directed if name in values}
    if guide:
        laws = program.guide.laws if program.guide else {}
    energies = () if guide else program.energies
    found = [value for law in laws.values() for value in made_of(law, inside)]
    return [*found, *(jnp.asarray(inside.value(e)) for e in energies)]


def term(name: str, inside: Evaluation) -> Array:
    """The log density of one site.

    What stands behind the end of a sequence counts nothing, nor what is missing of a leaf.
    """
    law = inside.built.law(name)
    if all_count(name, inside):
        return log_density(law, inside.values[name], inside)
    return log_density_of(law, *counted(name, inside), inside)


def log_joint(built: Built, params: Params, values: Values) -> Array:
    """Σ log densities − Σ energies, all variables given."""
    return total(log_terms(built, params, values).values())


def energy(built: Built, params: Params, values: Values) -> Array:
    """Σ energies, all their variables given."""
    return _energy(evaluation(built, params, values))


def log_prior(built: Built, params: Params) -> Array:
    """Σ log p(w) of the params that have a prior, on their own scale and without a Jacobian.

    The prior of a net is that of each of its weights.
    """
    inside = evaluation(built, params, {})
    declared = constrained(built, params)
    terms: list[Array] = []
    for name, law in built.program.priors.items():
        if name in declared:
            terms.append(log_density(law, declared[name], inside))
        elif name in params:
            each = jax.vmap(lambda w, law=law: log_density(law, w, inside))
            terms.append(jnp.sum(each(_weights(params[name]))))
    return total(terms)


def _weights(branch: Params) -> Array:
    """All weights below a branch of the parameters, in one row."""
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(branch)])


def total(terms: Iterable[Array]) -> Array:
    """The sum of scalars; 0 of none."""
    return sum(terms, start=jnp.zeros((), jnp.result_type(float)))


def _energy(inside: Evaluation) -> Array:
    return total(inside.value(expr) for expr in inside.built.program.energies)


def _is_name(built: Built, name: str) -> bool:
    latent = built.program.variables[name].role == "latent"
    laws = entries(built.law(name))
    return latent and all(isinstance(law, ComputedLaw) and law.chain is None for law in laws)
