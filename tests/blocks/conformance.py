"""What a bijection owes, judged with tolerances that follow from its own conditioning.

A transform y = f(x) is run there and back. Its Jacobian J at x, by autodiff in double precision,
says how far rounding may carry: y is known to about ε(1 + |y| + |J|(1 + |x|)), since what a stage
computes on the way is of order one even where x and y are not, so x comes back within

    δx = C ε (|J⁻¹| (1 + |y| + |J| (1 + |x|)) + 1 + |x|)

and a log-determinant ℓ(x) that is read off there is known to |∂ℓ/∂x| δx. A spline whose slope is
10⁻⁵ is allowed to lose five digits; the identity is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from dgmlang.bijections.bijection import pull, push

Array = NDArray[Any]

UNITS = 200.0
"""C: the units in the last place that one stage may lose; its nets sum some tens of terms."""


class Truth(NamedTuple):
    """What autodiff in double precision says at points x [p, n]; y and x flat."""

    x: Array
    y: Array
    jacobian: Array
    log_det: Array
    slope: Array


class Run(NamedTuple):
    """What a transform says of itself, in the precision under test: there and back."""

    y: Array
    log_det: Array
    back: Array
    same: Array


FAST = {"xla_backend_optimization_level": 0}
"""Most of the time here is XLA's."""


def truth(transform: Any, xs: Array) -> tuple[Truth, Run]:
    """The Jacobian at each x [p, …], its log-determinant, and the slope of the one claimed.

    With it what the transform says itself in the precision of `xs`, which is to be double.
    """

    def flat(x: Any) -> Any:
        y, log_det = push(transform, x.reshape(xs.shape[1:]))
        return (y.reshape(-1), log_det), (y, log_det)

    def one(x: Any) -> Any:
        (matrix, slope), (y, log_det) = jax.jacfwd(flat, has_aux=True)(x.reshape(-1))
        found = matrix, jnp.linalg.slogdet(matrix)[1], slope
        return found, (y, log_det, *pull(transform, y))

    about, own = jax.jit(jax.vmap(one), compiler_options=FAST)(xs)
    found = _flat(own)
    return Truth(xs.reshape(len(xs), -1), found.y, *map(np.asarray, about)), found


def run(transform: Any, xs: Array) -> Run:
    """Each x [p, …] there and back."""

    def one(x: Any) -> tuple[Any, ...]:
        y, log_det = push(transform, x)
        return y, log_det, *pull(transform, y)

    return _flat(jax.jit(jax.vmap(one), compiler_options=FAST)(xs))


def _flat(found: tuple[Any, ...]) -> Run:
    y, log_det, back, same = map(np.asarray, found)
    return Run(y.reshape(len(y), -1), log_det, back.reshape(len(y), -1), same)


class Allowed(NamedTuple):
    """How far off a right implementation may be: entries of x, ℓ on the way there and back."""

    back: Array
    there: Array
    same: Array


def allowed(known: Truth, eps: float) -> Allowed:
    """The tolerances at each point in a precision of `eps`; infinite where J is singular."""
    units, size = UNITS * eps, np.abs(known.jacobian)
    regular = np.isfinite(known.log_det)
    inverse = np.full_like(size, np.inf)
    inverse[regular] = np.abs(np.linalg.inv(known.jacobian[regular]))
    inner, slope = 1 + np.abs(known.x), np.abs(known.slope)
    of_y = 1 + np.abs(known.y) + np.einsum("pij,pj->pi", size, inner)
    back = units * (np.einsum("pij,pj->pi", inverse, of_y) + inner)
    # Of a slope that nearly vanishes autodiff in double precision knows few digits itself.
    through_y = np.zeros(len(regular))
    rows = slope[regular], inverse[regular], 1 + np.abs(known.y[regular])
    through_y[regular] = np.einsum("pi,pij,pj->p", *rows)
    own = UNITS * np.finfo(float).eps * through_y
    there = own + units * (1 + np.abs(known.log_det) + (slope * inner + 1).sum(1))
    carried = np.einsum("pi,pi->p", slope[regular], back[regular])
    same = there.copy()
    same[regular] += carried
    there[~regular] = same[~regular] = np.inf
    return Allowed(back, there, same)


def faults(known: Truth, found: Run, eps: float) -> list[str]:
    """What is not as it should be, in words; nothing of a bijection that is right."""
    limits = allowed(known, eps)
    off = {
        "comes back": (np.abs(found.back - known.x) <= limits.back).all(1),
        "log-determinant there": np.abs(found.log_det - known.log_det) <= limits.there,
        "log-determinant back": np.abs(found.same - known.log_det) <= limits.same,
        "finite": np.isfinite(np.column_stack(found)).all(1),
    }
    return [
        f"{claim}: not at x = {known.x[~held]}" for claim, held in off.items() if not held.all()
    ]


STRUCTURES: dict[str, Callable[[Array, float], bool]] = {
    "diagonal": lambda j, _: bool((j == j * np.eye(j.shape[-1])).all()),
    "permutation": lambda j, _: bool(np.isin(j, (0, 1)).all() and (j.sum(1) == 1).all()),
    "orthogonal": lambda j, e: bool(np.allclose(j @ j.swapaxes(1, 2), np.eye(j.shape[-1]), atol=e)),
    "constant": lambda j, e: bool(np.allclose(j, j[:1], rtol=e, atol=e)),
    "triangular": lambda j, _: bool(_is_triangular((j != 0).any(0))),
}
"""What an extern's `jacobian(…)` claims of the Jacobians at several points."""


def _is_triangular(pattern: Array) -> bool:
    """Whether an order of the entries makes it so: one after the other depends on those before."""
    left = set(range(len(pattern)))
    while left:
        free = [i for i in left if not any(pattern[i, j] for j in left - {i})]
        if not free:
            return False
        left -= set(free)
    return True
