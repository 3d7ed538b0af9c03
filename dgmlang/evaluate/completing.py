"""Draws of what is missing given what is known, each with all variables of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.clamped import Clamped, clamp, known
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.lower.missing import ABSENT, absent, mask
from dgmlang.compiler.plan.conditional import chain
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.plan.methods import sampler as named_sampler
from dgmlang.evaluate.conditional import Conditional, conditional
from dgmlang.evaluate.conditions import repeated
from dgmlang.evaluate.continuing import continued, continues
from dgmlang.evaluate.draws import draw_latents
from dgmlang.evaluate.parts import Parts, nothing_known
from dgmlang.evaluate.weighing import drawn, table
from dgmlang.objectives.objective import Params, Values
from dgmlang.registry import implementation
from dgmlang.runtime.progress import Progress
from dgmlang.samplers.sampler import AbstractSampler
from dgmlang.samplers.watched import Watched, watched

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted


@dataclass(frozen=True)
class Known:
    """What is known of n examples, as the model sees it, and where the rest is missing.

    `values` hold, of what is known in part, some value in the place of what is not.
    """

    n: int
    values: Values
    missing: dict[str, np.ndarray]

    def latents(self, fitted: AbstractFitted) -> set[str]:
        """The latents that are given."""
        return {v.name for v in fitted.model.plan.program.having("latent")} & self.values.keys()

    def unknown(self, fitted: AbstractFitted) -> set[str]:
        """The data that are missing in whole or in part."""
        data = {v.name for v in fitted.model.plan.program.having("data")}
        return (data - self.values.keys()) | (data & self.missing.keys())

    def counts(self) -> dict[str, int]:
        """The greatest number of missing entries of an example, by variable."""
        masks = {name: gone.reshape(self.n, -1) for name, gone in self.missing.items()}
        return {name: int(gone.sum(axis=1).max()) for name, gone in masks.items()}


@dataclass(frozen=True)
class Completed:
    """Draws [n, …] of all variables; `sampler` where a chain made them."""

    values: Values
    how: str
    sampler: AbstractSampler | None = None
    watched: Watched = field(default_factory=lambda: Watched({}, {}, {}))

    @property
    def exact(self) -> bool:
        """Whether the draws are of the very law."""
        return self.sampler is None


def known_of(fitted: AbstractFitted, found: Parts, n: int) -> Known:
    """Values repeated, prepared and checked (DGM0803, DGM0805, DGM0811, DGM0512 …)."""
    program = fitted.model.plan.program
    variables = {v.name: v for v in program.having("given", "data", "latent")}
    for name in found.values:
        if name not in variables:
            raise DgmError(codes.unknown_choice("variable", name, variables))
    lacking = [
        v.name
        for v in program.having("given")
        if not v.type.optional and v.name not in found.values
    ]
    if lacking:
        raise DgmError(codes.missing_given(lacking, program.name))
    every = {
        name: repeated(fitted, variables[name], value, n) for name, value in found.values.items()
    }
    held = fitted.inlet.prepared([variables[name] for name in every], every) if every else {}
    absences = {
        v.name: jnp.stack([absent(v)] * n) for v in program.having("given") if v.name not in held
    }
    missing = {
        name: np.broadcast_to(gone, (n, *gone.shape[-(np.ndim(every[name]) - 1) :])).reshape(
            held[name].shape
        )
        for name, gone in found.missing.items()
    }
    return Known(n, held | absences, missing)


def completed(
    fitted: AbstractFitted,
    at: Known,
    sampler: str | Expression | None,
    key: Array,
    progress: Progress,
) -> Completed:
    """One draw for each example: exact where no sampler is named and a table or a Gaussian serves.

    Raises:
        DgmError: DGM0851 where the law has no density, DGM0412 where the sampler is not legal.
    """
    how = conditional(fitted.model, at.unknown(fitted), at.latents(fitted), joint=True)
    params = fitted.raw
    first, second = jax.random.split(key)
    if not how.free and sampler is not None:
        named_sampler(fitted.model.plan, sampler)  # nothing is left for it to move
    ahead = continues(how, at.missing) if sampler is None else None
    if ahead is not None:
        found = _ahead(how, ahead, params, first, at)
        last = Completed({}, f"exact: {ahead} goes on from what is given of it")
    elif not how.free or (sampler is None and how.fits(at.counts(), at.n)):
        found = _exact(how, params, first, at)
        last = Completed({}, _told(how, at))
    else:
        last = _chained(how, params, first, at, sampler, progress)
        found = clamp(last.watched.values)
    filled = {name: a for name, a in found.items() if name in how.lowered.program.variables}
    keys = jax.random.split(second, at.n)
    masks = leaf_masks(how, at)

    def run(lowered: Lowered) -> Values:
        return _rest(lowered, how.leaves, params, keys, filled, masks)

    whole = how.lowered.sound(run)
    names = {v.name for v in fitted.model.plan.program.having("data", "latent", "given")}
    return replace(last, values={n: a for n, a in whole.items() if n in names})


def based(how: Conditional, at: Known) -> Values:
    """All data and givens of the new program: leaves blank where they are missing."""
    values = dict(at.values)
    for name in (*how.free, *how.leaves, *how.finite, *how.reals):
        values.setdefault(name, jnp.asarray(nothing_known(how.variable(name), at.n)))
    for name, gone in leaf_masks(how, at).items():
        value = values[name]
        blank = jnp.nan if jnp.issubdtype(value.dtype, jnp.floating) else ABSENT
        values[name] = jnp.where(gone, jnp.asarray(blank, value.dtype), value)
    return values


def masked(how: Conditional, at: Known, values: Values) -> Values:
    """The values with where the reals that are looked for are missing."""
    masks = {n: jnp.asarray(at.missing[n]) if n in at.missing else None for n in how.reals}
    every = {n: jnp.ones(values[n].shape, bool) if m is None else m for n, m in masks.items()}
    return values | {mask(n): m for n, m in every.items()}


def leaf_masks(how: Conditional, at: Known) -> dict[str, Array]:
    """Where the leaves are missing."""
    shapes = {n: nothing_known(how.variable(n), at.n).shape for n in how.leaves}
    return {
        n: jnp.asarray(at.missing[n]) if n in at.missing else jnp.ones(shape, bool)
        for n, shape in shapes.items()
    }


def _exact(how: Conditional, params: Params, key: Array, at: Known) -> Values:
    values = based(how, at)
    if not how.free:
        return values
    found = table(how, at.missing, at.n)
    keys = jax.random.split(key, at.n)
    ready = masked(how, at, values)
    return values | drawn(how, found.states, params, keys, found.sites, found.levels, ready)


def _ahead(how: Conditional, name: str, params: Params, key: Array, at: Known) -> Values:
    values = based(how, at)
    gone = at.missing.get(name, np.ones(values[name].shape, bool))
    keys = jax.random.split(key, at.n)
    drawn = continued(how.lowered, name, params, keys, values, jnp.asarray(gone))
    return values | {name: drawn}


def _told(how: Conditional, at: Known) -> str:
    if not how.free:
        return "exact: what is missing is drawn from its laws"
    states = table(how, at.missing, at.n).states
    parts = [f"a table of {states:,} states"] if how.finite else []
    parts += ["a Gaussian" + " in each" * bool(parts)] if how.reals else []
    return f"exact, given the rest: {' and '.join(parts)}"


def _chained(
    how: Conditional,
    params: Params,
    key: Array,
    at: Known,
    sampler: str | Expression | None,
    progress: Progress,
) -> Completed:
    method = chain(how, sampler)
    cache = how.samplers
    if str(method) not in cache:
        clamped = Clamped(how.lowered.built)
        cache[str(method)] = implementation("sampler", method.name)(clamped, **method.arguments)
    values = based(how, at)
    given = {name: a for name, a in values.items() if name not in how.free}
    for name in (n for n in how.free if n in at.missing):
        given |= {known(name): values[name], mask(name): jnp.asarray(at.missing[name])}
    found = watched(cache[str(method)], params, key, at.n, given, progress)
    told = f"{method}, given the rest; {cache[str(method)].told(found.facts)}"
    return Completed({}, told, cache[str(method)], found)


@partial(jax.jit, static_argnums=(0, 1))
def _rest(
    lowered: Lowered,
    leaves: tuple[str, ...],
    params: Params,
    keys: Array,
    values: Values,
    masks: Mapping[str, Array],
) -> Values:
    """Latents that rules removed, given all data, and then the leaves, from their laws."""

    def one(key: Array, values: Values, masks: Mapping[str, Array]) -> Values:
        first, second = jax.random.split(key)
        values = {**values, **draw_latents(lowered, params, first, values)}
        if not leaves:
            return values
        above = {name: a for name, a in values.items() if name not in leaves}
        fresh = lowered.draw(params, second, above)
        return {
            **values,
            **{n: jnp.where(masks[n], fresh[n], values[n]).astype(fresh[n].dtype) for n in leaves},
        }

    return jax.vmap(one)(keys, values, masks)
