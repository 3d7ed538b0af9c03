"""What else is wrong in a text of which some statements do not parse.

The rest is checked as if those statements were not there. Of what that finds, only what they cannot
be the reason of is said: it is about a part of one statement, which names nothing that only they
may declare. What is said of a whole statement, of a name where it is declared or of a model (no
law, never read, declared twice) can change with every other statement, so it waits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.modules import gather
from dgmlang.compiler.report import Report
from dgmlang.compiler.resolve import resolve
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.check import check


def besides(
    tree: ast.File, broken: Sequence[Diagnostic], settings: Mapping[str, Any], model: str | None
) -> tuple[Diagnostic, ...]:
    """The errors of names and types that stand beside those of syntax.

    Args:
        tree: What parses of a text.
        broken: Why the rest does not.
        settings: Values for hyperparameters.
        model: The model asked for; by default the file's last.
    """
    report = Report()
    with suppress(DgmError):  # a stage needs what the one before it refused
        check(resolve(gather(tree, report), report, settings, model), report)
    wrong = [d.labels[0].span for d in broken if d.labels]
    whole = [s for s in leaves(tree.statements) if not any(_holds(s.span, at) for at in wrong)]
    models = (s for s in tree.statements if isinstance(s, ast.Model))
    # What a model means that another names hangs on all that stands in it.
    lost = tree.lost | {m.name for m in models if any(_holds(m.span, at) for at in wrong)}
    errors = (d for d in report.found if d.severity == "error")
    return tuple(d for d in errors if _stands(d, whole, lost))


def leaves(statements: Sequence[ast.Statement]) -> Iterator[ast.Statement]:
    """The statements that have no statements in them."""
    for statement in statements:
        body = getattr(statement, "body", None)
        if isinstance(body, tuple):
            yield from leaves(body)
        else:
            yield statement


def _stands(found: Diagnostic, whole: Sequence[ast.Statement], lost: frozenset[str]) -> bool:
    """Whether a finding is true whatever the statements that are left out say."""
    places = [label.span for label in found.labels]
    about = [s for s in whole if any(_within(place, s) for place in places)]
    is_inside = all(any(_within(place, s) for s in about) for place in places)
    return bool(places) and is_inside and not any(lost.intersection(_read(s)) for s in about)


def _read(statement: ast.Statement) -> set[str]:
    """The names in a statement that others may declare."""
    names = set(re.findall(r"\w+", statement.span.text))
    match statement:
        case ast.Net():
            return names - {port.name for port in statement.parameters}
        case ast.Let():
            return names - set(statement.parameters or ())
        case _:
            return names


def _within(span: Span, statement: ast.Statement) -> bool:
    """Whether a place is a part of a statement, and not the name that it declares."""
    declared = getattr(statement, "name_span", None)
    return _holds(statement.span, span) and span not in (statement.span, declared)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.source is inner.source and outer.start <= inner.start and inner.end <= outer.end
