"""A built guide trains as the same guide written by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import dgmlang as dgm
from dgmlang.registry import implementation
from tests.lower.statistics import mean_matches
from tests.objectives.models import model

MODEL = """model M {
  net f(z: real[2]) -> (logits: real[2, 3]) = z |> mlp([8])
  latent z : real[2] ~ Normal(0, 1)
  data   x : bit[2, 3] ~ Bernoulli(f(z)...)"""
WRITTEN = """
  net guide_z(x: bit[2, 3]) -> (loc: real[2], scale: positive[2]) = x |> flatten |> mlp([128, 128])
  guide { z ~ Normal(guide_z(x)...) }"""


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
def test_losses_and_gradients_are_those_of_the_written_one(objective: str) -> None:
    built, written = model(MODEL + "\n}"), model(MODEL + WRITTEN + "\n}")
    params = built.init(0, None)
    assert jax.tree.structure(params) == jax.tree.structure(written.init(0, None))
    batch = {"x": (np.random.default_rng(0).random((7, 2, 3)) < 0.4).astype(np.float32)}

    def gradient(lowered):
        loss = implementation("objective", objective)(lowered).players[0].loss
        return jax.grad(lambda p: loss(p, {}, batch, jax.random.key(1))[0])(params)

    pairs = zip(jax.tree.leaves(gradient(built)), jax.tree.leaves(gradient(written)), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    assert np.abs(gradient(built)["guide_z"]["loc"]["kernel"]).max() > 0


def test_it_trains_from_the_program_alone() -> None:
    """By more than a nat from where fair bits stand, at −6 ln 2."""
    fitted = dgm.parse(MODEL + "\n}").fit(np.ones((64, 2, 3)), steps=300)
    assert np.mean(fitted.log_prob(np.ones((4, 2, 3)), method="iwae(k = 64)")) > 1 - 6 * np.log(2)
    assert fitted.posterior(np.ones((4, 2, 3)))["z"].shape == (4, 2)


def test_a_latent_in_an_interval_has_one_that_stays_there() -> None:
    """Its weights p / q average to the evidence (Φ((x + 1) / σ) − Φ((x − 3) / σ)) / 4."""
    text = """model M {{
      latent z : {} ~ Uniform(-1, 3)
      data   x : real ~ Normal(z, 0.5)
    }}"""
    # A real whose law lies in an interval is of that interval.
    lowered, other = (model(text.format(kind)) for kind in ("interval(-1, 3)", "real"))
    params = lowered.init(0, None)
    assert jax.tree.structure(params) == jax.tree.structure(other.init(0, None))

    def weight(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        drawn = lowered.guided(params, key, {"x": jnp.asarray(1.5)})
        log = sum(drawn.log_p.values()) - sum(drawn.log_q.values())
        return jnp.exp(log), drawn.latents["z"]

    weights, z = jax.jit(jax.vmap(weight))(jax.random.split(jax.random.key(0), 20_000))
    assert -1 < z.min() < z.max() < 3
    evidence = (stats.norm.cdf(2.5 / 0.5) - stats.norm.cdf(-1.5 / 0.5)) / 4
    assert mean_matches(np.asarray(weights), evidence)
    assert not mean_matches(np.asarray(weights), evidence * 4 / 3.5)  # Power: one end off by ½.
