"""What the last hidden layer of a critic, or of a classifier, says of examples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import judging as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.critic import NAME, features
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.answers import classifying
from dgmlang.compiler.program import Call, Critic
from dgmlang.compiler.walk import reads
from dgmlang.evaluate.conditions import condition, examples
from dgmlang.evaluate.posterior import GUIDE, guided
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def last_hidden(fitted: Fitted, data: Any, seed: int) -> Result:
    """See `Fitted.features`."""
    program, lowered = fitted.model.plan.program, fitted.model.lowered
    if program.critic is not None:
        values, how = _of_critic(fitted, program.critic, data, seed)
        found = _features(lowered, fitted.raw, values)
    elif (call := classifying(program)) is not None:
        values, how = _of_givens(fitted, call, data), f"the last hidden layer of {call.call.net}"
        found = _classifier_features(lowered, call, fitted.raw, values)
    else:
        raise DgmError(codes.no_critic(program.name))
    return Result(np.asarray(found).reshape(len(found), -1), "exact", None, how)


def _of_critic(fitted: Fitted, critic: Critic, data: Any, seed: int) -> tuple[Values, str]:
    """What the critic reads, and how its features are got."""
    lowered, program = fitted.model.lowered, fitted.model.plan.program
    if (NAME, critic.head.name) not in lowered.built.heads:
        raise DgmError(codes.critic_without_layers(critic.span))
    values, _ = fitted.inlet.values(program, data)
    how = "the critic's last hidden layer"
    if any(name not in values for name in critic.parameters):
        values = {**values, **guided(lowered, fitted.raw, values, jax.random.key(seed))}
        how = f"{how}, latents: {GUIDE}"
    return values, how


def _of_givens(fitted: Fitted, call: Call, data: Any) -> Values:
    """The givens that a net reads; `data` is the array of a lone one."""
    program = fitted.model.plan.program
    read = [v.name for v in program.having("given") if v.name in reads(*call.call.args.values())]
    given = data if isinstance(data, Mapping) else dict.fromkeys(read[:1], data)
    return condition(fitted, given, examples(fitted, given))


@partial(jax.jit, static_argnums=(0, 1))
def _classifier_features(lowered: Lowered, call: Call, params: Params, values: Values) -> Array:
    def one(values: Values) -> Array:
        found = evaluation(lowered.built, params, values).features(call.call)
        return jnp.asarray(found[call.head] if isinstance(found, Mapping) else found)

    return jax.vmap(one)(values)


@partial(jax.jit, static_argnums=0)
def _features(lowered: Lowered, params: Params, values: Values) -> Array:
    return jax.vmap(lambda one: jnp.asarray(features(lowered.built, params, one)))(values)
