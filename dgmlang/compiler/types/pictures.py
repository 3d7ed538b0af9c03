"""Stages that take pictures: arrays [h, w], or [h, w, c] with the channels last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgmlang.compiler.library import Extern
from dgmlang.compiler.types.dims import Dim, half
from dgmlang.compiler.types.kinds import Type

_SPOKEN = {"2": "a picture [h, w]", "3": "a picture [h, w, c]"}


def picture_wanted(extern: Extern, source: Type, settings: Mapping[str, Any]) -> str | None:
    """What a stage wants instead of `source`, in words; None where it takes it.

    `ranks(2, 3)`: how many axes it may have. `squeezes(levels)`: its sides are halved that often.
    """
    ranks = extern.argument("ranks")
    if ranks and str(len(source.array_shape)) not in ranks:
        return " or ".join(_SPOKEN[r] for r in ranks)
    sides = [side.value for side in source.array_shape[:2]]
    for name in extern.argument("squeezes"):
        if any(side is not None and _halvings(side) < settings[name] for side in sides):
            return f"a picture whose sides can be halved {settings[name]} times"
    return None


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
