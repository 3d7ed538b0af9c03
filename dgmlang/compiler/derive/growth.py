"""Whether an expression grows no faster than the norm of what it reads."""

from __future__ import annotations

from dgmlang.compiler.derive.squares import Expansion
from dgmlang.compiler.program import Apply, Call, Expr, Index, Through
from dgmlang.compiler.walk import bare, children


def grows_linearly(node: Expr, expansion: Expansion) -> bool:
    """Whether |e(x)| ≤ a + b ‖x‖ is seen, for numbers a and b that do not depend on x.

    Affine maps and Lipschitz functions are so, and what is composed of them: a net with the usual
    activations is Lipschitz.
    """
    node = bare(node)
    if expansion.degree(node) <= 1:
        return True
    if not all(grows_linearly(child, expansion) for child in children(node)):
        return False
    match node:
        case Apply():
            return node.extern.has("affine") or node.extern.has("lipschitz")
        case Index():
            return all(expansion.degree(child) == 0 for child in children(node)[1:])
        case Through():
            known = ("affine", "linear", "lipschitz")
            return all(any(map(stage.extern.has, known)) for stage in node.chain.stages)
        case Call():
            net = expansion.nets[node.call.net]
            head = next(h for h in net.heads if h.name == node.head)
            # Softplus and sigmoid, which make a head positive or a unit, are Lipschitz.
            known = head.type.kind.name in ("real", "positive", "unit")
            return known and grows_linearly(net.body, expansion.inside(net))
    return False
