"""The count of parameters that the front end derives is the number that the lowered program has."""

from __future__ import annotations

from math import prod
from pathlib import Path

import jax
import numpy as np
import pytest

from dgmlang.compiler.library import library
from dgmlang.compiler.lower.lowered import lower
from dgmlang.compiler.pipeline import compile_source, compile_text, read
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.types.dims import numbers

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SET = {"d": 6, "side": 8, "D": 3, "V": 5, "T": 6, "n": 6, "N": 6, "K": 4, "q": 2, "G": 3}

NETS = {
    "dense": "x |> dense(7)",
    "mlp": "x |> mlp([7, 5])",
    "mlp with a condition": "x |> mlp([7, 5], condition = u)",
    "two of one name": "x |> dense(3) |> dense(2)",
    "conv": "p |> conv(3, kernel = 5) |> flatten",
    "conv_net": "p |> conv_net(3, layers = 3) |> flatten",
    "conv_net beside numbers": "p |> conv_net(3, condition = u) |> flatten",
    "conv_net beside a picture": "p |> conv_net(3, condition = m) |> flatten",
    "conv_net as a picture": "p |> conv_net(3, condition = m) |> conv(1) |> flatten",
    "embed": "k |> embed(3)",
    "embed where absent": "o |> embed(3)",
    "embed each": "ks |> embed(3) |> flatten",
    "fourier": "s |> fourier(5)",
    "gru": "r |> gru(5) |> flatten",
    "lstm both ways": "r |> lstm(5, both_ways = true) |> flatten",
    "transformer": "r |> transformer(layers = 2, heads = 2) |> flatten",
    "transformer with a context": "r |> transformer(2, 2, context = m) |> flatten",
    "encoder": "r |> encoder(2, 2) |> flatten",
    "wavenet": "r |> wavenet(5, [1, 2]) |> flatten",
    "pixelcnn": "p |> pixelcnn(2, 3, 5) |> flatten",
    "pixelcnn of one colour": "m |> pixelcnn(2, 3, 5, condition = u) |> flatten",
    "pixelrnn": "p |> pixelrnn(2, 3, condition = m) |> flatten",
    "unet": "p |> unet([4, 4, 6], time = b) |> flatten",
    "unet with a condition": "p |> unet([4, 6], time = b, condition = u) |> flatten",
    "residual": "x |> residual { mlp([5, 6]) }",
}
FLOWS = {
    "scale": "scale",
    "lu": "lu_linear",
    "householder": "householder(3)",
    "permute": "permute",
    "coupling": "coupling(mlp([5, 3]))",
    "alternate": "coupling(mlp([5]), mask = alternate)",
    "spline": "coupling(dense(4), transform = spline(bins = 3))",
    "shift": "coupling(mlp([4]), transform = shift)",
    "conditioned": "coupling(mlp([4]), condition = u)",
    "planar": "planar",
    "radial": "radial |> leaky",
    "mixture": "coupling(mlp([4]), transform = logistic_mixture(components = 2))",
    "maf": "maf(made([5, 3]))",
    "iaf": "repeat(2) { iaf(made([5], condition = u), transform = spline(bins = 3)) |> reverse }",
    "maf, conditioned": "maf(made([5]), condition = u)",
    "copies": "repeat(3) { coupling(mlp([4])) |> reverse |> scale }",
}
PICTURED = {
    "squeeze": "squeeze { coupling(conv_net(3), mask = channel) |> actnorm }",
    "levels": "multiscale(levels = 2) { coupling(conv_net(3), mask = channel) |> conv1x1 }",
    "checkerboard": "coupling(conv_net(3), mask = checkerboard)",
    "beside": "coupling(conv_net(3), mask = checkerboard, condition = u)",
    "flat": "coupling(mlp([3]))",
    "masked": "masked_conv(4)",
    "deep": "multiscale(levels = 2) { repeat(2) { coupling(conv(3), mask = channel) } }",
}
GIVEN = """
  given x : real[6]
  given u : real[2]
  given p : real[4, 4, 3]
  given m : real[4, 4]
  given k : cat(4)
  given o : cat(4)?
  given ks : cat(4)[3]
  given s : real
  given r : real[5, 4]
  given b : unit
"""


def stored(plan: Plan) -> int:
    """How many numbers there are when the program is lowered; a simplex is stored with one more."""
    params = lower(plan.program, plan.facts).init(0, None)
    simplices = (p.type for p in plan.program.having("param") if p.type.kind.name == "simplex")
    redundant = sum(prod(numbers(t.shape)) for t in simplices)
    return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(params)) - redundant


@pytest.mark.parametrize("body", NETS.values(), ids=NETS)
def test_layers(body: str) -> None:
    ports = GIVEN.strip().replace("\n", ",").replace("given ", "").replace(" :", ":")
    plan = compile_text(
        f"model M {{ {GIVEN}\n net f({ports}) -> real[4] = {body}\n"
        "data y : real[4] ~ Normal(f(x, u, p, m, k, o, ks, s, r, b), 1) }"
    )
    assert plan.facts.parameters == stored(plan)


@pytest.mark.parametrize("chain", FLOWS.values(), ids=FLOWS)
@pytest.mark.parametrize("d", [1, 2, 5])
def test_bijections(chain: str, d: int) -> None:
    plan = compile_text(
        f"model M {{ given u : real[2]\n data x : real[{d}] ~ Normal(0, 1) |> {chain} }}"
    )
    assert plan.facts.parameters == stored(plan)


@pytest.mark.parametrize("chain", PICTURED.values(), ids=PICTURED)
@pytest.mark.parametrize("channels", [1, 3])
def test_bijections_of_pictures(chain: str, channels: int) -> None:
    plan = compile_text(
        "model M { given u : real[2]\n"
        f"data x : real[4, 8, {channels}] ~ Normal(0, 1) |> {chain} }}"
    )
    assert plan.facts.parameters == stored(plan)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.dgm")), ids=lambda p: p.stem)
def test_examples(path: Path) -> None:
    source = read(path)
    first, _ = compile_source(source)
    plan, _ = compile_source(source, {name: SET.get(name, 4) for name in first.program.open})
    if plan.facts.unbuilt:
        pytest.skip("names a part that is not built")
    assert plan.facts.parameters == stored(plan)


def test_every_part_that_is_built_has_a_formula() -> None:
    known = [e for kind in ("layer", "bijection") for e in library().externs[kind].values()]
    lacking = {
        e.name
        for e in known
        if not (e.has("planned") or e.has("weightless") or e.formula("weights"))
        and not (e.argument("conditioner") and (e.argument("split") or e.formula("shown")))
    }
    assert lacking == set()
