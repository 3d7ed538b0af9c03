"""The exact bins of quantised laws in single precision: values, mass, gradients, any scale."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, stats

import dgmlang as dgm
from dgmlang.compiler.lower.quantized import ByCdf
from dgmlang.distributions import intervals

LAWS = {
    "Logistic": (dist.Logistic, stats.logistic),
    "Normal": (dist.Normal, stats.norm),
    "Laplace": (dist.Laplace, stats.laplace),
    "Cauchy": (dist.Cauchy, stats.cauchy),
}
SCALES = (1e-6, 1e-3, 0.02, 0.3, 5.0, 1e3, 1e6)
LEVELS = 256


def bins_of(law: Any, loc: Any, scale: Any, levels: int = LEVELS) -> jax.Array:
    """The log probability of each bin, in single precision."""
    base = law(jnp.float32(loc), scale)

    def one(k: jax.Array) -> jax.Array:
        return ByCdf(base, levels, base).log_prob(k)

    return jax.vmap(one)(jnp.arange(levels))


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("loc", [0.31, -2.0, 3.0])
def test_bins_sum_to_one_and_gradients_are_finite_at_every_scale(name: str, loc: float) -> None:
    law = LAWS[name][0]

    def total(loc: Any, scale: Any) -> Any:
        every = bins_of(law, loc, scale)
        return every.sum(), every

    way = jax.vmap(jax.grad(total, (0, 1), has_aux=True), (None, 0))
    slopes, every = jax.jit(way)(jnp.float32(loc), jnp.asarray(SCALES, jnp.float32))
    assert np.isfinite(every).all()
    assert np.isfinite(np.asarray(slopes)).all()
    # Each bin is right to some units in the last place of the numbers that it is made of.
    np.testing.assert_allclose(np.exp(np.float64(every)).sum(1), 1, atol=2e-5)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(("loc", "scale"), [(0.3, 0.02), (-2.0, 0.3), (3.0, 5.0), (0.5, 1e3)])
def test_bins_are_integrals_of_the_density(name: str, loc: float, scale: float) -> None:
    """By quadrature in double precision, which no cdf is part of; tails by SciPy's logarithms."""
    law, known = LAWS[name]
    found = np.asarray(bins_of(law, loc, scale))
    nodes, weights = np.polynomial.legendre.leggauss(200)
    for k in (1, 76, 77, 128, 254):
        low, high = (k / LEVELS - loc) / scale, ((k + 1) / LEVELS - loc) / scale
        # A kink of the density at 0 must not lie inside of a piece.
        ends = [low, 0.0, high] if low < 0 < high else [low, high]
        pieces = []
        for a, b in pairwise(ends):
            log_p = known.logpdf(a + (b - a) * (nodes + 1) / 2)
            pieces.append(np.log((b - a) / 2) + log_p + np.log(weights))
        truth = np.logaddexp.reduce(np.concatenate(pieces))
        np.testing.assert_allclose(found[k], truth, rtol=2e-5, atol=2e-5)
    ends = np.array([1 / LEVELS, 1 - 1 / LEVELS])
    below, above = known.logcdf((ends[0] - loc) / scale), known.logsf((ends[1] - loc) / scale)
    np.testing.assert_allclose(found[[0, -1]], [below, above], rtol=2e-5, atol=2e-5)


def test_the_difference_of_cdfs_would_have_failed() -> None:
    """The power of the checks above: at the tails it is 0, of narrow bins it has no digit left."""
    law = dist.Logistic(jnp.float32(-2.0), 0.05)
    far = law.cdf(jnp.float32(0.51)) - law.cdf(jnp.float32(0.5))
    assert far == 0
    np.testing.assert_allclose(
        intervals.between(law, jnp.float32(0.5), jnp.float32(0.51)),
        -50 + np.log(-np.expm1(-0.2)), rtol=1e-5,
    )  # fmt: skip
    wide = dist.Normal(jnp.float32(0.5), 1e6)
    naive = np.log(float(wide.cdf(jnp.float32(0.75)) - wide.cdf(jnp.float32(0.7))) + 1e-30)
    truth = np.log(0.05 / 1e6) - 0.5 * np.log(2 * np.pi)
    assert abs(naive - truth) > 0.1
    found = intervals.between(wide, jnp.float32(0.7), jnp.float32(0.75))
    np.testing.assert_allclose(found, truth, atol=1e-5)


