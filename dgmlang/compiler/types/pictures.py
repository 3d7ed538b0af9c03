"""Stages that take pictures: arrays [h, w], or [h, w, c] with the channels last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import Chain, Stage
from dgmlang.compiler.types.dims import Dim, half
from dgmlang.compiler.types.kinds import Type

_SPOKEN = {"2": "a picture [h, w]", "3": "a picture [h, w, c]"}


def picture_wanted(extern: Extern, source: Type, settings: Mapping[str, Any]) -> str | None:
    """What a stage wants instead of `source`, in words; None where it takes it.

    `ranks(2, 3)`: how many axes it may have. `squeezes(levels)`: its sides are halved that often,
    once where nothing is named.
    """
    ranks = extern.argument("ranks")
    if ranks and str(len(source.array_shape)) not in ranks:
        return " or ".join(_SPOKEN[r] for r in ranks)
    return _too_odd(source, halvings(extern, settings))


def nested(body: Chain, deeper: int) -> tuple[Stage, str] | None:
    """A stage in a block that halves more often than the picture's sides can be, and what it wants.

    `deeper`: how often the block's picture is halved before its last use, beyond the first.
    """
    for stage in body.stages:
        times = deeper + halvings(stage.extern, stage.settings)
        wanted = _too_odd(stage.source, times) if times > deeper else None
        if wanted is not None:
            return stage, wanted
        found = None if stage.body is None else nested(stage.body, max(times - 1, deeper))
        if found is not None:
            return found
    return None


def halvings(extern: Extern, settings: Mapping[str, Any]) -> int:
    """How often a stage halves the sides of its picture.

    `coarser(channels)`: once less than there are entries, one for each level.
    """
    if extern.has("coarser"):
        return len(settings[extern.argument("coarser")[0]]) - 1
    if not extern.has("squeezes"):
        return 0
    named = extern.argument("squeezes")
    return settings[named[0]] if named else 1


def _too_odd(source: Type, times: int) -> str | None:
    sides = [side.value for side in source.array_shape[:2]]
    if all(side is None or _halvings(side) >= times for side in sides):
        return None
    return f"a picture whose sides can be halved {'once' if times == 1 else f'{times} times'}"


def _halvings(side: int) -> int:
    return (side & -side).bit_length() - 1


def squeezed(extern: Extern, source: Type) -> Type:
    """What the block of a stage is applied to.

    A stage that squeezes hands over, at its first level, a picture of half the sides and four
    times the channels.
    """
    if not extern.has("squeezes"):
        return source
    h, w, c = source.array_shape
    sides = (half(side) or Dim.symbol(f"{side}/2") for side in (h, w))
    return Type(source.kind, (*sides, c * Dim.of(4)))
