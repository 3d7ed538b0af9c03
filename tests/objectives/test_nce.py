from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.objectives.nce import FITS
from dgmlang.objectives.noise import RIDGE, fitted_noise, noise_draw, noise_log_prob
from dgmlang.registry import implementation
from tests.objectives.models import GAUSSIAN, OPAQUE, RBM, arrays, bits, model, within

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize(("ratio", "expected"), [(1, 2 * np.log(2)), (10, 3.3510)])
def test_the_loss_where_model_and_noise_are_one(ratio, expected):
    objective = implementation("objective", "nce")(model(GAUSSIAN), ratio=ratio)
    x = np.random.default_rng(0).normal(1.0, 2.0, 50)
    companions = objective.companions(jax.random.key(0), arrays(x=x))
    assert set(companions) == {"noise"}
    scale = companions["noise"]["x"]["scale_tril"][0, 0]
    params = {**arrays(loc=x.mean(), rate=jnp.log(scale)), **companions}
    value, _ = objective.players[0].loss(params, {}, arrays(x=x), jax.random.key(1))
    formula = np.log1p(ratio) + ratio * np.log1p(1 / ratio)
    assert formula == pytest.approx(expected, abs=1e-5)
    assert float(value) == pytest.approx(formula, abs=1e-10)


def test_log_z_is_learned():
    """At the data's law and its true log Z the gradient is 0, and at another log Z it is not."""
    objective = implementation("objective", "nce")(model(OPAQUE), ratio=5)
    rng = np.random.default_rng(1)
    companions = objective.companions(jax.random.key(0), arrays(x=1.5 * rng.normal(size=500)))
    assert objective.frozen == ("noise",)
    grad = jax.grad(lambda p, batch, key: objective.players[0].loss(p, {}, batch, key)[0])

    def slopes(log_z):
        params = {**companions, **arrays(a=np.log(2.0), log_normalizer=log_z)}
        data = arrays(x=np.sqrt(0.5) * rng.normal(size=(500, 40)))
        keys = jax.random.split(jax.random.key(2), 500)
        found = jax.vmap(grad, in_axes=(None, 0, 0))(params, data, keys)
        return found["log_normalizer"], found["a"]

    truth = 0.5 * np.log(2 * np.pi * 0.5)
    assert all(within(s, 0.0) for s in slopes(truth))
    assert not all(within(s, 0.0) for s in slopes(0.0))


def test_gaussian_noise_has_the_moments_of_the_data():
    lowered = model("model M { param m : real\n data x : real[2, 2]\n energy m * sum(x ** 2) }")
    rng = np.random.default_rng(2)
    x = (rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 1.0).reshape(200, 2, 2)
    noise = fitted_noise(lowered, arrays(x=x))
    flat = x.reshape(200, 4)
    covariance = np.cov(flat.T, ddof=0)
    ridge = RIDGE * np.mean(np.diag(covariance)) * np.eye(4)
    precision = np.linalg.inv(covariance + ridge)
    away = flat[:5] - flat.mean(0)
    truth = 0.5 * np.linalg.slogdet(precision)[1] - 2 * np.log(2 * np.pi)
    truth = truth - 0.5 * np.einsum("ni,ij,nj->n", away, precision, away)
    found = jax.vmap(lambda x: noise_log_prob(lowered, noise, {"x": x}))(x[:5])
    assert np.allclose(found, truth)
    drawn = jax.vmap(lambda key: noise_draw(lowered, noise, key)["x"])(
        jax.random.split(jax.random.key(0), 4000)
    )
    assert drawn.shape == (4000, 2, 2)
    assert within(np.asarray(drawn).reshape(4000, 4), flat.mean(0))


