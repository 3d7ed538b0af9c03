"""Missing entries of loops: the density is the sum, or integral, over what an example lacks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import logsumexp
from scipy import stats

import dgmlang as dgm
from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from tests.lower.hand import parsed
from tests.lower.loops import at, model
from tests.lower.statistics import log_gaussian, mean_matches

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


ROWS = """model M(T: int = 4) {
  param a : real[3]
  param m : real[3, 3]
  for t in 0..T { data x[t] : cat(3)[2]? ~ Categorical(softmax(a if t == 0 else m[x[t-1]])) }
}"""


def test_a_chain_of_vectors_is_summed_where_a_turn_is_missing():
    """The two sites of a turn are chains of their own, so that each has its own power of m."""
    found = model(ROWS)
    assert {r.variable: r.rule for r in found.facts.removed} == {"x": "forward"}
    params = learned(found)
    a, m = (np.asarray(jax.nn.log_softmax(found.constrain(params)[n])) for n in ("a", "m"))
    x = jnp.array([[1, 2], [-1, -1], [-1, -1], [0, 1]])
    far = np.linalg.matrix_power(np.exp(m), 3)
    wanted = a[1] + a[2] + np.log(far[1, 0]) + np.log(far[2, 1])
    assert float(jax.jit(found.log_prob)(params, {"x": x})) == pytest.approx(wanted, abs=1e-10)
    near = np.linalg.matrix_power(np.exp(m), 2)  # Power: a turn less.
    assert abs(np.log(near[1, 0] * near[2, 1]) - np.log(far[1, 0] * far[2, 1])) > 1e-3


def test_a_vector_of_one_law_is_left_out_of_its_turn():
    """A hidden chain of Gaussians with covariances: a turn without x integrates to one."""
    found = model("""model M(T: int = 3) {
      param loc : real[2, 2]
      param S : tril(2)
      for t in 0..T {
        latent s[t] : bit ~ Bernoulli(0.3 if t == 0 else 0.2 + 0.5 * s[t-1])
        data   x[t] : real[2]? ~ MultivariateNormal(loc[s[t]], S)
      }
    }""")
    assert {r.variable: r.rule for r in found.facts.removed} == {"x": "leaf", "s": "forward"}
    loc, S = np.array([[0.0, 1.0], [2.0, -1.0]]), np.array([[1.0, 0.0], [0.5, 0.8]])
    params = at(found, loc=loc, S=S)
    x = np.array([[0.5, 0.2], [np.nan, np.nan], [1.0, 0.0]])
    value, slopes = jax.jit(jax.value_and_grad(found.log_prob))(params, {"x": jnp.asarray(x)})

    def density(row: np.ndarray) -> np.ndarray:
        return np.exp([log_gaussian(row - mean, S @ S.T) for mean in loc])

    step = np.array([[0.8, 0.2], [0.3, 0.7]])
    wanted = (np.array([0.7, 0.3]) * density(x[0])) @ step @ step @ density(x[2])
    assert float(value) == pytest.approx(np.log(wanted), abs=1e-10)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_a_turn_is_missing_as_a_whole_or_not_at_all():
    """`observed` is one number a turn; single entries that lack are DGM0525."""
    text = """model M {
      param scale : positive
      for t in 0..3 {
        latent z[t] : real ~ Normal(0, scale)
        data   x[t] : real[2]? ~ Normal(z[t], 1)
      }
      guide { z ~ Normal(observed(x) + sum(fill(x, 3), axis = 1), 1) }
    }"""
    rows = np.random.default_rng(0).standard_normal((1, 3, 2))
    rows[:, 1] = np.nan
    found, z = model(text), jnp.ones(3)
    value = found.guide_log_prob(found.init(0, None), {"x": jnp.asarray(rows[0]), "z": z})
    means = np.where(np.isnan(rows[0, :, 0]), 6, 1 + rows[0].sum(axis=1))
    assert float(value) == pytest.approx(stats.norm.logpdf(z, means).sum(), abs=1e-10)
    rows[0, 1, 1] = 0.0
    with pytest.raises(DgmError, match=r"(?s)DGM0525.*`real\[2\]\?\[3\]`.*x\[0, 1, 0\]"):
        dgm.parse(text).fit(rows, steps=1, progress=False)


GUIDED = """model M(T: int = 4) {{
  param a : real
  for t in 0..T {{ data x[t] : real[2]? ~ Normal(0 if t == 0 else a * x[t-1], 1) }}
  guide {{ for t in 0..T {{ x[t] ~ {} }} }}
}}"""


@pytest.mark.parametrize(
    "law",
    [
        "Normal(0 if t == 0 else a * x[t-1], 1)",
        "MultivariateNormal([0, 0] if t == 0 else a * x[t-1], [[1, 0], [0, 1]])",
    ],
)
def test_a_guide_in_a_loop_reads_what_the_example_has(law: str):
    """Where the last turns are missing the guide is the posterior, so that each draw is exact."""
    found = model(GUIDED.format(law))
    params = at(found, a=0.7)
    x = np.random.default_rng(0).standard_normal((4, 2))
    x[2:] = np.nan
    drawn = jax.jit(found.guided)(params, jax.random.key(0), {"x": jnp.asarray(x)})
    bound = sum(drawn.log_p.values()) - sum(drawn.log_q.values())
    steps = np.diff([np.zeros(2), x[0], x[1]], axis=0) + 0.3 * np.stack([np.zeros(2), x[0]])
    wanted = stats.norm.logpdf(steps).sum()
    assert float(bound) == pytest.approx(wanted, abs=1e-10)
    filled = np.asarray(drawn.latents["x"])
    np.testing.assert_array_equal(filled[:2], x[:2])
    # Power: draws that went on from anything but x[1] would not average to it.
    keys = jax.random.split(jax.random.key(1), 4000)
    every = jax.jit(jax.vmap(lambda k: found.guided(params, k, {"x": jnp.asarray(x)}).latents["x"]))
    assert mean_matches(np.asarray(every(keys))[:, 2], 0.7 * x[1])
    assert not mean_matches(np.asarray(every(keys))[:, 2], np.zeros(2))


ABSENT = """model M(T: int = 3) {
  net f(c: cat(2)?) -> real[2] raw = c |> embed(2)
  net g(b: real[2]?) -> real[2] raw = fill(b, 5)
  for t in 0..T {
    given c[t] : cat(2)?
    given b[t] : real[2]?
    data  x[t] : real[2] ~ Normal(f(c[t]) + g(b[t]), 1)
  }
}"""


def test_givens_of_a_turn_may_be_absent():
    found = model(ABSENT)
    params = found.init(0, None)
    table = np.array([[1.0, -1.0], [2.0, -2.0], [3.0, -3.0]])  # the last row is of what is absent
    params = jax.tree.map(lambda leaf: jnp.asarray(table), params)
    c, b = np.array([1, -1, 0]), np.array([[0.1, 0.2], [np.nan, np.nan], [0.3, 0.4]])
    x = np.ones((3, 2))
    values = {"c": jnp.asarray(c), "b": jnp.asarray(b), "x": jnp.asarray(x)}
    means = table[[1, 2, 0]] + np.where(np.isnan(b), 5, b)
    wanted = stats.norm.logpdf(x, means).sum()
    value, slope = jax.jit(jax.value_and_grad(found.log_prob))(params, values)
    assert float(value) == pytest.approx(wanted, abs=1e-10)
    rows = x - means  # d log p / d mean of each turn
    (got,) = jax.tree.leaves(slope)
    np.testing.assert_allclose(got, rows[[2, 0, 1]], atol=1e-10)
    keys = jax.random.split(jax.random.key(0), 2000)
    givens = {n: values[n] for n in ("c", "b")}
    drawn = jax.jit(jax.vmap(lambda key: found.draw(params, key, givens)["x"]))(keys)
    assert mean_matches(np.asarray(drawn), means)
    assert not mean_matches(np.asarray(drawn), table[[1, 1, 0]] + np.where(np.isnan(b), 5, b))


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
