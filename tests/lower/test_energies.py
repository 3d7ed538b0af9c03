"""Energies against enumeration: joint densities, free energies, Gibbs kernels, scores."""

from __future__ import annotations

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.lower import by_class, gibbs
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.grid import Packed, grid_of
from tests.lower.hand import block, example, lowered, operands, value
from tests.lower.statistics import frequencies_match

pytestmark = pytest.mark.usefixtures("x64")

BITS, SPINS = (0.0, 1.0), (-1.0, 1.0)


def all_states(values, shape):
    size = int(np.prod(shape))
    return np.array(list(product(values, repeat=size))).reshape(-1, *shape)


def rbm_params(visible, hidden, scale=1.0):
    rng = np.random.default_rng(3)
    shapes = {"W": (visible, hidden), "b": (visible,), "c": (hidden,)}
    return {name: jnp.asarray(scale * rng.standard_normal(s)) for name, s in shapes.items()}


# ── the restricted Boltzmann machine ─────────────────────────────────────────────────────────────


def test_rbm_joint_and_free_energy_are_the_enumerated():
    rbm = lowered(example("rbm"), [("h", "free energy")], visible=4, hidden=3)
    params = rbm_params(4, 3)
    w, b, c = (np.asarray(params[name]) for name in "Wbc")
    v, h = all_states(BITS, (4,)), all_states(BITS, (3,))
    table = np.einsum("vi,ij,hj->vh", v, w, h) + (v @ b)[:, None] + (h @ c)[None, :]
    joint = jax.vmap(lambda v: jax.vmap(lambda h: rbm.log_joint(params, {"v": v, "h": h}))(h))(v)
    assert np.allclose(joint, table)
    marginal = jax.vmap(lambda v: rbm.log_prob(params, {"v": v}))(jnp.asarray(v))
    assert np.allclose(marginal, np.logaddexp.reduce(table, axis=1))
    assert np.allclose(rbm.free_energy(params, {"v": v[5]}), -marginal[5])


def test_spins_leave_by_a_hyperbolic_cosine():
    text = """model M {
      param W : real[3, 2]
      data v : bit[3]
      latent h : spin[2]
      energy -(v @ W @ h)
    }"""
    model = lowered(text, [("h", "free energy")])
    params = {"W": rbm_params(3, 2)["W"]}
    v = np.array([1.0, 0.0, 1.0])
    table = [v @ np.asarray(params["W"]) @ h for h in all_states(SPINS, (2,))]
    found = model.log_prob(params, {"v": jnp.asarray(v)})
    assert float(found) == pytest.approx(np.logaddexp.reduce(table))


@pytest.mark.parametrize(("kind", "large"), [("bit", 300.0), ("spin", 300.0)])
def test_free_energies_do_not_overflow(kind, large):
    text = f"model M {{ param c : real\n data v : bit\n latent h : {kind}\n energy -c * v * h }}"
    model = lowered(text, [("h", "free energy")])
    with jax.enable_x64(False):
        values = {"v": jnp.float32(1)}
        params = {"c": jnp.float32(large)}
        found = model.log_prob(params, values)
        assert found.dtype == jnp.float32
        assert float(found) == pytest.approx(large)
        slope = jax.grad(lambda p: model.log_prob(p, values))(params)["c"]
        assert float(slope) == pytest.approx(1.0)


# ── Ising ────────────────────────────────────────────────────────────────────────────────────────


def test_ising_energy_is_the_sum_over_bonds():
    ising = lowered(example("ising"), side=3)
    spins = all_states(SPINS, (3, 3))
    bonds = sum((spins * np.roll(spins, 1, axis)).sum((1, 2)) for axis in (1, 2))
    found = jax.vmap(lambda s: ising.energy({"J": jnp.asarray(0.44)}, {"s": s}))(spins)
    assert np.allclose(found, -0.44 * bonds)


# ── Gibbs kernels ────────────────────────────────────────────────────────────────────────────────