@pytest.mark.parametrize(
    ("kind", "values"), [("bit", [0.0, 1.0]), ("spin", [-1.0, 1.0]), ("cat(3)", [0, 1, 2])]
)
def test_finite_noise_counts(kind, values):
    energy = "sum(one_hot(x) @ w)" if kind == "cat(3)" else "x @ w"
    size = 3 if kind == "cat(3)" else 2
    lowered = model(f"model M {{ param w : real[{size}]\n data x : {kind}[2]\n energy {energy} }}")
    data = jnp.asarray([[values[0], values[0]], [values[0], values[-1]], [values[0], values[-1]]])
    noise = fitted_noise(lowered, {"x": data})
    states = jnp.asarray([[a, b] for a in values for b in values], data.dtype)
    found = jax.vmap(lambda x: noise_log_prob(lowered, noise, {"x": x}))(states)
    assert float(jax.nn.logsumexp(found)) == pytest.approx(0.0, abs=1e-12)
    levels = len(values)
    assert float(found[levels - 1]) == pytest.approx(np.log(4 / (3 + levels) * 3 / (3 + levels)))
    drawn = jax.vmap(lambda key: noise_draw(lowered, noise, key)["x"])(
        jax.random.split(jax.random.key(0), 2000)
    )
    seen = np.asarray(jnp.all(drawn[:, None] == states[None], axis=-1))
    assert within(seen, np.exp(np.asarray(found)))


def test_finite_data_train_too():
    objective = implementation("objective", "nce")(model(RBM), ratio=3)
    data = arrays(v=bits(4))
    companions = objective.companions(jax.random.key(0), data)
    rng = np.random.default_rng(0)
    params = {**companions, **arrays(W=rng.normal(size=(4, 3)), b=np.zeros(4), c=np.zeros(3))}
    value, (_, metrics) = objective.players[0].loss(params, {}, data, jax.random.key(0))
    assert np.isfinite(float(value))
    assert set(metrics) == {"log_normalizer"}
    assert objective.validate(params, data, jax.random.key(0)).shape == (16,)


WRITTEN = """model Written {
  param a : real
  param m : real
  param s : positive
  data x : real[2]
  energy -log(exp(-exp(a) * sum(x ** 2)))
  noise { x ~ Normal(m, s) |> scale }
}"""


def test_the_program_s_noise_is_used_and_fitted():
    """Its parameters move by the likelihood of the batch alone, the model's by the contrast."""
    lowered = model(WRITTEN)
    batch = arrays(x=np.random.default_rng(3).normal(0.5, 1.5, size=(40, 2)))
    fitting, frozen = (implementation("objective", "nce")(lowered, noise=n) for n in FITS)
    assert fitting.companions(jax.random.key(0), batch).keys() == {"log_normalizer"}
    params = {**lowered.init(0, batch), **arrays(log_normalizer=0.3)}
    key = jax.random.key(5)

    def slopes(objective):
        return jax.grad(lambda p: objective.players[0].loss(p, {}, batch, key)[0])(params)

    def mean_log_noise(params):
        return jnp.mean(jax.vmap(lambda x: lowered.noise_log_prob(params, {"x": x}))(batch["x"]))

    fitted, still = slopes(fitting), slopes(frozen)
    likelihood = jax.grad(mean_log_noise)(params)
    for name in ("m", "s", "noise"):
        ours, wanted = jax.tree.leaves(fitted[name]), jax.tree.leaves(likelihood[name])
        assert all(np.allclose(a, -b) for a, b in zip(ours, wanted, strict=True))
        assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(still[name]))
    for name in ("a", "log_normalizer"):
        assert fitted[name] == pytest.approx(float(still[name]))
        assert abs(fitted[name]) > 1e-3


def test_draws_of_the_written_noise_have_its_density():
    lowered = model(WRITTEN)
    params = {**lowered.init(0, None), **arrays(m=0.5, s=1.0)}
    keys = jax.random.split(jax.random.key(0), 20_000)
    draws = np.asarray(jax.vmap(lambda k: lowered.noise_draw(params, k)["x"])(keys))
    scale = lowered.constrain(params)["s"]
    assert within(draws[:, 0], 0.5)
    assert within((draws[:, 1] - 0.5) ** 2, float(scale) ** 2)
    log_q = lowered.noise_log_prob(params, {"x": jnp.array([0.5, 0.5])})
    assert log_q == pytest.approx(-np.log(2 * np.pi * scale**2))
