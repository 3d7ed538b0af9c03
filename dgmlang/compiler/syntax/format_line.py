"""Writes one statement: on one line where it fits, else broken at its loosest places."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from dgmlang.compiler.source import columns
from dgmlang.compiler.syntax.format_tree import Bracket, Comment, Element, Word, flat

WIDTH = 100
INDENT = 2

# Loosest first. A line breaks before the words of the first and the fourth class, else after.
_CLASSES = (
    frozenset({"="}),
    frozenset({"if", "else"}),
    frozenset({"or"}),
    frozenset({"and"}),
    frozenset({"==", "!=", "<", "<=", ">", ">="}),
    frozenset({"|>"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "@"}),
)
_BREAK_BEFORE = frozenset({"if", "else", "|>"})


class Writer:
    """Lines so far; `line` is the one being written, empty at its beginning."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line = ""
        self.indent = 0
        self.is_commented = False

    @property
    def column(self) -> int:
        return columns(self.line) if self.line else self.indent

    def newline(self, indent: int) -> None:
        """Begins a line, unless one has just begun."""
        if self.line:
            self.lines.append(self.line.rstrip())
        self.line, self.indent, self.is_commented = "", indent, False

    def blank(self) -> None:
        """An empty line, behind the one being written."""
        self.newline(self.indent)
        self.lines.append("")

    def text(self, space: str, text: str) -> None:
        """Goes on with the line; `space` falls away at its beginning."""
        if self.is_commented:
            self.newline(self.indent)
        self.line = f"{self.line}{space}{text}" if self.line else " " * self.indent + text

    def comment(self, comment: Comment, indent: int) -> None:
        """A comment; what follows it begins a line."""
        if comment.own:
            self.newline(indent)
        if self.line:
            self.line += f"  {comment.text}"
        else:
            self.text("", comment.text)
        self.is_commented = True

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def statement(self, elements: Sequence[Element], indent: int, after: int = 0) -> None:
        """A statement, or the head of one with a body, `after` being the width of its `{`."""
        if self._fits(elements, after):
            self._flat(elements)
            return
        first = elements[0]
        ends = [i for i, e in enumerate(elements) if isinstance(e, Word) and e.type in ("=", "~")]
        if isinstance(first, Word) and first.type == "extern":
            self._extern(elements, indent)
        elif isinstance(first, Word) and first.type == "use":
            self._use(elements, indent)
        elif ends:
            self._definition(elements, ends[-1] + 1, indent)
        elif isinstance(first, Word) and first.type == "energy":
            self._word(first, indent)
            self._expression(elements[1:], indent, after)
        else:
            self._chain(elements, indent, after)

    def _definition(self, elements: Sequence[Element], split: int, indent: int) -> None:
        """`left = right` or `left ~ right`; a law's chain of stages begins on the first line."""
        left, right = elements[:split], elements[split:]
        self._chain(left, indent, 0)
        broken, inner = _loosest(right), indent + INDENT
        narrow = inner + columns(flat(right)) <= WIDTH and not _commented(right)
        hangs = left[-1].flat == "~" and broken == {"|>"}
        hugs = broken is None and not narrow and isinstance(right[-1], Bracket)
        if right[0].comments:
            self._comments(right[0], inner)
        elif self._fits(right, 0) or hangs or hugs:
            self._expression(right, indent, 0)
            return
        self.newline(inner)
        self._expression(right, inner, 0, begins=True)

    def _extern(self, elements: Sequence[Element], indent: int) -> None:
        words = [i for i, e in enumerate(elements) if e.flat in ("with", "requires") and i > 2]
        cuts = [0, *words, len(elements)]
        self._chain(elements[: cuts[1]], indent, 0)
        for start, end in pairwise(cuts[1:]):
            part = elements[start:end]
            assert isinstance(part[0], Word)
            self._comments(part[0], indent + INDENT)
            self.newline(indent + INDENT)
            self._word(part[0], indent + INDENT)
            if part[0].text == "with":
                self._fill(part[1:], indent + 2 * INDENT)
            else:
                self._expression(part[1:], indent + INDENT, 0)

    def _use(self, elements: Sequence[Element], indent: int) -> None:
        for element in elements[:3]:
            self._element(element, indent)
        self._fill(elements[3:], indent + INDENT)

    def _fill(self, elements: Sequence[Element], indent: int) -> None:
        """Items with commas between, as many on a line as fit."""
        item: list[Element] = []
        is_first = True
        for element in elements:
            item.append(element)
            if element.flat == "," or element is elements[-1]:
                if not is_first and not self._fits(item, 0):
                    self._comments(item[0], indent)
                    self.newline(indent)
                self._chain(item, indent, 0)
                item, is_first = [], False

    # ── expressions ──────────────────────────────────────────────────────────────────────────────

    def _expression(
        self, elements: Sequence[Element], indent: int, after: int, *, begins: bool = False
    ) -> None:
        """`indent` is that of the line; `begins`: the expression begins the line.

        Each stage of a chain has a line; of other operands, as many stand on a line as fit.
        """
        if self._fits(elements, after):
            self._flat(elements)
            return
        loosest = _loosest(elements)
        if loosest is None:
            self._chain(elements, indent, after)
            return
        deeper = not begins or loosest & _BREAK_BEFORE
        inner = indent + INDENT if deeper else indent
        parts = _split(elements, loosest)
        here = indent
        for part in parts:
            room = after if part is parts[-1] else 0
            fills = not loosest & _BREAK_BEFORE and self._fits(part, room)
            if part is not parts[0] and not fills:
                self._comments(part[0], inner)
                self.newline(inner)
                here = inner
            self._operand(part, here, room, loosest)

    def _operand(
        self, part: list[Element], indent: int, after: int, loosest: frozenset[str]
    ) -> None:
        """An operand with the operator that stands before or behind it."""
        first, last = part[0], part[-1]
        if isinstance(first, Word) and first.type in loosest & _BREAK_BEFORE:
            self._word(first, indent)
            part = part[1:]
        if len(part) > 1 and isinstance(last, Word) and last.type in loosest:
            self._expression(part[:-1], indent, len(last.space + last.text))
            self._word(last, indent)
        else:
            self._expression(part, indent, after)

    def _chain(self, elements: Sequence[Element], indent: int, after: int) -> None:
        """What no operator breaks: the last bracket that makes room is broken, or all are."""
        if self._fits(elements, after):
            self._flat(elements)
            return
        brackets = [e for e in elements if isinstance(e, Bracket)]
        chosen = [b for b in brackets if self._makes_room(elements, b, indent, after)][-1:]
        for element in elements:
            if isinstance(element, Word):
                self._word(element, indent + INDENT)
            elif element.is_commented or any(element is b for b in chosen or brackets):
                self._bracket(element, indent)
            else:
                self._flat([element])

    def _makes_room(
        self, elements: Sequence[Element], bracket: Bracket, indent: int, after: int
    ) -> bool:
        place = next(i for i, e in enumerate(elements) if e is bracket)
        before, behind = elements[:place], elements[place + 1 :]
        if not bracket.parts or _commented([*before, *behind]):
            return False
        first = self.column + columns(flat([*before, bracket.opener]))
        last = indent + columns(flat([bracket.closer, *behind])) + after
        return first <= WIDTH and last <= WIDTH

    def _bracket(self, bracket: Bracket, indent: int) -> None:
        """All that is inside on one line of its own, or else each part on one."""
        inner = indent + INDENT
        self._word(bracket.opener, inner)
        inside = [element for part in bracket.parts for element in part]
        if inside and not _commented(inside) and inner + columns(flat(inside)) <= WIDTH:
            self.newline(inner)
            self._flat(inside)
        else:
            for part in bracket.parts:
                self._part(part, inner)
        self._comments(bracket.closer, inner)
        self.newline(indent)
        self.text("", bracket.closer.text)

    def _part(self, part: Sequence[Element], indent: int) -> None:
        self._comments(part[0], indent)
        self.newline(indent)
        last = part[-1]
        if isinstance(last, Word) and last.type in (",", "|"):
            self._expression(part[:-1], indent, len(last.space) + 1, begins=True)
            self._word(last, indent)
        else:
            self._expression(part, indent, 0, begins=True)

    # ── the smallest steps ───────────────────────────────────────────────────────────────────────

    def _fits(self, elements: Sequence[Element], after: int) -> bool:
        if _commented(elements):
            return False
        space = elements[0].space if self.line else ""
        return self.column + columns(space + flat(elements)) + after <= WIDTH

    def _flat(self, elements: Sequence[Element]) -> None:
        self.text(elements[0].space, flat(elements))

    def _element(self, element: Element, indent: int) -> None:
        self._word(element, indent) if isinstance(element, Word) else self._bracket(element, indent)

    def _word(self, word: Word, indent: int) -> None:
        self._comments(word, indent)
        self.text(word.space, word.text)

    def _comments(self, element: Element, indent: int) -> None:
        """Those before an element, once."""
        for comment in element.comments:
            self.comment(comment, indent)
        if element.comments:
            self.newline(indent)
        element.comments.clear()


def _commented(elements: Sequence[Element]) -> bool:
    return any(e.is_commented for e in elements)


def _loosest(elements: Sequence[Element]) -> frozenset[str] | None:
    """The loosest operators between the elements, None where there are none to break at."""
    between = {e.type for e in elements[1:] if isinstance(e, Word)}
    return next((c for c in _CLASSES if c & between), None)


def _split(elements: Sequence[Element], operators: frozenset[str]) -> list[list[Element]]:
    parts: list[list[Element]] = [[]]
    for element in elements:
        breaks = bool(parts[-1]) and isinstance(element, Word) and element.type in operators
        if breaks and operators & _BREAK_BEFORE:
            parts.append([element])
        else:
            parts[-1].append(element)
            if breaks:
                parts.append([])
    return [part for part in parts if part]
