"""Variational dequantisation: where a number lies within its bin is drawn by a law of the guide."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm as gaussian
from scipy.stats import norm

import dgmlang as dgm
from dgmlang.compiler.lower.laws import PushedForward, drawn
from dgmlang.compiler.lower.quantized import JITTER, Placed
from dgmlang.objectives.bound import log_weight
from dgmlang.objectives.objective import Values
from dgmlang.registry import implementation

LEVELS = 4
# As a number a grey k is k/3 here, so 1.5 x is k/2.
PROGRAM = """
model M {
  param m : real
  param s : real
  data x : grey(4) ~ quantize(Normal(m, 1) |> sigmoid)
  guide { x.u ~ Normal(1.5 * x - 1, exp(s)) |> sigmoid }
}
"""
M = 0.7


def exact() -> np.ndarray:
    """The log probability of each level."""
    odds = np.concatenate([[-np.inf], np.log([1 / 3, 1, 3]), [np.inf]])
    return np.asarray(np.log(np.diff(norm.cdf(odds - M))))


def bounds(model: dgm.Model, s: float, draws: int) -> np.ndarray:
    """Draws of log p(x, u) − log q(u) of each level [draws, LEVELS]."""
    lowered = model.lowered
    params = {"m": jnp.float32(M), "s": jnp.float32(s)}

    def one(key: Any, k: Any) -> Any:
        values: Values = {"x": k}
        latents, _ = lowered.guide_draw(params, key, values)
        return log_weight(lowered, params, {**values, **latents}, params)

    levels = jnp.arange(LEVELS)
    every = jax.vmap(jax.vmap(one, (None, 0)), (0, None))
    return np.asarray(jax.jit(every)(jax.random.split(jax.random.key(1), draws), levels))


def by_quadrature(s: Any) -> jax.Array:
    """The bound of each level: a sum over the place's noise and the uniform noise, as arrays."""
    noise = jnp.linspace(-8, 8, 2001)
    weights = (gaussian.pdf(noise) * (noise[1] - noise[0]))[None]
    k = jnp.arange(LEVELS)[:, None]
    logit = (k / 2 - 1) + jnp.exp(s) * noise[None]
    v = jax.nn.sigmoid(logit)
    log_q = (
        gaussian.logpdf(noise)[None] - s - jax.nn.log_sigmoid(logit) - jax.nn.log_sigmoid(-logit)
    )
    u = (k + (1 - JITTER) * v + JITTER / 2) / LEVELS
    log_p = gaussian.logpdf(jnp.log(u) - jnp.log1p(-u) - M) - jnp.log(u) - jnp.log1p(-u)
    return jnp.sum(weights * (log_p - log_q - jnp.log(LEVELS / (1 - JITTER))), axis=1)


def test_the_written_law_stands_in_for_the_built_one() -> None:
    model = dgm.parse(PROGRAM)
    guide = model.plan.program.guide
    assert guide is not None
    assert guide.built == ()
    assert [(b.variable, b.gradient) for b in model.plan.facts.bounded] == [("x.u", "pathwise")]
    fitted = model.with_params({"m": np.float32(M), "s": np.float32(1.0)})
    tight = fitted.log_prob(np.arange(4), method="iwae(k = 4096)").value
    np.testing.assert_allclose(tight, exact(), atol=0.05)
    posterior = fitted.posterior(np.arange(4))["x.u"]
    np.testing.assert_array_equal(np.floor(np.asarray(posterior) * 4), np.arange(4))


def test_the_bound_is_its_integral_and_no_other() -> None:
    model = dgm.parse(PROGRAM)
    found = bounds(model, -0.5, 4000)
    error = found.std(0) / np.sqrt(len(found))
    with jax.enable_x64(True):
        truth = np.asarray(by_quadrature(-0.5))
        other = np.asarray(by_quadrature(-0.3))
    assert (np.abs(found.mean(0) - truth) < 5 * error + 1e-4).all()
    assert (np.abs(found.mean(0) - other) > 5 * error + 1e-4).any()
    assert (truth < exact()).all()


@pytest.mark.parametrize(("objective", "own"), [("elbo", {}), ("iwae", {"k": 1})])
def test_the_gradient_in_the_guide_is_that_of_the_integral(objective: str, own: Any) -> None:
    model = dgm.parse(PROGRAM)
    built = implementation("objective", objective)(model.lowered, **own)
    batch = {"x": jnp.arange(LEVELS)}
    params = {"m": jnp.float32(M), "s": jnp.float32(-0.5)}
    state = built.start(jax.random.key(0), params, batch)

    def slope(key: Any) -> Any:
        return jax.grad(lambda p: built.players[0].loss(p, state, batch, key)[0])(params)["s"]

    found = np.asarray(jax.jit(jax.vmap(slope))(jax.random.split(jax.random.key(2), 2000)))
    error = found.std() / np.sqrt(len(found))
    with jax.enable_x64(True):
        truth = float(jax.grad(lambda s: -by_quadrature(s).mean())(-0.5))
    assert abs(found.mean() - truth) < 5 * error
    assert abs(0.5 * found.mean() - truth) > 5 * error


