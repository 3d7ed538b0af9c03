"""Small models in the language, of which everything is known in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.pipeline import compile_text
from dgmlang.objectives.objective import Params

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ERRORS = 5.0
"""Standard errors that an estimate may be off: a false alarm in 1.7 million numbers."""


def model(text: str, gradients: Mapping[str, str] | None = None, **settings: Any) -> Lowered:
    """A program lowered; `gradients` replaces the estimators that were derived for latents."""
    plan = compile_text(text, **settings)
    facts = plan.facts
    if gradients is not None:
        chosen = tuple(replace(b, gradient=gradients[b.variable]) for b in facts.bounded)
        facts = replace(facts, bounded=chosen)
    return lower(plan.program, facts)


def example(name: str, **settings: Any) -> Lowered:
    return model((EXAMPLES / f"{name}.dgm").read_text(encoding="utf-8"), **settings)


def within(estimates: np.ndarray, truth: Any) -> bool:
    """Whether the mean over axis 0 of independent estimates agrees with the truth.

    Where all are one number, it has to be the truth but for rounding.
    """
    estimates = np.asarray(estimates, float)
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    allowed = ERRORS * error + 1e-9 * np.abs(truth)
    return bool(np.all(np.abs(estimates.mean(axis=0) - truth) <= allowed))


def arrays(**values: Any) -> Params:
    """Parameters from plain numbers, in the precision of the test."""
    return {name: jnp.asarray(value, jnp.result_type(float)) for name, value in values.items()}


GAUSSIAN = """model Gaussian {
  param loc : real
  param rate : real
  data x : real ~ Normal(loc, exp(rate))
}"""
"""N(loc, exp(rate)²)."""

QUADRATIC = """model Quadratic {
  param a : real
  data x : real
  energy exp(a) * x ** 2 / 2
}"""
"""N(0, exp(−a)) by an energy, whose normaliser is nobody's business: √(2π exp(−a))."""

OPAQUE = """model Opaque {
  param a : real
  data x : real
  energy -log(exp(-exp(a) * x ** 2 / 2))
}"""
"""The law of QUADRATIC, which the compiler does not see to be Gaussian: its log Z is unknown."""

BARE = """model Bare(d: int = 2) {
  param a : real
  data x : real[d]
  score x = -exp(a) * x
}"""
"""N(0, exp(−a) I) by its score."""

LINEAR = """model Linear {
  param w : real
  param a : real
  param r : real
  latent z : real ~ Normal(0, 1)
  data   x : real ~ Normal(w * z, 1)
  guide { z ~ Normal(a * x, exp(r)) }
}"""
"""x ~ N(0, 1 + w²); the posterior is N(w x/(1 + w²), 1/(1 + w²))."""

COIN = """model Coin {
  param p : real
  param w : real
  param a : real
  latent z : bit ~ Bernoulli(logits = p)
  data   x : real ~ Normal(w * z, 1)
  guide { z ~ Bernoulli(logits = a * x) }
}"""
"""A bit behind a Gaussian, to be enumerated by hand."""

DIFFUSION = """model Diffusion(d: int = 1) {
  param loc : real
  param variance : positive
  data x : real[d]
  score x at t under vp(beta_min = 0.1, beta_max = 20)
    = -(x - signal_level(t) * loc) / (signal_level(t) ** 2 * variance + noise_level(t) ** 2)
}"""
"""The exact score at every noise level of data from N(loc, variance)."""

RBM = """model RBM(visible: int = 4, hidden: int = 3) {
  param W : real[visible, hidden]
  param b : real[visible]
  param c : real[hidden]
  data   v : bit[visible]
  latent h : bit[hidden]
  energy -(v @ W @ h) - b @ v - c @ h
}"""


def rbm_params(visible: int = 4, hidden: int = 3) -> Params:
    rng = np.random.default_rng(3)
    return arrays(
        W=rng.normal(size=(visible, hidden)),
        b=0.5 * rng.normal(size=visible),
        c=0.5 * rng.normal(size=hidden),
    )


def bits(n: int) -> np.ndarray:
    """All states of n bits, [2ⁿ, n]."""
    return (np.arange(2**n)[:, None] >> np.arange(n)[None, :] & 1).astype(float)
