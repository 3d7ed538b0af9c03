"""`a if test else b` with a run-time test: what is not chosen must not reach a gradient.

Both are computed, and 0 × ∞ is NaN: the slope of `log(w) if w > 0 else 0` would be, at w = 0. So in
a branch a function whose value or slope may be infinite (`steep`) sees 1 wherever the branch is not
chosen. That is known entry by entry below functions that act so; where all entries of an array
enter one number, an array counts that is chosen anywhere. Nets and stages are left as they are.

Source: the "double where" of JAX's FAQ, "Gradients contain NaN where using where".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.lower.axes import same_rank
from dgmlang.compiler.lower.checks import checked
from dgmlang.compiler.program import Apply, Checked, Choose, Expr
from dgmlang.compiler.walk import walk
from dgmlang.registry import implementation

if TYPE_CHECKING:
    from dgmlang.compiler.lower.evaluate import Evaluation

SAFE = 1.0
"""Where every steep function of the library is finite with its slope, in each argument."""


def choose(expr: Choose, inside: Evaluation, around: Array | None = None) -> Array:
    """The value that is chosen; `around`: where the whole expression is, in a branch of another."""
    test = jnp.asarray(inside.value(expr.test), bool)
    pairs = ((expr.then, test), (expr.otherwise, ~test))
    both = [_branch(e, inside, _within(own, around)) for e, own in pairs]
    test, then, otherwise = same_rank(test, *both)
    return jnp.where(jnp.asarray(test), then, otherwise)


def _within(chosen: Array, around: Array | None) -> Array:
    if around is None:
        return chosen
    one, other = same_rank(chosen, around)
    return jnp.asarray(one) & jnp.asarray(other)


def _branch(expr: Expr, inside: Evaluation, chosen: Array) -> ArrayLike:
    """The value of a branch where it is chosen, and one without a slope elsewhere."""
    steep = any(isinstance(n, Apply) and n.extern.has("steep") for n in walk(expr))
    if not steep or id(expr) in inside.rows:
        return inside.value(expr)
    match expr:
        case Choose():
            return choose(expr, inside, chosen)
        case Checked(value=value):
            return checked(expr, _branch(value, inside, chosen), inside.built.watch)
        case Apply(extern=extern) if extern.has("reduction"):
            args: list[Any] = [_branch(arg, inside, jnp.any(chosen)) for arg in expr.args]
            return implementation("fn", extern.name)(*args, **expr.settings)
        case Apply(extern=extern) if extern.has("entrywise") and _plain(expr):
            args = same_rank(*(_branch(arg, inside, chosen) for arg in expr.args))
            if extern.has("steep"):
                args = [_safe(chosen, arg) for arg in args]
            return implementation("fn", extern.name)(*args, **expr.settings)
    return inside.value(expr)


def _plain(expr: Apply) -> bool:
    """Whether a function reads its arguments and nothing else."""
    return not (expr.extern.has("presence") or expr.extern.has("in_process"))


def _safe(chosen: Array, value: ArrayLike) -> ArrayLike:
    """The value where it is chosen; a number of the text has no slope, and stays one."""
    return jnp.where(_of(chosen, value), value, SAFE) if isinstance(value, Array) else value


def _of(chosen: Array, value: ArrayLike) -> Array:
    """Where the entries of a value are chosen, which may be repeated over axes of `chosen`."""
    shape = jnp.shape(value)
    lead = chosen.ndim - len(shape)
    mask = jnp.any(chosen, axis=tuple(range(lead))) if lead > 0 else chosen
    own = shape[len(shape) - mask.ndim :]
    repeated = tuple(at for at, n in enumerate(own) if n == 1)
    return jnp.any(mask, axis=repeated, keepdims=True)
