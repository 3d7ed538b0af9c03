"""The condition of a stage with a causal net goes to the net, which knows where it may enter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dgmlang.compiler.diagnostics.codes import calls as call_codes
from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import Chain, Expr, NetUse
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.scope import Scope

CONDITION = "condition"


def handed_on(
    extern: Extern,
    settings: dict[str, Any],
    inputs: dict[str, Expr],
    bound: Mapping[str, ast.Argument],
    scope: Scope,
) -> tuple[dict[str, Any], dict[str, Expr]] | None:
    """Settings and inputs of a stage, its condition being its net's (DGM0310, DGM0350).

    Another net than a causal one is shown the condition beside the entries, by the stage itself,
    and one that the program declares has a parameter for it.
    """
    nets = extern.argument("causal_conditioner")
    if not nets or CONDITION not in inputs or isinstance(settings[nets[0]], NetUse):
        return settings, inputs
    chain: Chain = settings[nets[0]]
    first, span = chain.stages[0], bound[CONDITION].span
    known = [p.name for p in first.extern.parameters]
    if CONDITION not in known:
        scope.report.say(call_codes.unknown_argument(span, first.extern.name, CONDITION, known))
        return None
    if CONDITION in first.inputs:
        other = first.inputs[CONDITION].span
        scope.report.say(call_codes.twice(span, other, first.extern.name, CONDITION))
        return None
    given = replace(first, inputs={**first.inputs, CONDITION: inputs[CONDITION]})
    conditioned = replace(chain, stages=(given, *chain.stages[1:]))
    rest = {name: e for name, e in inputs.items() if name != CONDITION}
    return {**settings, nets[0]: conditioned}, rest
