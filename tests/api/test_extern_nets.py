"""`extern net`: what Python passes takes the place of a net that is written in the program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.cli.main import main

GOLDEN = Path(__file__).parents[1] / "golden" / "input"
MODEL = """
model VAE {
  latent z : real[2] ~ Normal(0, 1)
  data   x : real[3] ~ Normal(dec(z)...)
  guide { z ~ Normal(enc(x), 0.5) }
}
"""
TEXT = f"""extern net dec(z: real[2]) -> (loc: real[3], scale: positive[3]) with smooth
extern net enc(x: real[3]) -> real[2]
{MODEL}"""
WRITTEN = MODEL.replace(
    "{\n  latent",
    """{
  net dec(z: real[2]) -> (loc: real[3], scale: positive[3]) = z
  net enc(x: real[3]) -> real[2] = x
  latent""",
)


class Decoder(eqx.Module):
    """Two dense maps; dropout is off where a density is computed."""

    loc: eqx.nn.Linear
    scale: eqx.nn.Linear
    dropout: eqx.nn.Dropout

    def __init__(self) -> None:
        one, other = jax.random.split(jax.random.key(3))
        self.loc, self.scale = eqx.nn.Linear(2, 3, key=one), eqx.nn.Linear(2, 3, key=other)
        self.dropout = eqx.nn.Dropout(0.5)

    def __call__(self, z: jax.Array, *, key: jax.Array) -> dict[str, jax.Array]:
        z = self.dropout(z, key=key)
        return {"loc": self.loc(z), "scale": jax.nn.softplus(self.scale(z)) + 1e-6}


def start(key: jax.Array, x: jax.Array) -> Any:
    return [{"w": jax.random.normal(key, (2, x.shape[0]))}, jnp.zeros(2)]


def apply(weights: Any, x: jax.Array) -> jax.Array:
    return weights[0]["w"] @ x + weights[1]


def nets() -> dict[str, Any]:
    """What `--nets tests.api.test_extern_nets:nets` names."""
    return {"dec": Decoder(), "enc": (start, apply)}


def test_it_is_the_net_that_could_be_written() -> None:
    model, written = dgm.parse(TEXT, **nets()), dgm.parse(WRITTEN)
    params = model.init(0)
    np.testing.assert_array_equal(params["dec"]["loc"]["weight"], Decoder().loc.weight)
    same = {
        "dec": {
            head: {"kernel": branch["weight"].T, "bias": branch["bias"]}
            for head, branch in params["dec"].items()
        },
        "enc": {"head": {"kernel": params["enc"]["0"]["w"].T, "bias": params["enc"]["1"]}},
    }
    assert jax.tree.map(jnp.shape, same) == jax.tree.map(jnp.shape, written.init(0))
    values = {"z": jnp.array([0.4, -1.0]), "x": jnp.array([0.1, 0.2, 2.0])}

    def joint(lowered: Any) -> Callable[[Any], Any]:
        def total(params: Any) -> jax.Array:
            return lowered.log_joint(params, values) - lowered.guide_log_prob(params, values)

        return jax.value_and_grad(total)

    (here, slope), (there, expected) = joint(model.lowered)(params), joint(written.lowered)(same)
    np.testing.assert_allclose(here, there, rtol=1e-5)
    found = slope["dec"]["scale"]["weight"].T
    np.testing.assert_allclose(found, expected["dec"]["scale"]["kernel"], rtol=1e-4)
    # The power of this: other weights, another density.
    moved = jax.tree.map(lambda a: a + 0.1, params)
    assert abs(float(model.lowered.log_joint(moved, values) - here)) > 1e-2


def test_weights_are_trained_kept_and_restored(tmp_path: Path) -> None:
    model = dgm.parse(TEXT, **nets())
    x = np.random.default_rng(0).normal(size=(64, 3))
    fit = model.fit(x, steps=5, batch=16, freeze=["dec.loc.*"], out=tmp_path / "run")
    before, after = model.init(0), fit.raw
    np.testing.assert_array_equal(before["dec"]["loc"]["weight"], after["dec"]["loc"]["weight"])
    assert not np.allclose(before["dec"]["scale"]["weight"], after["dec"]["scale"]["weight"])
    again = dgm.restore(tmp_path / "run", **nets())
    np.testing.assert_array_equal(np.asarray(again.sample(3)), np.asarray(fit.sample(3)))
    found = fit.nets.dec(np.zeros((2, 2)))
    assert found["scale"].shape == (2, 3)
    with pytest.raises(dgm.DgmError, match="DGM0440"):
        dgm.restore(tmp_path / "run").sample(1)


def test_the_command_line_imports_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vae.dgm").write_text(TEXT, encoding="utf-8")
    np.save("x.npy", np.random.default_rng(0).normal(size=(32, 3)))
    named = ["--nets", "tests.api.test_extern_nets:nets"]
    train = ["train", "vae.dgm", "--data", "x.npy", "--steps", "3", "--batch", "8", "--out", "run"]
    assert main([*train, *named]) == 0
    assert main(["sample", "run", "-n", "2", *named]) == 0
    capsys.readouterr()
    assert main(["sample", "run", "--nets", "tests.api.test_extern_nets:nothing"]) == 2
    assert "nothing" in capsys.readouterr().err


def test_it_has_kinks_unless_it_says_otherwise() -> None:
    field = "extern net f(x: real[2]) -> real[2]{}\nmodel M {{ data x : real[2]\n score x = f(x) }}"
    energy = "extern net f(x: real[2]) -> real{}\nmodel M {{ data x : real[2]\n energy f(x) }}"
    plan = dgm.parse(energy.format("")).plan
    assert plan.facts.smooth.value == "no"
    assert not plan.objectives["ssm"].legal
    assert dgm.parse(energy.format(" with smooth")).plan.objectives["ssm"].legal
    assert dgm.parse(field.format("")).plan.facts.parameters is None


class Normed(eqx.Module):
    norm: eqx.nn.BatchNorm

    def __call__(self, x: jax.Array) -> jax.Array:
        return x


def normed() -> Normed:
    return Normed(eqx.nn.BatchNorm(3, axis_name="batch", mode="batch"))


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "net_not_passed": lambda: {"dec": Decoder()},
    "net_unknown": lambda: {**nets(), "encoder": Decoder()},
    "net_of_a_class": lambda: {**nets(), "dec": Decoder},
    "net_of_another_shape": lambda: {**nets(), "enc": lambda x: x},
    "net_without_heads": lambda: {**nets(), "dec": lambda z: z},
    "net_with_other_heads": lambda: {**nets(), "dec": lambda z: {"loc": z}},
    "net_with_a_state": lambda: {**nets(), "enc": normed()},
    "net_that_raises": lambda: {**nets(), "enc": lambda x: {}["weights"]},
}


@pytest.mark.parametrize("name", WRONG)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(dgm.DgmError) as caught:
        dgm.parse(TEXT, **WRONG[name]()).init(0)
    golden(GOLDEN / f"{name}.txt", f"{caught.value}\n")
