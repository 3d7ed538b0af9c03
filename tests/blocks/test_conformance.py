"""Every bijection that is declared and built, at every place where it can stand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.bijections.bijection import AbstractFlow, pull, push
from tests.blocks.conformance import STRUCTURES, Run, Truth, faults, run, truth
from tests.blocks.placed import Placed, placed

EVERY = [pytest.param(p, id=str(p)) for p in placed()]
GIVEN = {"c": np.array([0.7, -1.2])}
ORDINARY = 5
"""How many of the points are of order one; the others lie far out, or very near 0."""


def points(case: Placed) -> np.ndarray:
    """Ordinary ones, the tails at ±30, 0, and numbers that single precision holds barely."""
    rng = np.random.default_rng(0)
    usual = rng.normal(size=(ORDINARY, *case.shape))
    if case.source == "unit":
        ends = [1e-30, 2.0**-24, 0.5, 1 - 2.0**-23]
        extreme = np.stack([np.full(case.shape, v) for v in ends])
        return np.concatenate([1 / (1 + np.exp(-usual)), extreme]).astype(np.float32)
    mixed = rng.choice([-30.0, -1.0, 0.0, 1e-40, 30.0], (3, *case.shape))
    alike = [np.full(case.shape, v) for v in (0.0, 30.0, -30.0, 1e-40, -1e-38)]
    return np.concatenate([usual, np.stack(alike), mixed]).astype(np.float32)


def at(case: Placed, dtype: type) -> Any:
    """The transform, its parameters in one precision."""
    cast = {name: jnp.asarray(value, dtype) for name, value in GIVEN.items()}
    params = jax.tree.map(lambda a: jnp.asarray(a, dtype), case.instance.params)
    return case.transform(params, cast)


@pytest.mark.parametrize("case", EVERY)
def test_it_conforms(case: Placed) -> None:
    """There and back, the log-determinant, and what its `extern` line says of it."""
    xs = points(case)
    with jax.enable_x64(True):
        known, double = truth(at(case, jnp.float64), xs.astype(float))
    single = run(at(case, jnp.float32), xs)
    for found, precision in ((double, 2.0**-52), (single, 2.0**-23)):
        eps = max(precision, case.tolerance)
        assert faults(known, found, eps) == []
        assert what_is_missed(known, found, eps) == []
    assert {a.dtype.name for a in single} == {"float32"}
    assert {a.dtype.name for a in double} == {"float64"}
    usual = known.jacobian[:ORDINARY]
    for claimed in case.extern.argument("jacobian"):
        assert STRUCTURES[claimed](usual, 1e-9)
    assert not case.extern.has("weightless") or case.extern.has("block") or not case.parameters
    assert batches(case, single, xs)


def what_is_missed(known: Truth, found: Run, eps: float) -> list[str]:
    """The power of the check: mistakes that it would not have seen at ordinary points."""
    usual = Truth(*(part[:ORDINARY] for part in known))
    own = Run(*(part[:ORDINARY] for part in found))
    mistakes = {
        "comes back": own._replace(back=1.01 * own.back),
        "log-determinant there": own._replace(log_det=own.log_det + 0.05),
        "log-determinant back": own._replace(same=own.same + 0.05),
        "finite": own._replace(y=np.where(own.y == own.y[0, 0], np.nan, own.y)),
    }
    seen = {claim: faults(usual, broken, eps) for claim, broken in mistakes.items()}
    return [claim for claim, said in seen.items() if not any(s.startswith(claim) for s in said)]


def batches(case: Placed, single: Run, xs: np.ndarray) -> bool:
    """None and one at a time are as they are among others; none has shapes all the same."""
    transform = at(case, jnp.float32)

    def one(x: Any) -> Any:
        return *push(transform, x), *pull(transform, x)

    none = jax.vmap(one)(jnp.zeros((0, *case.shape), jnp.float32))
    assert [a.shape for a in none] == [(0, *case.shape), (0,)] * 2
    alone = run(transform, xs[:1])
    limits = [1e-5 * (1 + np.abs(a[:1])) for a in single]
    return all(
        (np.abs(a - b[:1]) <= limit).all()
        for a, b, limit in zip(alone, single, limits, strict=True)
    )


class Broken(AbstractFlow):
    """Another transform, with one of its two ways changed."""

    def __init__(self, inner: Any, scale: float, log_det: float) -> None:
        self.inner, self.scale, self.log_det = inner, scale, log_det
        self.rank = inner.rank

    def push(self, x: Any) -> Any:
        y, log_det = push(self.inner, x)
        return y, log_det + self.log_det

    def pull(self, y: Any) -> Any:
        x, log_det = pull(self.inner, y)
        return self.scale * x, log_det + self.log_det


@pytest.mark.parametrize(
    ("scale", "log_det", "seen"),
    [
        (1.0, 0.0, set()),
        (1.001, 0.0, {"comes back"}),
        (1.0, 0.01, {"log-determinant there", "log-determinant back"}),
    ],
)
def test_a_wrong_inverse_or_log_determinant_is_seen(
    scale: float, log_det: float, seen: set[str]
) -> None:
    case = next(p for p in placed() if "spline" in p.stage and not p.given)
    xs = points(case)
    with jax.enable_x64(True):
        known, _ = truth(at(case, jnp.float64), xs.astype(float))
    found = run(Broken(at(case, jnp.float32), scale, log_det), xs)
    assert {fault.split(":")[0] for fault in faults(known, found, 2.0**-23)} == seen


def test_an_ill_conditioned_inverse_is_allowed_what_it_must_lose_and_no_more() -> None:
    """y = δx: x comes back to ε/δ, where a fixed tolerance of 10⁻⁴ would call it broken."""
    slope, xs = 1e-5, np.array([[0.3], [-2.0]])
    known = Truth(xs, slope * xs, np.full((2, 1, 1), slope), np.log([slope, slope]), 0 * xs)
    log_dets = np.full(2, np.log(slope))
    for size, seen in ((3e-7, []), (1e-2, ["comes back"])):
        moved = Run(known.y, log_dets, xs + size / slope, log_dets)
        assert [f.split(":")[0] for f in faults(known, moved, 2.0**-23)] == seen


@pytest.mark.parametrize(
    ("claim", "matrix"),
    [
        ("diagonal", [[1, 0], [1e-3, 1]]),
        ("triangular", [[1, 1e-3], [1e-3, 1]]),
        ("permutation", [[0, 1], [1.01, 0]]),
        ("orthogonal", [[0.8, 0.61], [-0.6, 0.8]]),
    ],
)
def test_a_wrong_claim_about_a_jacobian_is_seen(claim: str, matrix: Any) -> None:
    right = np.stack([np.eye(2)] * 2)
    assert STRUCTURES[claim](right, 1e-9)
    assert not STRUCTURES[claim](np.stack([np.eye(2), np.array(matrix, float)]), 1e-9)
    assert not STRUCTURES["constant"](np.stack([np.eye(2), np.array(matrix, float)]), 1e-9)
