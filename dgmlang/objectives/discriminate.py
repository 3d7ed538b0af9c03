"""The classifier's term of a semi-supervised model: the log law of a class given the other data."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logsumexp

from dgmlang.compiler.derive.classes import GUIDE, classified
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import agrees, lacking
from dgmlang.evaluate.states import numbered, total_states, whole
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.batch import per_example
from dgmlang.objectives.objective import Metrics, Objective, Params, Values
from dgmlang.registry import implements


@implements("objective", "discriminate")
def discriminate(lowered: Lowered, *, y: str) -> Objective:
    """−log q(y | x) where the guide draws y, else −log p(y | x); the mean over all examples.

    An example that lacks y adds 0, and one that has some entries of it what these have. A bound on
    log p(x, y) does not train the guide of y from labels, since y is no draw of it there: this term
    does. Dividing by all examples, not by the N_l labelled ones, keeps the gradient of a batch
    unbiased; the weight α = 0.1 N of the paper, whose loss is a sum, is 0.1 N / N_l here.

    Without a guide, p(y | x) = p(x, y) / Σ_y′ p(x, y′): one density for each state of y. The
    reported `labelled` is the share of examples that have y.

    Source: Kingma, Rezende, Mohamed & Welling 2014, eq. 9, arXiv 1406.5298.
    """
    by_guide = classified(lowered.program, lowered.facts.marginal.value)[y] == GUIDE
    log_law = _guided(lowered, y) if by_guide else _exact(lowered, y)

    def each(params: Params, values: Values, _: Array) -> Array:
        return -per_example(log_law)(params, values)

    def labelled(batch: Values) -> Metrics:
        known = ~lacking(batch[y]).reshape(len(batch[y]), -1).all(axis=1)
        return {"labelled": jnp.mean(known, dtype=jnp.result_type(float))}

    whose = f"q({y} | …) of the guide" if by_guide else f"p({y} | …), exact"
    quantity = f"negative log {whose}, where {y} is known"
    return averaged(lowered, "discriminate", quantity, each, labelled)


def _guided(lowered: Lowered, y: str) -> Callable[[Params, Values], Array]:
    return lambda params, values: lowered.guide_term(params, values, y)


def _exact(lowered: Lowered, y: str) -> Callable[[Params, Values], Array]:
    """Log Σ over the states that agree with what is known of y, less that over all states."""
    sites = (whole(lowered.program.variables[y]),)
    states = jax.vmap(lambda number: numbered(sites, number))(
        jnp.arange(round(2 ** total_states(sites)))
    )
    joint = lowered.unguided.given_in_full(y).log_prob

    def log_law(params: Params, values: Values) -> Array:
        each = jax.vmap(lambda state: joint(params, {**values, **state}))(states)
        fits = jax.vmap(lambda state: agrees(state, values[y]))(states[y])
        return logsumexp(jnp.where(fits, each, -jnp.inf)) - logsumexp(each)

    return log_law
