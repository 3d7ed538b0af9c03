"""Laws that a condition chooses between, against the densities of the laws by themselves."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import dgmlang as dgm
from tests.objectives.models import ERRORS, model

pytestmark = pytest.mark.usefixtures("x64")


def lp(law: Any, value: Any) -> float:
    return float(jnp.sum(jnp.asarray(law.log_prob(jnp.asarray(value)))))


X = np.array([0.3, -1.2, 2.0])

WHOLE = """model Whole {
  given y : bit
  given c : cat(3)
  param m : real
  data x : real[3] ~ Normal(m, 1) if y else (Cauchy(0, 2) if c == 1 else Normal(0, 3) |> scale)
  data k : count ~ Poisson(2) if y else Poisson(7)
}"""


def test_each_law_is_its_own() -> None:
    found = dgm.parse(WHOLE).with_params({"m": 0.5})
    rows = {"y": [1, 0, 0], "c": [0, 1, 2], "x": [X] * 3, "k": [3, 3, 3]}
    stretched = dist.Normal(0, 3 * np.exp(found.params["x"]["scale"]["log_scale"]))
    expected = [
        lp(dist.Normal(0.5, 1), X) + lp(dist.Poisson(2), 3),
        lp(dist.Cauchy(0, 2), X) + lp(dist.Poisson(7), 3),
        lp(stretched, X) + lp(dist.Poisson(7), 3),
    ]
    assert np.allclose(found.log_prob(rows), expected)
    # The twin: the other condition is another law.
    assert not np.allclose(found.log_prob({**rows, "y": [0, 1, 1]}), expected)


EACH = """model Each {
  given b : bit[2]
  latent s : bit ~ Bernoulli(0.3)
  param m : real
  data x : real[2, 3] ~ Normal(m, 1) if b else Laplace(0, 2)
  data w : real ~ Normal(4, 1) if s else Normal(-1, 2)
}"""


def test_bits_choose_row_by_row_and_a_latent_one_is_summed_out() -> None:
    found = dgm.parse(EACH).with_params({"m": 0.5})
    assert [r.rule for r in found.model.plan.facts.removed] == ["sum"]
    data = {"b": [[1, 0]], "x": [[X, X]], "w": [0.7]}
    rows = lp(dist.Normal(0.5, 1), X) + lp(dist.Laplace(0, 2), X)
    laws = dist.Normal(4, 1), dist.Normal(-1, 2)
    each = [np.log(p) + lp(law, 0.7) for p, law in zip((0.3, 0.7), laws, strict=True)]
    assert found.log_prob(data)[0] == pytest.approx(rows + np.logaddexp(*each))
    posterior = found.posterior(data)["s"][0]
    assert posterior[1] == pytest.approx(1 / (1 + np.exp(each[1] - each[0])))


MANY = 4000


def off(drawn: np.ndarray, law: Any) -> float:
    """How far means are off the law's, in standard errors."""
    return float(np.max(np.abs(drawn.mean(0) - law.mean) / np.sqrt(law.variance / len(drawn))))


def test_draws_are_of_the_law_that_is_chosen() -> None:
    found = dgm.parse(EACH).with_params({"m": 0.5})
    drawn = found.draws(MANY, given={"b": [1, 0]}, seed=2)
    one, two = np.asarray(drawn["x"])[:, 0], np.asarray(drawn["x"])[:, 1]
    assert max(off(one, dist.Normal(0.5, 1)), off(two, dist.Laplace(0, 2))) < ERRORS
    assert off(two, dist.Normal(0.5, 1)) > ERRORS
    chosen = np.asarray(drawn["s"]) == 1
    w = np.asarray(drawn["w"])
    assert max(off(w[chosen], dist.Normal(4, 1)), off(w[~chosen], dist.Normal(-1, 2))) < ERRORS
    assert abs(chosen.mean() - 0.3) < ERRORS * np.sqrt(0.21 / MANY)


DIVIDED = """model Divided {
  given n : count
  param a : real
  data x : real ~ Normal(a / n, 1) if n > 0 else Normal(a, 2)
}"""


def test_what_is_not_chosen_reaches_no_gradient() -> None:
    found = dgm.parse(DIVIDED)
    n, x = jnp.array([0, 2]), jnp.array([0.3, 0.1])

    def total(a: Any) -> Any:
        each = jax.vmap(lambda n, x: found.log_prob({"a": a}, {"n": n, "x": x}))
        return jnp.sum(each(n, x))

    by_hand = (0.3 - 0.7) / 4 + (0.1 - 0.35) / 2
    assert jax.grad(total)(0.7) == pytest.approx(by_hand)
    assert jax.jacfwd(jax.grad(total))(0.7) == pytest.approx(-1 / 4 - 1 / 4)

    def plain(a: Any) -> Any:
        """The twin: a bare choice between the two densities."""
        laws = [-0.5 * (x - a / n) ** 2, -0.5 * ((x - a) / 2) ** 2]
        return jnp.sum(jnp.where(n > 0, *laws))

    assert np.isnan(jax.grad(plain)(0.7))


def test_a_check_in_what_is_not_chosen_is_silent() -> None:
    found = dgm.parse("""model M {
  given s : real
  data x : bit ~ Bernoulli(s) if s > 0 else Bernoulli(0.5)
}""").with_params({})
    assert np.allclose(found.log_prob({"s": [-1.0, 0.25], "x": [1, 1]}), np.log([0.5, 0.25]))
    assert found.sample(3, given={"s": -1.0}).shape == (3,)
    with pytest.raises(dgm.DgmError, match="DGM0715"):
        found.sample(3, given={"s": 1.5})


