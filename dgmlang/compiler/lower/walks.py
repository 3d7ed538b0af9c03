"""Nets of the past read entry by entry, and the law of one entry.

A net whose stages keep what earlier entries have left (`layers/follow`) costs at each entry what
that one adds. It is one of two:

    strict   one stage with heads of its own (`made`, `nade`, `fvsbn`): what is read at an entry
             holds all before it, then the entry is added
    weak     stages along a sequence, and others place by place: the entry before enters as a row,
             and comes out at the heads
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.derive.incremental import incremental, past_argument
from dgmlang.compiler.lower.built import UNNAMED, at
from dgmlang.compiler.lower.domains import constrain, dtype
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.heads import MaskedOutput, Output
from dgmlang.compiler.lower.stages import Mapped, followable
from dgmlang.compiler.program import (
    Chosen,
    Expr,
    Law,
    Mixture,
    Named,
    NetCall,
    Quantized,
    Stage,
    Through,
    Variable,
)
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import Type, own_rank
from dgmlang.layers.follow import Followed, Steppable, Stepped

Outputs = Mapping[str, Array]
"""What a net's heads show of one entry."""


# ── the law of one entry ─────────────────────────────────────────────────────────────────────────


def of_entry(law: Law, sites: int) -> Law:
    """The law of one entry, at that entry's row of each argument."""
    match law:
        case Named():
            return replace(law, type=_without(law.type, sites))
        case Mixture(component=component):
            inner = of_entry(component, sites)
            return replace(law, type=_without(law.type, sites), component=inner)
        case Quantized(base=base):
            inner = of_entry(base, sites)
            return replace(law, type=_without(law.type, sites), base=inner)
        case Chosen(then=then, otherwise=otherwise):
            both = of_entry(then, sites), of_entry(otherwise, sites)
            return replace(law, type=_without(law.type, sites), then=both[0], otherwise=both[1])
    raise TypeError(f"{type(law).__name__} does not read its own past")


def _without(whole: Type, sites: int) -> Type:
    return replace(whole, shape=whole.shape[sites:], varying=False)


def arguments_of(law: Law) -> Iterator[tuple[Expr, int]]:
    """What a law is made of, each with how many axes one entry has."""
    match law:
        case Named():
            kinds = {p.name: p.type for p in law.extern.parameters}
            yield from ((e, own_rank(kinds[name])) for name, e in law.arguments.items())
        case Mixture(weights=weights, component=component):
            yield weights, 1
            yield from ((e, own + 1) for e, own in arguments_of(component))
        case Quantized(base=base):
            yield from arguments_of(base)
        case Chosen(test=test, then=then, otherwise=otherwise):
            yield test, 0
            yield from arguments_of(then)
            yield from arguments_of(otherwise)


def by_entry(array: Array, own: int, sites: tuple[int, ...]) -> Array:
    """An argument at every entry, [entries, …]; one of lower rank is the same at all."""
    batch = array.shape[: max(array.ndim - own, 0)]
    rest = array.shape[len(batch) :]
    return jnp.broadcast_to(array, (*sites, *rest)).reshape(-1, *rest)


# ── nets ─────────────────────────────────────────────────────────────────────────────────────────


def net_walk(call: NetCall, inside: Evaluation, variable: Variable) -> Followed | None:
    """A net of the past as a walk with `Outputs`; None where each entry needs a pass."""
    built = inside.built
    way, body = incremental(call, variable, built.program), built.program.nets[call.net].body
    if way is None or not isinstance(body, Through):
        return None
    past = past_argument(call)
    others = {name: inside.value(arg) for name, arg in call.args.items() if name != past}
    owners = inside.owners_of(call)
    local = Evaluation(built, inside.params, inside.values, others, owners=owners)
    return (_strict if way == "strict" else _weak)(call, body.chain.stages, local, variable)


def _strict(
    call: NetCall, stages: tuple[Stage, ...], inside: Evaluation, _: Variable
) -> Followed | None:
    heads = _heads(call, inside)
    layer = followable(inside.built.layers[id(stages[0])])
    masked = {n: o for n, (o, _) in heads.items() if isinstance(o, MaskedOutput)}
    if layer is None or len(masked) < len(heads):
        return None
    params = at(inside.params, inside.built.paths[id(stages[0])])
    own = [(cast(Mapped, o.map).layer, heads[n][1]) for n, o in masked.items()]
    found = layer.follow(params, own, **inside.inputs(stages[0]))

    def read(state: Any, step: Any) -> tuple[Outputs, Any]:
        rows, state = found.read(state, step)
        named = zip(masked.items(), rows, strict=True)
        return {n: _shown(output, output.map.target[1:], r) for (n, output), r in named}, state

    return found._replace(read=read)


def _weak(
    call: NetCall, stages: tuple[Stage, ...], inside: Evaluation, variable: Variable
) -> Followed | None:
    heads = _heads(call, inside)
    kept = {n: o for n, (o, _) in heads.items() if isinstance(o, Output) and o.kept}
    rows = [_by_row(stage, inside) for stage in stages]
    found = [row for row in rows if row is not None]
    if len(kept) < len(heads) or len(found) < len(rows):
        return None

    def read(state: Any, steps: Any) -> tuple[Outputs, Any]:
        row, states = state
        after = []
        for stage, own, step in zip(found, states, steps, strict=True):
            row, own = stage.turn(own, step, row)
            after.append(own)
        shown = {
            n: _shown(o, o.shape[1:], _one_row(o.map)(heads[n][1], row.reshape(-1)))
            for n, o in kept.items()
        }
        return shown, (state[0], after)

    def add(state: Any, _: Any, entry: Array) -> Any:
        return entry, state[1]

    blank = jnp.zeros(numbers(variable.type.kind.inner), dtype(variable.type.kind))
    return Followed((blank, [s.start for s in found]), [s.steps for s in found], read, add)


def _by_row(stage: Stage, inside: Evaluation) -> Stepped | None:
    """A stage along the first axis, row by row; None where it sees more than the rows so far."""
    built = inside.built
    mapped, params = built.layers[id(stage)], at(inside.params, built.paths[id(stage)])
    given = {**inside.inputs(stage), **inside.lengths(stage, None)}
    if mapped.axes:
        one = replace(mapped, axes=mapped.axes - 1, target=mapped.target[1:])
        places = jnp.arange(mapped.target[0])
        return Stepped((), places, lambda state, _, row: (one(params, row, **given), state))
    exact = mapped.precision == "float32" and isinstance(mapped.layer, Steppable)
    return mapped.layer.stepped(params, **given) if exact else None  # pyright: ignore


def _heads(call: NetCall, inside: Evaluation) -> dict[str, tuple[Any, Any]]:
    """The heads of a net with their parameters; None for one that is the body itself."""
    built, net = inside.built, inside.built.program.nets[call.net]
    return {
        head.name: (
            built.heads.get((call.net, head.name)),
            at(inside.params, (call.net, head.name or UNNAMED)),
        )
        for head in net.heads
    }


def _one_row(mapped: Any) -> Mapped:
    """A head's map at one place."""
    return replace(mapped, axes=0, target=mapped.target[-1:])


def _shown(output: MaskedOutput | Output, shape: tuple[int, ...], row: Array) -> Array:
    return constrain(output.kind, row.reshape(shape))
