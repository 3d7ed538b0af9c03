"""The end of a sequence of classes, `data x : cat(V)[<= T]`: a class V that its law draws too.

The law is written for the V classes and gets one more: scores s become (s, e), so that the end has
the probability exp(e) / (Σ exp(s) + exp(e)). A net that yields the scores gets a head for e, with
one number at each of their places; elsewhere e is a parameter `x.end`. A law that is written for
V + 1 classes brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import Call, Expr, Head, Literal, Outside, Read, Variable
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import group_of
from dgmlang.compiler.types.dims import Dim, Shape
from dgmlang.compiler.types.functions import apply
from dgmlang.compiler.types.kinds import REAL, Interval, Kind, Type, of_interval
from dgmlang.compiler.types.scope import Scope
from dgmlang.compiler.walk import bare

ONE = Dim.of(1)

LEAST = 1e-30
"""What a probability is at least before its logarithm is taken."""


def symbols(kind: Kind, scope: Scope) -> Kind:
    """What the law in this scope draws from for a variable of a kind: the end is one more class."""
    levels = kind.levels
    return kind if levels is None or not _ends(kind, scope) else Kind("cat", (levels + ONE,))


def _ends(kind: Kind, scope: Scope) -> bool:
    """Whether the law here is that of data of varying length whose end is drawn along."""
    own, shared = scope.law_of, scope.shared
    if kind.name != "cat" or own is None or not scope.own or shared.lengths.get(own) != own:
        return False
    declared = shared.declarations.get(own)
    return isinstance(declared, ast.Variable) and declared.role == "data"


def with_end(extern: Extern, values: dict[str, Expr], kind: Kind, scope: Scope) -> dict[str, Expr]:
    """The arguments of a law of V classes as those of V + 1, where the end is to be drawn."""
    classes = extern.type is not None and extern.type.kind == "cat"
    if not classes or not _ends(kind, scope):
        return values
    parameter = group_of(extern, values)[0]
    given = values[parameter.name]
    *lead, levels = given.type.array_shape or (None,)
    if levels != kind.levels:
        return values
    scores = _logarithm(given, scope) if parameter.type.kind == "simplex" else given
    end = _end(given, tuple(lead), scope)
    concat = library().externs["fn"]["concat"]
    return {_scores(extern): apply(concat, (scores, end), {"axis": -1}, given.span, scope)}


def _scores(extern: Extern) -> str:
    """The parameter that takes scores and not probabilities."""
    return next(p.name for group in extern.groups for p in group if p.type.kind == "real")


def _logarithm(probs: Expr, scope: Scope) -> Expr:
    functions = library().externs["fn"]
    least = Literal(LEAST, type=Type(of_interval(Interval(LEAST, LEAST))), span=probs.span)
    floored = apply(functions["maximum"], (probs, least), {}, probs.span, scope)
    return apply(functions["log"], (floored,), {}, probs.span, scope)


def _end(scores: Expr, lead: Shape, scope: Scope) -> Expr:
    """The end's score beside the scores of the classes, on a last axis of length 1."""
    wanted, place = Type(REAL, (*lead, ONE)), scores.span
    call = bare(scores)
    head = _head(call, wanted, scope) if isinstance(call, Call) else None
    if isinstance(call, Call) and head is not None:
        return Call(call.call, head.name, type=wanted, span=place)
    name = f"{scope.law_of}.end"
    known = scope.shared.inlined.setdefault(
        name, Variable("param", name, wanted, None, None, place)
    )
    return Read(name, type=known.type, span=place)


def _head(call: Call, wanted: Type, scope: Scope) -> Head | None:
    """One more head of the net, from the features that the scores' head has; None without any."""
    net = scope.shared.nets.get(call.call.net)
    if net is None or isinstance(net.body, Outside):
        return None
    beside = next(h for h in net.heads if h.name == call.head)
    if beside.masked:
        return None
    name = _free_name("end", {h.name: h for h in net.heads})
    prefix = min(beside.prefix, len(wanted.shape) - 1)
    found = scope.shared.ends.setdefault(net.name, (Head(name, wanted, prefix),))[0]
    return found if found.type == wanted else None


def _free_name(name: str, taken: Mapping[str, Head]) -> str:
    while name in taken:
        name += "_"
    return name
