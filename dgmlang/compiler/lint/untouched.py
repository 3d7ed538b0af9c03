"""Entries that pass a whole flow unchanged, so that it is not the model that it looks like.

Couplings leave the entries that condition as they are, and what permutes them between two couplings
decides whether each is transformed at some point. Masks and permutations say by their properties
which entries they mean; of a stage without such a property every entry counts as transformed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dgmlang.compiler.diagnostics.codes import laws as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import Chain, Choice, Program, Stage
from dgmlang.compiler.types.dims import size
from dgmlang.compiler.walk import chains

LARGEST = 4096
"""Entries of a flow that are followed."""

KEPT: Mapping[str, Callable[[int, int], bool]] = {
    "first_half": lambda i, n: i < n // 2,
    "even": lambda i, _: i % 2 == 0,
}
"""Whether a mask that `keeps(…)` lets entry i of n condition."""


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
        found = _unchanged(chain, count)
        if found:
            span = chain.stages[0].span.to(chain.stages[-1].span)
            yield codes.untouched_entries(span, found, count)


def _splits(chain: Chain) -> bool:
    return any(
        stage.extern.has("split") or (stage.body is not None and _splits(stage.body))
        for stage in chain.stages
    )


def _unchanged(chain: Chain, count: int) -> list[int]:
    """The entries of the base that come out as they went in; none where that is unknown."""
    places, changed = list(range(count)), set[int]()
    try:
        for stage in chain.stages:
            places = _through(stage, places, changed)
    except _Unknown:
        return []
    return [i for i in range(count) if i not in changed]


def _through(stage: Stage, places: list[int], changed: set[int]) -> list[int]:
    """Which base entry stands where behind a stage; those that it transforms are added."""
    extern = stage.extern
    if extern.has("split"):
        keeps = _mask(stage).argument("keeps")
        if not keeps:
            raise _Unknown
        changed |= {e for i, e in enumerate(places) if not KEPT[keeps[0]](i, len(places))}
        return places
    if extern.argument("reorders") == ("reversed",):
        return places[::-1]
    if extern.has("copies") and stage.body is not None:
        for _ in range(_copies(stage)):
            for inner in stage.body.stages:
                places = _through(inner, places, changed)
        return places
    raise _Unknown


def _copies(stage: Stage) -> int:
    held = stage.settings[stage.extern.argument("copies")[0]]
    count = held if isinstance(held, int) else None
    if count is None:
        raise _Unknown
    return min(count, 2)  # a reversal twice is where it began: more copies change nothing


def _mask(stage: Stage) -> Extern:
    held = stage.settings[stage.extern.argument("split")[0]]
    return held.extern if isinstance(held, Choice) else library().externs["mask"][held]
