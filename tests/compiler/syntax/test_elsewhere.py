from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.parse import parse
from tests.compiler.syntax.elsewhere import FINE, cases

GOLDEN = Path(__file__).parents[2] / "golden" / "elsewhere.txt"
CASES = cases()


def findings(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(DgmError) as error:
        compile_text(text)
    return error.value.diagnostics


@pytest.mark.parametrize("name", CASES)
def test_one_mistake_brings_one_message_that_says_what_to_do(name: str) -> None:
    found = findings(CASES[name])
    assert len(found) == 1
    assert found[0].help or found[0].why or "write" in found[0].labels[0].text


def test_messages(golden: Callable[[Path, str], None]) -> None:
    told = [f"── {name}\n\n{render(findings(text)[0])}\n" for name, text in CASES.items()]
    golden(GOLDEN, "\n".join(told))


@pytest.mark.parametrize("name", FINE)
def test_what_looks_foreign_and_is_fine(name: str) -> None:
    assert parse(Source("fine.dgm", FINE[name]))[1] == ()
