"""The pages of `dgm explain DGM0306`: the story as written, with the compiler's words put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import indent

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.source import Source

_WRONG = re.compile(r"^```dgm wrong(?P<asked>.*)\n(?P<text>(?:.*\n)*?)```\n", re.MULTILINE)
_BLOCK = re.compile(r"^```.*\n(?P<text>(?:.*\n)*?)```\n", re.MULTILINE)


def told(page: str) -> str:
    """The page as Markdown, with what the compiler says below each wrong program."""
    return _WRONG.sub(_with_message, page)


def for_terminals(page: str) -> str:
    """Blocks set off by four spaces in place of fences."""
    return _BLOCK.sub(lambda block: indent(block["text"], "    "), page)


def _with_message(block: re.Match[str]) -> str:
    said = "\n\n".join(render(d) for d in findings(block["text"], asked(block["asked"])))
    return f"```dgm\n{block['text']}```\n\n```text\n{said}\n```\n"


def asked(words: str) -> dict[str, str]:
    """`objective=mle sampler=gibbs` as a dictionary."""
    return dict(word.split("=", 1) for word in words.split())


def findings(text: str, methods: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """What the compiler says of a program, and of the objective or sampler that is asked for."""
    from dgmlang.compiler.pipeline import compile_source
    from dgmlang.compiler.plan.methods import objective, sampler

    try:
        plan, report = compile_source(Source("example.dgm", text))
        if "objective" in methods:
            objective(plan, methods["objective"])
        if "sampler" in methods:
            sampler(plan, methods["sampler"])
    except DgmError as error:
        return error.diagnostics
    return report.warnings
