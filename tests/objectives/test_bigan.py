"""BiGAN: data with the guide's latents against the model's draws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.objectives.gan import critic_loss
from dgmlang.registry import implementation
from tests.objectives.models import arrays, model, within

pytestmark = pytest.mark.usefixtures("x64")

LINEAR = """model Linear {
  param a : real from 2
  param b : real from 3
  param e : real from 0.5
  latent z : real ~ Normal(0, 1)
  data   x : real = a * z + b
  guide { let centred = x - b
    z = e * centred }
  param c : real[3]
  critic(x, z) = c[0] * x + c[1] * z + c[2] * x * z
}"""


def data(n: int) -> dict[str, jax.Array]:
    return arrays(x=3 + 2 * np.random.default_rng(0).normal(size=n))


def test_the_losses_are_those_of_the_pairs() -> None:
    lowered = model(LINEAR)
    critic, generator = implementation("objective", "bigan")(lowered).players
    params = arrays(a=1.5, b=2.0, e=0.25, c=np.array([0.3, -0.2, 0.1]))
    key, batch = jax.random.key(4), data(50)
    value, _ = critic.loss(params, {}, batch, key)
    to_model = jax.random.split(jax.random.split(key)[1], 50)
    drawn = jax.vmap(lambda k: lowered.draw(params, k, {}))(to_model)

    def c(x: jax.Array, z: jax.Array) -> jax.Array:
        return 0.3 * x - 0.2 * z + 0.1 * x * z

    real = c(batch["x"], 0.25 * (batch["x"] - 2.0))
    fake = c(drawn["x"], drawn["z"])
    np.testing.assert_allclose(drawn["x"], 1.5 * drawn["z"] + 2.0)
    np.testing.assert_allclose(value, critic_loss(real, fake), rtol=1e-12)
    np.testing.assert_allclose(
        generator.loss(params, {}, batch, key)[0], critic_loss(fake, real), rtol=1e-12
    )
    assert [critic.owns(name) for name in params] == [False, False, False, True]


@pytest.mark.parametrize(("slope", "same"), [(0.5, True), (0.7, False)])
def test_a_critic_learns_nothing_where_the_guide_inverts_the_model(
    slope: float, same: bool
) -> None:
    """Both pairs have one law there, so the critic's gradient at 0 has mean 0; elsewhere not."""
    critic = implementation("objective", "bigan")(model(LINEAR)).players[0]
    params = arrays(a=2.0, b=3.0, e=slope)

    def gradient(x: jax.Array, key: jax.Array) -> jax.Array:
        batch = {"x": x[None]}
        return jax.grad(lambda c: critic.loss({**params, "c": c}, {}, batch, key)[0])(jnp.zeros(3))

    x = data(20_000)["x"]
    slopes = np.asarray(jax.vmap(gradient)(x, jax.random.split(jax.random.key(1), len(x))))
    assert all(within(slopes[:, i], 0.0) for i in range(3)) is same


def test_the_facts_of_a_deterministic_guide() -> None:
    plan = dgm.parse(LINEAR).plan
    assert plan.default_objective == "bigan"
    assert not any(plan.objectives[name].legal for name in ("mle", "elbo", "iwae", "gan", "wgan"))
    drawn = LINEAR.replace("z : real ~", "u : real ~").replace("= a * z + b", "~ Normal(u, 1)")
    drawn = drawn.replace("z = e", "u = a * e").replace("critic(x, z)", "critic(x, u)")
    plan = dgm.parse(drawn.replace("c[1] * z + c[2] * x * z", "c[1] * u + c[2] * x * u")).plan
    unmet = plan.objectives["elbo"].unmet
    assert unmet is not None
    assert "computes a latent" in unmet.need
