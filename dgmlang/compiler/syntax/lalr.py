"""Drives the grammar's tables: shift, reduce, and what could have stood where an error is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import dgmlang.grammar
from dgmlang.compiler.syntax.tokens import Token

END = "$END"


class Rule(NamedTuple):
    """`origin` goes to `length` symbols, of which `keep` are given to the method `builder`.

    `alone`: where one child is kept, it stands for the rule itself.
    """

    origin: str
    builder: str
    length: int
    keep: list[int]
    alone: bool


@dataclass(frozen=True)
class Tables:
    """What `grammar/generate.py` wrote: an action n ≥ 0 shifts, n < 0 reduces by rule -n - 1."""

    starts: dict[str, int]
    ends: frozenset[int]
    rules: list[Rule]
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]


@cache
def load_tables() -> Tables:
    """The tables beside the grammar, read once."""
    path = Path(dgmlang.grammar.__file__).with_name("tables.json")
    raw = json.loads(path.read_text(encoding="utf-8"))
    rules = [Rule(*rule) for rule in raw["rules"]]
    return Tables(raw["starts"], frozenset(raw["ends"]), rules, raw["actions"], raw["gotos"])


class Slot(NamedTuple):
    """A value on the stack, the characters it covers (brackets too), and its tree's depth."""

    value: Any
    start: int
    end: int
    depth: int


class Builder(Protocol):
    """Makes a value of each rule that is reduced."""

    def __call__(self, name: str, children: list[Any], start: int, end: int) -> Any:
        """The value of a rule; `children` are tokens and the values of the rules below."""
        ...


class Unexpected(Exception):
    """No statement goes on with `token` (None: it should not end yet); `expected` could stand.

    `before` is the token before it, `state` the parser's where it gave up.
    """

    def __init__(
        self, token: Token | None, before: Token, state: int, expected: frozenset[str]
    ) -> None:
        self.token, self.before, self.state, self.expected = token, before, state, expected
        super().__init__(token, expected)


def run(tables: Tables, start: str, tokens: Sequence[Token], build: Builder) -> Slot:
    """Parses the tokens of one statement.

    Raises:
        Unexpected: at the first token that no statement could have there.
    """
    states, slots = [tables.starts[start]], []
    place, last = tokens[0].start, tokens[0]
    for token in [*tokens, None]:
        kind = token.type if token else END
        before = states.copy()
        while (action := tables.actions[states[-1]].get(kind)) is not None and action < 0:
            _reduce(tables, tables.rules[-action - 1], states, slots, build, place)
            if states[-1] in tables.ends:
                return slots[0]
        if token is None or action is None:
            raise Unexpected(token, last, states[-1], _acceptable(tables, before))
        states.append(action)
        slots.append(Slot(token, token.start, token.end, 0))
        place, last = token.end, token
    raise AssertionError("the end of a statement is reduced or unexpected")


def _reduce(
    tables: Tables, rule: Rule, states: list[int], slots: list[Slot], build: Builder, place: int
) -> None:
    """Replaces a rule's slots by the one that it builds; `place` is where an empty rule stands."""
    parts = slots[len(slots) - rule.length :]
    del slots[len(slots) - rule.length :], states[len(states) - rule.length :]
    start = parts[0].start if parts else place
    end = parts[-1].end if parts else place
    depth = max((part.depth for part in parts), default=0)
    children = [parts[i].value for i in rule.keep]
    if rule.alone and len(children) == 1:
        value = children[0]
    elif rule.origin.startswith("_"):
        value = _Spliced(_flat(children))
    else:
        value, depth = build(rule.builder, _flat(children), start, end), depth + 1
    slots.append(Slot(value, start, end, depth))
    states.append(tables.gotos[states[-1]][rule.origin])


class _Spliced(list[Any]):
    """The children of a rule whose name begins with `_`: they go into the rule above."""


def _flat(children: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for child in children:
        flat.extend(child) if isinstance(child, _Spliced) else flat.append(child)
    return flat


def _acceptable(tables: Tables, states: list[int]) -> frozenset[str]:
    """The symbols that could come next; a merged state's row alone would promise too many."""
    symbols = tables.actions[states[-1]]
    return frozenset(s for s in symbols if _accepts(tables, states.copy(), s))


def _accepts(tables: Tables, states: list[int], symbol: str) -> bool:
    while (action := tables.actions[states[-1]].get(symbol)) is not None:
        if action >= 0:
            return True
        rule = tables.rules[-action - 1]
        del states[len(states) - rule.length :]
        states.append(tables.gotos[states[-1]][rule.origin])
        if states[-1] in tables.ends:
            return symbol == END
    return False
