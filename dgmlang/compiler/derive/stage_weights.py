"""How many numbers a stage learns, by the formulas of the library (`weights(…)`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import Chain, Choice, NetUse, Stage, chosen
from dgmlang.compiler.report import Report
from dgmlang.compiler.types.declared import bind, instantiate, unit
from dgmlang.compiler.types.dims import Dim, numbers
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.compiler.types.pictures import halvings, squeezed
from dgmlang.compiler.types.static import Static, static


class Uncounted(Exception):
    """A stage whose formula the library does not give."""


def chain_weights(chain: Chain, source: Type) -> int:
    """What the stages of a chain learn in all, for an input of this type (raises Uncounted)."""
    return _through(chain, source)[0]


def stage_weights(stage: Stage, source: Type) -> int:
    """What one stage learns, its block and its net included (raises Uncounted)."""
    extern, scope = stage.extern, _scope(stage, source)
    own = 0 if extern.has("weightless") else _learned(extern, scope)
    return own + _block(stage, source) + _nets(stage, source, scope)


def head_weights(features: tuple[int, ...], target: tuple[int, ...], prefix: int) -> int:
    """A dense map that keeps `prefix` leading axes: from the other features, and a bias."""
    return (prod(features[prefix:]) + 1) * prod(target[prefix:])


def _through(chain: Chain, source: Type) -> tuple[int, Type]:
    total = 0
    for stage in chain.stages:
        total += stage_weights(stage, source)
        source = _target(stage, source)
    return total, source


def _learned(extern: Extern, scope: Static) -> int:
    if extern.formula("weights") is None and extern.argument("conditioner"):
        return 0
    return _number(extern, "weights", scope)


def _number(extern: Extern, name: str, scope: Static) -> int:
    """The value of a formula of the library at these sizes and settings."""
    formula = extern.formula(name)
    if formula is None:
        raise Uncounted(extern.name)
    value = static(formula, scope)
    scope.report.settle()
    number = value.value if isinstance(value, Dim) else value
    assert number is not None
    return int(number)


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────


def _block(stage: Stage, source: Type) -> int:
    """The block as often as the stage holds it, each copy for what it is applied to."""
    if stage.body is None:
        return 0
    named = [stage.settings[name] for name in stage.extern.argument("copies")]
    copies = [(n.value or 0) if isinstance(n, Dim) else n for n in named]
    each = (_through(stage.body, level)[0] for level in _levels(stage, source))
    return prod(copies) * sum(each)


def _levels(stage: Stage, source: Type) -> Iterable[Type]:
    for _ in range(max(halvings(stage.extern, stage.settings), 1)):
        source = squeezed(stage.extern, source)
        yield source
        if stage.extern.has("halves"):
            h, w, c = numbers(source.array_shape)
            source = Type(source.kind, (Dim.of(h), Dim.of(w), Dim.of(c // 2)))


# ── nets in stages ───────────────────────────────────────────────────────────────────────────────


def _nets(stage: Stage, source: Type, scope: Static) -> int:
    """The chains that a stage takes as nets, each with the head that it gets.

    Of a net that the program declares the head alone; a field is its own answer, with no head.
    """
    nets = [stage.settings[name] for name in stage.extern.argument("conditioner")]
    headed = (n for n in nets if isinstance(n, Chain) or not stage.extern.has("vector_field"))
    return sum(_conditioner(net, stage, source, scope) for net in headed)


def _conditioner(net: Chain | NetUse, stage: Stage, source: Type, scope: Static) -> int:
    mask = [chosen("mask", stage.settings[name]) for name in stage.extern.argument("split")]
    told = next(iter(mask), stage.extern)
    shape = numbers(source.array_shape)
    sides = shape[:2] if told.has("pictures") else ()
    scope = replace(scope, values={**scope.values, "c": shape[-1]}) if sides else scope
    shown, answered = (_number(told, name, scope) for name in ("shown", "answered"))
    shown += scope.values["beside" if sides else "condition"]
    fed = Type(REAL, tuple(map(Dim.of, (*sides, shown))))
    weights, found = _through(net, fed) if isinstance(net, Chain) else (0, net.value.type)
    features, target = numbers(found.array_shape), (*sides, answered, _transform(stage))
    if isinstance(net, Chain) and net.stages[-1].extern.has("masked_head"):
        return weights + head_weights(features[-1:], target, 0)
    if isinstance(net, NetUse) and stage.extern.has("causal_conditioner"):
        features = features[0], prod(features[1:])
    places = features[:-1]
    kept = len(places) if target[: len(places)] == places else 0
    return weights + head_weights(features, target, kept)


def _transform(stage: Stage) -> int:
    """How many numbers set the transform of one entry."""
    held = stage.settings.get("transform")
    if held is None:
        return 1
    settings = held.settings if isinstance(held, Choice) else {}
    return _number(chosen("transform", held), "numbers", _static(settings))


# ── what stands in a formula ─────────────────────────────────────────────────────────────────────


def affine(n: int, hidden: int | tuple[int, ...]) -> int:
    """The affine maps from n numbers to each of the widths in turn, with their biases."""
    widths = hidden if isinstance(hidden, tuple) else (hidden,)
    return sum((a + 1) * b for a, b in pairwise((n, *widths)))


def gate(n: int, width: int, both_ways: bool) -> int:
    """One gate of a recurrent layer: from the input, from the state, and a bias.

    Both ways, half of the units run forwards and do not see the state of the others.
    """
    half = width // 2
    states = half**2 + (width - half) ** 2 if both_ways else width**2
    return (n + 1) * width + states


def u_shaped(colours: int, channels: tuple[int, ...], condition: int) -> int:
    """A U-shaped net of residual blocks, two for each level but the coarsest, which has one.

    A block has two norms, two convolutions three places wide, a map of the embedding, which is four
    times as wide as the finest level, and one past it where its channels change.
    """
    finest = channels[0]
    told = 4 * finest

    def block(a: int, b: int) -> int:
        skip = 0 if a == b else (a + 1) * b
        return 2 * (a + b) + (9 * a + 1) * b + (9 * b + 1) * b + (told + 1) * b + skip

    down = sum(block(a, b) for a, b in pairwise((finest, *channels)))
    up = sum(block(a + b, a) for a, b in pairwise(channels))
    ends = (9 * colours + 1) * finest + 2 * finest + (9 * finest + 1) * colours
    return down + up + ends + (told + 1) * told + ((condition + 1) * told if condition else 0)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "affine": affine,
    "gate": gate,
    "half": lambda n: n // 2,
    "last": lambda widths: widths[-1],
    "len": len,
    "u_shaped": u_shaped,
}


def _scope(stage: Stage, source: Type) -> Static:
    extern = stage.extern
    dims: dict[str, Dim] = {}
    if extern.source is not None:
        bind(extern.source, source, dims)
    shape = numbers(source.array_shape)
    own = shape if extern.source is None else shape[len(shape) - unit(extern.source, len(shape)) :]
    types = {p.name: p.type for p in extern.parameters if not p.static}
    given = dict.fromkeys(("condition", *types), 0)
    for name, value in stage.inputs.items():
        bind(types[name], value.type, dims)
        given[name] = prod(numbers(value.type.array_shape))
    held = {name: dim.value for name, dim in dims.items()}
    counts = {
        "size": prod(own),
        "absent": int(source.may_miss),
        "beside": _beside(stage, shape),
        "colours": prod(shape[2:]),
    }
    return _static({**stage.settings, **held, **given, **counts})


def _static(values: Mapping[str, Any]) -> Static:
    return Static(values, Report(), functions=FUNCTIONS)


def _beside(stage: Stage, picture: tuple[int, ...]) -> int:
    """How many channels a condition adds to a picture: place by place where it has its sides."""
    if "condition" not in stage.inputs:
        return 0
    shape = numbers(stage.inputs["condition"].type.array_shape)
    return prod(shape[2:] if shape[:2] == picture[:2] else shape)


def _target(stage: Stage, source: Type) -> Type:
    """What the stage makes of a value of this type, which may have another size than checked."""
    extern = stage.extern
    if extern.source is None or extern.type is None or stage.body is not None:
        return source
    dims: dict[str, Dim] = {}
    leading = bind(extern.source, source, dims) or ()
    values = {k: v for k, v in stage.settings.items() if isinstance(v, int | float | tuple | Dim)}
    found = instantiate(extern.type, dims, values, _static({}), source.array_shape)
    return Type(REAL, leading + found.shape)
