"""Run-time checks at drawn values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgmlang.compiler.lower.lowered import law_values
from dgmlang.objectives.objective import Values

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted


def sound_at(fitted: AbstractFitted, values: Values, *, guide: bool = False) -> None:
    """DGM0715 where a check fails at drawn values: a discrete draw hides a NaN above it."""
    lowered = fitted.model.lowered
    if lowered.built.checks and fitted._drawn_params is None:
        lowered.sound(lambda lowered: law_values(lowered, fitted.raw, values, guide))
