"""Draws that keep what earlier entries left behind, against a full pass an entry, key for key."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.lower import draw as drawing
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.types.dims import numbers
from dgmlang.layers.nade import Nade
from dgmlang.objectives.objective import Params, Values
from tests.objectives.models import model

pytestmark = pytest.mark.usefixtures("x64")
KEYS = jax.random.split(jax.random.key(3), 3)

BITS = """model Bits {{
  net f(x: bit[6]) -> (logits: real[6]) = x |> {}
  data x : bit[6] ~ Bernoulli(f(past(x{}))...)
}}"""
TWO_HEADS = """model Two {
  net f(x: real[5], c: real[2]) -> (weight: simplex(3)[5], loc: real[5, 3], scale: positive[5, 3]) =
    x |> made([7, 6], condition = c)
  given c : real[2]
  let each = f(past(x), c)
  data x : real[5] ~ mixture(each.weight, Normal(each.loc, each.scale))
}"""
SYMBOLS = """model Symbols {{
  net f(x: cat(4)[7]) -> (logits: real[7, 4]) = x |> embed(4) |> {}
  data x : cat(4)[7] ~ Categorical(f(past(x))...)
}}"""
CONTEXT = """model Context {
  given c : cat(3)[5]
  net f(x: cat(4)[6], c: cat(3)[5]) -> (logits: real[6, 4]) =
    x |> embed(4) |> transformer(layers = 1, heads = 1, context = c |> embed(4))
  data x : cat(4)[6] ~ Categorical(f(past(x), c)...)
}"""
ENDS = CONTEXT.replace("cat(3)[5]", "cat(3)[<= 5]").replace("cat(4)[6]", "cat(4)[<= 6]")

KEPT = {
    "nade": BITS.format("nade(5)", ""),
    "fvsbn": BITS.format("fvsbn", ""),
    "made": BITS.format("made([7])", ", order = random(seed = 1)"),
    "two_heads": TWO_HEADS,
    "gru": SYMBOLS.format("gru(5)"),
    "lstm": SYMBOLS.format("dense(3) |> lstm(5)"),
    "transformer": SYMBOLS.format("transformer(layers = 2, heads = 2)"),
    "wavenet": SYMBOLS.format("wavenet(3, dilations = [1, 2, 4])"),
    "context": CONTEXT,
    "ends": ENDS,
}

PASSES = """model Passes {
  net f(x: real[6]) -> (logits: real[6]) = x |> made([7])
  data x : bit[6] ~ Bernoulli(f(past(x) * 1)...)
}"""
"""The net is not of the past itself, so it is read by passes."""


def wild(lowered: Lowered) -> Params:
    """Parameters far from zero, so that each entry leans on those before it."""
    rng = np.random.default_rng(2)
    return jax.tree.map(lambda a: jnp.asarray(a + rng.normal(size=a.shape)), lowered.init(0, None))


def given(lowered: Lowered) -> Values:
    rng = np.random.default_rng(4)
    found = lowered.program.having("given")
    return {v.name: jnp.asarray(rng.integers(0, 3, numbers(v.type.shape))) for v in found}


def drawn(lowered: Lowered) -> np.ndarray:
    params, known = wild(lowered), given(lowered)
    return np.asarray(jax.jit(jax.vmap(lambda key: lowered.draw(params, key, known)["x"]))(KEYS))


def no_walk(*_: object) -> None:
    """What makes every draw a pass an entry."""


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_changes_no_draw(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = model(KEPT[name])
    walk = drawing._by_nets
    seen: list[bool] = []

    def watched(*arguments: Any) -> object:
        found = walk(*arguments)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(drawing, "_by_nets", watched)
    kept = drawn(lowered)
    monkeypatch.setattr(drawing, "_by_nets", no_walk)
    assert seen == [True]
    assert np.allclose(kept, drawn(lowered), atol=1e-9)


def test_a_walk_that_forgets_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = model(KEPT["nade"])
    right = drawn(lowered)
    follow = Nade.follow

    def forgetful(self: Nade, *arguments: Any, **inputs: Any) -> object:
        found = follow(self, *arguments, **inputs)
        return found._replace(add=lambda state, step, entry: state)

    monkeypatch.setattr(Nade, "follow", forgetful)
    assert not np.array_equal(drawn(lowered), right)


def test_other_nets_take_a_pass_an_entry() -> None:
    """Draws have the law that the density says, pattern by pattern."""
    lowered = model(PASSES)
    params = wild(lowered)
    patterns = np.array(np.meshgrid(*[[0.0, 1.0]] * 6, indexing="ij")).reshape(6, -1).T
    density = jax.jit(jax.vmap(lambda x: lowered.log_prob(params, {"x": x})))
    p = np.exp(density(jnp.asarray(patterns)))
    draw = jax.jit(jax.vmap(lambda key: lowered.draw(params, key, {})["x"]))
    x = np.asarray(draw(jax.random.split(jax.random.key(0), 4000)))
    counts = np.bincount((x @ 2 ** np.arange(5, -1, -1)).astype(int), minlength=64)
    error = np.sqrt(p * (1 - p) / 4000)
    assert p.sum() == pytest.approx(1)
    assert np.all(np.abs(counts / 4000 - p) < 5 * error + 1 / 4000)
    assert not np.all(np.abs(counts / 4000 - p[::-1]) < 5 * error + 1 / 4000)  # the twin
