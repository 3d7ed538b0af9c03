"""States of loops, `let h[t] = e`, against recurrences written by hand."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import ClosedJaxpr, Jaxpr
from scipy import stats
from scipy.special import logsumexp

from dgmlang.compiler.program import Checked
from dgmlang.compiler.walk import expressions
from tests.lower.loops import at, model

pytestmark = pytest.mark.usefixtures("x64")

GRU = """
model GRU(T: int = 7, w: int = 3) {
  param A : real[w, w]
  param U : real[w, w]
  param b : real[w]
  param c : real[w]
  for t in 0..T {
    let h[t] = zeros(w) if t == 0
      else g[t] * h[t-1] + (1 - g[t]) * tanh(A @ (g[t] * h[t-1]) + b * x[t-1])
    let g[t] = ones(w) if t == 0 else sigmoid(U @ h[t-1] + x[t-1])
    data x[t] : real ~ Normal(sum(c * h[t]), 1)
  }
}
"""


def gru_by_hand(params, x, gate=1.0):
    """The log density, by a scan that is written down."""

    def step(h, seen):
        mean = jnp.sum(params["c"] * h)
        g = jax.nn.sigmoid(gate * params["U"] @ h + seen)
        new = g * h + (1 - g) * jnp.tanh(params["A"] @ (g * h) + params["b"] * seen)
        return new, jax.scipy.stats.norm.logpdf(seen, mean)

    return jnp.sum(jax.lax.scan(step, jnp.zeros(3), x)[1])


def values_of(found, seed=0):
    rng = np.random.default_rng(seed)
    params = found.init(0, None)
    return {n: jnp.asarray(rng.normal(size=np.shape(p))) for n, p in params.items()}


def test_a_gated_recurrence_is_the_scan_written_by_hand():
    found = model(GRU)
    assert [(r.variables, r.ways) for r in found.facts.runs] == [(("x", "h", "g"), ("chain",))]
    params, x = values_of(found), jnp.asarray(np.random.default_rng(1).normal(size=7))
    value, slopes = jax.value_and_grad(found.log_prob)(params, {"x": x})
    truth, wanted = jax.value_and_grad(gru_by_hand)(params, x)
    assert float(value) == pytest.approx(float(truth), abs=1e-10)
    for name, slope in slopes.items():
        assert np.asarray(slope) == pytest.approx(np.asarray(wanted[name]), abs=1e-9)
    assert abs(value - gru_by_hand(params, x, gate=1.1)) > 1e-4  # the check would see it


LINEAR = """
model Linear(T: int = 5) {
  param a : real
  param b : real
  for t in 0..T {
    let m[t] = 0 if t == 0 else a * m[t-1] + b * x[t-1]
    data x[t] : real ~ Normal(m[t], 1)
  }
}
"""


def covariance(a: float, b: float) -> np.ndarray:
    """Of x = L ε: the mean of entry t is Σ b a^(t-1-s) x_s."""
    turns = range(5)
    weights = np.array([[b * a ** (t - 1 - s) if s < t else 0.0 for s in turns] for t in turns])
    root = np.linalg.inv(np.eye(5) - weights)
    return root @ root.T


def test_draws_along_a_linear_recurrence_have_its_law():
    found = model(LINEAR)
    params, n = at(found, a=0.6, b=-0.7), 20_000
    keys = jax.random.split(jax.random.key(4), n)
    drawn = jax.jit(jax.vmap(lambda key: found.draw(params, key, {})))(keys)
    assert set(drawn) == {"x"}  # a state is no variable of the examples
    x, truth = np.asarray(drawn["x"]), covariance(0.6, -0.7)
    sizes, axes = np.linalg.eigh(truth)
    wanted = stats.norm.logpdf(x[:50] @ axes, 0, np.sqrt(sizes)).sum(axis=1)
    value = jax.jit(jax.vmap(lambda v: found.log_prob(params, {"x": v})))(x[:50])
    assert np.asarray(value) == pytest.approx(wanted, abs=1e-9)
    # The variance of a product of Gaussians: (s_ii s_jj + s_ij²) / n.
    spread = np.sqrt((np.outer(np.diag(truth), np.diag(truth)) + truth**2) / n)
    assert np.all(np.abs(x.T @ x / n - truth) < 5 * spread)
    assert not np.all(np.abs(x.T @ x / n - covariance(0.6, -0.6)) < 5 * spread)


def test_a_variance_that_recurs_is_positive_and_needs_no_check():
    found = model("""model Garch(T: int = 4) {
      param w : positive
      param a : unit
      for t in 0..T {
        let v[t] = 1 if t == 0 else w + a * v[t-1] + 0.3 * x[t-1] ** 2
        data x[t] : real ~ Normal(0, sqrt(v[t]))
      } }""")
    assert found.program.variables["v"].type.kind.name == "positive"
    assert not any(isinstance(e, Checked) for e in expressions(found.program))
    x, v, total = np.array([0.3, -1.2, 0.8, 2.0]), 1.0, 0.0
    for t in range(4):
        v = v if t == 0 else 0.5 + 0.2 * v + 0.3 * x[t - 1] ** 2
        total += stats.norm.logpdf(x[t], 0, np.sqrt(v))
    value = found.log_prob(at(found, w=0.5, a=0.2), {"x": jnp.asarray(x)})
    assert value == pytest.approx(total, abs=1e-9)


def test_a_state_of_a_class_is_summed_over_the_joint_states():
    found = model("""model M(T: int = 4) {
      param p : unit
      for t in 0..T {
        latent s[t] : bit ~ Bernoulli(p)
        let n[t] = s[t] if t == 0 else n[t-1] + s[t]
        data x[t] : real ~ Normal(n[t], 1)
      } }""")
    assert [r.rule for r in found.facts.removed] == ["sum"]
    x = np.array([0.2, 1.1, 0.9, 2.5])
    every = np.array(list(product((0, 1), repeat=4)))
    joint = stats.norm.logpdf(x, every.cumsum(axis=1)).sum(axis=1)
    joint += stats.bernoulli.logpmf(every, 0.3).sum(axis=1)
    value = found.log_prob(at(found, p=0.3), {"x": jnp.asarray(x)})
    assert value == pytest.approx(logsumexp(joint), abs=1e-9)


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────


def widest(program: Jaxpr, inside: bool = False) -> int:
    """The longest axis of any value that a step of a loop makes or carries."""
    found = [0]
    for eqn in program.eqns:
        loop = eqn.primitive.name in ("scan", "while")
        made = [n for v in eqn.outvars for n in getattr(v.aval, "shape", ())]
        found += made if inside and not loop else []
        for param in jax.tree.leaves(eqn.params, is_leaf=lambda p: isinstance(p, ClosedJaxpr)):
            if isinstance(param, ClosedJaxpr):
                found.append(widest(param.jaxpr, inside or loop))
    return max(found)


def test_no_step_touches_the_whole_sequence():
    found = model(GRU, T=97)
    params, x = values_of(found), jnp.zeros(97)
    gradient = jax.make_jaxpr(jax.grad(lambda p: found.log_prob(p, {"x": x})))(params)
    assert widest(gradient.jaxpr) <= 3
    through = model(LINEAR, T=97)
    last = jax.grad(lambda p: through.draw(p, jax.random.key(0), {})["x"][-1])
    keys = 2  # a key is two words
    assert widest(jax.make_jaxpr(last)(values_of(through)).jaxpr) <= keys
    prefix = model("""model M(T: int = 97) { param a : real
      for t in 0..T { data x[t] : real ~ Normal(a * sum(x[:t]), 1) } }""")
    whole = jax.grad(lambda p: prefix.draw(p, jax.random.key(0), {})["x"][-1])
    assert widest(jax.make_jaxpr(whole)(values_of(prefix)).jaxpr) == 97  # the check would see it


# ── guides ───────────────────────────────────────────────────────────────────────────────────────

VRNN = """
model VRNN(T: int = 4) {
  param a : real
  param c : real
  for t in 0..T {
    let h[t] = 0 if t == 0 else tanh(a * h[t-1] + x[t-1] - z[t-1])
    latent z[t] : real ~ Normal(h[t], 1)
    data   x[t] : real ~ Normal(z[t] + h[t], 1)
  }
  guide {
    let reach(u) = c * u
    for t in 0..T {
      let g[t] = x[T-1] if t == 0 else 0.5 * g[t-1] + z[t-1]
      z[t] ~ Normal(reach(x[t] + h[t]) + g[t], 2)
    }
  }
}
"""


def test_a_guide_sees_the_states_of_its_own_draws_and_has_some_itself():
    found = model(VRNN)
    a, c, x = 0.7, 0.4, np.array([0.5, -0.3, 1.2, 0.1])
    params, values = at(found, a=a, c=c), {"x": jnp.asarray(x)}
    drawn = found.guided(params, jax.random.key(1), values)
    z, h, g = np.asarray(drawn.latents["z"]), np.zeros(4), np.full(4, x[-1])
    for t in range(1, 4):
        h[t] = np.tanh(a * h[t - 1] + x[t - 1] - z[t - 1])
        g[t] = 0.5 * g[t - 1] + z[t - 1]
    log_q = stats.norm.logpdf(z, c * (x + h) + g, 2).sum()
    joint = stats.norm.logpdf(z, h).sum() + stats.norm.logpdf(x, z + h).sum()
    assert sum(drawn.log_q.values()) == pytest.approx(log_q, abs=1e-10)
    assert sum(drawn.log_p.values()) == pytest.approx(joint, abs=1e-10)
    keys = jax.random.split(jax.random.key(2), 4000)
    many = np.asarray(jax.vmap(lambda k: found.guide_draw(params, k, values)[0]["z"])(keys))
    after = np.tanh(x[0] - many[:, 0])
    left = many[:, 1] - c * (x[1] + after) - 0.5 * x[-1] - many[:, 0]  # 2 ε, free of the first
    bound = 5 * 2 * many[:, 0].std() / np.sqrt(4000)
    assert abs(left.mean()) < 5 * 2 / np.sqrt(4000)
    assert abs(np.mean(left * (many[:, 0] - many[:, 0].mean()))) < bound
    assert abs(np.mean((left + many[:, 0]) * (many[:, 0] - many[:, 0].mean()))) > bound
