"""An expression that is asked of a model from outside, typed in the scope of its program."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.program import Call, Expr, LogProb, Program, Read, Through
from dgmlang.compiler.report import Report
from dgmlang.compiler.resolve import Resolved
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.expressions import expression
from dgmlang.compiler.types.scope import Record, Scope, Shared
from dgmlang.compiler.walk import walk


def asked(
    node: ast.Expr, resolved: Resolved, program: Program, report: Report
) -> Mapping[str, Expr] | None:
    """The values of an expression: those of a net's heads by name, else one under ''.

    None where the report holds an error, of which DGM0814 is one: a stage in the expression would
    have parameters that no fit has learned.
    """
    types = {h.name: h.type for h in resolved.model.hypers}
    shared = Shared(report, resolved.hypers, types, resolved.names, resolved.models)
    for variable in program.variables.values():
        shared.values[variable.name] = Read(variable.name, type=variable.type, span=variable.span)
    found = expression(node, Scope(shared, {}))
    if report.failed:
        return None
    values = _heads(found) if isinstance(found, Record) else {"": found}
    for part in walk(*values.values()):
        if isinstance(part, Through | LogProb):
            report.say(codes.not_a_value(node.span, part.span))
            return None
    return values


def _heads(record: Record) -> dict[str, Expr]:
    heads = record.heads.items()
    return {name: Call(record.call, name, type=type_, span=record.span) for name, type_ in heads}
