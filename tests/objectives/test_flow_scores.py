"""`sm`, `ssm` and `dsm` of the flows, against differences of their log densities.

Differences know nothing of how a flow is inverted or differentiated.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.pipeline import compile_text
from dgmlang.objectives.noised import blurred
from dgmlang.registry import implementation
from tests.blocks.conformance import FAST
from tests.objectives.models import EXAMPLES, model

pytestmark = pytest.mark.usefixtures("x64")

STEP, SIGMA, POINTS = 1e-4, 0.3, 3
FLOWS: Mapping[str, Mapping[str, Any]] = {
    "realnvp": {"layers": 1, "hidden": (4,)},
    "nice": {"layers": 1, "hidden": (4,), "d": 2},
    "maf": {"layers": 1, "hidden": (4,), "d": 2},
    "iaf": {"layers": 1, "hidden": (4,), "d": 2},
    "gaussianization": {"layers": 1, "d": 2},
    "gaussian_ar": {"d": 2},
    "cnf": {"hidden": (4,)},
    "mintnet": {"layers": 1, "side": 2},
    "spline_flow": {"layers": 1, "hidden": (4,), "d": 2},
}
KEY = jax.random.key(0)


def text(name: str) -> str:
    """The example; a tolerance would make the differences rough, so an ODE takes equal steps."""
    found = (EXAMPLES / f"{name}.dgm").read_text(encoding="utf-8")
    return found.replace("ode(v)", "ode(v, steps = 12)")


class Flow:
    """A small flow away from its start, and points."""

    def __init__(self, name: str) -> None:
        self.lowered = model(text(name), **FLOWS[name])
        rng = np.random.default_rng(0)
        self.params = jax.tree.map(
            lambda a: jnp.asarray(a + 0.2 * rng.normal(size=a.shape)), self.lowered.init(0, None)
        )
        self.shape = (2, 2, 1) if name == "mintnet" else (2,)
        self.x = rng.normal(size=(POINTS, int(np.prod(self.shape))))
        self.signs = np.array(list(product([-1.0, 1.0], repeat=self.x.shape[1])))

    def log_p(self, x: np.ndarray) -> np.ndarray:
        one = jax.vmap(lambda x: self.lowered.log_prob(self.params, {"x": x}))
        found = jax.jit(one, compiler_options=FAST)(jnp.asarray(x.reshape(-1, *self.shape)))
        return np.asarray(found).reshape(x.shape[:-1])

    def slopes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The score [n, d], and vᵀ ∇s v [n, 2ᵈ] along every v of signs, by central differences.

        The mean over all v of v vᵀ is the identity.
        """
        moves = STEP * np.array([-1.0, 0.0, 1.0])[:, None, None, None] * self.signs
        below, here, above = self.log_p(x[:, None] + moves)
        score = (above - below) / (2 * STEP) @ self.signs / len(self.signs)
        return score, (above - 2 * here + below) / STEP**2

    def losses(self, objective: str, **settings: Any) -> np.ndarray:
        found = implementation("objective", objective)(self.lowered, **settings)
        x = jnp.asarray(self.x.reshape(-1, *self.shape))
        loss = jax.jit(found.validate, compiler_options=FAST)
        return np.asarray(loss(self.params, {"x": x}, KEY))


def close(found: Any, truth: Any) -> bool:
    return np.allclose(found, truth, rtol=1e-5, atol=1e-5)


def matched(flow: Flow, slopes: tuple[np.ndarray, np.ndarray]) -> bool:
    """tr ∇s + ½ ‖s‖², and the same with vᵀ ∇s v at some v for each point."""
    half, along = 0.5 * np.sum(slopes[0] ** 2, axis=1), slopes[1]
    exact = close(flow.losses("sm"), along.mean(axis=1) + half)
    apart = np.abs(along + half[:, None] - flow.losses("ssm")[:, None])
    return exact and close(apart.min(axis=1), 0.0)


def denoised(flow: Flow, score: np.ndarray, at: Any) -> bool:
    """½ ‖s(x + σε) + ε/σ‖²."""
    truth = 0.5 * np.sum((score + np.asarray(at.noise) / SIGMA) ** 2, axis=1)
    return close(flow.losses("dsm", sigma=SIGMA), truth)


def checked(flow: Flow, *, smooth: bool = True, shift: float = 0.0) -> tuple[bool, bool]:
    """Whether `sm` and `ssm`, and `dsm`, are those of the density, at parameters so far off."""
    at = blurred(jax.random.split(KEY)[0], jnp.asarray(flow.x), SIGMA)
    score, along = flow.slopes(np.concatenate([flow.x, np.asarray(at.x)]))
    flow.params = jax.tree.map(lambda a: a + shift, flow.params)
    known = score[:POINTS], along[:POINTS]
    return smooth and matched(flow, known), denoised(flow, score[POINTS:], at)


QUICK = ("realnvp", "maf", "spline_flow")
"""The others take half a minute or more to compile together."""


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FLOWS]
)
def test_losses_are_those_of_the_density(name: str) -> None:
    verdicts = compile_text(text(name), **FLOWS[name]).objectives
    smooth = name != "spline_flow"
    assert [verdicts[o].legal for o in ("sm", "ssm", "dsm")] == [smooth, smooth, True]
    assert checked(Flow(name), smooth=smooth) == (smooth, True)


def test_another_density_has_other_losses() -> None:
    assert checked(Flow("maf"), shift=1e-3) == (False, False)
