"""Divergences between fitted models against closed forms, sums and quadrature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import dgmlang as dgm

pytestmark = pytest.mark.usefixtures("x64")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NORMAL = "model N {\n  param m : real\n  param s : positive\n  data x : real ~ Normal(m, s)\n}"
LAPLACE = "model L {\n  param s : positive\n  data x : real ~ Laplace(0, s)\n}"
BITS = "model B {\n  param p : unit[2]\n  data x : bit[2] ~ Bernoulli(p)\n}"


def fit(text: str, **params: Any) -> dgm.Fitted:
    return dgm.parse(text).with_params(params)


def test_of_two_gaussians_in_closed_form() -> None:
    p, q = fit(NORMAL, m=0.5, s=0.7), fit(NORMAL, m=-0.2, s=1.3)
    truth = np.log(1.3 / 0.7) + (0.7**2 + 0.7**2) / (2 * 1.3**2) - 0.5
    found = dgm.divergence(p, q)
    assert found.kind == "exact"
    assert float(found) == pytest.approx(truth, abs=1e-5)
    back = np.log(0.7 / 1.3) + (1.3**2 + 0.7**2) / (2 * 0.7**2) - 0.5
    assert float(dgm.divergence(p, q, "reverse_kl")) == pytest.approx(back, abs=1e-5)
    assert float(dgm.divergence(p, p)) == pytest.approx(0.0, abs=1e-9)


def test_of_latent_gaussians_in_closed_form() -> None:
    rng = np.random.default_rng(0)

    def ppca() -> tuple[dgm.Fitted, np.ndarray, np.ndarray]:
        W, b, s = rng.normal(size=(3, 1)), rng.normal(size=3), 0.8
        params = {"W": W, "b": b, "s": s}
        found = dgm.load(EXAMPLES / "ppca.dgm", latents=1, d=3).with_params(params)
        return found, b, W @ W.T + s**2 * np.eye(3)

    (p, a, A), (q, b, B) = ppca(), ppca()
    inverse = np.linalg.inv(B)
    truth = np.trace(inverse @ A) + (b - a) @ inverse @ (b - a) - 3
    truth = 0.5 * (truth + np.log(np.linalg.det(B) / np.linalg.det(A)))
    assert float(dgm.divergence(p, q)) == pytest.approx(truth, rel=1e-5)


def test_of_bits_by_a_sum() -> None:
    p, q = np.array([0.2, 0.7]), np.array([0.5, 0.4])
    one, other = fit(BITS, p=p), fit(BITS, p=q)
    truth = float((p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).sum())
    found = dgm.divergence(one, other)
    assert (found.kind, found.stderr) == ("exact", None)
    assert float(found) == pytest.approx(truth, abs=1e-6)
    table, against = (np.outer([1 - t[0], t[0]], [1 - t[1], t[1]]) for t in (p, q))
    apart = float(np.abs(table - against).sum() / 2)
    assert float(dgm.divergence(one, other, "tv")) == pytest.approx(apart, abs=1e-6)


@pytest.mark.parametrize("kind", ["kl", "reverse_kl", "js", "tv", "hellinger"])
def test_by_draws_against_quadrature(kind: str) -> None:
    p, q = fit(NORMAL, m=0.6, s=0.9), fit(LAPLACE, s=0.8)

    def a(x: float) -> float:
        return float(norm.pdf(x, 0.6, 0.9))

    def b(x: float) -> float:
        return float(np.exp(-abs(x) / 0.8) / 1.6)

    integrands = {
        "kl": lambda x: a(x) * np.log(a(x) / b(x)),
        "reverse_kl": lambda x: b(x) * np.log(b(x) / a(x)),
        "js": lambda x: (
            0.5 * a(x) * np.log(2 * a(x) / (a(x) + b(x)))
            + 0.5 * b(x) * np.log(2 * b(x) / (a(x) + b(x)))
        ),
        "tv": lambda x: 0.5 * abs(a(x) - b(x)),
        "hellinger": lambda x: 0.5 * (np.sqrt(a(x)) - np.sqrt(b(x))) ** 2,
    }
    truth = quad(integrands[kind], -15, 15, limit=400, points=[0.0])[0]
    found = dgm.divergence(p, q, kind, n=4000)
    assert found.kind == "estimate"
    assert found.stderr is not None
    assert abs(float(found) - truth) < 5 * float(found.stderr)
    # The twin: another pair of laws.
    other = dgm.divergence(p, fit(LAPLACE, s=2.0), kind, n=4000)
    assert abs(float(other) - truth) > 5 * float(found.stderr)
