"""`elbo(gradient = …, free_bits = …)`: the estimator that the caller asks for."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.registry import implementation
from tests.objectives.models import COIN, LINEAR, arrays, model
from tests.objectives.test_elbo import (
    COIN_AT,
    LINEAR_AT,
    TWO,
    TWO_AT,
    X,
    agree,
    bernoulli,
    coin_elbo,
    gaussian,
    gradients,
    two_elbo,
)

pytestmark = pytest.mark.usefixtures("x64")


def elbo(text, **settings):
    return implementation("objective", "elbo")(model(text), **settings)


def soft_coin_elbo(p, temperature, *, through=False):
    """The bound of relaxed draws by quadrature over the uniform numbers that they come from.

    `through`: what is drawn is the rounded bit, with the slope of the relaxed draw.
    """
    u = (np.arange(20000) + 0.5) / 20000
    noise = np.log(u) - np.log1p(-u)
    logits = (p["a"] * X)[:, None]
    z = jax.nn.sigmoid((logits + noise[None]) / temperature)
    if through:
        z = jax.lax.stop_gradient((z > 0.5).astype(float) - z) + z
    kl = sum(
        jnp.exp(bernoulli(b, logits)) * (bernoulli(b, logits) - bernoulli(b, p["p"]))
        for b in (0, 1)
    )
    return jnp.mean(gaussian(X[:, None], p["w"] * z, 1.0)) - jnp.mean(kl)


def test_unbiased_ones_can_be_asked_for():
    truth = jax.grad(lambda p: -coin_elbo(p))(COIN_AT())
    assert agree(gradients(model(COIN), COIN_AT(), 4000, gradient="reinforce"), truth)
    summed = gradients(model(COIN), COIN_AT(), 2, gradient="enumerate")
    assert all(np.allclose(summed[name], truth[name]) for name in truth)


@pytest.mark.parametrize("asked", ["relaxed", "straight_through"])
def test_soft_gradients_have_the_mean_of_their_definition(asked):
    def loss(p):
        return -soft_coin_elbo(p, 0.5, through=asked == "straight_through")

    found = gradients(model(COIN), COIN_AT(), 8000, gradient=asked)
    assert agree(found, jax.grad(loss)(COIN_AT()))
    # They are biased: the exact gradient is another, and so is that at another temperature.
    assert not agree(found, jax.grad(lambda p: -coin_elbo(p))(COIN_AT()))
    other = gradients(model(COIN), COIN_AT(), 8000, gradient=asked, temperature=2.0)
    assert not agree(other, jax.grad(loss)(COIN_AT()))


def test_relaxed_draws_near_the_bits_have_little_bias():
    sharp = jax.grad(lambda p: -soft_coin_elbo(p, 0.05))(COIN_AT())
    truth = jax.grad(lambda p: -coin_elbo(p))(COIN_AT())
    blunt = jax.grad(lambda p: -soft_coin_elbo(p, 1.0))(COIN_AT())
    off = {name: abs(float(sharp[name] - truth[name])) for name in truth}
    assert all(off[name] <= 0.1 * abs(float(blunt[name] - truth[name])) + 1e-6 for name in truth)


def test_straight_through_values_are_the_models_own():
    loss = elbo(COIN, gradient="straight_through").players[0].loss
    keys = jax.random.split(jax.random.key(2), 8000)
    values = jax.vmap(lambda key: loss(COIN_AT(), {}, arrays(x=X), key)[0])(keys)
    error = float(values.std() / np.sqrt(len(values)))
    assert abs(float(values.mean() + coin_elbo(COIN_AT()))) <= 5 * error
    assert abs(float(values.mean() + soft_coin_elbo(COIN_AT(), 0.5))) > 5 * error, "the power twin"


def test_what_cannot_take_it_keeps_its_own():
    truth = jax.grad(lambda p: -two_elbo(p))(TWO_AT())
    assert agree(gradients(model(TWO), TWO_AT(), 4000, gradient="enumerate"), truth)


def test_free_bits_cost_nothing():
    def loss(p, floor):
        mean, s = p["a"] * X, jnp.exp(p["r"])
        fit = gaussian(X, p["w"] * mean, 1.0) - 0.5 * p["w"] ** 2 * s**2
        kl = jnp.mean(0.5 * (mean**2 + s**2 - 1 - 2 * jnp.log(s)))
        return jnp.maximum(kl, floor) - jnp.mean(fit)

    kl = float(jnp.mean(0.5 * ((0.1 * X) ** 2 + np.exp(-0.6) - 1 + 0.6)))
    for floor in (2 * kl, 0.5 * kl):
        found = gradients(model(LINEAR), LINEAR_AT(), 4000, free_bits=floor)
        assert agree(found, jax.grad(loss)(LINEAR_AT(), floor))
    assert not agree(found, jax.grad(loss)(LINEAR_AT(), 2 * kl)), "the power twin"


@pytest.mark.parametrize(
    ("settings", "quantity"),
    [
        ({}, "negative ELBO, a bound"),
        ({"beta": 4.0}, "negative ELBO with beta = 4, a bound"),
        ({"free_bits": 0.5}, "negative ELBO with free_bits = 0.5, not a bound"),
        ({"gradient": "relaxed"}, "negative ELBO, of relaxed draws: not a bound"),
        (
            {"gradient": "straight_through"},
            "negative ELBO (its gradient is biased: straight_through), a bound",
        ),
    ],
)
def test_the_loss_says_what_it_is(settings, quantity):
    assert elbo(COIN, **settings).quantity == quantity


INDEXED = """model Indexed {
  param loc : real[2]
  latent z : bit ~ Bernoulli(0.4)
  data x : real ~ Normal(loc[z], 1)
  guide { z ~ Bernoulli(logits = x) }
}"""
THROUGH_NETS = """model Inside {
  net f(y: real) -> real raw = 1 if y > 0.5 else 2
  net g(y: real) -> real = y
  latent z : bit ~ Bernoulli(0.4)
  data x : real ~ Normal(NET(2 * z), 1)
  guide { z ~ Bernoulli(logits = x) }
}"""
CLASSES = """model Classes {
  latent k : cat(3) ~ Categorical(uniform(3))
  data x : real ~ Normal([-1, 0, 1][k], 1)
  guide { k ~ Categorical(logits = [x, 0, -x]) }
}"""
CHOSEN = """model Chosen {
  latent z : bit ~ Bernoulli(0.4)
  data x : real ~ Normal(0, 1) if z else Cauchy(0, 1)
  guide { z ~ Bernoulli(logits = x) }
}"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (INDEXED, "as a class"),
        (THROUGH_NETS.replace("NET", "f"), "as a class"),
        (CLASSES, "no relaxed form"),
        (CHOSEN, "as a class"),
        (LINEAR, "no bias"),
    ],
)
def test_what_no_number_can_stand_for_is_not_relaxed(text, why):
    with pytest.raises(DgmError, match="DGM0895") as caught:
        elbo(text, gradient="relaxed")
    assert why in str(caught.value)


