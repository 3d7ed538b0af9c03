"""All lints, and their waivers: `# allow DGM0292` on the line, or alone on the line above.

A waiver that waives nothing is a warning of its own, so that none outlives its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.lint.untouched import untouched
from dgmlang.compiler.program import Program
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax.tokens import comments

_WAIVER = re.compile(r"#\s*allow\s+(DGM\d{4})\b")


def lint(program: Program) -> Iterator[Diagnostic]:
    """What is provably not what was meant."""
    yield from untouched(program)


def waived(source: Source, warnings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The warnings that no waiver of the text is about, and DGM0293 for idle waivers."""
    waivers = dict(_waivers(source))
    left: list[Diagnostic] = []
    used: set[tuple[str, int]] = set()
    for warning in warnings:
        key = (warning.code, warning.labels[0].span.line) if warning.labels else (warning.code, 0)
        used |= {key} & waivers.keys()
        if key not in waivers:
            left.append(warning)
    spent = {waivers[key] for key in used}
    idle = {span: code for (code, _), span in waivers.items() if span not in spent}
    return (*left, *(codes.idle_waiver(span, code) for span, code in idle.items()))


def _waivers(source: Source) -> Iterator[tuple[tuple[str, int], Span]]:
    """(code, line) → the waiver: that of its own line, or of the next where it stands alone."""
    for start, text in comments(source):
        if found := _WAIVER.match(text):
            span = Span(source, start, start + len(text))
            alone = not source.line(span.line)[: span.column - 1].strip()
            yield (found[1], span.line + alone), span
