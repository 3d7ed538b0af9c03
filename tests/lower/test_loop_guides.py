"""Guides in loops: what they draw along them, and the posteriors beside a draw of theirs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dgmlang.evaluate.posterior import answers
from tests.lower.loops import at, model

pytestmark = pytest.mark.usefixtures("x64")

SMOOTHED = """
model M(T: int = 4) {
  param a : real
  param c : real[T]
  for t in 0..T {
    latent z[t] : real ~ Normal(0, 1) if t == 0 else Normal(a * z[t-1], 1)
    data   x[t] : real ~ Normal(z[t], 1)
  }
  guide {
    for t in 0..T {
      z[t] ~ Normal(c[t] * x[t] + (0 if t == T - 1 else x[t+1]), 1) if t == 0
        else Normal(0.5 * z[t-1] + c[t] * x[t], 2)
    }
  }
}
"""


def test_a_guide_draws_along_its_own_loop():
    found = model(SMOOTHED)
    rng = np.random.default_rng(4)
    a, c, x = 0.7, rng.normal(size=4), rng.normal(size=4)
    params, values = at(found, a=a, c=c), {"x": jnp.asarray(x)}
    drawn, log_q = found.guide_draw(params, jax.random.key(1), values)
    z = np.asarray(drawn["z"])
    before = np.concatenate([[0], z[:-1]])
    means = np.where(np.arange(4) == 0, c * x + x[1], 0.5 * before + c * x)
    wanted = stats.norm.logpdf(z, means, [1, 2, 2, 2]).sum()
    assert log_q == pytest.approx(wanted, abs=1e-10)
    joint = stats.norm.logpdf(z, a * before).sum() + stats.norm.logpdf(x, z).sum()
    terms = found.guided(params, jax.random.key(1), values)
    assert sum(terms.log_p.values()) == pytest.approx(joint, abs=1e-10)
    keys = jax.random.split(jax.random.key(3), 4000)
    many = np.asarray(jax.vmap(lambda k: found.guide_draw(params, k, values)[0]["z"])(keys))
    first = means[0]
    assert abs(many[:, 0].mean() - first) < 5 / np.sqrt(4000)
    assert abs(many[:, 1].mean() - (0.5 * first + c[1] * x[1])) < 5 * np.sqrt(4.25 / 4000)


def test_topics_have_their_posterior_given_a_draw_of_the_guide():
    found = model("""
    model LDA(K: int = 3, V: int = 4, words: int = 5) {
      param word : simplex(V)[K]
      param conc : positive[K]
      latent mix : simplex(K) ~ Dirichlet(ones(K))
      for n in 0..words {
        latent k[n] : cat(K) ~ Categorical(mix)
        data   w[n] : cat(V) ~ Categorical(word[k[n]])
      }
      guide { mix ~ Dirichlet(conc) }
    }""")
    rng = np.random.default_rng(6)
    word, w = rng.dirichlet(np.ones(4), size=3), rng.integers(4, size=(2, 5))
    params = at(found, word=word, conc=[2.0, 1.0, 3.0])
    answer = answers(found, params, {"w": jnp.asarray(w)}, jax.random.key(0))
    assert {name: result.kind for name, result in answer.items()} == {"k": "draws", "mix": "draws"}
    joint = np.asarray(answer["mix"])[:, None] * word[:, w].transpose(1, 2, 0)
    wanted = joint / joint.sum(axis=-1, keepdims=True)
    assert np.asarray(answer["k"]) == pytest.approx(wanted, abs=1e-9)
