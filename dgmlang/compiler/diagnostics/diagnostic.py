"""What the compiler has to say, as data. The words are in `codes`, the drawing in `render`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.source import Span

Severity = Literal["error", "warning", "note"]


@frozen()
class Label:
    """A place and a clause about it; an empty text only underlines."""

    span: Span
    text: str = ""


@frozen()
class Edit:
    """`text` in the place of `span`; at an empty span, before what stands there."""

    span: Span
    text: str


@frozen()
class Diagnostic:
    """One finding.

    `labels[0]` is the place of the mistake, further labels are the other sides of a mismatch; a
    diagnostic about something without a text (data, a run folder) has none and may set `place`.
    `fixes` are the edits, all of them together, that do what `help` says; none where a person must
    decide.
    """

    code: str
    title: str
    labels: tuple[Label, ...] = ()
    why: tuple[str, ...] = ()
    help: str | None = None
    severity: Severity = "error"
    place: str | None = None
    fixes: tuple[Edit, ...] = ()


def instead(span: Span, text: str | None) -> tuple[Edit, ...]:
    """The fix that writes one thing for another; none where there is nothing to write."""
    return () if text is None else (Edit(span, text),)


def respelt(span: Span, name: str, near: str | None) -> tuple[Edit, ...]:
    """The fix that writes a name as it was meant; none where it does not stand just once there."""
    places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", span.text)]
    if near is None or not near.isidentifier() or len(places) != 1:
        return ()
    start = span.start + places[0]
    return (Edit(Span(span.source, start, start + len(name)), near),)


def apply(text: str, fixes: Iterable[Edit]) -> str:
    """The text with the edits made; none of them overlap."""
    for edit in sorted(fixes, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


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
