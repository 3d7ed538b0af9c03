"""Which site of a model is not finite on a batch: asked once, when training has stopped there."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Program
from dgmlang.objectives.objective import Params, Values
from dgmlang.runtime import paths


def locate(lowered: Lowered, params: Params, batch: Values, key: Array) -> str | None:
    """The first site whose term is not finite, with its line; a parameter where none is."""
    found = [name for name, array in batch.items() if not _finite(array)]
    found += [path for path, leaf in paths.named(params).items() if not _finite(leaf)]
    if not found and lowered.facts.density.value != "none":
        found = [name for name, term in _terms(lowered, params, batch, key) if not _finite(term)]
    return _placed(found[0], lowered.program) if found else None


def _terms(lowered: Lowered, params: Params, batch: Values, key: Array) -> list[tuple[str, Array]]:
    """The summands of the joint density, latents drawn from the guide where there is one."""

    def one(key: Array, values: Values) -> dict[str, Array]:
        terms: dict[str, Array] = {}
        if lowered.program.guide is not None:
            latents, log_q = lowered.guide_draw(params, key, values)
            values, terms = {**values, **latents}, {"guide": log_q}
        if lowered.facts.removed:
            return {**terms, _data(lowered.program): lowered.log_prob(params, values)}
        return {**terms, **lowered.log_terms(params, values)}

    keys = jax.random.split(key, len(next(iter(batch.values()))))
    return list(jax.vmap(one)(keys, batch).items())


def _finite(array: Array) -> bool:
    return bool(jnp.all(jnp.isfinite(array)))


def _data(program: Program) -> str:
    return program.having("data")[0].name


def _placed(name: str, program: Program) -> str:
    spans = {v.name: v.span for v in program.variables.values()}
    spans |= {net.name: net.span for net in program.nets.values()}
    span = spans.get(paths.steps(name, spans)[0])
    if name == "energy":
        span = program.energies[0].span
    return f"`{name}` ({span})" if span else f"`{name}`"
