"""Loops against enumeration, closed forms and hmmlearn: densities, sums, draws."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hmmlearn.hmm import CategoricalHMM
from scipy import stats
from scipy.special import expit, logsumexp

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.types.dims import numbers
from tests.lower.loops import at, model
from tests.lower.statistics import frequencies_match

pytestmark = pytest.mark.usefixtures("x64")

HMM = """
model HMM(K: int = 2, V: int = 3, T: int = 6) {
  param start : simplex(K)
  param step  : simplex(K)[K]
  param out   : simplex(V)[K]
  for t in 0..T {
    latent s[t] : cat(K) ~ Categorical(start if t == 0 else step[s[t-1]])
    data   x[t] : cat(V) ~ Categorical(out[s[t]])
  }
}
"""

GAUSSIAN = """
model HMM(K: int = 2, T: int = 5) {
  param start : simplex(K)
  param step  : simplex(K)[K]
  param loc   : real[K]
  param scale : positive[K]
  for t in 0..T {
    latent s[t] : cat(K) ~ Categorical(start if t == 0 else step[s[t-1]])
    data   x[t] : real ~ Normal(loc[s[t]], scale[s[t]])
  }
}
"""


@pytest.fixture
def known():
    found = model(HMM)
    step, out = [[0.7, 0.3], [0.4, 0.6]], [[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]]
    return found, at(found, start=[0.6, 0.4], step=step, out=out)


# ── the forward algorithm ────────────────────────────────────────────────────────────────────────


def test_categorical_hmm_of_the_references(known):
    found, params = known
    x = {"x": jnp.array([0, 1, 2, 0, 2, 1])}
    assert found.log_prob(params, x) == pytest.approx(-6.9502943468, abs=1e-9)
    first = found.turn_marginals(params, x)["s"][0]
    assert np.asarray(first) == pytest.approx([0.22861281, 0.77138719], abs=1e-8)


def test_gaussian_hmm_of_the_references():
    found = model(GAUSSIAN)
    scale = np.sqrt([1, 0.5])
    params = at(found, start=[0.5, 0.5], step=[[0.9, 0.1], [0.2, 0.8]], loc=[0.0, 3.0], scale=scale)
    x = {"x": jnp.array([0.1, -0.4, 2.7, 3.2, 0.3])}
    assert found.log_prob(params, x) == pytest.approx(-9.0599004315, abs=1e-9)


def test_long_hmm_agrees_with_hmmlearn():
    found = model(HMM, K=3, V=4, T=2000)
    rng = np.random.default_rng(0)
    start, step, out = (rng.dirichlet(np.ones(n), size=m) for n, m in ((3, 1), (3, 3), (4, 3)))
    peer = CategoricalHMM(3)
    peer.startprob_, peer.transmat_, peer.emissionprob_, peer.n_features = start[0], step, out, 4
    x = rng.integers(4, size=2000)
    params = at(found, start=start[0], step=step, out=out)
    assert jax.jit(found.log_prob)(params, {"x": jnp.asarray(x)}) == pytest.approx(
        peer.score(x[:, None]), rel=1e-10
    )
    marginals = np.asarray(jax.jit(found.turn_marginals)(params, {"x": jnp.asarray(x)})["s"])
    assert marginals == pytest.approx(peer.predict_proba(x[:, None]), abs=1e-9)


def test_impossible_data_bring_no_nan():
    found = model(HMM.replace("param out ", "given out "))
    params = found.init(0, None)
    values = {"x": jnp.array([0, 1, 2, 0, 2, 1]), "out": jnp.array([[0.5, 0.5, 0]] * 2)}
    value, slopes = jax.jit(jax.value_and_grad(found.log_prob))(params, values)
    assert value < -100  # NumPyro takes a probability of 0 for the least float
    assert all(bool(jnp.all(jnp.isfinite(s))) for s in jax.tree.leaves(slopes))


SUMS = {
    "plate": """
      for n in 0..3 {
        latent s[n] : cat(2) ~ Categorical(softmax(a))
        data x[n] : real ~ Normal(b[s[n]], 1)
      }""",
    "two back": """
      for t in 0..4 {
        latent s[t] : cat(2) ~ Categorical(softmax(a)) if t == 0
          else Categorical(softmax(m[s[t-1]])) if t == 1
          else Categorical(softmax(m[s[t-1]] + c[s[t-2]]))
        data x[t] : real ~ Normal(b[s[t]], 1)
      }""",
    "data that look back": """
      for t in 0..4 {
        latent s[t] : cat(2) ~ Categorical(softmax(a if t == 0 else m[s[t-1]]))
        data x[t] : real ~ Normal(b[s[t]], 1) if t == 0
          else Normal(b[s[t]] + 2 * b[s[t-1]] + 0.5 * x[t-1], 1)
      }""",
    "two chains": """
      for t in 0..3 {
        latent s[t] : cat(2) ~ Categorical(softmax(a if t == 0 else m[s[t-1]]))
        latent r[t] : bit[2] ~ Bernoulli(logits = c[0] if t == 0 else c[0] * (2 * r[t-1] - 1))
        data x[t] : real ~ Normal(b[s[t]] + sum(r[t]), 1)
      }""",
    "plate of chains": """
      for i in 0..2 {
        for t in 0..3 {
          latent s[i, t] : cat(2) ~ Categorical(softmax(a if t == 0 else m[s[i, t-1]]))
          data x[i, t] : real ~ Normal(b[s[i, t]], 1)
        }
      }""",
    "chain of plates": """
      for t in 0..3 {
        for i in 0..2 {
          latent s[t, i] : cat(2) ~ Categorical(softmax(a if t == 0 else m[s[t-1, i]]))
          data x[t, i] : real ~ Normal(b[s[t, i]], 1)
        }
      }""",
    "a chain below a class": """
      latent k : cat(2) ~ Categorical(softmax(a))
      for t in 0..3 {
        latent s[t] : cat(2) ~ Categorical(softmax(c[k] if t == 0 else m[s[t-1]]))
        data x[t] : real ~ Normal(b[s[t]] + b[k], 1)
      }""",
}
RULES = {
    "plate": ["sum"],
    "two chains": ["forward"] * 2,
    "a chain below a class": ["forward", "sum"],
}


def small(name: str) -> Lowered:
    params = "param a : real[2]\n param b : real[2]\n param c : real[2, 2]\n param m : real[2, 2]"
    return model(f"model M {{ {params}\n{SUMS[name]} }}")


def enumerated(found: Lowered, params, values):
    """log Σ over every joint state of all latents of the joint density."""
    shapes = {v.name: numbers(v.type.shape) for v in found.program.having("latent")}
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    table = np.array(list(product(range(2), repeat=sum(sizes))))
    columns = np.split(table, np.cumsum(sizes)[:-1], axis=1)
    every = {
        name: jnp.asarray(column.reshape(-1, *shape))
        for (name, shape), column in zip(shapes.items(), columns, strict=True)
    }
    joint = jax.vmap(lambda held: found.log_joint(params, {**values, **held}))(every)
    return jax.scipy.special.logsumexp(joint)


@pytest.mark.parametrize("name", SUMS)
def test_sums_turn_by_turn_agree_with_enumeration(name):
    found = small(name)
    assert [r.rule for r in found.facts.removed] == RULES.get(name, ["forward"])
    rng = np.random.default_rng(3)
    params = {n: jnp.asarray(rng.normal(size=p.shape)) for n, p in found.init(0, None).items()}
    shape = numbers(found.program.variables["x"].type.shape)
    values = {"x": jnp.asarray(rng.normal(size=shape))}
    value, slopes = jax.jit(jax.value_and_grad(found.log_prob))(params, values)
    truth, wanted = jax.jit(jax.value_and_grad(lambda p: enumerated(found, p, values)))(params)
    assert float(value) == pytest.approx(float(truth), abs=1e-10)
    for key, slope in slopes.items():
        assert np.asarray(slope) == pytest.approx(np.asarray(wanted[key]), abs=1e-9)
    turned = {**params, "m": params["m"].T, "b": params["b"][::-1]}  # the check would see it
    assert abs(found.log_prob(turned, values) - truth) > 1e-3


# ── densities and draws ──────────────────────────────────────────────────────────────────────────

DENSITIES = {
    "chain": "data x[t] : bit ~ Bernoulli(p) if t == 0 else Bernoulli(sigmoid(a * x[t-1] + b))",
    "prefix": "data x[t] : bit ~ Bernoulli(logits = b + W[t, :t] @ x[:t])",
    "running sum": "data x[t] : bit ~ Bernoulli(logits = b - a * sum(x[:t]))",
    "number of the turn": "data x[t] : bit ~ Bernoulli(logits = b + a * t + W[t, 0])",
    "ends": """data x[t] : bit ~ Bernoulli(p) if t < 2 and not (t == 1) else
      Bernoulli(logits = a) if t == T - 1 else Bernoulli(logits = b * x[t-1])""",
    "two loops": """latent z[t] : bit ~ Bernoulli(p) if t == 0 else Bernoulli(logits = a * x[t-1])
      }
      for u in 0..T {
        data x[u] : bit ~ Bernoulli(logits = b + z[u])""",
}
P, A, B = 0.3, 1.5, -0.4
W = np.array([[0.3, 9, 9], [1.0, -0.2, 9], [-1.2, 0.6, 0.1]])


def by_hand(name: str, x: np.ndarray, z: np.ndarray) -> float:
    """The log density of the bits x (and z), turn by turn."""
    chances = {
        "chain": lambda t: P if t == 0 else expit(A * x[t - 1] + B),
        "prefix": lambda t: expit(B + W[t, :t] @ x[:t]),
        "running sum": lambda t: expit(B - A * x[:t].sum()),
        "number of the turn": lambda t: expit(B + A * t + W[t, 0]),
        "ends": lambda t: P if t == 0 else expit(A) if t == 2 else expit(B * x[t - 1]),
        "two loops": lambda t: expit(B + z[t]),
    }[name]
    total = sum(stats.bernoulli.logpmf(x[t], chances(t)) for t in range(3))
    if name == "two loops":
        above = [P] + [expit(A * x[t - 1]) for t in (1, 2)]
        total += sum(stats.bernoulli.logpmf(z[t], above[t]) for t in range(3))
    return float(total)


@pytest.fixture(params=DENSITIES)
def looped(request):
    text = f"""model M(T: int = 3) {{
      param p : unit
      param a : real
      param b : real
      param W : real[T, T]
      for t in 0..T {{
        {DENSITIES[request.param]}
      }}
    }}"""
    found = model(text)
    return request.param, found, at(found, p=P, a=A, b=B, W=W)


def bits(name: str):
    n = 6 if name == "two loops" else 3
    return [(np.array(s[:3]), np.array(s[3:])) for s in product((0.0, 1.0), repeat=n)]


def test_densities_are_products_of_turns(looped):
    name, found, params = looped
    for x, z in bits(name):
        value = found.log_joint(params, {"x": jnp.asarray(x), "z": jnp.asarray(z)})
        assert value == pytest.approx(by_hand(name, x, z), abs=1e-10)
    assert logsumexp([by_hand(name, x, z) for x, z in bits(name)]) == pytest.approx(0, abs=1e-12)


def test_draws_have_the_density(looped):
    name, found, params = looped
    keys = jax.random.split(jax.random.key(5), 20_000)
    drawn = jax.jit(jax.vmap(lambda key: found.draw(params, key, {})))(keys)
    columns = np.concatenate([np.asarray(drawn[n]) for n in ("x", "z") if n in drawn], axis=1)
    weights = 2 ** np.arange(columns.shape[1])
    codes = (columns @ weights).astype(int)
    states = bits(name)
    order = [
        int(np.concatenate(s)[: columns.shape[1]] @ 2 ** np.arange(columns.shape[1]))
        for s in states
    ]
    chances = np.zeros(len(states))
    chances[order] = [np.exp(by_hand(name, x, z)) for x, z in states]
    counts = np.bincount(codes, minlength=len(chances))
    assert frequencies_match(counts, chances)
    assert not frequencies_match(counts, chances[::-1])  # the check has power


def test_gradients_pass_through_a_chain_of_draws():
    found = model("""model M(T: int = 6) { param a : real from 0.8
      for t in 0..T { data x[t] : real ~ Normal(0, 1) if t == 0 else Normal(a * x[t-1], 0.5) } }""")
    key, params = jax.random.key(2), at(found, a=0.8)
    last = lambda a: found.draw({**params, "a": a}, key, {})["x"][-1]  # noqa: E731
    noise = np.asarray(found.draw({**params, "a": jnp.asarray(0.0)}, key, {})["x"])
    # x_5 = Σ a^(5 - t) ε_t, so its derivative is Σ (5 - t) a^(4 - t) ε_t.
    wanted = sum((5 - t) * 0.8 ** (4 - t) * noise[t] for t in range(5))
    assert jax.grad(last)(jnp.asarray(0.8)) == pytest.approx(wanted, abs=1e-9)


# ── parameters ───────────────────────────────────────────────────────────────────────────────────


def test_a_stage_in_a_loop_has_one_set_of_parameters():
    found = model("""model M(T: int = 3) {
      for t in 0..T {
        latent z[t] : real[2] ~ Normal(0, 1) if t < 1 else Normal(z[t-1] |> dense(2), 1)
        data x[t] : real[3] ~ Normal(z[t] |> dense(3), 1) if t == 1 else Normal(z[t] |> dense(3), 2)
      } }""")
    params = found.init(0, None)
    assert list(params["z"]) == ["dense"]
    assert list(params["x"]) == ["dense", "dense_2"]
