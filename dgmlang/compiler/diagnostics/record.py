"""A diagnostic as plain data, for programs that read what the compiler found."""

from __future__ import annotations

from typing import Any

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.source import Span


def record(diagnostic: Diagnostic) -> dict[str, Any]:
    """What `dgm check --json` prints; lines and columns count from 1, ends are exclusive."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "title": diagnostic.title,
        "place": diagnostic.place,
        "labels": [{**_place(label.span), "text": label.text} for label in diagnostic.labels],
        "why": list(diagnostic.why),
        "help": diagnostic.help,
        "fixes": [{**_place(edit.span), "text": edit.text} for edit in diagnostic.fixes],
    }


def _place(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
