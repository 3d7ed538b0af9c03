"""Bijections as NumPyro calls them, in batches, and what each promises beyond conforming."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions.transforms import AffineTransform, ComposeTransform

from dgmlang.bijections import repeat
from dgmlang.bijections.bijection import pull, push
from dgmlang.layers.layer import Site
from dgmlang.registry import implementation, implemented
from tests.blocks.bijection_cases import CASES, FLOW, REVERSE, Case, build, coupling

MASKS = sorted(name for _, name in implemented("mask"))


def point(case: Case, seed: int = 0) -> jax.Array:
    """An x in the domain: a logit takes numbers in (0, 1)."""
    values = np.random.default_rng(seed).normal(size=case.shape)
    values = 1 / (1 + np.exp(-values)) if case.stage[0] == "logit" else values
    return jnp.asarray(values, float)


def at_random(bijection: Any, seed: int = 0) -> Any:
    """Parameters away from the start, where a scale would be the identity."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf + 0.3 * rng.normal(size=leaf.shape), float),
        bijection.init(rng),
    )


def transform(case: Case) -> Any:
    bijection = case.bijection
    return bijection.transform(at_random(bijection), **case.inputs)


def jacobian_log_det(t: Any, x: jax.Array) -> jax.Array:
    matrix = jax.jacobian(t)(x).reshape(x.size, x.size)
    return jnp.linalg.slogdet(matrix)[1]


def test_every_bijection_and_transform_is_here() -> None:
    assert {case.stage[0] for case in CASES.values()} == {
        name for _, name in implemented("bijection")
    }
    used = {case.transform for case in CASES.values()} - {None}
    assert used == {name for _, name in implemented("transform")}


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", CASES)
def test_numpyro_methods_agree(name: str) -> None:
    """As NumPyro calls them, on a batch, and within its own change of variables."""
    case = CASES[name]
    t, xs = transform(case), jnp.stack([point(case, seed) for seed in range(3)])
    ys, back, found, expected = jax.jit(as_numpyro_does)(t, xs)
    for log_det in found:
        summed = log_det.reshape(3, -1).sum(1)
        np.testing.assert_allclose(summed, expected, rtol=1e-9, atol=1e-12)
    assert ys.shape == xs.shape
    np.testing.assert_allclose(back, xs, rtol=1e-9, atol=1e-9)
    assert t.forward_shape(case.shape) == t.inverse_shape(case.shape) == case.shape


def as_numpyro_does(t: Any, xs: jax.Array) -> Any:
    ys, intermediates = t.call_with_intermediates(xs)
    again = t.log_abs_det_jacobian(xs, ys), t.log_abs_det_jacobian(xs, ys, intermediates)
    return t(xs), t.inv(ys), again, jax.vmap(lambda x: push(t, x)[1])(xs)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 2)])
