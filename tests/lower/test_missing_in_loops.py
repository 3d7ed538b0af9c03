"""Missing entries of loops: the density is the sum, or integral, over what an example lacks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import logsumexp

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.lower.lowered import Lowered
from tests.lower.hand import parsed
from tests.lower.loops import at, model

pytestmark = pytest.mark.usefixtures("x64")

HEAD = """model M(T: int = 4) {
  param a : real[3]
  param m : real[3, 3]
  param W : real[4, 4]
"""
FINITE = {
    "a leaf below a chain": ("bit", {"s": "forward", "x": "leaf"}, """
      latent s[t] : cat(3) ~ Categorical(softmax(a if t == 0 else m[s[t-1]]))
      data   x[t] : bit?   ~ Bernoulli(logits = a[s[t]])"""),
    "a chain": ("cat", {"x": "forward"}, """
      data x[t] : cat(3)? ~ Categorical(softmax(a if t == 0 else m[x[t-1]]))"""),
    "emissions that look back": ("bit", {"s": "forward", "x": "forward"}, """
      latent s[t] : cat(3) ~ Categorical(softmax(a if t == 0 else m[s[t-1]]))
      data   x[t] : bit?   ~ Bernoulli(logits = a[s[t]] if t == 0 else a[s[t]] * (1 - 2 * x[t-1]))
      """),
    "a plate": ("bit", {"x": "sum", "y": "leaf"}, """
      data x[t] : bit? ~ Bernoulli(logits = a[0])
      data y[t] : bit? ~ Bernoulli(logits = a[1] + a[2] * x[t])"""),
    "a prefix": ("bit", {"x": "sum"}, """
      data x[t] : bit? ~ Bernoulli(logits = a[0] + W[t, :t] @ x[:t])"""),
}  # fmt: skip


def program(body: str) -> str:
    return f"{HEAD}  for t in 0..T {{{body}\n  }}\n}}"


def learned(found: Lowered) -> dict:
    rng = np.random.default_rng(0)
    every = {"a": rng.standard_normal(3), "m": rng.standard_normal((3, 3))}
    every["W"] = rng.standard_normal((4, 4))
    return at(found, **every)


def filled(values: Mapping[str, np.ndarray], levels: int) -> list[dict[str, np.ndarray]]:
    """Every way to fill in what is missing."""
    ways: list[dict[str, np.ndarray]] = [{}]
    for name, row in values.items():
        gaps = np.flatnonzero(np.isnan(row))
        more = []
        for state in product(range(levels), repeat=len(gaps)):
            whole = row.copy()
            whole[gaps] = state
            more.append(whole)
        ways = [{**way, name: whole} for way in ways for whole in more]
    return ways


@pytest.mark.parametrize("name", FINITE)
def test_what_an_example_lacks_is_summed_over(name):
    kind, rules, body = FINITE[name]
    found = model(program(body))
    whole = model(program(body.replace("?", "")))
    assert {r.variable: r.rule for r in found.facts.removed} == rules
    params = learned(found)
    gap = np.nan
    seen = {"x": np.array([1, gap, gap, 0.0]), "y": np.array([gap, 0, gap, 1.0])}
    seen = {n: row for n, row in seen.items() if n in found.program.variables}
    ways = filled(seen, 3 if kind == "cat" else 2)

    def stored(values: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
        if kind == "bit":
            return {n: jnp.asarray(v) for n, v in values.items()}
        return {n: jnp.asarray(np.where(np.isnan(v), -1, v).astype(int)) for n, v in values.items()}

    each = {n: jnp.stack([stored(way)[n] for way in ways]) for n in seen}
    logs = jax.jit(jax.vmap(whole.log_prob, (None, 0)))(params, each)
    value, slopes = jax.jit(jax.value_and_grad(found.log_prob))(params, stored(seen))
    assert float(value) == pytest.approx(float(logsumexp(logs)), abs=1e-10)
    assert float(value) != pytest.approx(float(logs[0]), abs=0.1)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_a_real_emission_is_left_out_of_its_turn_and_after_the_end():
    text = """model M(T: int = 4) {{
      param loc : real[2]
      for t in 0..{} {{
        latent s[t] : bit ~ Bernoulli(0.3 if t == 0 else 0.2 + 0.5 * s[t-1])
        data   x[t] : real?[2] ~ Normal(loc[s[t]], 1)
      }}
    }}"""
    found, alone = model(text.format("len(x) <= T")), model(text.format("2"))
    params = at(found, loc=[-1.0, 2.0])
    short = jnp.array([[0.3, jnp.nan], [jnp.nan, jnp.nan]])
    longer = jnp.concatenate([short, jnp.full((2, 2), jnp.inf)])
    value = jax.jit(found.log_prob)(params, {"x": longer})
    own = jax.jit(alone.log_prob)(params, {"x": short})
    density = np.exp(-0.5 * (0.3 - np.array([-1.0, 2.0])) ** 2) / np.sqrt(2 * np.pi)
    assert float(value) == pytest.approx(float(own), abs=1e-12)
    assert float(value) == pytest.approx(np.log(np.array([0.7, 0.3]) @ density), abs=1e-10)


def test_leaves_go_first():
    """As §10 has it; a single finite site is left to the sum over its table, as in `sprinkler`."""
    facts = derive(
        parsed("""model M(d: int = 3) {
      param W : real[d, 2]
      latent z : real[2]  ~ Normal(0, 1)
      data   x : real?[d] ~ Normal(W @ z, 0.5)
    }""")
    )
    assert [(r.variable, r.rule) for r in facts.removed] == [("x", "leaf"), ("z", "closed form")]
