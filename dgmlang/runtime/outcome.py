"""How a fit ends: with what it leaves, a value that is not finite, or an interruption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.objectives.objective import Params
from dgmlang.runtime.metrics import Record


@dataclass(frozen=True)
class Result:
    """What a fit leaves. `best` and `valid` belong to the held-out loss, `average` to the EMA."""

    last: Params
    best: Params | None
    average: Params | None
    history: tuple[Record, ...]
    step: int
    valid: float | None
    reason: str

    @property
    def chosen(self) -> tuple[str, Params]:
        """The parameters that queries use and their name: `best`, else `ema`, else `last`."""
        if self.best is not None:
            return "best", self.best
        return ("ema", self.average) if self.average is not None else ("last", self.last)


class NotFinite(DgmError):
    """Training met a value that is not finite; `result` holds the last good parameters."""

    def __init__(self, diagnostic: Diagnostic, result: Result) -> None:
        super().__init__(diagnostic)
        self.result = result
        self.fitted: Any = None


class Interrupted(KeyboardInterrupt):
    """Training was interrupted; the run folder is written and `result` holds what there is."""

    def __init__(self, diagnostic: Diagnostic, result: Result) -> None:
        super().__init__(diagnostic.why[0])
        self.diagnostic = diagnostic
        self.result = result
        self.fitted: Any = None
