"""Models without their latents as laws: experts, guides, noise, priors."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from tests.lower.statistics import log_gaussian, mean_matches
from tests.objectives.test_elbo import X as DATA
from tests.objectives.test_elbo import agree, gradients

MIX = """model Mix(k: int = 2) {
  param w : simplex(k)
  param m : real[k]
  param s : positive[k]
  latent c : cat(k) ~ Categorical(w)
  data x : real ~ Normal(m[c], s[c])
}
"""
AT = {"w": jnp.array([0.4, -0.3]), "m": jnp.array([-1.2, 0.9]), "s": jnp.array([0.3, 0.8])}
Z = np.linspace(-12, 12, 2001)


def placed(path: str) -> dict[str, jax.Array]:
    return {f"{path}.Mix.{name}": value for name, value in AT.items()}


def mixed(at, x, fold=logsumexp):
    """Log Σ_c w_c N(x | m_c, s_c)."""

    def one(x):
        each = norm.logpdf(x, at["m"], scale(at["s"]))
        return fold(jax.nn.log_softmax(at["w"]) + each)

    return jnp.vectorize(one)(jnp.asarray(x))


def scale(raw):
    """A positive param as it is stored, on its own scale."""
    return jax.nn.softplus(raw) + 1e-6


def test_an_expert_has_the_density_of_its_data_alone() -> None:
    model = dgm.parse(MIX + "model P { data x : real\n energy -log_prob(Mix(), x) }")
    energy = jax.vmap(lambda x: model.lowered.energy(placed("energy"), {"x": x}))(jnp.asarray(Z))
    np.testing.assert_allclose(energy, -mixed(AT, Z), rtol=1e-5, atol=1e-5)
    step = Z[1] - Z[0]
    assert abs(float(jnp.exp(-energy).sum() * step) - 1) < 1e-5
    best = jnp.exp(mixed(AT, Z, jnp.max))  # a latent at its best value is no latent summed out
    assert abs(float(best.sum() * step) - 1) > 0.05


def test_a_product_of_experts_is_drawn_and_scored() -> None:
    """N(x | 0, 1) Σ_c w_c N(x | m_c, s_c) is a mixture of Gaussians again, up to a constant."""
    text = "model P { data x : real\n energy -log_prob(Mix(), x) - log_prob(Normal(0, 1), x) }"
    model = dgm.parse(MIX + text)
    params = model.lowered.constrain(placed("energy"))
    p = np.exp(np.asarray(mixed(AT, Z) + norm.logpdf(Z)))
    p /= p.sum()
    drawn = np.asarray(model.with_params(params).sample(400, seed=0))
    assert mean_matches(drawn, float(p @ Z))
    assert mean_matches(drawn**2, float(p @ Z**2))
    alone = np.exp(np.asarray(mixed(AT, Z)))
    assert not mean_matches(drawn**2, float(alone @ Z**2 / alone.sum()))


def test_a_chain_is_summed_in_its_density() -> None:
    text = """model Hmm {
      for t in 0..3 {
        latent s[t] : bit ~ Bernoulli((0.8 if s[t-1] == 1 else 0.3) if t > 0 else 0.4)
      }
      data y : real ~ Normal(2 * sum(s), 1)
    }
    model P { data y : real\n energy -log_prob(Hmm(), y) }"""
    model = dgm.parse(text)
    found = model.lowered.energy({}, {"y": jnp.asarray(1.3)})
    terms = []
    for s in product((0, 1), repeat=3):
        chances = [0.4, *(0.8 if before else 0.3 for before in s)]
        odds = sum(np.log(p if now else 1 - p) for p, now in zip(chances, s, strict=False))
        terms.append(odds + norm.logpdf(1.3, 2 * sum(s), 1))
    np.testing.assert_allclose(found, -logsumexp(jnp.array(terms)), rtol=1e-5)
    assert abs(float(found) + float(max(terms))) > 0.1


FACTORS = """model Factors(d: int) {
  given g : real[2]
  param load : real[d, 2]
  latent c : real[2] ~ Normal(g, 1)
  data x : real[d] ~ Normal(load @ c, 0.5)
}
"""


def test_a_gaussian_expert_reads_a_given_that_depends_on_data() -> None:
    text = """model P {
      data a : real[2]
      data x : real[3]
      energy -log_prob(Factors(2 * a), x) + sum(a ** 4)
    }"""
    model = dgm.parse(FACTORS + text)
    load, a, x = np.arange(6).reshape(3, 2) / 3, np.array([0.3, -0.5]), np.array([1.0, 0.2, -0.4])
    params = {"energy.Factors.load": jnp.asarray(load)}
    found = model.lowered.energy(params, {"a": jnp.asarray(a), "x": jnp.asarray(x)})
    covariance = load @ load.T + 0.25 * np.eye(3)
    truth = (a**4).sum() - log_gaussian(x - load @ (2 * a), covariance)
    np.testing.assert_allclose(found, truth, rtol=1e-4)
    given_alone = (a**4).sum() - log_gaussian(x - load @ (2 * a), 0.25 * np.eye(3))
    assert abs(given_alone - truth) > 0.5


GUIDED = """model M {
  param b : real
  latent z : real ~ Normal(b, 1)
  data x : real ~ Normal(z ** 2, 1)
  guide { z ~ LAW }
}"""


def test_a_guide_may_be_a_model_with_latents() -> None:
    model = dgm.parse(MIX + GUIDED.replace("LAW", "Mix()"))
    params = {"b": jnp.zeros(()), **placed("guide.z")}
    assert [(b.variable, b.gradient) for b in model.plan.facts.bounded] == [("z", "reinforce")]
    draws, log_q = jax.vmap(
        lambda key: model.lowered.guide_draw(params, key, {"x": jnp.asarray(0.5)})
    )(jax.random.split(jax.random.key(0), 4000))
    z = np.asarray(draws["z"])
    np.testing.assert_allclose(log_q, mixed(AT, draws["z"]), rtol=1e-4, atol=1e-4)
    q = np.exp(np.asarray(mixed(AT, Z)))
    q /= q.sum()
    assert mean_matches(z, float(q @ Z))
    assert mean_matches(z**2, float(q @ Z**2))
    assert not mean_matches(z, float((AT["m"]).mean()))


def test_gradients_through_such_a_guide_are_unbiased() -> None:
    """Against the bound by quadrature over z; the draw's own path alone would be another."""
    text = MIX + GUIDED.replace("LAW", "Mix()").replace("z ** 2", "z")

    def bound(params):
        z, at = jnp.asarray(Z), {name: params[f"guide.z.Mix.{name}"] for name in AT}
        log_q = mixed(at, z)
        fit = sum(norm.logpdf(x, z, 1) for x in DATA) / len(DATA)
        log_p = norm.logpdf(z, params["b"], 1) + fit
        return -jnp.sum(jnp.exp(log_q) * (log_p - log_q)) * (Z[1] - Z[0])

    params = {"b": jnp.zeros(()), **placed("guide.z")}
    truth = jax.grad(bound)(params)
    found = gradients(dgm.parse(text).lowered, params, 4000)
    assert agree(found, truth)
    assert not agree(found, jax.tree.map(lambda g: 0.5 * g, truth))


