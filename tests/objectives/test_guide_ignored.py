"""`mle` ignores the guide: what can go exactly goes, though a bound would keep it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.registry import implementation
from tests.objectives.models import arrays, model

MIXTURE = """model Mixture {
  param m : real[3]
  net f(x: real) -> (logits: real[3]) = concat(x) |> mlp([8])
  latent k : cat(3) ~ Categorical(uniform(3))
  data   x : real   ~ Normal(m[k], 1)
  GUIDE
}"""
GUIDED = MIXTURE.replace("GUIDE", "guide { k ~ Categorical(f(x)...) }")
ALONE = MIXTURE.replace("GUIDE", "")


@pytest.mark.usefixtures("x64")
def test_the_loss_is_the_exact_likelihood() -> None:
    lowered = model(GUIDED)
    m, x = np.array([-1.0, 0.5, 2.0]), np.array([0.3, -0.7, 1.9, 4.0])
    params = {**lowered.init(0, None), **arrays(m=m)}
    loss = implementation("objective", "mle")(lowered).players[0].loss
    value, _ = loss(params, {}, arrays(x=x), jax.random.key(0))
    terms = -0.5 * (x[:, None] - m) ** 2 - 0.5 * np.log(2 * np.pi) - np.log(3)
    assert float(value) == pytest.approx(-np.mean(np.log(np.exp(terms).sum(1))), abs=1e-10)
    gradient = jax.grad(lambda p: loss(p, {}, arrays(x=x), jax.random.key(0))[0])(params)
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(gradient["f"]))
    assert jnp.all(gradient["m"] != 0)


def test_both_sets_of_facts() -> None:
    guided, alone = dgm.parse(GUIDED).plan, dgm.parse(ALONE).plan
    assert (guided.default_objective, alone.default_objective) == ("elbo", "mle")
    assert (guided.facts.density.value, guided.facts.marginal.value) == ("bound", "exact")
    assert [b.variable for b in guided.facts.bounded] == ["k"]
    assert [r.variable for r in guided.facts.marginalised] == ["k"]
    assert guided.objectives["mle"].legal
    assert guided.objectives["elbo"].legal
    assert not guided.objectives["nce"].legal


def test_a_fit_takes_either() -> None:
    x = np.random.default_rng(0).normal(size=200)
    for objective in ("mle", "elbo"):
        assert dgm.parse(GUIDED).fit(x, objective=objective, steps=5, batch=50).step == 5
