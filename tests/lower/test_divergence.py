"""Closed forms of KL(q ‖ p) against the sum over all values."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from dgmlang.distributions.bernoulli import bernoulli
from dgmlang.distributions.categorical import categorical
from dgmlang.distributions.divergence import divergence

pytestmark = pytest.mark.usefixtures("x64")
Q, P = np.array([0.2, 0.9, 0.5]), np.array([0.4, 0.1, 0.5])


def known(q, p):
    found = divergence(q, p)
    assert found is not None
    return found


def summed(q, p):
    return float(np.sum(q * np.log(q / p)))


@pytest.mark.parametrize("own", ["probs", "logits"])
@pytest.mark.parametrize("other", ["probs", "logits"])
def test_of_bits(own, other):
    def law(how, p):
        found = bernoulli(p) if how == "probs" else bernoulli(logits=np.log(p / (1 - p)))
        return found.to_event(1)

    truth = summed(Q, P) + summed(1 - Q, 1 - P)
    assert float(known(law(own, Q), law(other, P))) == pytest.approx(truth)
    assert float(known(law(own, P), law(other, Q))) != pytest.approx(truth), "which is which"


@pytest.mark.parametrize("own", ["probs", "logits"])
def test_of_classes(own):
    q, p = (
        np.array([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]),
        np.array([[0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]),
    )
    first = categorical(q) if own == "probs" else categorical(logits=np.log(q) + 3)
    found = known(first.to_event(1), categorical(logits=np.log(p)).to_event(1))
    assert float(found) == pytest.approx(summed(q, p))


def test_what_is_impossible_counts_as_nothing_or_as_infinite():
    certain, even = categorical(jnp.array([0.0, 1.0])), categorical(jnp.array([0.5, 0.5]))
    assert float(known(certain, even)) == pytest.approx(np.log(2))
    assert float(known(even, certain)) == np.inf
    assert float(known(certain, certain)) == 0


def test_no_gradient_is_lost_where_a_class_is_impossible():
    def kl(p):
        q = categorical(jnp.array([0.0, p, 1 - p]))
        return known(q, categorical(jnp.array([0.2, 0.4, 0.4])))

    assert float(jax.grad(kl)(0.3)) == pytest.approx(np.log(0.3 / 0.7))


def test_of_others_is_numpyros_or_none():
    gaussians = dist.Normal(0, 1), dist.Normal(1, 2)
    assert float(known(*gaussians)) == pytest.approx(float(dist.kl_divergence(*gaussians)))
    assert divergence(dist.Normal(0, 1), dist.Laplace(0, 1)) is None
    assert divergence(bernoulli(0.5), categorical(jnp.array([0.5, 0.5]))) is None
