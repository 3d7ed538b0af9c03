"""`verify` of what draws alone define: it holds, and what is broken on purpose fails."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import dgmlang as dgm
from dgmlang.objectives import adversary
from dgmlang.verify import densities, implicit
from dgmlang.verify.finding import Finding
from dgmlang.verify.instance import small
from tests.verify.test_verify import found

PAIRS = """
model Pairs {
  net G(z: real[2], y: bit[1]) -> real[2] = concat(z, y) |> mlp([4])
  net E(x: real[2]) -> real[2] = x |> mlp([4])
  given  y : bit[1]
  latent z : real[2] ~ Normal(0, 1)
  data   x : real[2] = G(z, y)
  guide { z = E(x) }
  critic(x, z) = concat(x, z) |> mlp([4])
}
"""


@pytest.mark.slow
def test_what_draws_alone_define_holds_with_power() -> None:
    tested = [f for f in found(dgm.parse(PAIRS), implicit.implicit) if isinstance(f, Finding)]
    assert [(f.subject, f.outcome) for f in tested if f.outcome != "holds"] == []
    assert len(tested) == 5


def test_draws_that_no_gradient_passes_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    module, whole = import_module("dgmlang.objectives.bigan"), adversary.fakes
    monkeypatch.setattr(module, "fakes", lambda *a: jax.lax.stop_gradient(whole(*a)))
    assert implicit.gradient(small(dgm.parse(PAIRS), {}, 0), "bigan").outcome == "fails"


def test_draws_with_latents_of_others_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    module, whole = import_module("dgmlang.objectives.bigan"), adversary.fakes

    def broken(*arguments: Any) -> Any:
        drawn = whole(*arguments)
        return {**drawn, "z": jnp.roll(drawn["z"], 1, axis=0)}

    monkeypatch.setattr(module, "fakes", broken)
    assert implicit.pairs(small(dgm.parse(PAIRS), {}, 0)).outcome == "fails"


def test_draws_under_givens_of_others_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = adversary.fakes

    def broken(lowered: Any, params: Any, key: Any, batch: Any) -> Any:
        return whole(lowered, params, key, {**batch, "y": jnp.roll(batch["y"], 1, axis=0)})

    monkeypatch.setattr(adversary, "fakes", broken)
    assert implicit.givens(small(dgm.parse(PAIRS), {}, 0)).outcome == "fails"


def test_data_of_other_latents_fail() -> None:
    instance = small(dgm.parse(PAIRS), {}, 0)
    drawn = densities.draws(instance)
    moved = {**drawn, "z": 1.1 * drawn["z"]}
    assert [f.outcome for f in implicit.computed(instance, moved)] == ["fails"]
    assert [f.outcome for f in implicit.latents(instance, moved)] == ["fails"]
