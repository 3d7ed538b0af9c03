"""Where a fit's traces go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

from dgmlang.compiler.lower.checks import Fault, Unsettled
from dgmlang.objectives.objective import Params, State, Values
from dgmlang.runtime.metrics import Record
from dgmlang.runtime.progress import Progress, Silent

Locate = Callable[[Params, Values, jax.Array], str | None]
"""(params, batch, key) → the first site whose term is not finite there."""

Blame = Callable[[int, Params, State, Values, jax.Array], Fault | Unsettled | None]
"""(player, params, state, batch, key) → the run-time check that failed in the player's loss."""


@dataclass(frozen=True)
class Outlet:
    """Where a fit's traces go: a run folder with what heads it, a progress display, callbacks.

    The folder is the caller's to claim. `save_seconds` lie between checkpoints, which hold `parts`
    too. A callback gets each record.
    """

    folder: Path | None = None
    header: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Silent)
    callbacks: Sequence[Callable[[Record], object]] = ()
    locate: Locate | None = None
    blame: Blame | None = None
    save_seconds: float = 30.0
    parts: Mapping[str, Any] = field(default_factory=dict)
