"""Entries that pass a whole flow unchanged, so that it is not the model that it looks like.

Couplings leave the entries that condition as they are, and what permutes them between two couplings
decides whether each is transformed at some point. Masks and permutations say by their properties
which entries they mean; of a stage without such a property every entry counts as transformed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

from dgmlang.compiler.diagnostics.codes import laws as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.program import Chain, Choice, Program, Stage, chosen
from dgmlang.compiler.program.orders import shuffled, squeezed
from dgmlang.compiler.types.dims import numbers, size
from dgmlang.compiler.types.pictures import halvings
from dgmlang.compiler.walk import chains

LARGEST = 4096
"""Entries of a flow that are followed."""

Shape = tuple[int, ...]

KEPT: Mapping[str, Callable[[int, Shape, Mapping[str, Any]], bool]] = {
    "first_half": lambda i, shape, _: i < prod(shape) // 2,
    "even": lambda i, shape, _: i % 2 == 0,
    "colour": lambda i, shape, own: sum(divmod(i // shape[2], shape[1])) % 2 == own["odd"],
    "channels": lambda i, shape, _: i % shape[2] < shape[2] // 2,
}
"""Whether a mask that `keeps(…)`, with settings of its own, lets flat entry i condition."""

REORDERED: Mapping[str, Callable[[Stage, int], list[int]]] = {
    "reversed": lambda _, n: list(range(n))[::-1],
    "shuffled": lambda stage, n: shuffled(stage.settings[stage.extern.argument("seed")[0]], n),
}
"""Which entry stands where behind a stage that `reorders(…)`."""


class _Unknown(Exception):
    """A stage of which it cannot be said which entries it transforms."""


def untouched(program: Program) -> Iterator[Diagnostic]:
    """DGM0369 for each flow with entries that no coupling transforms."""
    seen: set[int] = set()
    for chain in chains(program):
        dim = size(chain.source.array_shape)
        count = None if dim is None else dim.value
        if id(chain) in seen or count is None or count > LARGEST or not _splits(chain):
            continue
        seen.add(id(chain))
        found = unchanged(chain, count)
        if found:
            span = chain.stages[0].span.to(chain.stages[-1].span)
            picture = len(chain.source.array_shape) == 3
            yield codes.untouched_entries(span, found, count, picture=picture)


def _splits(chain: Chain) -> bool:
    return any(
        stage.extern.has("split") or (stage.body is not None and _splits(stage.body))
        for stage in chain.stages
    )


def unchanged(chain: Chain, count: int) -> list[int]:
    """The entries of the base that come out as they went in; none where that is unknown."""
    shape, changed = numbers(chain.source.array_shape), set[int]()
    try:
        _along(chain, list(range(count)), shape, changed)
    except _Unknown:
        return []
    return [i for i in range(count) if i not in changed]


def _along(chain: Chain, places: list[int], shape: Shape, changed: set[int]) -> list[int]:
    """Which base entry stands where behind a chain; those that it transforms are added."""
    for stage in chain.stages:
        places = _through(stage, places, shape, changed)
    return places


def _through(stage: Stage, places: list[int], shape: Shape, changed: set[int]) -> list[int]:
    extern, body = stage.extern, stage.body
    if extern.has("split"):
        changed |= _moved(stage, places, shape)
        return places
    if extern.has("reorders"):
        order = REORDERED[extern.argument("reorders")[0]](stage, len(places))
        return [places[i] for i in order]
    if body is not None and extern.has("squeezes"):
        return _levels(body, halvings(extern, stage.settings), places, shape, changed)
    if body is not None and extern.has("copies"):
        seen = set[tuple[int, ...]]()
        for _ in range(_copies(stage)):
            if tuple(places) in seen:  # from here on the copies do what they did
                break
            seen.add(tuple(places))
            places = _along(body, places, shape, changed)
        return places
    raise _Unknown


def _moved(stage: Stage, places: list[int], shape: Shape) -> set[int]:
    """What a coupling transforms."""
    held = stage.settings[stage.extern.argument("split")[0]]
    keeps = chosen("mask", held).argument("keeps")
    if not keeps:
        raise _Unknown
    own = held.settings if isinstance(held, Choice) else {}
    return {e for i, e in enumerate(places) if not KEPT[keeps[0]](i, shape, own)}


def _levels(
    body: Chain, levels: int, places: list[int], shape: Shape, changed: set[int]
) -> list[int]:
    """A block on squeezed pictures, the smallest first; half of the channels join at each."""
    h, w, c = shape
    order = squeezed(h, w, c)
    inside = [places[i] for i in order]
    if levels > 1:
        on = [i for i in range(len(inside)) if i % (4 * c) < 2 * c]
        below = _levels(body, levels - 1, [inside[i] for i in on], (h // 2, w // 2, 2 * c), changed)
        for i, entry in zip(on, below, strict=True):
            inside[i] = entry
    inside = _along(body, inside, (h // 2, w // 2, 4 * c), changed)
    found = dict(zip(order, inside, strict=True))
    return [found[i] for i in range(len(places))]


def _copies(stage: Stage) -> int:
    count = stage.settings[stage.extern.argument("copies")[0]]
    if not isinstance(count, int):
        raise _Unknown
    return count
