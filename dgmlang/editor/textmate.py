"""Writes the TextMate grammar, which VS Code colours by: `python -m dgmlang.editor.textmate`.

It is made from the words of the compiler and the library, and a test holds that it is current.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgmlang.editor.words import words

FILE = Path(__file__).parent / "vscode" / "dgm.tmLanguage.json"
NUMBER = r"\b[0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9]+)?\b"
NAME = r"[\p{L}_][\p{L}\p{M}\p{N}_]*"


def grammar() -> dict[str, Any]:
    """The grammar, as JSON is written."""
    held = words()
    starts = rf"^\s*{_any(held['role'])}(?=\s)"
    declared = rf"^\s*(data|latent|given|param|net)\s+({NAME})"
    patterns = [
        _one("comment.block.documentation.dgm", r"##.*$"),
        _one("comment.line.number-sign.dgm", r"#.*$"),
        _one("string.quoted.double.dgm", r'"[^"\n]*"'),
        _captured(declared, "storage.type.role.dgm", "variable.other.declaration.dgm"),
        _captured(rf"\b(model)\s+({NAME})", "storage.type.role.dgm", "entity.name.type.dgm"),
        _one("storage.type.role.dgm", starts),
        _one("keyword.control.dgm", rf"\b{_any(held['reserved'])}\b"),
        _one("keyword.operator.word.dgm", rf"\b{_any(held['operator'])}\b"),
        _one("constant.language.dgm", rf"\b{_any(held['constant'])}\b"),
        _one("support.type.dgm", rf"(?<=[:>(])\s*{_any(held['kind'])}\b"),
        _one("support.function.dgm", rf"\b{_any(held['builtin'])}\b(?!\s*[:=](?!=))"),
        _one("constant.numeric.dgm", NUMBER),
        _one("keyword.operator.dgm", r"\|>|->|~|\.\.\.|\.\.|\*\*|[<>=!]=|[-+*/@<>=?]"),
    ]
    return {"name": "DGM", "scopeName": "source.dgm", "fileTypes": ["dgm"], "patterns": patterns}


def _any(words: Sequence[str]) -> str:
    return f"(?:{'|'.join(words)})"


def _one(scope: str, pattern: str) -> dict[str, Any]:
    return {"name": scope, "match": pattern}


def _captured(pattern: str, *scopes: str) -> dict[str, Any]:
    return {"match": pattern, "captures": {str(i): {"name": s} for i, s in enumerate(scopes, 1)}}


def text() -> str:
    """The file's content."""
    return json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