def kernel(states, odds, sites, lower):
    """The exact transition matrix of redrawing `sites` of flat states from their log-odds."""
    up = 1 / (1 + np.exp(-odds))
    chance = np.where(states[None] > lower, up[:, None], 1 - up[:, None])
    kept = (states[None] == states[:, None]) | sites
    return np.where(kept.all(-1), np.where(sites, chance, 1.0).prod(-1), 0.0)


def invariant(law, matrix):
    return np.allclose(law @ matrix, law, atol=1e-12)


def test_rbm_blocks_leave_the_law_invariant():
    rbm = lowered(example("rbm"), visible=3, hidden=2)
    params = rbm_params(3, 2)
    flat = all_states(BITS, (5,))
    values = {"v": jnp.asarray(flat[:, :3]), "h": jnp.asarray(flat[:, 3:])}
    law = np.exp(jax.vmap(lambda x: rbm.log_joint(params, x))(values))
    law /= law.sum()

    def odds(name, size):
        found = jax.vmap(lambda x: by_class.scores(rbm.built, params, x, block(name, size)))
        return np.asarray(found(values)[name])

    on = np.arange(5) < 3
    zeros = np.zeros_like(flat)
    visible, hidden = zeros.copy(), zeros.copy()
    visible[:, :3], hidden[:, 3:] = odds("v", 3), odds("h", 2)
    assert invariant(law, kernel(flat, visible, on, 0.0))
    assert invariant(law, kernel(flat, hidden, ~on, 0.0))
    # The twin: both layers at once, which interact.
    assert not invariant(law, kernel(flat, visible + hidden, on | True, 0.0))


@pytest.mark.parametrize("rule", ["multilinear", "differences"])
def test_checkerboard_leaves_the_law_invariant(rule):
    text = example("ising").replace("spin[side, side]", "spin[2, 4]").replace("side: int = 32", "")
    ising = lowered(text)
    params = {"J": jnp.asarray(0.3)}
    spins = jnp.asarray(all_states(SPINS, (2, 4)))
    law = np.exp(jax.vmap(lambda s: ising.log_joint(params, {"s": s}))(spins))
    law /= law.sum()
    colour = block("s", 4, rule, weights=(1, 1), modulus=2, residue=1)
    sites = gibbs.where(colour.parts[0], (2, 4)).reshape(-1)

    def odds_at(s):
        if rule == "multilinear":
            found = by_class.scores(ising.built, params, {"s": s}, colour)["s"]
            grid = grid_of((2, 4), (1, 1), 2)
            assert grid is not None
            return Packed((jnp.zeros((2, 2)), found), grid).joined()
        table = gibbs.level_densities(
            ising.built, partial(ising.log_joint, params), {"s": s}, ("s",)
        )["s"]
        return table[..., 1] - table[..., 0]

    odds = jax.vmap(odds_at)(spins)
    flat, odds = np.asarray(spins).reshape(-1, 8), np.asarray(odds).reshape(-1, 8)
    assert sites.sum() == 4
    assert invariant(law, kernel(flat, odds, sites, -1.0))
    assert not invariant(law, kernel(flat, odds / 2, sites, -1.0))
    assert not invariant(law, kernel(flat, odds, sites | True, -1.0))


def test_an_update_draws_its_block_from_the_conditional_and_keeps_the_rest():
    ising = lowered(example("ising"), side=4)
    params, start = {"J": jnp.asarray(0.3)}, jnp.asarray(all_states(SPINS, (2, 2))[6])
    start = jnp.tile(start, (2, 2))
    start = start.at[0, 1].set(-1.0).at[2, 1].set(-1.0).at[3, 2].set(-1.0)
    colour = block("s", 8, weights=(1, 1), modulus=2, residue=0)
    keys = jax.random.split(jax.random.key(9), 20_000)
    drawn = jax.vmap(lambda k: ising.update(params, k, {"s": start}, colour)["s"])(keys)
    sites = gibbs.where(colour.parts[0], (4, 4))
    assert np.all(np.asarray(drawn)[:, ~sites] == np.asarray(start)[~sites])
    s = np.asarray(start)
    field = np.sum([np.roll(s, step, axis) for step in (1, -1) for axis in (0, 1)], axis=0)
    up = 1 / (1 + np.exp(-2 * 0.3 * field))
    assert np.unique(up[sites]).size > 2
    for site in zip(*np.nonzero(sites), strict=True):
        ups = (np.asarray(drawn)[(slice(None), *site)] > 0).sum()
        counts, half = np.array([len(keys) - ups, ups]), 1 / (1 + np.exp(-0.3 * field[site]))
        assert frequencies_match(counts, np.array([1 - up[site], up[site]]))
        assert field[site] == 0 or not frequencies_match(counts, np.array([1 - half, half]))


