"""Drives the grammar's tables: shift, reduce, and what could have stood where an error is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import dgmlang.grammar
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.syntax.tokens import Token

END = "$END"
MAX_STACK = 1000


class Rule(NamedTuple):
    """`origin` goes to `length` symbols, of which those in `keep` become its value.

    `kind` says how; `grammar/generate.py` has the four.
    """

    origin: str
    length: int
    keep: list[int]
    kind: str
    builder: str


@frozen()
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


# A value on the stack, the characters it covers (brackets too), and its tree's depth. Named tuples
# are three times as slow to make, and this is the innermost loop of `dgm check`.
Slot = tuple[Any, int, int, int]


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


class TooDeep(Exception):
    """More symbols wait for their end than a tree within the limits could have."""


def run(tables: Tables, start: str, tokens: Sequence[Token], build: Builder) -> tuple[Any, int]:
    """Parses the tokens of one statement to its value and the depth of the value's tree.

    Raises:
        Unexpected: at the first token that no statement could have there.
        TooDeep: where the stack passes `MAX_STACK`, so that time stays linear in the tokens.
    """
    actions, rules, gotos = tables.actions, tables.rules, tables.gotos
    states, slots = [tables.starts[start]], list[Slot]()
    last = tokens[0]
    for token in [*tokens, None]:
        kind = token.type if token else END
        before = states.copy()
        while (action := actions[states[-1]].get(kind)) is not None and action < 0:
            rule = rules[-action - 1]
            if rule.kind == "same":
                states[-1] = gotos[states[-2]][rule.origin]
                continue
            _reduce(rule, slots, build, last.end)
            del states[len(states) - rule.length :]
            states.append(gotos[states[-1]][rule.origin])
            if states[-1] in tables.ends:
                value, _, _, depth = slots[0]
                return value, depth
        if token is None or action is None:
            raise Unexpected(token, last, states[-1], _acceptable(tables, before))
        if len(states) > MAX_STACK:
            raise TooDeep
        states.append(action)
        slots.append((token, token.start, token.end, 0))
        last = token
    raise AssertionError("the end of a statement is reduced or unexpected")


def _reduce(rule: Rule, slots: list[Slot], build: Builder, place: int) -> None:
    """Replaces a rule's slots by the one that it builds; `place` is where an empty rule stands."""
    if not rule.length:
        slots.append(_value(rule, [], build, place, place, 0))
        return
    parts = slots[-rule.length :]
    del slots[-rule.length :]
    children = [parts[i][0] for i in rule.keep]
    depth = max([part[3] for part in parts])
    slots.append(_value(rule, children, build, parts[0][1], parts[-1][2], depth))


def _value(
    rule: Rule, children: list[Any], build: Builder, start: int, end: int, depth: int
) -> Slot:
    if rule.kind == "child":
        return children[0], start, end, depth
    if rule.kind == "splice":
        if children and isinstance(children[0], _Spliced):
            children[0].extend(_flat(children[1:]))  # a list grows in place, in linear time
            return children[0], start, end, depth
        return _Spliced(_flat(children)), start, end, depth
    return build(rule.builder, _flat(children), start, end), start, end, depth + 1


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
