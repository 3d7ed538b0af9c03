"""Levels that a fit did not see: groups whose params are drawn from their priors.

A given `g : cat(G)` with values from G on makes the model larger: G is then as many as are needed.
Params that have entries for each level keep those of the fit, and the others are drawn from the
prior, given the params that it reads. Entries of a prior are independent, so this is their law
given all that the fit saw.

Source: Gelman & Hill 2007, section 12.8 ("a new observation in a new group").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as query_codes
from dgmlang.compiler.diagnostics.codes import shared as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.laws import apart
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Law, Program, Variable
from dgmlang.compiler.types.dependence import components
from dgmlang.compiler.types.dims import numbers
from dgmlang.kept import POSTERIOR
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.chains import Chains
from dgmlang.runtime import paths
from dgmlang.runtime.sizes import levels, settings

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

WAYS = ("prior",)
"""Where the params of levels that a fit did not see may come from."""


def with_new_levels(
    fitted: Fitted, given: Mapping[str, Any], how: str | None, n: int, seed: int
) -> tuple[Fitted, dict[str, Any]]:
    """The model with the levels that `given` names, its params n draws, and the rest of `given`.

    Raises:
        DgmError: DGM0543 where a level is new and `how` is None, DGM0544, DGM0545, DGM0803.
    """
    if how is not None and how not in WAYS:
        raise DgmError(query_codes.unknown_choice("new_levels", how, WAYS))
    fitted, given = _labelled(fitted, given) if how else (fitted, dict(given))
    program = fitted.model.plan.program
    sizes = _sizes(program, given, how)
    if not sizes:
        return fitted._beside(given)
    larger = fitted.model.with_hypers(**sizes)
    _rows(larger.plan.program, given, fitted, sizes)
    grown = _grown(program, larger.plan.program)
    _require_laws(fitted, larger.lowered, grown, sizes)
    empty = replace(fitted, model=larger, inlet=replace(fitted.inlet, shared={}))
    beside, rest = empty._beside({**fitted.inlet.shared, **given})
    drawn = _drawn(fitted, beside.inlet.shared, larger.lowered, grown, n, seed)
    chains = Chains(jax.tree.map(lambda a: np.asarray(a)[None], drawn))
    which = next(iter(fitted.kept)) if fitted.which == POSTERIOR else fitted.which
    kept = {name: tree for name, tree in fitted.kept[which].items() if name not in drawn}
    return replace(beside, kept={"mean": kept}, which=POSTERIOR, chains=chains), rest


# ── how many there are ───────────────────────────────────────────────────────────────────────────


def _sizes(program: Program, given: Mapping[str, Any], how: str | None) -> dict[str, int]:
    """The hyperparameters that have to be larger than in the fit."""
    found: dict[str, int] = {}
    for variable in program.having("given"):
        kind, value = variable.type.kind, np.asarray(given.get(variable.name, 0))
        if kind.name != "cat" or kind.levels is None or value.dtype.kind not in "biuf":
            continue
        highest = int(np.nanmax(value, initial=0, where=np.isfinite(value)))
        (known,) = numbers((kind.levels,))
        size = levels(variable) if highest >= known else None
        if size is not None and how is None:
            raise DgmError(codes.unseen(variable.span, variable.name, highest, known))
        if size is not None:
            found[size] = max(found.get(size, 0), highest + 1)
    for variable in program.having("shared") if how else ():
        shape = np.shape(given.get(variable.name, 0))
        for size, value in settings(variable, shape).items() if variable.name in given else ():
            if value > max(found.get(size, 0), program.hypers[size]):
                found[size] = value
    return found


def _labelled(fitted: Fitted, given: Mapping[str, Any]) -> tuple[Fitted, dict[str, Any]]:
    """The model with labels that the fit did not see as its last levels, in the order given."""
    columns, found = fitted.inlet.columns, dict(given)
    labels = dict(columns.labels)
    for name in (name for name in labels if name in given):
        texts = np.asarray(given[name])
        if texts.dtype.kind in "UO":
            new = dict.fromkeys(str(text) for text in texts.ravel())
            labels[name] = (*labels[name], *(text for text in new if text not in labels[name]))
            levels = {label: level for level, label in enumerate(labels[name])}
            found[name] = np.array([levels[str(t)] for t in texts.ravel()]).reshape(texts.shape)
    inlet = replace(fitted.inlet, columns=replace(columns, labels=labels))
    return replace(fitted, inlet=inlet), found


def _rows(
    larger: Program, given: Mapping[str, Any], fitted: Fitted, sizes: Mapping[str, int]
) -> None:
    """DGM0544 where a shared given of the fit has no rows for the new levels."""
    for variable in larger.having("shared"):
        held = np.shape(given.get(variable.name, fitted.inlet.shared[variable.name]))
        wanted = numbers(variable.type.array_shape)
        short = [(a, b) for a, b in zip(held, wanted, strict=False) if a < b]
        if len(held) == len(wanted) and short:
            size = next(name for name, value in sizes.items() if value == short[0][1])
            said = variable.span, variable.name, short[0][1] - 1, short[0][0], size
            raise DgmError(codes.no_row(*said))


# ── params of new levels ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Grown:
    """A param with entries for each level: its shape in the fit, and now."""

    variable: Variable
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that are longer now."""
        pairs = enumerate(zip(self.before, self.after, strict=True))
        return tuple(axis for axis, (before, after) in pairs if before != after)