def test_a_linear_gaussian_model_moves_with_its_parameters() -> None:
    guided = GUIDED.replace("real ~", "real[2] ~").replace("LAW", "Factors([x[0], 1.0])")
    model = dgm.parse(FACTORS + guided)
    assert model.plan.facts.bounded[0].gradient == "pathwise"


def test_noise_is_a_model_with_latents() -> None:
    text = "model M { param b : real\n data x : real\n energy (x - b) ** 4\n noise { x ~ Mix() } }"
    model = dgm.parse(MIX + text)
    params = {"b": jnp.zeros(()), **placed("noise.x")}
    found = model.lowered.noise_log_prob(params, {"x": jnp.asarray(0.3)})
    np.testing.assert_allclose(found, mixed(AT, jnp.asarray(0.3)), rtol=1e-5)
    assert model.plan.default_objective == "fce"
    data = np.random.default_rng(0).normal(size=300)
    drawn = model.fit(data, steps=20, seed=0).sample(20)
    assert np.isfinite(np.asarray(drawn)).all()


def test_a_prior_of_params_is_a_model_with_latents() -> None:
    text = """model Wide(d: int) {
      param w : simplex(2)
      param m : real[2]
      param s : positive[2]
      latent c : bit ~ Bernoulli(w[1])
      data x : real[d] ~ Normal(m[c], s[c])
    }
    model M { param v : real[3] ~ Wide()\n data x : real[3] ~ Normal(v, 1) }"""
    model = dgm.parse(text)
    v = jnp.array([-3.0, 3.0, 2.0])
    params = {"v": v, **{f"v.{n}": a for n, a in AT.items()}}
    each = sum(norm.logpdf(one, AT["m"], scale(AT["s"])) for one in v)
    truth = logsumexp(jax.nn.log_softmax(AT["w"]) + each)
    np.testing.assert_allclose(model.lowered.log_prior(params), truth, rtol=1e-5)
    assert abs(float(truth) - float(mixed(AT, v).sum())) > 0.1  # one component for all three


