"""Data through the guide and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.posterior import GUIDE, guided
from dgmlang.evaluate.result import draws, only
from dgmlang.evaluate.sound import sound_at
from dgmlang.objectives.objective import Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def reconstruct(fitted: Fitted, data: Any, seed: int) -> Any:
    """See `Fitted.reconstruct`."""
    lowered, program = fitted.model.lowered, fitted.model.plan.program
    if program.guide is None:
        raise DgmError(codes.no_posterior(fitted.model.name, bool(program.having("latent"))))
    values, _ = fitted.inlet.values(program, data)
    key = jax.random.key(seed)
    latents = lowered.sound(lambda lowered: guided(lowered, fitted.raw, values, key))
    sound_at(fitted, {**values, **latents}, guide=True)
    givens = {v.name: values[v.name] for v in program.having("given")}
    count = len(next(iter(values.values())))
    keys = jax.random.split(jax.random.key(seed + 1), count)

    def run(lowered: Lowered) -> Values:
        draw = jax.vmap(lowered.draw, in_axes=(None, 0, 0))
        return draw(fitted.raw, keys, {**givens, **latents})

    drawn = lowered.sound(run)
    sound_at(fitted, drawn)
    again = {v.name: np.asarray(drawn[v.name]) for v in program.having("data")}
    return only(draws(fitted.inlet.invert(again), f"ancestral, from {GUIDE}"))
