"""What each code of a diagnostic means, read from the constructors that make the diagnostics."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dgmlang.compiler.diagnostics import codes


def meanings() -> dict[str, list[str]]:
    """Code → the first lines of its constructors' docstrings."""
    found: dict[str, list[str]] = {}
    for code, text in _documented():
        found.setdefault(code, []).append(text)
    return found


def _documented() -> Iterator[tuple[str, str]]:
    for file in Path(codes.__file__).parent.iterdir():
        if file.name.endswith(".py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    text = ast.get_docstring(node) or ""
                    yield from ((code, text.splitlines()[0]) for code in _codes(node) if text)


def _codes(function: ast.FunctionDef) -> list[str]:
    constants = (node.value for node in ast.walk(function) if isinstance(node, ast.Constant))
    return [c for c in constants if isinstance(c, str) and re.fullmatch(r"DGM\d{4}", c)]
