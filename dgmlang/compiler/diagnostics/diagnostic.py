"""What the compiler has to say, as data. The words are in `codes`, the drawing in `render`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dgmlang.compiler.source import Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Label:
    """A place and a clause about it; an empty text only underlines."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One finding.

    `labels[0]` is the place of the mistake, further labels are the other sides of a mismatch; a
    diagnostic about something without a text (data, a run folder) has none and may set `place`.
    """

    code: str
    title: str
    labels: tuple[Label, ...] = ()
    why: tuple[str, ...] = ()
    help: str | None = None
    severity: Severity = "error"
    place: str | None = None


class DgmError(Exception):
    """Raised once, at the outermost call that the user made; carries every finding of the run."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        self.diagnostics = (
            (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        )
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from dgmlang.compiler.diagnostics.render import render

        return "\n\n".join(render(d) for d in self.diagnostics)
