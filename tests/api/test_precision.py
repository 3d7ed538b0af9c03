"""Mixed precision: nets compute in `bfloat16`, all else in single precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

import dgmlang as dgm

PROGRAM = """model VAE(latents: int = 2) {
  net decoder(z: real[latents]) -> real[6] = z |> mlp([16])
  net encoder(x: real[6]) -> (loc: real[latents], scale: positive[latents]) = x |> mlp([16])
  latent z : real[latents] ~ Normal(0, 1)
  data x : real[6] ~ Normal(decoder(z), 1)
  guide { z ~ Normal(encoder(x)...) }
}
"""
FLOW = """model Flow {
  latent u : real[4] ~ Normal(0, 1)
  data x : real[4] = u |> coupling(net = mlp([16])) |> reverse |> coupling(net = mlp([16]))
}
"""
DATA = np.random.default_rng(0).standard_normal((32, 6), np.float32)


def loss(model: dgm.Model, params: Any) -> jax.Array:
    return model.loss(params, {"x": jnp.asarray(DATA)}, jax.random.key(1))


def dots(model: dgm.Model) -> set[str]:
    """What the matrix products of a step, backward ones too, take."""
    step = jax.grad(lambda params: loss(model, params))
    text = str(jax.make_jaxpr(step)(model.init(0)))
    lines = [line for line in text.splitlines() if "dot_general" in line]
    return {line.split(":")[1].split("[")[0] for line in lines}


def test_only_the_nets_round() -> None:
    model = dgm.parse(PROGRAM)
    mixed = model.with_precision("bfloat16")
    params = mixed.init(0)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    full, rounded = loss(model, params), loss(mixed, params)
    assert rounded.dtype == jnp.float32
    assert rounded != full
    assert abs(rounded - full) < 0.02 * abs(full)
    assert dots(model) == {"f32"}
    assert dots(mixed) == {"bf16"}


def test_a_net_agrees_within_its_rounding() -> None:
    model = dgm.parse(PROGRAM)
    params = model.fit(DATA, steps=1).params
    z = np.array([[0.5, -1.0]], np.float32)
    rounded = model.with_precision("bfloat16").with_params(params).nets.decoder(z)
    exact = model.with_params(params).nets.decoder(z)
    assert np.asarray(rounded).dtype == np.float32
    assert np.any(np.asarray(rounded) != np.asarray(exact))
    scale = np.abs(np.asarray(exact)).max()
    np.testing.assert_allclose(np.asarray(rounded), np.asarray(exact), atol=0.02 * scale)


def test_a_flow_keeps_its_log_determinant() -> None:
    """Only conditioners round: density, draw and Jacobian still belong together."""
    model = dgm.parse(FLOW).with_precision("bfloat16")
    params = jax.tree.map(lambda leaf: leaf + 0.1, model.init(0))
    u = jnp.asarray(DATA[0, :4])

    def flow(u: jax.Array) -> jax.Array:
        return model.draw(params, jax.random.key(0), {"u": u})["x"]

    density = model.log_prob(params, {"x": flow(u)})
    log_det = jnp.linalg.slogdet(jax.jacobian(flow)(u))[1]
    assert density.dtype == jnp.float32
    assert "bf16" in str(jax.make_jaxpr(flow)(u))
    # The inverse gives conditioners their inputs up to single precision, which may round to the
    # neighbour in `bfloat16`: 2⁻⁸ of an input.
    np.testing.assert_allclose(density, norm.logpdf(u).sum() - log_det, rtol=2**-8)


def test_the_default_is_single_precision() -> None:
    model = dgm.parse(PROGRAM)
    plain, named = model.fit(DATA, steps=20), model.fit(DATA, steps=20, precision="float32")
    for one, other in zip(jax.tree.leaves(plain.raw), jax.tree.leaves(named.raw), strict=True):
        np.testing.assert_array_equal(one, other)
    assert plain.model is model


def test_a_run_keeps_its_precision(tmp_path: Path) -> None:
    model = dgm.parse(PROGRAM)
    run = tmp_path / "run"
    fit = model.fit(DATA, steps=20, precision="bfloat16", out=run)
    assert {leaf.dtype for leaf in jax.tree.leaves(fit.raw)} == {jnp.dtype("float32")}
    fit.save(tmp_path / "saved")
    for folder in (run, tmp_path / "saved"):
        assert dgm.restore(folder).model.precision == "bfloat16"
    assert model.fit(DATA, steps=30, resume=run).model.precision == "bfloat16"
    with pytest.raises(dgm.DgmError, match="DGM0725"):
        model.fit(DATA, steps=40, resume=run, precision="float32")


@pytest.mark.parametrize("precision", ["float16", ""])
def test_no_such_precision(precision: str) -> None:
    with pytest.raises(dgm.DgmError, match="DGM0724") as caught:
        dgm.parse(PROGRAM).fit(DATA, precision=precision)
    assert "`float32`, `bfloat16`, `float64`" in str(caught.value)


def test_doubles_are_doubles_from_the_data_on(tmp_path: Path) -> None:
    """A density at data that singles cannot hold; without doubles the wish is refused."""
    text = "model M { param m : real\n data x : real ~ Normal(m, 1e-7) }"
    data = np.array([1.0, 1.0 + 1e-8])
    with pytest.raises(dgm.DgmError, match="DGM0944"):
        dgm.parse(text).fit(data, precision="float64")
    with jax.enable_x64(True):
        fit = dgm.parse(text).fit(data, precision="float64", steps=1, init={"m": 1.0})
        fit.save(tmp_path / "run")
        found = fit.log_prob(data).value
        truth = norm.logpdf(data, np.asarray(fit.params["m"]), 1e-7)
        np.testing.assert_allclose(found, truth, rtol=1e-9)
        rounded = norm.logpdf(data.astype(np.float32), np.asarray(fit.params["m"]), 1e-7)
        assert abs(float(rounded[1] - truth[1])) > 1e-3
        net = dgm.parse(PROGRAM).fit(DATA, precision="float64", steps=1)
        assert {leaf.dtype for leaf in jax.tree.leaves(net.raw)} == {jnp.dtype("float64")}
        assert dgm.restore(tmp_path / "run").model.precision == "float64"
    with pytest.raises(dgm.DgmError, match="DGM0944"):
        dgm.restore(tmp_path / "run")
