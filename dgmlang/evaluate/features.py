"""What the critic's last hidden layer says of examples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import judging as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.critic import NAME, features
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.posterior import GUIDE, guided
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def critic_features(fitted: Fitted, data: Any, seed: int) -> Result:
    """See `Fitted.features`."""
    program, lowered = fitted.model.plan.program, fitted.model.lowered
    critic = program.critic
    if critic is None:
        raise DgmError(codes.no_critic(program.name))
    if (NAME, critic.head.name) not in lowered.built.heads:
        raise DgmError(codes.critic_without_layers(critic.span))
    values, _ = fitted.inlet.values(program, data)
    how = "the critic's last hidden layer"
    if any(name not in values for name in critic.parameters):
        values = {**values, **guided(lowered, fitted.raw, values, jax.random.key(seed))}
        how = f"{how}, latents: {GUIDE}"
    found = _features(lowered, fitted.raw, values)
    return Result(np.asarray(found).reshape(len(found), -1), "exact", None, how)


@partial(jax.jit, static_argnums=0)
def _features(lowered: Lowered, params: Params, values: Values) -> Array:
    return jax.vmap(lambda one: jnp.asarray(features(lowered.built, params, one)))(values)
