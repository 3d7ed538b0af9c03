"""The examples with autoregressive flows, from data to a fit, its densities and its draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgmlang as dgm

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL: dict[str, dict[str, Any]] = {
    "maf": {"d": 3, "layers": 2, "hidden": (8,)},
    "iaf": {"d": 3, "layers": 2, "hidden": (8,)},
    "gaussian_ar": {"d": 3},
    "vae_flow_prior": {"latents": 2, "d": 6},
}


def skewed(n: int = 256) -> np.ndarray:
    """A chain of three entries, each bent by the one before."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((n, 3))
    first, second = noise[:, 0], noise[:, 1] + noise[:, 0] ** 2
    return np.stack([first, second, noise[:, 2] * np.exp(0.5 * first)], axis=1).astype(np.float32)


@pytest.mark.parametrize("name", SMALL)
def test_an_example_learns_and_draws(name: str) -> None:
    model = dgm.load(EXAMPLES / f"{name}.dgm", **SMALL[name])
    bits = name == "vae_flow_prior"
    data = (np.tile(skewed(), 2) > 0).astype(np.float32) if bits else skewed()
    fit = model.fit(data, steps=100, batch=64, seed=0, optimizer="adam(learning_rate = 0.01)")
    start = model.fit(data, steps=1, batch=64, seed=0, optimizer="adam(learning_rate = 1e-9)")
    before, after = (float(np.mean(np.asarray(f.log_prob(data[:128])))) for f in (start, fit))
    assert after > before + 0.2
    draws = np.asarray(fit.sample(5, seed=1))
    assert draws.shape == (5, data.shape[1])
    assert np.isfinite(draws).all()