def test_sites_of_many_levels_are_drawn_from_their_conditional():
    model = lowered("""model M {
      data c : cat(3)[2]
      energy -sum([0.5, -1.0, 0.2] * one_hot(c[0])) - 1.5 * sum(one_hot(c[0]) * one_hot(c[1]))
    }""")
    first = block("c", 1, "differences", weights=(1,), modulus=2, residue=0)
    keys = jax.random.split(jax.random.key(4), 20_000)
    start = jnp.asarray([0, 2], jnp.int32)
    drawn = jax.vmap(lambda k: model.update({}, k, {"c": start}, first)["c"])(keys)
    assert np.all(drawn[:, 1] == 2)
    odds = np.array([0.5, -1.0, 0.2 + 1.5])
    counts = np.bincount(drawn[:, 0], minlength=3)
    assert frequencies_match(counts, np.exp(odds) / np.exp(odds).sum())
    assert not frequencies_match(counts, np.exp(-odds) / np.exp(-odds).sum())


# ── neural energies and scores ───────────────────────────────────────────────────────────────────


def test_neural_energy_adds_up_and_its_score_is_the_gradient():
    model = lowered(example("neural_ebm"))
    params, x = model.init(0, None), jnp.asarray([0.6, -1.1])
    net, confining = (model.evaluate(params, e, {"x": x}) for e in model.program.energies)
    assert float(model.log_prob(params, {"x": x})) == pytest.approx(float(-net - confining))
    assert float(confining) == pytest.approx(float(jnp.sum(x**2)) / 32)
    found, step = model.score(params, {"x": x})["x"], 1e-5
    for i in range(2):
        nudge = step * jnp.eye(2)[i]
        rise = model.log_prob(params, {"x": x + nudge}) - model.log_prob(params, {"x": x - nudge})
        assert float(found[i]) == pytest.approx(float(rise) / (2 * step), rel=1e-6)


def test_score_under_a_process_is_minus_noise_over_sigma():
    model = lowered(example("score_sde"))
    params, x, t = model.init(0, None), jnp.asarray([0.6, -1.1]), jnp.asarray(0.3)
    noise = operands(value(model, "x"))[0]
    predicted = evaluation(model.built, params, {"x": x}, t=t).value(noise)
    # β linear from 0.1 to 20: α² = exp(−∫β), σ² = 1 − α².
    sigma = np.sqrt(1 - np.exp(-(0.1 * 0.3 + 19.9 * 0.3**2 / 2)))
    assert np.allclose(model.score(params, {"x": x}, t)["x"], -predicted / sigma)
    assert model.score_variable == "x"
    assert model.process is not None


def test_a_denoiser_under_a_process_is_tweedies():
    text = """model M {
      param m : real[2] from [1.0, -2.0]
      data x : real[2]
      score x at t under vp = from_denoised(m, t)
    }"""
    model = lowered(text)
    params, x = model.init(0, None), jnp.asarray([0.6, -1.1])
    alpha, sigma = (getattr(model.process, n)(0.3) for n in ("signal", "noise"))
    truth = (alpha * np.array([1.0, -2.0]) - x) / sigma**2
    assert np.allclose(model.score(params, {"x": x}, jnp.asarray(0.3))["x"], truth)