JUMPS = """model Jumps {
  param m : real
  net sign(z: real) -> real raw = 3 if z > 0 else -3
  latent z : real ~ Normal(0, 1)
  data x : real ~ LAW
  guide { z ~ Normal(m, 1) }
}"""
LAWS = (
    "Normal(3, 1) if z > 0 else Normal(-3, 1)",
    "Normal(3 if z > 0 else -3, 1)",
    "Normal(6 * (z > 0) - 3, 1)",
    "Normal(sign(z), 1)",
)


@pytest.mark.parametrize("law", LAWS)
def test_a_latent_at_which_a_law_jumps_has_an_unbiased_gradient(law: str) -> None:
    """∂ E_q log w/∂m = φ(m) (log p(x | z > 0) − log p(x | z < 0)) − m for q = N(m, 1)."""
    m, x = 0.4, 0.5
    truth = float(jnp.exp(dist.Normal(0, 1).log_prob(m))) * (
        lp(dist.Normal(3, 1), x) - lp(dist.Normal(-3, 1), x)
    )
    values, params = {"x": jnp.array([x])}, {"m": jnp.array(m)}
    keys = jax.random.split(jax.random.key(0), 4000)

    def slopes(lowered: Any) -> np.ndarray:
        from dgmlang.objectives.elbo import elbo

        loss = elbo(lowered, samples=4).players[0].loss
        one = jax.grad(lambda p, key: -loss(p, {}, values, key)[0])
        return np.asarray(jax.vmap(one, in_axes=(None, 0))(params, keys)["m"])

    text = JUMPS.replace("LAW", law)
    lowered = model(text)
    assert [b.gradient for b in lowered.facts.bounded] == ["reinforce"]
    found, path = slopes(lowered), slopes(model(text, {"z": "pathwise"}))
    assert abs(found.mean() - (truth - m)) < ERRORS * found.std() / np.sqrt(len(found))
    # The twin: along the path of the draw the choice does not move.
    assert abs(path.mean() + m) < ERRORS * path.std() / np.sqrt(len(path)) + 1e-9
    assert abs(truth) > 1


LINEAR = """model Linear {
  given y : bit
  latent z : real ~ Normal(1, 2)
  data x : real ~ Normal(3 * z, 1) if y else Normal(-z, 0.5)
}"""


def test_gaussians_that_are_chosen_go_in_closed_form() -> None:
    found = dgm.parse(LINEAR).with_params({})
    assert [r.rule for r in found.model.plan.facts.removed] == ["closed form"]
    expected = [lp(dist.Normal(3, np.sqrt(37)), 0.7), lp(dist.Normal(-1, np.sqrt(4.25)), 0.7)]
    assert np.allclose(found.log_prob({"y": [1, 0], "x": [0.7, 0.7]}), expected)


LOOPED = """model Looped(T: int = 4) {
  param p : simplex(2)
  for t in 0..T {
    latent s[t] : bit ~ Bernoulli(0.5) if t == 0 else (
      Bernoulli(0.9) if s[t-1] == 1 else Bernoulli(0.2)
    )
    data x[t] : real? ~ Normal(2, 1) if s[t] else Cauchy(0, 1)
  }
}"""


def test_a_chain_sums_over_what_chooses() -> None:
    text = LOOPED.replace("  param p : simplex(2)\n", "")
    found = dgm.parse(text).with_params({})
    assert {r.rule for r in found.model.plan.facts.removed} == {"leaf", "forward"}
    x = np.array([0.1, np.nan, 2.5, -4.0])
    forward = np.log([0.5, 0.5])
    steps = np.log([[0.8, 0.2], [0.1, 0.9]])
    for t, value in enumerate(x):
        if t:
            forward = np.logaddexp.reduce(forward[:, None] + steps, axis=0)
        if np.isfinite(value):
            forward += [lp(dist.Cauchy(0, 1), value), lp(dist.Normal(2, 1), value)]
    assert found.log_prob({"x": x[None]})[0] == pytest.approx(np.logaddexp(*forward))
    assert found.sample(2).shape == (2, 4)


PAST = """model Past {
  given y : bit
  param m : real[3]
  net f(x: real[3]) -> (loc: real[3], scale: positive[3]) = x |> made([8])
  data x : real[3] ~ Normal(f(past(x))...) if y else Normal(m, 2)
}"""


def test_entries_that_follow_each_other_may_be_chosen() -> None:
    m = np.array([0.0, 5.0, -5.0])
    found = dgm.parse(PAST).with_params({"m": m})
    density = found.log_prob({"y": [0, 1], "x": [X, X]})
    assert density[0] == pytest.approx(lp(dist.Normal(m, 2), X))
    heads = found.nets.f(X[None])
    by_hand = lp(dist.Normal(heads["loc"][0], heads["scale"][0]), X)
    assert density[1] == pytest.approx(by_hand)
    drawn = np.asarray(found.sample(MANY, given={"y": 0}))
    assert off(drawn, dist.Normal(m, 2.0)) < ERRORS


def test_a_prior_may_be_chosen_by_what_the_data_set_has() -> None:
    from numpyro.infer.util import log_density

    program = dgm.parse("""model M {
  given wide : bit shared
  param m : real ~ Normal(0, 10) if wide else Normal(0, 0.1)
  data x : real ~ Normal(m, 1)
}""").numpyro()
    for wide, scale in ((1.0, 10.0), (0.0, 0.1)):
        values = {"wide": np.array(wide), "x": np.array([0.3])}
        found = float(log_density(program, (values,), {}, {"m": 0.2})[0])
        assert found == pytest.approx(lp(dist.Normal(0, scale), 0.2) + lp(dist.Normal(0.2, 1), 0.3))