MADE = """model Made(d: int) {
  net f(x: bit[d]) -> (logits: real[d]) = x |> made([8])
  data x : bit[d] ~ Bernoulli(f(past(x))...)
}
"""


def test_an_autoregressive_expert_reads_its_own_past() -> None:
    model = dgm.parse(MADE + "model P { data y : bit[3]\n energy -log_prob(Made(), y) }")
    alone = dgm.parse(MADE, d=3)
    params = model.init(0)
    own = {"f": params["energy.Made.f"]}
    own = jax.tree.map(lambda a: a + 0.3, own)
    states = jnp.array(list(product((0.0, 1.0), repeat=3)))
    energy = jax.vmap(lambda y: model.lowered.energy({"energy.Made.f": own["f"]}, {"y": y}))(states)
    log_p = jax.vmap(lambda x: alone.log_prob(own, {"x": x}))(states)
    np.testing.assert_allclose(-energy, log_p, rtol=1e-5)
    assert abs(float(jnp.exp(log_p).sum()) - 1) < 1e-5
    assert float(jnp.exp(log_p).max()) > 1.3 / 8  # not the uniform law, of which this holds too


def test_an_experts_means_start_in_the_data() -> None:
    data = jnp.concatenate([jnp.full(50, -5.0), jnp.full(50, 5.0)])
    model = dgm.parse(MIX + "model P { data x : real\n energy -log_prob(Mix(), x) }")
    assert "k-means++ on x" in str(model.explain())
    start = model.lowered.init(0, {"x": data})["energy.Mix.m"]
    np.testing.assert_allclose(np.sort(start), [-5, 5], atol=0.1)
    blind = dgm.parse(MIX + "model P { data x : real\n energy -log_prob(Mix(), 2 * x) }")
    assert abs(np.diff(blind.lowered.init(0, {"x": data})["energy.Mix.m"])) > 0.1


def test_a_kink_within_an_expert_is_seen() -> None:
    text = """model Coin { given g : real
      latent c : bit ~ Bernoulli(0.5)
      data x : real ~ Normal(KINK(g) + c, 1)
    }
    model P { data a : real\n data x : real\n energy -log_prob(Coin(a), x) + a ** 4 }"""
    for function, smooth in (("sin", "yes"), ("abs", "no")):
        assert dgm.parse(text.replace("KINK", function)).plan.facts.smooth.value == smooth


def test_a_density_is_exact_or_refused() -> None:
    text = "model I { latent c : real ~ Normal(0, 1)\n data x : real ~ Normal(MEAN, 1) }"
    text += "\nmodel P { data x : real\n energy -log_prob(I(), x) }"
    dgm.parse(text.replace("MEAN", "2 * c"))
    with pytest.raises(DgmError, match="DGM0940"):
        dgm.parse(text.replace("MEAN", "c ** 2"))
