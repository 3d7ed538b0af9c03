"""Any stage's output as indented text: `dgm emit --stage ast`, `program`, `facts`, `plan`.

Nodes are dataclasses. A node that stands at several places is written once, with a number, and
named by that number elsewhere: the program's expressions are a graph, and a `let` is one node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from dgmlang.compiler.library import Extern
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import Type

_LEAVES = (Span, Extern, Type, Dim)
"""Dataclasses that are written as one word: places, built-ins, types and sizes."""

_WIDTH = 96


def tree(root: Any) -> str:
    """The whole of a value, one node a line where its fields do not fit on one."""
    return "\n".join(_Writer(root).lines(root, ""))


class _Writer:
    def __init__(self, root: Any) -> None:
        self.visits = Counter[int]()
        self._count(root)
        self.numbers: dict[int, int] = {}

    def _count(self, value: Any) -> None:
        if _is_node(value):
            self.visits[id(value)] += 1
            if self.visits[id(value)] > 1:
                return
        for _, part in _parts(value):
            self._count(part)

    def lines(self, value: Any, label: str) -> Iterator[str]:
        head = f"{label}{self._head(value)}"
        parts = [] if self._seen(value) else list(_parts(value))
        short = f"{head}{self._short(value, parts)}"
        if len(short) <= _WIDTH and all(_is_word(part) for _, part in parts):
            yield short
            return
        if head:
            yield head.rstrip()
        for name, part in parts:
            for line in self.lines(part, f"{name}: " if name else "- "):
                yield f"  {line}"

    def _head(self, value: Any) -> str:
        """The node's name, its number where it is shared, and the type of an expression."""
        if not _is_node(value):
            return _word(value) if _is_word(value) else ""
        shared = self.visits[id(value)] > 1 and bool(_parts(value))
        number = f" #{self.numbers.get(id(value), len(self.numbers) + 1)}" if shared else ""
        type_ = getattr(value, "type", None)
        kind = f" : {type_}" if isinstance(type_, Type) else ""
        return f"{type(value).__name__}{number}{kind}"

    def _seen(self, value: Any) -> bool:
        """True where a shared node was written above; a first visit gives it its number."""
        if not _is_node(value) or self.visits[id(value)] == 1 or not _parts(value):
            return False
        before = id(value) in self.numbers
        self.numbers.setdefault(id(value), len(self.numbers) + 1)
        return before

    def _short(self, value: Any, parts: Iterable[tuple[str, Any]]) -> str:
        words = [f"{name} = {_word(part)}" if name else _word(part) for name, part in parts]
        if not words:
            return "" if _is_node(value) or _is_word(value) else "none"
        return f"({', '.join(words)})" if _is_node(value) else ", ".join(words)


def _is_node(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, _LEAVES)


def _is_word(value: Any) -> bool:
    """True for what one line holds: no node, and no list with a node in it."""
    if isinstance(value, tuple | list):
        return all(map(_is_word, value))
    return not (_is_node(value) or isinstance(value, Mapping))


def _word(value: Any) -> str:
    if isinstance(value, Extern):
        return value.name
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_word, value)) + "]"
    return str(value) if isinstance(value, Type | Span | Dim) else repr(value)


def _parts(value: Any) -> list[tuple[str, Any]]:
    """What a value holds, with names; places and empty fields say nothing."""
    if _is_node(value):
        named = ((f.name, getattr(value, f.name)) for f in fields(value))
        return [(n, v) for n, v in named if not _says_nothing(n, v)]
    if isinstance(value, Mapping):
        return [(str(name), part) for name, part in value.items()]
    plain = not isinstance(value, tuple | list) or _is_word(value)
    return [] if plain else [("", part) for part in value]


def _says_nothing(name: str, value: Any) -> bool:
    """An absent part, a flag that is not set, a place, and the type that the head line shows."""
    empty = (
        value is None or value is False or (isinstance(value, str | tuple | Mapping) and not value)
    )
    return empty or isinstance(value, Span) or (name == "type" and isinstance(value, Type))
