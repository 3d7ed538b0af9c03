"""A program as a NumPyro model: the same density, and draws of the same law."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.handlers import seed, substitute, trace
from numpyro.infer import SVI, Predictive, Trace_ELBO
from numpyro.infer.util import log_density

import dgmlang as dgm
from dgmlang.posterior.examples import Examples, Place
from tests.objectives.models import EXAMPLES, within

pytestmark = pytest.mark.usefixtures("x64")
SCHOOLS = {
    "y": np.array([28.0, 8, -3, 7, -1, 1, 18, 12]),
    "σ": np.array([15.0, 10, 16, 11, 9, 11, 10, 18]),
    "g": np.arange(8),
}
AT: dict[str, Any] = {"μ": 1.3, "τ": 2.4, "θ": np.linspace(-3, 9, 8)}

LATENT = """model Latent {
  param m : real     ~ Normal(0, 2)
  param s : positive ~ HalfNormal(1)
  latent z : real ~ Normal(m, s)
  data   x : bit  ~ Bernoulli(logits = z)
}"""


def schools(data: dict[str, Any]) -> None:
    """The eight schools by hand."""
    μ = numpyro.sample("μ", dist.Normal(0, 5))
    τ = numpyro.sample("τ", dist.HalfCauchy(5))
    θ = numpyro.sample("θ", dist.Normal(μ, τ).expand([8]).to_event(1))
    numpyro.sample("y", dist.Normal(jnp.asarray(θ)[data["g"]], data["σ"]), obs=data["y"])


def density(model: Any, values: dict[str, Any], at: dict[str, Any]) -> float:
    return float(log_density(model, (values,), {}, at)[0])


def test_the_density_is_that_of_the_model_by_hand() -> None:
    program = dgm.load(EXAMPLES / "hierarchical.dgm").numpyro()
    assert density(program, SCHOOLS, AT) == pytest.approx(density(schools, SCHOOLS, AT), rel=1e-12)
    # The twin: another deviation of the prior is another density.
    elsewhere = {**AT, "τ": 2.5}
    assert abs(density(program, SCHOOLS, elsewhere) - density(program, SCHOOLS, AT)) > 1e-3


def test_what_is_not_centred_is_the_same_law_of_other_sites() -> None:
    program = dgm.load(EXAMPLES / "hierarchical.dgm").numpyro(centred=False)
    noise = {"μ_decentered": AT["μ"] / 5, "θ_decentered": (AT["θ"] - AT["μ"]) / AT["τ"]}
    at = {**noise, "τ": AT["τ"]}
    shrunk = np.log(5.0) + 8 * np.log(AT["τ"])
    expected = density(schools, SCHOOLS, AT) + shrunk
    assert density(program, SCHOOLS, at) == pytest.approx(expected, rel=1e-12)
    sites = trace(substitute(seed(program, 0), at)).get_trace(SCHOOLS)
    assert np.allclose(sites["θ"]["value"], AT["θ"])


@pytest.mark.parametrize("name", ["z", "z_decentered"])
def test_latents_are_sites_of_the_plate(name: str) -> None:
    x, z, centred = np.array([1.0, 0, 1]), np.array([0.3, -1, 2]), name == "z"
    program = dgm.parse(LATENT).numpyro(centred=centred)
    at = {"s": 0.7, "m": 0.4, "z": z} if centred else {"s": 0.7, "m_decentered": 0.2, name: z}
    full = z if centred else 0.4 + 0.7 * z
    prior = float(dist.HalfNormal(1).log_prob(0.7) + dist.Normal(0, 1).log_prob(0.2))
    prior -= np.log(2.0) if centred else 0.0
    latent = dist.Normal(0.4, 0.7).log_prob(z) if centred else dist.Normal(0, 1).log_prob(z)
    seen = dist.Bernoulli(logits=full).log_prob(x)
    expected = prior + float(jnp.sum(jnp.asarray(latent)) + jnp.sum(jnp.asarray(seen)))
    assert density(program, {"x": x}, at) == pytest.approx(expected, rel=1e-12)


def test_removed_latents_leave_one_factor() -> None:
    model = dgm.parse("""model Two {
      param m : real[2] ~ Normal(0, 3)
      latent k : cat(2) ~ Categorical(softmax([0, 1]))
      data x : real ~ Normal(m[k], 1)
    }""")
    m, x = np.array([-1.0, 2.0]), np.array([0.5, -2.0, 3.0])
    p = 1 / (1 + np.e)
    each = np.log(p * np.exp(-((x + 1) ** 2) / 2) + (1 - p) * np.exp(-((x - 2) ** 2) / 2))
    prior = float(jnp.sum(jnp.asarray(dist.Normal(0, 3).log_prob(m))))
    expected = prior + (each - np.log(2 * np.pi) / 2).sum()
    assert density(model.numpyro(), {"x": x}, {"m": m}) == pytest.approx(expected, rel=1e-12)
    drawn = Predictive(model.numpyro(), num_samples=4)(jax.random.key(0), n=6)
    assert drawn["k"].shape == drawn["x"].shape == (4, 6)


def test_draws_without_data_are_the_prior_predictive() -> None:
    drawn = Predictive(dgm.parse(LATENT).numpyro(), num_samples=4000)(jax.random.key(1), n=1)
    z, m = np.asarray(drawn["z"])[:, 0], np.asarray(drawn["m"])
    assert within(m**2, 4.0)
    assert within((z - m) ** 2, 1.0)  # E s² of the half normal
    assert within(z**2, 5.0)
    assert not within(z**2, 4.0)


def test_a_law_of_all_examples_takes_a_shape_of_draws() -> None:
    """Each draw has noise of its own, and the law of its example."""
    model = dgm.parse("""model Shifted {
      given u : real
      data  x : real ~ Normal(u, 1)
    }""")
    u = jnp.asarray([0.0, 5.0])
    place = Place(model.lowered, {}, {}, {"u": u})
    x = model.plan.program.variables["x"]
    assert x.law is not None
    drawn = Examples(x, x.law, place, 2).sample(jax.random.key(0), (500, 4))
    assert drawn.shape == (500, 4, 2)
    noise = (np.asarray(drawn) - np.asarray(u)).reshape(-1)
    assert within(noise, 0.0)
    assert within(noise**2, 1.0)
    assert not within(np.asarray(drawn).reshape(-1), 0.0)
    assert len(np.unique(noise)) == noise.size


def test_variables_that_draw_each_other_are_drawn_together() -> None:
    model = dgm.parse("""model Turns {
      param a : unit ~ Uniform()
      for t in 0..3 {
        latent z[t] : real ~ Normal(x[t-1], 1) if t > 0 else Normal(0, 1)
        data   x[t] : real ~ Normal(a * z[t], 1)
      }
    }""")
    at: dict[str, Any] = {"a": 0.5}
    drawn = Predictive(substitute(model.numpyro(), data=at), num_samples=3000)(
        jax.random.key(0), n=1
    )
    x, z = (np.asarray(drawn[name])[:, 0] for name in "xz")
    assert within(z[:, 1] * x[:, 0], 1.25)  # Cov(x₀, z₁) = Var x₀ = a² + 1
    assert not within(z[:, 1] * x[:, 0], 1.0)


def test_what_has_no_prior_is_learned_by_numpyro_itself() -> None:
    model = dgm.parse("""model Free {
      param loc : real
      param scale : positive
      data x : real ~ Normal(loc, scale)
    }""")
    x = np.random.default_rng(0).normal(2.0, 0.5, 200)
    optimizer = numpyro.optim.Adam(0.05)
    svi = SVI(model.numpyro(), lambda values: None, optimizer, Trace_ELBO())
    found = svi.run(jax.random.key(0), 400, {"x": x}, progress_bar=False).params
    assert float(found["loc"]) == pytest.approx(x.mean(), abs=1e-3)
    assert float(found["scale"]) == pytest.approx(x.std(), abs=1e-3)


def test_weights_of_a_net_are_sites_by_their_paths() -> None:
    model = dgm.parse("""model Net {
      param s : positive ~ HalfNormal(1)
      net f(u: real[2]) -> real ~ Normal(0, s) = u |> mlp([3])
      given u : real[2]
      data  y : real ~ Normal(f(u), 1)
    }""")
    values = {"u": np.zeros((5, 2)), "y": np.zeros(5)}
    sites = trace(seed(model.numpyro(), 0)).get_trace(values)
    drawn = {name for name, site in sites.items() if site["type"] == "sample"}
    assert {"s", "f.mlp.0.kernel", "f.head.kernel"} < drawn
    assert sites["f.mlp.0.kernel"]["value"].shape == (2, 3)


def test_an_energy_is_a_factor_and_has_no_draws() -> None:
    model = dgm.parse("""model Spins {
      param J : real ~ Normal(0, 1)
      data s : spin[2]
      energy -J * s[0] * s[1]
    }""")
    s = np.array([[1.0, 1], [1, -1], [-1, -1]])
    expected = float(dist.Normal(0, 1).log_prob(0.6)) + 0.6 - 3 * np.log(4 * np.cosh(0.6))
    assert density(model.numpyro(), {"s": s}, {"J": 0.6}) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(dgm.DgmError, match="DGM0830"):
        Predictive(model.numpyro(), num_samples=1)(jax.random.key(0), n=3)