@pytest.mark.parametrize("s", [-60.0, -20.0, -10.0, 3.0])
def test_no_rounding_lifts_the_bound_above_the_truth(s: float) -> None:
    """The guide's draws may all round to one number: the bound falls, it does not rise."""
    found = bounds(dgm.parse(PROGRAM), s, 500)
    assert np.isfinite(found).all()
    error = found.std(0) / np.sqrt(len(found))
    assert (found.mean(0) < exact() + 5 * error).all()


def test_a_density_read_back_from_what_was_rounded_would_have() -> None:
    """The power of the test above, and the reason for what `Placed` does."""
    from numpyro.distributions import Normal
    from numpyro.distributions.transforms import SigmoidTransform

    place = PushedForward(Normal(jnp.float32(0.3), jnp.exp(-20.0)), [SigmoidTransform()])
    law = Placed(jnp.asarray(2), LEVELS, place, drawn)
    u, log_q = law.draw(jax.random.key(0))
    assert float(log_q) > 10
    assert float(law.log_prob(u)) < -1e6


def test_a_place_with_the_law_of_the_truth_is_tight_draw_by_draw() -> None:
    """A logistic law through a sigmoid is uniform, so K levels cost log K; the noise 0.001 each."""
    text = "model M {{ data x : grey(16)[3] ~ quantize(Logistic(0, 1) |> sigmoid) {} }}"
    for guide, price in (("", 0.0), ("\n guide { x.u ~ Logistic(0, 1) |> sigmoid }", 0.0014)):
        fitted = dgm.parse(text.format(guide)).with_params({})
        every = np.random.default_rng(0).integers(0, 16, (5, 3))
        bits = fitted.bits_per_dim(every, method="elbo(samples = 8)")
        assert bits.kind == "bound"
        np.testing.assert_allclose(bits, 4 + price, atol=1e-4)


def test_a_conditional_flow_learns_where_in_the_bin() -> None:
    """It trains, formats, and its parameters move; a picture's place is a flow of pictures."""
    text = """model M {
  data x : grey(4)[2, 2, 1] ~ quantize(Normal(0, 1) |> actnorm |> sigmoid)
  guide {
    x.u ~ Normal(0, 1) |> coupling(conv_net(4), mask = checkerboard, condition = x / 4) |> sigmoid
  }
}
"""
    model = dgm.parse(text)
    x = np.random.default_rng(0).integers(0, 4, (64, 2, 2, 1))
    fit = model.fit(x, steps=4, batch=16)
    assert np.isfinite(fit.log_prob(x[:4]).value).all()
    moved = jax.tree.map(lambda a, b: bool(np.any(np.asarray(a) != np.asarray(b))),
                         fit.raw, model.init(0))  # fmt: skip
    assert any(jax.tree.leaves(moved))


@pytest.mark.parametrize(
    ("guide", "code"),
    [("x.u ~ Normal(0, 1)", "DGM0307"), ("x.v ~ Uniform()", "DGM0201"), ("x.u = 0.5", "DGM0943")],
)
def test_mistakes_in_it_have_their_message(guide: str, code: str) -> None:
    law = "model M { data x : grey(4) ~ quantize(Normal(0, 1) |> sigmoid)"
    with pytest.raises(dgm.DgmError) as raised:
        dgm.parse(f"{law}\n guide {{ {guide} }} }}")
    assert code in str(raised.value)


@pytest.mark.parametrize("guide", ["", "\n guide { x.u ~ Beta(2, 3) }"])
def test_each_turn_of_a_loop_has_a_number_of_its_own(guide: str) -> None:
    """Importance-weighted draws reach the product of the turns' exact probabilities."""
    law = "for t in 0..3 { data x[t] : grey(4) ~ quantize(Normal(b, 1) |> sigmoid) }"
    model = dgm.parse(f"model M {{ param b : real\n {law}{guide} }}").with_params({"b": M})
    x = np.array([[0, 1, 3], [2, 2, 2]])
    found = model.log_prob(x, method="iwae(k = 4000)")
    truth = exact()[x].sum(axis=1)
    assert np.all(np.abs(found.value - truth) < 5 * np.asarray(found.stderr) + 0.05)
    alike = exact()[x].max(axis=1)  # one number for all turns has one bin
    assert np.all(np.abs(found.value - alike) > 0.5)
