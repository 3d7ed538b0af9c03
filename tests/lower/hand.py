"""Programs lowered for tests, with facts written by hand: a test here must not rest on `derive`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgmlang.compiler.derive.facts import Block, Facet, Facts, Part, Removal, Witness
from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.pipeline import program as check
from dgmlang.compiler.program import Apply, ComputedLaw, Expr, Named, Program, ScoreLaw, Through
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source, Span

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOWHERE = Witness("hand", "written by hand", Span(Source("", ""), 0, 0))


def parsed(text: str, **settings: Any) -> Program:
    return check(Source("<test>", text), Report(), settings)


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
        marginal=facet,
        normaliser=facet,
        score=facet,
        smooth=facet,
        draw=facet,
        space=facet,
        pathwise=facet,
        removed=tuple(Removal(v, rule, NOWHERE) for v, rule in removed),
        marginalised=tuple(Removal(v, rule, NOWHERE) for v, rule in removed),
        bounded=(),
        blocks=tuple(blocks),
        summation=None,
        gaussian=None,
        in_chains=(),
        flags={},
        parameters=None,
        runs=(),
        unbuilt=(),
    )
    return lower(parsed(text, **settings), facts)


def argument(model: Lowered, variable: str, name: str) -> Expr:
    """An argument of the distribution that a variable is drawn from."""
    law = model.program.variables[variable].law
    assert isinstance(law, Named)
    return law.arguments[name]


def value(model: Lowered, variable: str) -> Expr:
    """What a variable is computed from, or the score that its law is given by."""
    law = model.program.variables[variable].law
    assert isinstance(law, ComputedLaw | ScoreLaw)
    return law.value


def source(model: Lowered, variable: str) -> Expr:
    """The latent that a computed variable's chain of bijections starts from."""
    found = value(model, variable)
    assert isinstance(found, Through)
    return found.value


def operands(expr: Expr) -> tuple[Expr, ...]:
    assert isinstance(expr, Apply)
    return expr.args


def block(
    variable: str,
    sites: int,
    rule: str = "multilinear",
    weights: tuple[int, ...] = (0,),
    modulus: int = 1,
    residue: int = 0,
) -> Block:
    return Block((Part(variable, weights, modulus, residue, sites),), rule, NOWHERE)