POSITIVE: dict[str, tuple[dist.Distribution, Any]] = {
    "Exponential": (dist.Exponential(jnp.float32(3.0)), stats.expon(scale=1 / 3)),
    "HalfNormal": (dist.HalfNormal(jnp.float32(0.4)), stats.halfnorm(scale=0.4)),
    "HalfCauchy": (dist.HalfCauchy(jnp.float32(0.4)), stats.halfcauchy(scale=0.4)),
    "LogNormal": (dist.LogNormal(jnp.float32(-1.0), 0.5), stats.lognorm(0.5, scale=np.exp(-1))),
    "Gamma": (dist.Gamma(jnp.float32(2.0), 4.0), stats.gamma(2, scale=1 / 4)),
    "Beta": (dist.Beta(jnp.float32(2.0), 3.0), stats.beta(2, 3)),
    "Uniform": (dist.Uniform(), stats.uniform()),
}


@pytest.mark.parametrize("name", POSITIVE)
def test_bins_of_other_laws(name: str) -> None:
    law, known = POSITIVE[name]
    found = jax.vmap(lambda k: ByCdf(law, 16, law).log_prob(k))(jnp.arange(16))
    ends = [-np.inf, *(np.arange(1, 16) / 16), np.inf]
    inside = [integrate.quad(known.pdf, a, b, epsabs=1e-12)[0] for a, b in pairwise(ends)]
    np.testing.assert_allclose(found, np.log(inside), rtol=1e-4, atol=1e-4)


def test_a_uniform_law_costs_log_two_of_k_bits() -> None:
    model = dgm.parse("model M { data x : grey(32)[3, 2] ~ quantize(Uniform()) }")
    every = np.random.default_rng(0).integers(0, 32, (7, 3, 2))
    bits = model.with_params({}).bits_per_dim(every)
    assert bits.kind == "exact"
    np.testing.assert_allclose(bits, 5, rtol=1e-6)


MIXED = """
model Mixed {
  param w : simplex(3)[2]
  param m : real[2, 3, 2]
  param s : positive[2, 3, 2]
  data x : grey(5)[2, 2] ~ quantize(mixture(w, Logistic(m, s)))
}
"""


def test_a_mixture_of_logistics_is_exact() -> None:
    """One component for each row: its two entries depend on each other through it."""
    rng = np.random.default_rng(3)
    w = rng.dirichlet([1, 1, 1], 2).astype("f")
    m, s = rng.normal(0.5, 0.3, (2, 3, 2)).astype("f"), rng.uniform(0.05, 0.4, (2, 3, 2))
    model = dgm.parse(MIXED)
    assert model.plan.facts.density.value == "exact"
    fitted = model.with_params({"w": w, "m": m, "s": s.astype("f")})
    ends = np.array([-np.inf, 0.2, 0.4, 0.6, 0.8, np.inf])
    bins = np.diff(stats.logistic.cdf((ends - m[..., None]) / s[..., None]), axis=-1)
    every = np.stack(np.meshgrid(*[range(5)] * 2, indexing="ij"), -1).reshape(-1, 2)
    rows = np.einsum("bk,bki,bkj->bij", w, bins[:, :, 0], bins[:, :, 1])
    pairs = np.stack([np.repeat(every, 25, 0), np.tile(every, (25, 1))], 1)
    truth = rows[0][tuple(pairs[:, 0].T)] * rows[1][tuple(pairs[:, 1].T)]
    found = np.exp(fitted.log_prob(pairs).value)
    np.testing.assert_allclose(found, truth, rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-5)
    drawn = fitted.sample(4000, seed=1)
    counts = np.zeros((5, 5))
    np.add.at(counts, tuple(np.asarray(drawn)[:, 0].T), 1 / 4000)
    assert (np.abs(counts - rows[0]) < 5 * np.sqrt(rows[0] / 4000) + 5 / 4000).all()
    apart = rows[0].sum(1)[:, None] * rows[0].sum(0)
    assert not (np.abs(counts - apart) < 5 * np.sqrt(apart / 4000) + 5 / 4000).all()
