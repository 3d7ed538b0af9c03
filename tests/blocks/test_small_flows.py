"""Planar, radial and leaky bijections, mixtures of logistics: their bounds, extremes and starts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.bijections.above import FLOOR, above_minus_one
from dgmlang.bijections.bijection import pull, push
from dgmlang.bijections.planar import Plane
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_text
from dgmlang.registry import implementation
from tests.blocks.bijection_cases import CASES
from tests.blocks.test_bijections import at_random, point, transform

NEW = ("planar", "radial", "leaky", "mixture", "maf, mixture")
ENTRYWISE = ("scale", "sigmoid", "tanh", "softplus", "exp", "permute", "reverse", "leaky")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("size", [3.0, 30.0])
def test_planar_and_radial_stay_one_to_one_whatever_their_weights(size: float) -> None:
    """Weights far out, where the unconstrained flows fold: there and back, and a positive slope."""
    rng = np.random.default_rng(0)
    for name in ("planar", "radial"):
        own = CASES[name].bijection

        @jax.jit
        def there_and_back(params, x, own=own):
            y, log_det = push(own.transform(params), x)
            back, same = pull(own.transform(params), y)
            return jnp.max(jnp.abs(back - x)), log_det, same

        for _ in range(20):
            params = jax.tree.map(
                lambda a: jnp.asarray(size * rng.normal(size=a.shape)), own.init(rng)
            )
            params |= {"log_reach": jnp.asarray(rng.normal())} if name == "radial" else {}
            off, log_det, same = there_and_back(params, jnp.asarray(rng.normal(size=4)))
            assert off < 1e-8
            np.testing.assert_allclose(log_det, same, atol=1e-6)


def test_a_planar_flow_without_its_bound_folds() -> None:
    """The power of the check above: û = u with wᵀu below −1 meets each place more than once."""
    t = Plane(jnp.array([-3.0]), jnp.array([1.0]), jnp.array(0.0))
    ys = jax.vmap(lambda x: push(t, x)[0])(jnp.linspace(-4, 4, 41)[:, None])[:, 0]
    assert bool((jnp.diff(ys) < 0).any())
    assert bool((jnp.diff(ys) > 0).any())


def test_the_bound_keeps_zero_and_ends_above_minus_one() -> None:
    found = above_minus_one(jnp.array([-1e6, -50.0, 0.0, 1e4]))
    np.testing.assert_allclose(found[:2], FLOOR - 1, atol=1e-7)
    np.testing.assert_allclose(found[2], 0.0, atol=1e-6)
    np.testing.assert_allclose(found[3], 1e4, rtol=1e-3)


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e4, -1e15])
def test_extremes_in_single_precision(name: str, size: float) -> None:
    """Numbers in, numbers out, both ways, and their gradients."""
    case = CASES[name]
    t, x = transform(case), jnp.full(case.shape, size, jnp.float32)
    for step in (push, pull):
        (found, log_det), slope = jax.jit(
            lambda v, step=step: (step(t, v), jax.grad(lambda u: step(t, u)[1])(v))
        )(x)
        assert bool(jnp.isfinite(found).all()), step
        assert bool(jnp.isfinite(log_det)), step
        assert bool(jnp.isfinite(slope).all()), step


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ENTRYWISE)
@pytest.mark.parametrize("size", [-12.0, 0.0, 12.0])
def test_entrywise_bijections_undo_themselves_far_out(name: str, size: float) -> None:
    case = CASES[name]
    t, x = transform(case), jnp.full(case.shape, size)
    y, log_det = push(t, x)
    back, same = pull(t, y)
    np.testing.assert_allclose(back, x, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(same, log_det, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("x64")
def test_logit_undoes_sigmoid_far_out() -> None:
    x = jnp.array([-12.0, 0.0, 12.0])
    up, down = transform(CASES["sigmoid"]), transform(CASES["logit"])
    (y, log_det), (back, other) = push(up, x), push(down, push(up, x)[0])
    np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other, -log_det, rtol=1e-9)
    assert bool(((y > 0) & (y < 1)).all())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["planar", "radial"])
def test_they_start_at_the_identity(name: str) -> None:
    case = CASES[name]
    y, log_det = push(case.bijection.transform(case.bijection.init(np.random.default_rng(0))),
                      point(case))  # fmt: skip
    np.testing.assert_allclose(y, point(case), atol=1e-12)
    np.testing.assert_allclose(log_det, 0.0, atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_a_mixture_is_its_cdf() -> None:
    """Against NumPy: logit of the weighted sum of sigmoids."""
    raw = np.random.default_rng(0).normal(size=(1, 3 * 3 + 2))
    t = implementation("transform", "logistic_mixture")(components=3)(jnp.asarray(raw))
    weights, loc, scale = (np.asarray(a)[0] for a in (t.log_weights, t.loc, t.log_scale))
    y = 0.7
    below = (np.exp(weights) / (1 + np.exp(-(y - loc) / np.exp(scale)))).sum()
    expected = np.log(below / (1 - below)) * np.exp(t.log_factor[0]) + t.shift[0]
    np.testing.assert_allclose(pull(t, jnp.array([y]))[0], [expected], rtol=1e-12)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("components", [1, 2, 8])
def test_a_mixture_starts_near_the_identity_and_its_parts_apart(components: int) -> None:
    made = implementation("transform", "logistic_mixture")(components=components)
    x = jnp.linspace(-3, 3, 7)

    def moved(raw: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(push(made(raw), x)[0]))

    raw = jnp.zeros((7, made.parameters))
    assert bool((jnp.abs(push(made(raw), x)[0] - x) < 0.25).all())
    places = jax.jit(jax.grad(moved))(raw)[:, components : 2 * components]
    assert len(np.unique(np.round(places[0], 9))) == components


@pytest.mark.usefixtures("x64")
def test_a_mixture_can_have_two_modes() -> None:
    """What `affine` cannot: mass between the components stays away."""
    raw = np.zeros((1, 8))
    raw[0, 2:4], raw[0, 4:6] = (-3.0, 3.0), -3.0
    t = implementation("transform", "logistic_mixture")(components=2)(jnp.asarray(raw))
    at = jnp.array([-4.0, 0.0, 4.0])
    slopes = jax.vmap(lambda y: pull(t, y[None])[1])(at)
    assert slopes[1] > slopes[0] + 2
    assert slopes[1] > slopes[2] + 2


FOLDED = (
    "leaky(slope = 0)",
    "leaky(slope = -1)",
    "coupling(mlp([4]), transform = spline(bound = 0))",
)


@pytest.mark.parametrize("stage", FOLDED)
def test_settings_that_fold_are_refused(stage: str) -> None:
    with pytest.raises(DgmError, match="DGM0372"):
        compile_text(f"model M {{ data x : real[2] ~ Normal(0, 1) |> {stage} }}")


def test_at_random_moves_the_weights() -> None:
    """The cases above are not at the start, where every flow here is the identity."""
    for name in ("planar", "radial"):
        own = CASES[name].bijection
        moved = push(own.transform(at_random(own)), point(CASES[name]))[0]
        assert bool((jnp.abs(moved - point(CASES[name])) > 1e-3).any())
