"""Nets of the past whose every entry costs what it adds: draws of them need no pass an entry.

The net takes `past(x)` of a vector itself, and is one of two. `strict`: one incremental stage with
heads of its own. `weak`: incremental stages along the sequence, and others place by place.
"""

from __future__ import annotations

from dgmlang.compiler.program import (
    Apply,
    Call,
    Expr,
    Local,
    NetCall,
    Past,
    Program,
    Stage,
    Through,
    Variable,
)
from dgmlang.compiler.types.declared import unit
from dgmlang.compiler.walk import arguments, bare, inputs, walk


def drawn_in_one_pass(variable: Variable, program: Program) -> bool:
    """Whether all that a law has of its past comes from nets that can be read entry by entry."""
    if variable.law is None:
        return False
    found = [calls_of(e) for e in arguments(variable.law)]
    return all(
        calls is not None and all(incremental(c.call, variable, program) for c in calls)
        for calls in found
    )


def calls_of(expr: Expr) -> tuple[Call, ...] | None:
    """The calls by which an expression reads the past, each entry's row from theirs alone.

    None where it reads the past in another way.
    """
    expr = bare(expr)
    if not _pasts(expr):
        return ()
    if isinstance(expr, Call):
        return (expr,)
    if not isinstance(expr, Apply) or not _by_rows(expr):
        return None
    if any(not _pasts(arg) and arg.type.array_shape for arg in expr.args):
        return None
    found = [calls_of(arg) for arg in expr.args]
    return None if None in found else tuple(c for calls in found for c in calls or ())


def _by_rows(expr: Apply) -> bool:
    """Whether a function leaves the first axis alone, whatever stands in front."""
    beside = expr.extern.has("concatenation") and expr.settings.get("axis") == -1
    return expr.extern.has("entrywise") or beside


def incremental(call: NetCall, variable: Variable, program: Program) -> str | None:
    """`strict` or `weak`; None where an entry needs a pass."""
    name, body = past_argument(call), program.nets[call.net].body
    if name is None or not isinstance(body, Through) or len(variable.type.shape) != 1:
        return None
    source, stages = bare(body.value), body.chain.stages
    beside = [n.name for n in walk(*inputs(body.chain)) if isinstance(n, Local)]
    if not isinstance(source, Local) or source.name != name or name in beside:
        return None
    if any(stage.extern.argument("causal") == ("strict",) for stage in stages):
        exact = variable.type.kind.name in ("real", "positive", "unit", "bit", "spin")
        alone = len(stages) == 1 and stages[0].extern.has("incremental")
        return "strict" if alone and exact else None
    return "weak" if all(s.extern.has("incremental") or _mapped(s) for s in stages) else None


def past_argument(call: NetCall) -> str | None:
    """The only argument that reads the past, where it is the past itself."""
    reading = [name for name, argument in call.args.items() if _pasts(argument)]
    alone = len(reading) == 1 and isinstance(bare(call.args[reading[0]]), Past)
    return reading[0] if alone else None


def _pasts(expr: Expr) -> bool:
    return any(isinstance(node, Past) for node in walk(expr))


def _mapped(stage: Stage) -> bool:
    """Whether a stage acts place by place along the first axis."""
    rank = len(stage.source.array_shape)
    return stage.extern.source is not None and unit(stage.extern.source, rank) < rank