def test_reverse_of_a_picture_is_its_raster_flip(shape: tuple[int, ...]) -> None:
    x = jnp.arange(float(np.prod(shape))).reshape(shape)
    y, log_det = push(build("reverse", {}, Site(shape)).transform({}), x)
    assert y.ravel().tolist() == x.ravel().tolist()[::-1]
    assert log_det == 0


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("name", ["picture", "conditional", "repeat", "one entry", "logit"])
def test_batches_by_vmap(name: str, count: int) -> None:
    case = CASES[name]
    t = transform(case)
    one = jax.jit(lambda x: push(t, x))
    xs = jnp.stack([point(case, seed) for seed in range(5)])[:count]
    ys, log_dets = jax.jit(jax.vmap(one))(xs)
    assert ys.shape == xs.shape
    assert log_dets.shape == (count,)
    for x, y, log_det in zip(xs, ys, log_dets, strict=True):
        np.testing.assert_allclose(y, one(x)[0], rtol=1e-12)
        np.testing.assert_allclose(log_det, one(x)[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_gradients_in_the_parameters_are_finite(name: str) -> None:
    case = CASES[name]
    bijection, y = case.bijection, push(transform(case), point(case))[0]

    def loss(params: Any) -> jax.Array:
        x, log_det = pull(bijection.transform(params, **case.inputs), y)
        return (x**2).sum() + log_det

    gradient = jax.jit(jax.grad(loss))(at_random(bijection))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(gradient))


def test_the_jacobian_sees_a_wrong_log_determinant() -> None:
    t, x = transform(CASES["affine"]), point(CASES["affine"])
    wrong = ComposeTransform([t, AffineTransform(0.0, 1.01)])
    assert abs(push(t, x)[1] - jacobian_log_det(wrong, x)) > 0.01


@pytest.mark.usefixtures("x64")
def test_density_by_change_of_variables() -> None:
    """NumPyro's own composition gives what `pull` gives."""
    case = CASES["repeat"]
    t = transform(case)
    base = dist.Normal(jnp.zeros(5), 1.0).to_event(1)
    law = dist.TransformedDistribution(base, [t])
    y = law.sample(jax.random.key(0))
    x, log_det = pull(t, y)
    assert law.batch_shape == ()
    np.testing.assert_allclose(law.log_prob(y), base.log_prob(x) - log_det, rtol=1e-10)


def stacked(jaxpr: Any) -> int:
    """How many numbers the scans of a gradient stack up."""
    scans = [e for e in jaxpr.eqns if e.primitive.name == "scan"]
    kept = (v for e in scans for v in e.outvars[e.params["num_carry"] :])
    return sum(v.aval.size for v in kept)


@pytest.mark.usefixtures("x64")
def test_what_is_made_again_changes_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a scan is that of its copies one by one, and it stacks up less than all."""
    flow = build("repeat", {"n": 3, "body": FLOW}, Site((5,)))
    params, y = at_random(flow), jnp.arange(5.0) / 3

    def loss(params: Any) -> jax.Array:
        x, log_det = pull(flow.transform(params), y)
        return log_det + jnp.sum(x**2)

    def one_by_one(params: Any) -> jax.Array:
        x, total = y, jnp.zeros(())
        for i in reversed(range(3)):
            own = jax.tree.map(lambda leaf, i=i: leaf[i], params)
            x, log_det = pull(flow.body.transform(own), x)
            total += log_det
        return total + jnp.sum(x**2)

    found, wanted = jax.grad(loss)(params), jax.grad(one_by_one)(params)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    lean = stacked(jax.make_jaxpr(jax.grad(loss))(params).jaxpr)
    monkeypatch.setattr(repeat, "MADE_AGAIN", frozenset())
    assert lean < stacked(jax.make_jaxpr(jax.grad(loss))(params).jaxpr)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("n", range(2, 8))
def test_masks_split_into_two_parts(mask: str, n: int) -> None:
    conditions = implementation("mask", mask)({"odd": True}, (n, 2, n))
    assert conditions.shape in ((2 * n * n,), (n, 2, n))
    assert conditions.dtype == bool
    assert 0 < conditions.sum() < 2 * n * n


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("n", range(1, 8))
def test_half_and_reverse_transform_every_entry(n: int) -> None:
    """Each output differs from the input that a bare permutation would have put there."""
    flow = build("repeat", {"n": 2, "body": FLOW}, Site((n,)))
    x = jnp.asarray(np.random.default_rng(1).normal(size=n))
    assert bool((jnp.abs(flow.transform(at_random(flow))(x) - x) > 1e-6).all())


def test_alternate_and_reverse_leave_entries_of_odd_vectors() -> None:
    """The power of the check above: here is a flow that it must catch."""
    body = (coupling(mask="alternate"), REVERSE)
    flow = build("repeat", {"n": 2, "body": body}, Site((5,)))
    x = jnp.asarray(np.random.default_rng(1).normal(size=5))
    assert not bool((jnp.abs(flow.transform(at_random(flow))(x) - x) > 1e-6).all())


@pytest.mark.usefixtures("x64")
def test_coupling_reads_only_the_conditioning_half() -> None:
    case = CASES["affine"]
    matrix = jax.jit(jax.jacobian(transform(case)))(point(case))
    np.testing.assert_array_equal(matrix[:2], jnp.eye(5)[:2])
    moved = matrix[2:, 2:]
    np.testing.assert_array_equal(moved, jnp.diag(jnp.diag(moved)))
    assert case.bijection.net.body.layers[0].n == 2


def test_one_entry_gets_a_constant_transform() -> None:
    case = CASES["one entry"]
    slope = jax.jit(jax.vmap(jax.jacobian(transform(case))))(jnp.array([[-3.0], [0.0], [4.0]]))
    np.testing.assert_allclose(slope, jnp.broadcast_to(slope[:1], slope.shape))
    assert abs(float(slope[0, 0, 0]) - 1) > 1e-3


def test_one_entry_depends_on_its_condition() -> None:
    case = CASES["one entry, conditional"]
    bijection = case.bijection
    params = at_random(bijection)
    slope = jax.jit(jax.jacobian(lambda c: bijection.transform(params, condition=c)(jnp.ones(1))))
    assert bool((jnp.abs(slope(jnp.ones(2))) > 1e-6).all())


def test_affine_bounds_its_log_scale() -> None:
    raw = jnp.stack([jnp.zeros(3), jnp.array([-1e4, 0.0, 1e4])], axis=-1)
    made = implementation("transform", "affine")()(raw)
    np.testing.assert_allclose(made.log_scale, [-2.0, 0.0, 2.0])
    slope = jax.grad(lambda s: implementation("transform", "affine")()(s).log_scale.sum())
    np.testing.assert_allclose(slope(jnp.zeros((1, 2))), [[0.0, 1.0]])


@pytest.mark.parametrize("x", [[0.3, -2.0, 5.0, 1.0]])
def test_additive_couplings_keep_volume_exactly(x: list[float]) -> None:
    assert push(transform(CASES["shift"]), jnp.array(x))[1] == 0.0


def test_flows_start_at_the_identity_where_nets_start_at_zero() -> None:
    flow = build("scale", {}, Site((3,)))
    x = jnp.array([1.0, -2.0, 3.0])
    y, log_det = push(flow.transform(flow.init(np.random.default_rng(0))), x)
    np.testing.assert_array_equal(y, x)
    assert log_det == 0.0


def test_repeat_stacks_parameters_of_its_own() -> None:
    flow = build("repeat", {"n": 3, "body": FLOW}, Site((4,)))
    params = flow.init(np.random.default_rng(0))
    shapes = [leaf.shape[0] for leaf in jax.tree.leaves(params)]
    kernel = params["0coupling"]["body"]["0"]["kernel"]
    assert shapes == [3] * len(shapes)
    assert isinstance(kernel, np.ndarray)
    assert (kernel[0] != kernel[1]).any()


def test_repeat_is_compiled_once_whatever_n() -> None:
    def lines(n: int) -> int:
        flow = build("repeat", {"n": n, "body": FLOW}, Site((4,)))
        params = flow.init(np.random.default_rng(0))
        jaxpr = jax.make_jaxpr(lambda p, y: pull(flow.transform(p), y))(params, jnp.ones(4))
        return len(str(jaxpr).splitlines())

    assert lines(2) == lines(50)


@pytest.mark.parametrize(
    ("name", "x", "log_det"),
    [("sigmoid", 60.0, -60.0), ("sigmoid", -60.0, -60.0), ("tanh", 40.0, np.log(4) - 80.0),
     ("tanh", -40.0, np.log(4) - 80.0), ("softplus", -60.0, -60.0), ("softplus", 60.0, 0.0)],
)  # fmt: skip
def test_log_determinants_far_out_in_float32(name: str, x: float, log_det: float) -> None:
    y, found = push(transform(CASES[name]), jnp.full(1, x))
    assert bool(jnp.isfinite(y).all())
    np.testing.assert_allclose(found, log_det, rtol=1e-5, atol=1e-5)
