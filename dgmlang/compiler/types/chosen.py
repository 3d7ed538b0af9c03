"""A law that is one of two, by a condition that is known when it runs."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.codes import chosen as words
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import Chosen, Law, Literal, Mixture, Named, Quantized
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.types.scope import Scope, Wrong


def chosen(node: ast.Conditional, target: Type, declared_at: Span, scope: Scope) -> Law | None:
    """One of two laws of the same support; an array of bits chooses for each of its indices."""
    from dgmlang.compiler.types.laws import law

    test = value(node.test, scope)
    if isinstance(test, Literal):
        return law(node.then if test.value else node.otherwise, target, declared_at, scope)
    inner = scope.within(enclosed=True)  # latents of one branch would be latents of both
    then, otherwise = (law(n, target, declared_at, inner) for n in (node.then, node.otherwise))
    if then is None or otherwise is None or isinstance(test, Wrong):
        return None
    if test.type.kind.name != "bit":
        found = str(test.type.kind)
        scope.report.say(codes.kind_mismatch(test.span, "bit", found, "the condition"))
        return None
    if then.type.kind != otherwise.type.kind:
        kinds = str(otherwise.type.kind), str(then.type.kind)
        scope.report.say(words.two_supports(otherwise.span, kinds[0], then.span, kinds[1]))
        return None
    return _apart(Chosen(test, then, otherwise, type=then.type, span=node.span), target, scope)


def _apart(found: Chosen, target: Type, scope: Scope) -> Chosen | None:
    """The law where each index of its condition may have its own (DGM0302, DGM0397)."""
    axes = found.test.type.array_shape
    if target.shape[: len(axes)] != axes:
        shapes = show(target.shape), show(axes)
        scope.report.say(codes.shape_mismatch(found.test.span, *shapes))
        return None
    for branch in (found.then, found.otherwise):
        if independent(branch) < len(axes):
            scope.report.say(words.drawn_together(branch.span, found.test.span, show(axes)))
            return None
    return found


def independent(law: Law) -> int:
    """How many of its first axes a law draws independently."""
    match law:
        case Named():
            own = () if law.extern.type is None else law.extern.type.shape or ()
            return max(len(law.type.shape) - len(own), 0)
        case Mixture():
            return len(law.weights.type.shape)
        case Quantized():
            return independent(law.base)
        case Chosen():
            return min(independent(law.then), independent(law.otherwise))
    return 0
