"""The way of a program, from text to plan: one straight function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dgmlang.compiler.besides import besides
from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.files import placed
from dgmlang.compiler.lint.lint import lint, waived
from dgmlang.compiler.modules import gather
from dgmlang.compiler.plan.amortise import amortised
from dgmlang.compiler.plan.judge import judge
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.plan.plan import plan as decide
from dgmlang.compiler.program import Expr, Program
from dgmlang.compiler.report import Report
from dgmlang.compiler.resolve import Resolved, resolve
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse, parse_expression
from dgmlang.compiler.types.asked import asked
from dgmlang.compiler.types.check import check


def read(path: str | Path) -> Source:
    """The text of a program's file, which may use the files around it (DGM0208)."""
    try:
        return placed(Path(path), str(path), Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise DgmError(codes.no_file(str(path), "it is no text in UTF-8")) from None
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise DgmError(codes.no_file(str(path), reason)) from None


def syntax(source: Source, report: Report) -> ast.File:
    """The syntax tree; raises where the text does not parse."""
    tree = _parsed(source, report)
    report.settle()
    return tree


def _parsed(source: Source, report: Report) -> ast.File:
    tree, found = parse(source)
    for diagnostic in found:
        report.say(diagnostic)
    return tree


def program(
    source: Source, report: Report, settings: Mapping[str, Any], model: str | None = None
) -> Program:
    """The typed program; raises DgmError with every mistake that was found."""
    return _checked(resolved(source, report, settings, model), report)


def resolved(
    source: Source, report: Report, settings: Mapping[str, Any], model: str | None = None
) -> Resolved:
    """A model of a source with its names; raises where a text does not parse.

    What is wrong besides in a text that does not is found too.
    """
    tree = _parsed(source, report)
    if report.failed:
        for diagnostic in besides(tree, report.found, settings, model):
            report.say(diagnostic)
    report.settle()
    return resolve(gather(tree, report), report, settings, model)


def compile_source(
    source: Source, settings: Mapping[str, Any] | None = None, model: str | None = None
) -> tuple[Plan, Report]:
    """Everything before lowering: the plan, and the report with its warnings."""
    report = Report()
    found = resolved(source, report, settings or {}, model)
    checked = _checked(found, report)
    for warning in lint(checked):
        report.say(warning)
    report.waive(waived(source, report.warnings))
    facts = derive(checked)
    whole, built = amortised(found, checked, facts)
    if built:
        guided = _checked(whole, Report())
        assert guided.guide is not None
        checked = replace(guided, guide=replace(guided.guide, built=(*guided.guide.built, *built)))
        facts = derive(checked)
    decided = decide(checked, facts)
    for found in judge(decided):
        report.say(found)
    report.settle()
    return decided, report


def _checked(resolved: Resolved, report: Report) -> Program:
    checked = check(resolved, report)
    report.settle()
    assert checked is not None
    return checked


def offered(source: Source) -> tuple[str, ...]:
    """What a text without a model declares for other files; nothing where it has one."""
    module = gather(syntax(source, Report()), Report())
    return () if module.models.keys() & module.own.keys() else tuple(module.own)


def compile_text(text: str, **settings: Any) -> Plan:
    """The plan of a program given as text."""
    return compile_source(Source("<text>", text), settings)[0]


def expression(
    source: Source, settings: Mapping[str, Any], model: str | None, checked: Program, text: str
) -> Mapping[str, Expr]:
    """An expression that may read what the model of a checked source declares.

    Its heads by name where it is a call of a net with several, else one value under ''.
    """
    node, wrong = parse_expression(Source("<value>", text))
    if wrong or node is None:
        raise DgmError(wrong)
    report = Report()
    values = asked(node, resolved(source, report, settings, model), checked, report)
    report.settle()
    assert values is not None
    return values
