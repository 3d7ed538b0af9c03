from __future__ import annotations

from pathlib import Path

import dgmlang.grammar
from dgmlang.compiler.diagnostics.codes.syntax_help import EXAMPLES
from dgmlang.compiler.syntax.build_statements import BuildStatements
from dgmlang.compiler.syntax.diagnose import failure
from dgmlang.compiler.syntax.lalr import load_tables
from dgmlang.grammar.generate import text


def test_tables_are_those_of_the_grammar() -> None:
    path = Path(dgmlang.grammar.__file__).with_name("tables.json")
    assert path.read_text(encoding="utf-8") == text(), "run python -m dgmlang.grammar.generate"


def test_every_rule_has_a_builder() -> None:
    builders = {rule.builder for rule in load_tables().rules if rule.kind == "build"}
    starts = {name for name in builders if name.startswith("$")}
    assert [b for b in builders - starts if not hasattr(BuildStatements, b)] == []


def test_bad_examples_fail_each_in_its_own_way() -> None:
    helps: dict[tuple[int, str], str] = {}
    for start, examples in EXAMPLES.items():
        for example, help in examples:
            assert helps.setdefault(failure(start, example), help) == help, example
