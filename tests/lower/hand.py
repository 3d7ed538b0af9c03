"""Programs lowered for tests, with facts written by hand: a test here must not rest on `derive`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgmlang.compiler.derive.facts import Block, Facet, Facts, Part, Removal, Witness
from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.pipeline import program as check
from dgmlang.compiler.program import Program
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source, Span

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOWHERE = Witness("hand", "written by hand", Span(Source("", ""), 0, 0))


def parsed(text: str, **settings: Any) -> Program:
    source = Source("<test>", text)
    return check(source, Report(), settings)


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.dgm").read_text(encoding="utf-8")


def lowered(
    text: str,
    removed: Sequence[tuple[str, str]] = (),
    blocks: Sequence[Block] = (),
    **settings: Any,
) -> Lowered:
    facet = Facet("exact")
    facts = Facts(
        density=facet,
        normaliser=facet,
        score=facet,
        smooth=facet,
        draw=facet,
        space=facet,
        pathwise=facet,
        removed=tuple(Removal(v, rule, NOWHERE) for v, rule in removed),
        bounded=(),
        blocks=tuple(blocks),
        flags={},
        parameters=None,
    )
    return lower(parsed(text, **settings), facts)


def block(
    variable: str,
    sites: int,
    rule: str = "multilinear",
    weights: tuple[int, ...] = (0,),
    modulus: int = 1,
    residue: int = 0,
) -> Block:
    return Block((Part(variable, weights, modulus, residue, sites),), rule, NOWHERE)
