"""The nine examples, from their text through derived facts to functions of arrays."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.lower.lowered import Lowered, lower
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.types.dims import numbers
from tests.lower.hand import example

SMALL = {
    "gan": {"latents": 3},
    "gmm": {"K": 3, "d": 2},
    "ising": {"side": 4},
    "made": {"d": 6, "hidden": (8,)},
    "neural_ebm": {},
    "rbm": {"visible": 4, "hidden": 3},
    "realnvp": {"layers": 2, "hidden": (8,)},
    "score_sde": {},
    "vae": {"side": 4, "latents": 3, "hidden": (8,)},
}


@pytest.fixture(params=sorted(SMALL))
def model(request) -> Lowered:
    plan = compile_text(example(request.param), **SMALL[request.param])
    return lower(plan.program, plan.facts)


def some_data(model: Lowered) -> dict[str, jax.Array]:
    """One admissible example, bits and spins included."""
    rng = np.random.default_rng(0)
    kinds = {"bit": (0.0, 1.0), "spin": (-1.0, 1.0)}
    return {
        v.name: jnp.asarray(
            rng.choice(kinds[v.type.kind.name], numbers(v.type.array_shape))
            if v.type.kind.name in kinds
            else rng.standard_normal(numbers(v.type.array_shape)),
            jnp.float32,
        )
        for v in model.program.having("data")
    }


def finite(tree) -> bool:
    return all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(tree))


def test_density_score_and_gradient_are_finite_in_single_precision(model):
    params, data = model.init(0, None), some_data(model)
    if model.score_variable:
        found = jax.jit(model.score)(params, data, jnp.float32(0.5))
        assert finite(found)
        return
    if model.facts.density.value == "none":
        return
    if model.facts.bounded:
        latents, log_q = jax.jit(model.guide_draw)(params, jax.random.key(0), data)
        assert finite(log_q)
        data |= latents
    value, slope = jax.jit(jax.value_and_grad(model.log_prob))(params, data)
    assert value.dtype == jnp.float32
    assert finite((value, slope))
    assert jax.tree.structure(slope) == jax.tree.structure(params)
    assert any(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(slope))


def test_draws_have_the_declared_shapes_and_storage(model):
    params, key = model.init(0, None), jax.random.key(1)
    drawn = jax.jit(model.draw)(params, key, {})
    for name, value in drawn.items():
        declared = model.program.variables[name].type
        assert value.shape == numbers(declared.array_shape)
        assert value.dtype == (jnp.int32 if declared.kind.name == "cat" else jnp.float32)
    assert drawn.keys() == set(model.built.directed)


def test_blocks_are_updated_within_their_kind(model):
    params = model.init(0, None)
    values = some_data(model)
    for v in model.program.having("latent"):
        values[v.name] = jnp.zeros(numbers(v.type.array_shape))
    for block in model.blocks:
        new = jax.jit(model.update, static_argnums=3)(params, jax.random.key(2), values, block)
        assert new.keys() == values.keys()
        for part in block.parts:
            kind = model.program.variables[part.variable].type.kind.name
            low = -1.0 if kind == "spin" else 0.0
            assert set(np.unique(new[part.variable])) <= {low, 1.0}


def test_one_pass_of_the_guide_gives_what_its_parts_give():
    plan = compile_text(example("vae"), **SMALL["vae"])
    vae = lower(plan.program, plan.facts)
    params, data, key = vae.init(0, None), some_data(vae), jax.random.key(4)
    whole = jax.jit(vae.guided)(params, key, data)
    latents, log_q = jax.jit(vae.guide_draw)(params, key, data)
    full = {**data, **latents}
    assert jnp.array_equal(whole.latents["z"], latents["z"])
    assert float(whole.log_q["z"]) == pytest.approx(float(log_q), rel=1e-5)
    assert float(whole.kl["z"]) == pytest.approx(float(vae.kl(params, full)["z"]), rel=1e-5)
    terms = vae.log_terms(params, full)
    assert whole.log_p.keys() == terms.keys()
    assert float(whole.log_p["x"]) == pytest.approx(float(terms["x"]), rel=1e-5)
    kept = vae.guide_draw(params, key, {**data, "z": jnp.ones(3)})[0]
    assert jnp.array_equal(kept["z"], jnp.ones(3))


def test_the_loss_of_the_vae_costs_what_it_costs_by_hand():
    """As many operations as written by hand; a second pass of the encoder would add a fifth."""
    side, hidden, latents = 16, 128, 4
    plan = compile_text(example("vae"), side=side, hidden=(hidden,), latents=latents)
    vae = lower(plan.program, plan.facts)

    def compiled(params, x, key):
        def one(x, key):
            found = vae.guided(params, key, {"x": x})
            return found.kl["z"] - found.log_p["x"]

        return jnp.mean(jax.vmap(one)(x, jax.random.split(key, len(x))))

    def by_hand(params, x, key):
        def dense(p, h):
            return h @ p["kernel"] + p["bias"]

        def one(x, key):
            encoder, decoder = params["encoder"], params["decoder"]
            h = jax.nn.swish(dense(encoder["mlp"]["0"], x.reshape(-1)))
            loc = dense(encoder["loc"], h)
            scale = jax.nn.softplus(dense(encoder["scale"], h)) + 1e-6
            z = loc + scale * jax.random.normal(key, loc.shape)
            h = jax.nn.swish(dense(decoder["mlp"]["0"], z))
            logits = dense(decoder["logits"], h).reshape(side, side)
            log_p = x * jax.nn.log_sigmoid(logits) + (1 - x) * jax.nn.log_sigmoid(-logits)
            kl = 0.5 * jnp.sum(scale**2 + loc**2 - 1 - 2 * jnp.log(scale))
            return kl - jnp.sum(log_p)

        return jnp.mean(jax.vmap(one)(x, jax.random.split(key, len(x))))

    args = vae.init(0, None), jnp.ones((64, side, side)), jax.random.key(0)

    def operations(loss):
        cost = jax.jit(jax.value_and_grad(loss)).lower(*args).compile().cost_analysis()
        assert cost is not None
        return cost["flops"]

    assert float(compiled(*args)) != 0
    assert operations(compiled) <= 1.03 * operations(by_hand)
