"""Declared nets as conditioners of couplings: the same as chains of layers at their weights."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.bijections.transforms import AT_ZERO
from dgmlang.compiler.types.dims import numbers
from dgmlang.verify.finding import Finding
from dgmlang.verify.flows import flows
from dgmlang.verify.instance import small

PLAIN = (
    """model M {{
      {net}
      data x : real[5] ~ Normal(0, 1) |> coupling({held}, transform = spline(bins = 4))
    }}""",
    "net f(x: real[2]) -> real[8] raw = x |> mlp([8])",
    "mlp([8])",
)
GIVEN = (
    """model M {{
      given c : real[2, 2]
      {net}
      data x : real[5] ~ Normal(0, 1) |> coupling({held}, mask = alternate, condition = c)
    }}""",
    "net f(x: real[3], c: real[2, 2]) -> real[8] raw = x |> mlp([8], condition = c)",
    "mlp([8])",
)
PICTURE = (
    """model M {{
      given c : real[3]
      {net}
      data x : real[4, 4, 2] ~ Normal(0, 1)
        |> coupling({held}, mask = checkerboard, condition = c)
    }}""",
    "net f(x: real[4, 4, 2], c: real[3]) -> real[4, 4, 6] raw = x |> conv_net(6, 1, condition = c)",
    "conv_net(6, 1)",
)


def models(text: str, net: str, chain: str) -> tuple[dgm.Model, dgm.Model]:
    """The flow of a declared net, and of the chain that is its body."""
    return dgm.parse(text.format(net=net, held="f")), dgm.parse(text.format(net="", held=chain))


def filled(model: dgm.Model) -> Any:
    """Weights beside those of the start, whose head is zero."""
    rng = np.random.default_rng(0)
    params = model.lowered.init(0, None)
    return jax.tree.map(lambda w: np.asarray(w) + 0.3 * rng.normal(size=np.shape(w)), params)


def values(model: dgm.Model) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    known = model.plan.program.having("data", "given")
    return {v.name: rng.normal(size=numbers(v.type.array_shape)) for v in known}


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("case", [PLAIN, GIVEN, PICTURE], ids=["plain", "given", "picture"])
def test_a_declared_net_conditions_as_the_chain_that_is_its_body(
    case: tuple[str, str, str],
) -> None:
    declared, chain = models(*case)
    params, given = filled(declared), values(declared)
    stage = params["x"]["coupling"]
    same = {"x": {"coupling": {**params["f"], **stage}}}
    found = declared.lowered.log_prob(params, given)
    np.testing.assert_allclose(found, chain.lowered.log_prob(same, given), rtol=1e-10)
    for name in given.keys() - {"x"}:  # Power: it sees its condition.
        other = {**given, name: given[name] + 1}
        assert abs(float(declared.lowered.log_prob(params, other) - found)) > 1e-3


def test_copies_share_the_net_and_have_heads_of_their_own() -> None:
    model = dgm.parse("""model M {
      net f(x: real[2]) -> real[8] = x |> mlp([8])
      data x : real[4] ~ Normal(0, 1) |> repeat(3) { coupling(f) |> reverse }
    }""")
    tested = [f for f in flows(small(model, {}, 0)) if isinstance(f, Finding)]
    assert [f.outcome for f in tested] == ["holds", "holds"]
    count = sum(np.size(w) for w in jax.tree.leaves(model.lowered.init(0, None)))
    assert count == (3 * 8 + 9 * 8) + 3 * (9 * 2 * 2)
    assert f"({count} numbers)" in str(model.explain())


def test_the_net_learns() -> None:
    """x₁ = sin 2x₀ + noise: in the mean 0.7 nats above the Gaussian of the data's moments."""
    model = dgm.parse("""model M {
      net f(x: real[1]) -> real[16] = x |> mlp([16])
      data x : real[2] ~ Normal(0, 1) |> coupling(f)
    }""")
    rng = np.random.default_rng(0)
    x0 = rng.normal(size=512)
    x = np.stack([x0, np.sin(2 * x0) + 0.2 * rng.normal(size=512)], axis=1).astype(np.float32)
    gaussian = -0.5 * np.linalg.slogdet(2 * np.pi * np.e * np.cov(x.T))[1]
    fitted = model.fit(x, steps=200, batch=128, optimizer="adam(1e-2)", progress=False)
    assert np.mean(fitted.log_prob(x)) > gaussian + 0.3


CAUSAL = """model M {{
  given c : cat(3)
  net f(x: real[4], c: real[3]) -> real[4, 2] = x |> made([8], condition = c)
  {}
}}"""
FLOW = """data x : real[4] ~ Normal(0, 1)
    |> {}(f, transform = location_scale, condition = one_hot(c))"""
BY_HAND = """param shift : real[2]
  param scale : real[2]
  param bias : real[2]
  let rows = f(past(x), one_hot(c))
  data x : real[4]
    ~ Normal(rows @ shift + bias[0], 1e-6 + log(1 + exp(rows @ scale + bias[1])))"""


@pytest.mark.usefixtures("x64")
def test_maf_of_a_declared_net_is_the_autoregression_written_out() -> None:
    flow = dgm.parse(CAUSAL.format(FLOW.format("maf")))
    hand = dgm.parse(CAUSAL.format(BY_HAND))
    params, given = filled(flow), {"x": values(flow)["x"], "c": np.array(1)}
    head = params["x"]["maf"]["head"]
    shift, scale = head["kernel"].T
    bias = head["bias"] + [0.0, AT_ZERO]
    same = {"f": params["f"], "shift": shift, "scale": scale, "bias": bias}
    found = flow.lowered.log_prob(params, given)
    np.testing.assert_allclose(found, hand.lowered.log_prob(same, given), rtol=1e-10)
    for wrong in ({**given, "c": np.array(2)}, {**given, "x": given["x"][::-1]}):  # Power.
        assert abs(float(hand.lowered.log_prob(same, wrong) - found)) > 1e-3


@pytest.mark.parametrize("name", ["maf", "iaf"])
def test_a_causal_net_conditions_both_ways(name: str) -> None:
    model = dgm.parse(CAUSAL.format(FLOW.format(name)))
    tested = [f for f in flows(small(model, {}, 0)) if isinstance(f, Finding)]
    assert [f.outcome for f in tested] == ["holds", "holds"]
    count = sum(np.size(w) for w in jax.tree.leaves(model.lowered.init(0, None)))
    assert f"({count} numbers)" in str(model.explain())


def test_a_causal_net_acts_on_each_row() -> None:
    text = """model M {{
      net f(x: real[4]) -> real[4, 2] = x |> made([8])
      data x : real[{}] ~ Normal(0, 1) |> repeat(2) {{ maf(f) |> reverse }}
    }}"""
    rows, alone = (dgm.parse(text.format(shape)) for shape in ("3, 4", "4"))
    params = filled(alone)
    x = jnp.asarray(np.random.default_rng(2).normal(size=(3, 4)))
    found = rows.lowered.log_prob(params, {"x": x})
    each = jax.vmap(lambda row: alone.lowered.log_prob(params, {"x": row}))(x)
    np.testing.assert_allclose(found, np.sum(each), rtol=1e-5)
