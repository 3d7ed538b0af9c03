"""A 6–4–4 deep Boltzmann machine against enumeration: log Z, posterior means, mean-field bound."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import entr
from scipy.special import logsumexp as summed

import dgmlang as dgm
from dgmlang.objectives.contrast import Chains
from dgmlang.objectives.factorised import factorised
from tests.objectives.models import arrays, within

pytestmark = pytest.mark.usefixtures("x64")
DBM = Path(__file__).resolve().parents[2] / "examples" / "dbm.dgm"
MODEL = dgm.load(DBM, visible=6, lower=4, upper=4)
SIZES = {"v": 6, "g": 4, "h": 4}
EVERY = {n: np.array(list(product((0.0, 1.0), repeat=s))) for n, s in SIZES.items()}


def params(top: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"W": (6, 4), "U": (4, 4), "b": (6,), "c": (4,), "d": (4,)}
    found = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return arrays(**{**found, "U": top * found["U"]})


def logsumexp(x: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    return np.asarray(summed(x, axis=axis))


def table(p: dict[str, Any]) -> np.ndarray:
    """−E of every state [v, g, h]."""
    v, g, h = EVERY.values()
    pairs = (v @ p["W"] @ g.T + (v @ p["b"])[:, None])[:, :, None] + (g @ p["U"] @ h.T)[None]
    return np.asarray(pairs + (g @ p["c"])[None, :, None] + (h @ p["d"])[None, None])


def fields(p: dict[str, Any], sweeps: int) -> tuple[Any, Any]:
    one = jax.vmap(lambda v: factorised(MODEL.lowered, p, {"v": v}, sweeps))
    return one(jnp.asarray(EVERY["v"]))


def test_log_z_is_the_enumerated() -> None:
    found = MODEL.with_params(params()).log_normalizer()
    assert found.kind == "exact"
    assert float(found) == pytest.approx(logsumexp(table(params())))


def test_the_field_is_exact_where_latents_do_not_meet() -> None:
    fit = MODEL.with_params(params(top=0.0))
    weights = table(params(top=0.0))
    found = fit.log_prob(EVERY["v"])
    assert np.allclose(found, logsumexp(weights, axis=(1, 2)) - logsumexp(weights))
    means = fields(params(top=0.0), 30)[0]["g"]
    shares = np.exp(logsumexp(weights, axis=2) - logsumexp(weights, axis=(1, 2))[:, None])
    assert np.allclose(means, shares @ EVERY["g"])
    # The twin: where they meet, they do not have the means of independent bits.
    shares = np.exp(logsumexp(table(params()), axis=2))
    shares /= shares.sum(1, keepdims=True)
    assert not np.allclose(fields(params(), 30)[0]["g"], shares @ EVERY["g"], atol=0.01)


def test_the_bound_lies_below_and_no_sweep_lowers_it() -> None:
    weights = table(params())
    truth = logsumexp(weights, axis=(1, 2))
    bounds = np.stack([fields(params(), sweeps)[1] for sweeps in (1, 2, 5, 30)])
    assert np.all(np.diff(bounds, axis=0) >= -1e-12)
    assert np.all(bounds[-1] < truth)
    assert np.max(truth - bounds[-1]) < 0.2
    # The twin: the same with its entropy counted twice is no bound.
    means = fields(params(), 30)[0]
    spread = sum(entr(m).sum(1) + entr(1 - m).sum(1) for m in map(np.asarray, means.values()))
    assert np.any(bounds[-1] + spread > truth)
    found = MODEL.with_params(params()).log_prob(EVERY["v"])
    assert found.kind == "bound"
    assert np.allclose(found, bounds[-1] - logsumexp(weights), atol=1e-5)


def test_the_positive_phase_is_that_of_the_means() -> None:
    """∂ of the bound in W is v μᵀ, as if the means did not move: they are at their best."""
    p, batch = params(), arrays(v=EVERY["v"][[5, 20, 50]])
    chains = Chains(MODEL.lowered, 1, 0.01, "meanfield")

    def above(p: dict[str, Any]) -> Any:
        return jnp.mean(chains.above(p, jax.random.key(0), batch)[0])

    slope = jax.grad(above)(p)
    means = fields(p, 30)[0]
    for name, one, other in (("W", EVERY["v"], means["g"]), ("U", means["g"], means["h"])):
        pairs = np.einsum(
            "ni,nj->nij", np.asarray(one)[[5, 20, 50]], np.asarray(other)[[5, 20, 50]]
        )
        assert np.allclose(slope[name], -pairs.mean(0))
    step = 1e-5
    moved = [above({**p, "c": p["c"] + s * jnp.eye(4)[1]}) for s in (step, -step)]
    assert float(moved[0] - moved[1]) / (2 * step) == pytest.approx(float(slope["c"][1]), abs=1e-6)


def test_the_positive_phase_by_chains_has_the_enumerated_means() -> None:
    p, at, n = params(), 20, 4000
    chains = Chains(MODEL.lowered, 30, 0.01)
    batch = {"v": jnp.tile(jnp.asarray(EVERY["v"][at]), (n, 1))}
    found = chains.infer(p, jax.random.key(1), batch)
    drawn = {name: np.asarray(array) for name, array in found.items()}
    shares = np.exp(table(p)[at] - logsumexp(table(p)[at]))
    assert np.array_equal(drawn["v"], batch["v"])
    assert within(drawn["g"], shares.sum(1) @ EVERY["g"])
    assert within(drawn["h"], shares.sum(0) @ EVERY["h"])
    # The twin: without a sweep they are noise.
    noise = np.asarray(chains.begin(jax.random.key(2), batch, n)["g"])
    assert not within(noise, shares.sum(1) @ EVERY["g"])


def test_log_z_by_annealing_leaves_an_estimate() -> None:
    large = dgm.load(DBM, visible=30, lower=24, upper=24).with_params({})
    assert large.model.plan.facts.normaliser.value == "unknown"
    x = np.random.default_rng(0).integers(0, 2, (3, 30))
    assert "up to the normaliser" in large.log_prob(x).method
    found = large.log_prob(x, method="ais(temperatures = 20)")
    assert found.kind == "estimate"
    assert "mean field less log Z" in found.method
    # Nearly independent bits: log Z = 78 ln 2, and all pictures are alike.
    assert np.allclose(found, -30 * np.log(2), atol=1.0)
