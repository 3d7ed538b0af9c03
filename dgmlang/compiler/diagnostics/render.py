"""Draws a diagnostic: the source lines it points at, each with its marks, then why and help."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Source, columns

_STYLES = {"error": "1;31", "warning": "1;33", "title": "1", "gutter": "34", "note": "36"}
_TAB = "    "
_WIDEST = 160  # characters of a source line; a longer one is cut to those around the mark


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """The lines that a person reads, without a newline at the end."""
    return "\n".join(_Drawing(diagnostic, color).lines())


class _Drawing:
    def __init__(self, diagnostic: Diagnostic, color: bool) -> None:
        self.diagnostic, self.color = diagnostic, color
        lines = [label.span.line for label in diagnostic.labels]
        self.margin = len(str(max(lines, default=0)))

    def lines(self) -> Iterator[str]:
        d = self.diagnostic
        head = self._paint(f"{d.severity}[{d.code}]", d.severity)
        yield head + self._paint(f": {_plain(d.title)}", "title")
        if d.labels:
            yield from self._places()
        elif d.place:
            yield f"{' ' * self.margin} {self._paint('-->', 'gutter')} {_plain(d.place)}"
        for kind, text in [
            *(("why", why) for why in d.why),
            *([("help", d.help)] if d.help else []),
        ]:
            mark = self._paint("=", "gutter")
            yield f"{' ' * self.margin}  {mark} {self._paint(kind + ':', 'note')} {_plain(text)}"

    def _places(self) -> Iterator[str]:
        """The labelled lines, file by file; the file of the mistake comes first."""
        labels = self.diagnostic.labels
        sources = list({id(label.span.source): label.span.source for label in labels}.values())
        for source in sources:
            here = [label for label in labels if label.span.source is source]
            yield f"{' ' * self.margin} {self._paint('-->', 'gutter')} {_plain(str(here[0].span))}"
            yield self._gutter("")
            yield from self._lines_of(source, here)

    def _lines_of(self, source: Source, labels: list[Label]) -> Iterator[str]:
        before = None
        for number, group in groupby(sorted(labels, key=_line), key=_line):
            if before is not None and number > before + 1:
                yield self._paint("...", "gutter")
            before = number
            same_line = list(group)
            first = min(label.span.column for label in same_line) - 1
            text = source.line(number)
            cut = max(0, first - _WIDEST // 2) if len(text) > _WIDEST else 0
            yield self._gutter(str(number), _display(text[cut : cut + _WIDEST]))
            for label in same_line:
                yield self._gutter("", self._marks(text, label, cut))

    def _marks(self, text: str, label: Label, cut: int) -> str:
        """Carets under the mistake, dashes under the other places, and the label's clause."""
        span = label.span
        start = span.column - 1
        shown = text[cut : cut + _WIDEST]
        stop = min(start + span.end - span.start, len(text)) - cut
        blank = _width(shown[: start - cut])
        length = max(1, _width(shown[start - cut : stop]))
        is_main = label is self.diagnostic.labels[0]
        style = self.diagnostic.severity if is_main else "gutter"
        marks = ("^" if is_main else "-") * length
        return " " * blank + self._paint(f"{marks} {_plain(label.text)}".rstrip(), style)

    def _gutter(self, number: str, text: str = "") -> str:
        bar = self._paint(f" {number:>{self.margin}} |", "gutter")
        return f"{bar} {text}".rstrip()

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color else text


def _line(label: Label) -> int:
    return label.span.line


def _plain(text: str) -> str:
    """The text without characters that would move the cursor or turn the direction of writing."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _display(line: str) -> str:
    return "".join(_TAB if c == "\t" else _plain(c) for c in line.rstrip("\r"))


def _width(text: str) -> int:
    """How many columns of a terminal the text takes, its tabs as they are drawn."""
    return columns(text.replace("\t", _TAB))