def test_what_reads_numbers_is_relaxed():
    assert "relaxed" in elbo(THROUGH_NETS.replace("NET", "g"), gradient="relaxed").quantity


TWO_MANY = """model Many {
  net f(x: real) -> (logits: real[12]) = x
  latent y : bit[12] ~ Bernoulli(0.4)
  latent z : bit[12] ~ Bernoulli(0.4)
  data x : real ~ Normal(sum(y) + sum(z), 1)
  guide { y ~ Bernoulli(f(x)...); z ~ Bernoulli(f(x)...) }
}"""


def test_latents_of_few_states_each_may_have_too_many_together():
    with pytest.raises(DgmError, match=r"together with the others it has 2\^24 states"):
        elbo(TWO_MANY, gradient="enumerate")
    assert "bound" in elbo(TWO_MANY.replace("12", "3"), gradient="enumerate").quantity


SUMMED = """model Summed {
  param m : real
  latent k : bit ~ Bernoulli(0.4)
  data x : real ~ Normal(m * k, 1)
}"""


def test_settings_that_nothing_reads_are_refused():
    with pytest.raises(DgmError, match="DGM0435"):
        elbo(COIN, temperature=2.0)
    for setting in ("beta = 2", "gradient = reinforce", "free_bits = 1", "temperature = 1"):
        with pytest.raises(DgmError, match="DGM0435"):
            dgm.parse(SUMMED).fit(X, objective=f"elbo({setting})", steps=1)


def test_unknown_ones_are_named():
    with pytest.raises(DgmError, match="write `reinforce`"):
        elbo(COIN, gradient="reinforced")
