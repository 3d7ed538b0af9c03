"""Writes `tables.json`, the LALR(1) tables of `dgm.lark`: `python -m dgmlang.grammar.generate`.

Lark takes 40 ms to import and 110 ms to analyse the grammar, on every run of `dgm check`. The
tables load in a millisecond, so Lark works when the grammar changes and not when it is used. A test
holds that the tables are those of the grammar.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark
from lark.grammar import Rule, Terminal
from lark.lexer import Lexer, PatternStr, Token
from lark.parsers.lalr_analysis import Shift

FOLDER = Path(__file__).parent
STARTS = ["file_line", "model_line", "guide_line", "recipe_line", "expression"]


class NoLexer(Lexer):
    """Stands where Lark wants a lexer; ours is `syntax/tokens.py`."""

    def __init__(self, _conf: object) -> None: ...

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Token]:
        return iter(())


def tables() -> dict[str, Any]:
    """The start states, the rules, and for each state what to do next.

    `actions` are by the token that comes: n ≥ 0 is the next state, n < 0 a reduction by the rule
    -n - 1. `gotos` are the next states by the rule just reduced. The end states, one for
    each start, have no actions. States are numbered from the starts, in the order of the symbols
    that lead to them, because Lark's own numbers change from run to run.
    """
    grammar = (FOLDER / "dgm.lark").read_text(encoding="utf-8")
    lark = Lark(grammar, parser="lalr", lexer=NoLexer, start=STARTS, maybe_placeholders=False)
    spelling = {
        t.name: t.pattern.value for t in lark.terminals if isinstance(t.pattern, PatternStr)
    }
    parser = lark.parser.parser._parse_table
    rules = sorted(lark.rules, key=str)
    origins = {str(rule.origin.name) for rule in rules}
    number = {rule: i for i, rule in enumerate(rules)}
    order = [parser.start_states[start] for start in STARTS]
    for state in order:
        shifts = (n for _, (action, n) in sorted(parser.states[state].items()) if action is Shift)
        order.extend(n for n in shifts if n not in order)
    place = {state: i for i, state in enumerate(order)}
    return {
        "starts": {start: place[parser.start_states[start]] for start in STARTS},
        "ends": [place[parser.end_states[start]] for start in STARTS],
        "rules": [_rule(rule) for rule in rules],
        "actions": [
            {
                spelling.get(symbol, symbol): place[n] if action is Shift else -number[n] - 1
                for symbol, (action, n) in sorted(parser.states[state].items())
                if symbol not in origins
            }
            for state in order
        ],
        "gotos": [
            {
                symbol: place[n]
                for symbol, (_, n) in sorted(parser.states[state].items())
                if symbol in origins
            }
            for state in order
        ],
    }


def _rule(rule: Rule) -> list[Any]:
    """Origin, length, the children kept, what becomes of them, and the name of what builds.

    `build`: the rule's builder makes a value of them. `splice`: they go into the rule above, as
    Lark has it for names with `_`. `child`: the one that is kept stands for the rule (`(a)`), as
    for names with `?`. `same`: so does the only symbol; the commonest by far, hence told apart.
    """
    keep = [
        i
        for i, symbol in enumerate(rule.expansion)
        if rule.options.keep_all_tokens or not (isinstance(symbol, Terminal) and symbol.filter_out)
    ]
    is_spliced = rule.origin.name.startswith("_")
    stands = len(keep) == 1 and rule.options.expand1 and not rule.alias
    if keep == [0] and len(rule.expansion) == 1 and (is_spliced or stands):
        kind = "same"
    else:
        kind = "splice" if is_spliced else "child" if stands else "build"
    return [
        str(rule.origin.name),
        len(rule.expansion),
        keep,
        kind,
        str(rule.alias or rule.origin.name),
    ]


def text() -> str:
    """The tables as one line of JSON per state and rule, so that a change of grammar diffs."""
    result = tables()
    lines = [f'"starts": {json.dumps(result["starts"])}', f'"ends": {json.dumps(result["ends"])}']
    for name in ("rules", "actions", "gotos"):
        rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in result[name])
        lines.append(f'"{name}": [\n{rows}\n]')
    return "{" + ",\n".join(lines) + "}\n"


if __name__ == "__main__":
    (FOLDER / "tables.json").write_text(text(), encoding="utf-8")
