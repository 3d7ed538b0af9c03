"""`discriminate(y)`: gradients against closed form and enumeration, where labels may be missing."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import objective
from tests.objectives.models import EXAMPLES, arrays

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
X = np.array([0.3, -1.0, 2.5, 0.9])
Y = np.array([1, np.nan, 0, 1])
LABELLED = np.array([0, 2, 3])

GUIDED = """model Guided {
  param w : real
  param a : real
  param b : real
  data   y : bit? ~ Bernoulli(0.3)
  latent z : real ~ Normal(0, 1)
  data   x : real ~ Normal(w * z + y, 1)
  guide {
    y ~ Bernoulli(logits = a * x + b)
    z ~ Normal(x - y, 1)
  }
}"""
"""q(y | x) has the log-odds a x + b; p(y | x) is exact too, and the guide comes first."""

JOINT = """model Joint {
  param prior : simplex(3)
  param m : real[3]
  param h : real
  data   y : cat(3)? ~ Categorical(prior)
  latent k : bit ~ Bernoulli(logits = h)
  data   x : real ~ Normal(m[y] + 2 * k, 1)
}"""
"""A class and a hidden bit behind x, to be enumerated by hand."""

ENERGY = """model Energy {
  param W : real[3, 2]
  param b : real[2]
  data v : bit[3]
  data y : bit[2]
  energy -(v @ W @ y) - b @ y
}"""
"""Of unknown log Z at need; the entries of y given v are independent with log-odds v W + b."""


def gradient(text, name, params, data):
    """The loss, its metrics and its gradient."""
    model = dgm.parse(text)
    found = model.objective(objective(model.plan, name))
    player = found.players[0]

    def loss(params):
        return player.loss(params, {}, data, KEY)

    (value, (_, metrics)), slopes = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    return float(value), metrics, slopes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_the_guide_learns_from_labels_alone():
    """−1/N Σ over the labelled of log σ(±(a x + b)); an example without y adds nothing."""
    params = arrays(w=0.5, a=0.7, b=-0.2)
    value, metrics, found = gradient(GUIDED, "discriminate(y)", params, arrays(x=X, y=Y))
    x, y = X[LABELLED], Y[LABELLED]
    p = sigmoid(0.7 * x - 0.2)
    assert value == pytest.approx(-np.log(np.where(y == 1, p, 1 - p)).sum() / 4)
    assert float(found["a"]) == pytest.approx(((p - y) * x).sum() / 4)
    assert float(found["b"]) == pytest.approx((p - y).sum() / 4)
    assert float(found["w"]) == 0
    assert float(metrics["labelled"]) == 0.75
    assert value != pytest.approx(-np.log(np.where(y == 1, p, 1 - p)).mean())


def test_the_bound_leaves_the_guide_of_a_label_alone():
    """Why the term is there: where y is known, `elbo` has no gradient for a and b."""
    known = arrays(x=X[LABELLED], y=Y[LABELLED])
    params = arrays(w=0.5, a=0.7, b=-0.2)
    model = dgm.parse(GUIDED)
    assert [b.variable for b in model.plan.facts.bounded] == ["y", "z"]
    _, _, alone = gradient(GUIDED, "elbo", params, known)
    _, metrics, both = gradient_of_sum("elbo + 3 * discriminate(y)", params, known)
    _, _, term = gradient(GUIDED, "discriminate(y)", params, known)
    for name in ("a", "b"):
        assert float(alone[name]) == pytest.approx(0, abs=1e-12)
        assert float(both[name]) == pytest.approx(3 * float(term[name]))
    assert {"elbo.loss", "elbo.kl", "discriminate.loss", "discriminate.labelled"} <= set(metrics)


def gradient_of_sum(name, params, data):
    model = dgm.parse(GUIDED)
    found = model.objective(objective(model.plan, name))
    state = found.start(KEY, params, data)

    def loss(params):
        return found.players[-1].loss(params, state, data, KEY)

    (value, (_, metrics)), slopes = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    return float(value), metrics, slopes


def log_joint(logits, m, h):
    """Log p(y, x) up to a constant, [examples, classes], the bit summed by hand."""
    p = sigmoid(h)
    x, prior = X[:, None], np.exp(logits) / np.exp(logits).sum()
    return np.log(
        prior * ((1 - p) * np.exp(-0.5 * (x - m) ** 2) + p * np.exp(-0.5 * (x - m - 2) ** 2))
    )


def test_an_exact_law_is_enumerated():
    model = dgm.parse(JOINT)
    stored = model.lowered.unconstrain({"prior": np.array([0.2, 0.5, 0.3]), "m": M, "h": 0.4})
    labels = np.array([2, -1, 0, 1])
    params = arrays(**stored)
    value, metrics, found = gradient(
        JOINT, "discriminate(y)", params, {**arrays(x=X), "y": jax.numpy.asarray(labels)}
    )
    assert value == pytest.approx(by_hand(M, 0.4, labels))
    assert float(metrics["labelled"]) == 0.75
    step = 1e-6
    for place in range(3):
        at = np.eye(3)[place] * step
        slope = (by_hand(M + at, 0.4, labels) - by_hand(M - at, 0.4, labels)) / (2 * step)
        assert float(found["m"][place]) == pytest.approx(slope, abs=1e-8)
    slope = (by_hand(M, 0.4 + step, labels) - by_hand(M, 0.4 - step, labels)) / (2 * step)
    assert float(found["h"]) == pytest.approx(slope, abs=1e-8)
    joint = log_joint(np.log([0.2, 0.5, 0.3]), M, 0.4)
    generative = -joint[LABELLED, labels[LABELLED]].sum() / 4
    assert value != pytest.approx(generative, rel=0.1)


M = np.array([-1.0, 0.5, 2.0])


def by_hand(m, h, labels):
    joint = log_joint(np.log([0.2, 0.5, 0.3]), m, h)
    law = joint - np.log(np.exp(joint).sum(axis=1, keepdims=True))
    return -law[LABELLED, labels[LABELLED]].sum() / 4


def test_a_normaliser_that_is_not_known_cancels():
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(3, 2)), rng.normal(size=2)
    v, y = rng.integers(0, 2, (5, 3)).astype(float), rng.integers(0, 2, (5, 2)).astype(float)
    value, _, found = gradient(ENERGY, "discriminate(y)", arrays(W=W, b=b), arrays(v=v, y=y))
    p = sigmoid(v @ W + b)
    assert value == pytest.approx(-np.log(np.where(y == 1, p, 1 - p)).sum() / 5)
    assert np.allclose(found["b"], (p - y).mean(axis=0))
    assert np.allclose(found["W"], v.T @ (p - y) / 5)


def test_only_what_is_a_class_may_be_named():
    model = dgm.parse(GUIDED)
    with pytest.raises(DgmError) as refused:
        objective(model.plan, "elbo + discriminate(z)")
    (found,) = refused.value.diagnostics
    assert (found.code, found.help) == ("DGM0437", "write `discriminate(y)`")
    chained = GUIDED.replace("a * x + b", "a * x + b * z").replace("x - y", "x")
    verdict = dgm.parse(chained).plan.objectives["discriminate"]
    assert verdict.legal  # not by the guide, which draws z above y, but by the exact law


def test_the_semi_supervised_example_learns_its_labels():
    """Four patterns in two classes, one label each; without the term the labels teach nothing."""
    text = (EXAMPLES / "ssvae.dgm").read_text().replace("[500, 500]", "[8]").replace("[500]", "[8]")
    model = dgm.parse(text, latents=2, classes=2, d=6)
    x = np.repeat(np.eye(2), 3, axis=1)[np.arange(40) % 2]
    y = np.where(np.arange(40) < 4, np.arange(40) % 2, np.nan)
    settings = {"steps": 60, "batch": 40, "optimizer": "adam(learning_rate = 0.03)"}
    fit = model.fit({"x": x, "y": y}, objective="elbo + 5 * discriminate(y)", **settings)
    found = np.asarray(fit.value("label(x)", x=x[:2])["logits"]).argmax(axis=1)
    assert list(found) == [0, 1]
    assert fit.history[-1].values["discriminate.loss"] < 0.02
    assert fit.history[-1].values["discriminate.labelled"] == pytest.approx(0.1)