def _grown(program: Program, larger: Program) -> dict[str, Grown]:
    pairs = ((program.variables[v.name], v) for v in larger.having("param"))
    every = {
        v.name: Grown(v, numbers(old.type.array_shape), numbers(v.type.array_shape))
        for old, v in pairs
    }
    return {name: found for name, found in every.items() if found.axes}


def _require_laws(
    fitted: Fitted, larger: Lowered, grown: Mapping[str, Grown], sizes: Mapping[str, int]
) -> None:
    """DGM0545 where new entries have no law: params without priors, weights of nets."""
    size = next(iter(sizes))
    for name, found in grown.items():
        if found.variable.law is None:
            why = "it has no prior"
            raise DgmError(codes.cannot_grow(found.variable.span, name, size, why))
    before, after = fitted.model.lowered.init(0, None), larger.init(0, None)
    shapes = [{p: np.shape(leaf) for p, leaf in paths.named(t).items()} for t in (before, after)]
    for path, shape in shapes[1].items():
        top = paths.steps(path, after)[0]
        if top not in grown and shapes[0].get(path) != shape:
            owner = larger.program.nets.get(top) or larger.program.variables.get(top)
            span = owner.span if owner else larger.program.span
            raise DgmError(codes.cannot_grow(span, path, size, "weights are learned, not drawn"))


def _drawn(
    fitted: Fitted, shared: Values, larger: Lowered, grown: Mapping[str, Grown], n: int, seed: int
) -> Params:
    """N draws [n, …] of the fit's params, on their own scale, with those of new levels."""
    first, second = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1))
    draws = fitted._drawn_params
    if draws is None:
        known = {v.name for v in larger.program.having("param")}
        own = {name: leaf for name, leaf in fitted.params.items() if name in known}
        held = jax.tree.map(lambda a: jnp.broadcast_to(jnp.asarray(a), (n, *jnp.shape(a))), own)
    else:
        chosen = jax.random.choice(first, draws.count, (n,), replace=n > draws.count)
        held = jax.tree.map(lambda a: jnp.asarray(a)[chosen], fitted.params)
    return _extended(larger, tuple(grown.values()), shared, jax.random.split(second, n), held)


@partial(jax.jit, static_argnums=(0, 1))
def _extended(
    larger: Lowered, grown: tuple[Grown, ...], shared: Values, keys: Array, held: Params
) -> Params:
    """Each draw of params with entries for new levels, those read by a prior before it."""
    known = {found.variable.name: found for found in grown}
    laws: Mapping[str, Law] = larger.program.priors
    order = [name for part in components(laws) for name in part.variables if name in known]

    def one(key: Array, params: Params) -> Params:
        for number, name in enumerate(order):
            declared = {n: a for n, a in params.items() if not isinstance(a, dict)}
            inside = evaluation(larger.built, {}, {**shared, **declared})
            new = _entries(known[name], inside, jax.random.fold_in(key, number))
            params = {**params, name: new.at[_before(known[name])].set(params[name])}
        return params

    return jax.vmap(one)(keys, held)


def _entries(found: Grown, inside: Any, key: Array) -> Array:
    """A draw of all entries of a param from its prior (DGM0545 where levels are drawn together)."""
    assert found.variable.law is not None
    entries = apart(found.variable.law, inside)
    if any(axis >= len(entries.batch_shape) for axis in found.axes):
        why = "its prior draws all levels together"
        raise DgmError(codes.cannot_grow(found.variable.span, found.variable.name, "it", why))
    return jnp.asarray(entries.sample(key))


def _before(found: Grown) -> tuple[slice, ...]:
    """Where the entries of the fit stand."""
    return tuple(slice(0, size) for size in found.before)
