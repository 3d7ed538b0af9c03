"""Sequences of varying length: against enumeration, closed forms, and each example alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from tests.lower.hand import example
from tests.lower.loops import at, model
from tests.lower.statistics import frequencies_match, mean_matches

pytestmark = pytest.mark.usefixtures("x64")

T = 3


def words(V: int) -> list[jnp.ndarray]:
    """Every sequence of up to T classes, class V behind its end."""
    every = (word for n in range(T + 1) for word in product(range(V), repeat=n))
    return [jnp.array([*word, *(T - len(word)) * [V]]) for word in every]


# ── an end that is drawn ─────────────────────────────────────────────────────────────────────────

HMM = """
model HMM(K: int = 2, V: int = 2, T: int = 3) {
  param start : simplex(K)
  param step  : simplex(K)[K]
  param out   : simplex(V)[K]
  for t in 0..len(x) <= T {
    latent s[t] : cat(K) ~ Categorical(start if t == 0 else step[s[t-1]])
    data   x[t] : cat(V) ~ Categorical(out[s[t]])
  }
}
"""
START, STEP, OUT = [0.6, 0.4], [[0.7, 0.3], [0.1, 0.9]], [[0.2, 0.8], [0.7, 0.3]]


def by_hand(word: Sequence[int], end: float) -> float:
    """P(word), the end having the probability `end` after each symbol but the last that fits."""
    paths = product(range(2), repeat=min(len(word) + 1, T))
    return sum(_along(path, word, end) for path in paths)


def _along(path: Sequence[int], word: Sequence[int], end: float) -> float:
    p = START[path[0]]
    for t, s in enumerate(path):
        p *= STEP[path[t - 1]][s] if t else 1.0
        p *= (1 - end) * OUT[s][word[t]] if t < len(word) else end
    return p


@pytest.fixture
def hmm():
    found = model(HMM)
    return found, at(found, start=START, step=STEP, out=OUT, **{"x.end": [-0.5]})


def test_a_hidden_chain_of_varying_length_is_summed(hmm):
    found, params = hmm
    density = jax.jit(found.log_prob)
    for word in words(2):
        seen = [int(k) for k in word if k < 2]
        wanted = by_hand(seen, float(expit(-0.5)))
        assert np.exp(density(params, {"x": word})) == pytest.approx(wanted, rel=1e-9)


def test_draws_end_as_the_density_says(hmm):
    found, params = hmm
    every = words(2)
    keys = jax.random.split(jax.random.key(3), 4000)
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: found.draw(params, k, {})["x"]))(keys))
    counts = np.array([(drawn == np.asarray(word)).all(axis=1).sum() for word in every])
    assert counts.sum() == len(keys)  # class V stands behind every end
    chances = np.array([by_hand([int(k) for k in w if k < 2], float(expit(-0.5))) for w in every])
    assert frequencies_match(counts, chances)
    wrong = np.array([by_hand([int(k) for k in w if k < 2], 0.5) for w in every])
    assert not frequencies_match(counts, wrong)


def test_posteriors_stop_at_the_end(hmm):
    found, params = hmm
    marginals = jax.jit(found.turn_marginals)
    levels = np.asarray(marginals(params, {"x": jnp.array([1, 2, 2])})["s"])
    assert np.isnan(levels[2]).all()
    assert levels[:2].sum(axis=1) == pytest.approx(1.0)


def test_a_translation_is_a_law_over_sentences():
    found = model(example("translate"), V=2, S=2, T=T, width=8)
    params, every = found.init(0, None), jnp.stack(words(2))

    def total(s: jax.Array) -> jax.Array:
        each = jax.vmap(lambda y: found.log_prob(params, {"s": s, "y": y}))(every)
        return jnp.sum(jnp.exp(each))

    sources = jnp.array([[0, 2], [1, 0], [2, 2]])
    np.testing.assert_allclose(jax.jit(jax.vmap(total))(sources), 1.0, atol=1e-9)


def test_a_law_of_one_class_more_brings_its_own_end():
    found = model("""
      model M(V: int = 2, T: int = 3) {
        param p : simplex(V + 1)[V]
        param first : simplex(V + 1)
        for t in 0..len(x) <= T { data x[t] : cat(V) ~ Categorical(first if t == 0 else p[x[t-1]]) }
      }""")
    assert set(found.names) == {"p", "first"}
    params = at(found, first=[0.5, 0.2, 0.3], p=[[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]])
    value = jax.jit(found.log_prob)(params, {"x": jnp.array([0, 1, 2])})
    assert np.exp(value) == pytest.approx(0.5 * 0.2 * 0.4)


# ── lengths that the data bring ──────────────────────────────────────────────────────────────────

LOOPS = {
    "chain": "data x[t] : real ~ Normal(a if t == 0 else a * x[t-1] + b, s)",
    "plate": "data x[t] : real[2] ~ Normal(a, s)",
    "prefix": "data x[t] : real ~ Normal(W[t, :t] @ x[:t], s)",
    "several": "data x[t] : real ~ mixture(softmax([a, b]), Normal([a, b], s))",
    "beside": """latent z[t] : bit ~ Bernoulli(logits = a if t == 0 else b * z[t-1])
      data x[t] : real ~ Normal(z[t], s)""",
    "state": """let h[t] = tanh(a if t == 0 else b * h[t-1] + x[t-1])
      data x[t] : real ~ Normal(h[t], s)""",
}
PROGRAM = """
model M(T: int = 4) {{
  param a : real
  param b : real
  param s : positive
  param W : real[4, 4]
  for t in 0..{} {{
    {}
  }}
}}
"""


def test_the_most_likely_path_ends_with_the_word(hmm):
    """Viterbi's path of a word in a longer array is that of all turns up to its end, no more."""
    found, params = hmm
    short, end = [1, 0], float(expit(-0.5))
    paths = list(product(range(2), repeat=len(short) + 1))
    chances = [_along(path, short, end) for path in paths]
    best = jax.jit(found.most_likely)(params, {"x": jnp.array([*short, 2])})["s"]
    assert tuple(np.asarray(best)) == paths[int(np.argmax(chances))]
    empty = found.most_likely(params, {"x": jnp.array([2, 2, 2])})["s"]
    assert np.asarray(empty).tolist() == [0, 2, 2]


@pytest.mark.parametrize("name", LOOPS)
def test_examples_of_several_lengths_count_what_each_counts_alone(name):
    ragged = model(PROGRAM.format("len(x) <= T", LOOPS[name]))
    alone = model(PROGRAM.format(3, LOOPS[name]))
    params = at(ragged, a=0.3, b=-0.7, s=0.8, W=np.tril(np.ones((4, 4))) / 3)
    x = np.random.default_rng(0).standard_normal((2, *_shape(ragged)))
    x[0], x[1, 3:] = np.inf, np.inf
    each = jax.vmap(jax.value_and_grad(ragged.log_prob), (None, 0))
    values, slopes = jax.jit(each)(params, {"x": jnp.asarray(x)})
    own, short = jax.jit(jax.value_and_grad(alone.log_prob))(params, {"x": jnp.asarray(x[1, :3])})
    np.testing.assert_allclose(values, [0.0, own], atol=1e-12)
    for found, wanted in zip(jax.tree.leaves(slopes), jax.tree.leaves(short), strict=True):
        np.testing.assert_allclose(found, [np.zeros_like(wanted), wanted], atol=1e-12)


def _shape(found) -> tuple[int, ...]:
    return (4, 2) if len(found.program.variables["x"].type.shape) > 1 else (4,)


GUIDED = """
model V(T: int = 3) {{
  net enc(x: real, z: real) -> (loc: real, scale: positive) = concat(x, z)
  net dec(z: real) -> (loc: real, scale: positive) = z |> fourier(2)
  for t in 0..{} {{
    latent z[t] : real ~ Normal(0 if t == 0 else z[t-1], 1)
    data   x[t] : real ~ Normal(dec(z[t])...)
  }}
  guide {{ for t in 0..{} {{ z[t] ~ Normal(enc(x[t], 0 if t == 0 else z[t-1])...) }} }}
}}
"""


def test_a_guide_counts_its_latents_up_to_the_end():
    ragged = model(GUIDED.format("len(x) <= T", "len(x)"))
    alone = model(GUIDED.format(2, 2))
    params, x = ragged.init(1, None), jnp.array([1.0, 0.2, jnp.inf])
    found = jax.jit(ragged.guided)(params, jax.random.key(0), {"x": x})
    short = {"x": x[:2], "z": found.latents["z"][:2]}
    assert sum(found.log_p.values()) == pytest.approx(alone.log_joint(params, short))
    assert sum(found.log_q.values()) == pytest.approx(alone.guide_log_prob(params, short))


ENDED = """
model E(T: int = 2) {
  param m : real[2]
  for t in 0..len(x) <= T {
    latent z[t] : real ~ Normal(0, 1)
    data   x[t] : cat(2) ~ Categorical(softmax(m * z[t]))
  }
  guide { for t in 0..len(x) { z[t] ~ Normal(one_hot(x[t]) @ [0.5, -0.5], 1.2) } }
}
"""


def test_a_guide_may_read_the_turn_of_the_end():
    """Weights p / q average to the evidence, the end's latent among those that q draws."""
    found = model(ENDED)
    params = at(found, m=[1.0, -2.0], **{"x.end": [0.3]})
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    one = expit(-3.0 * nodes) @ weights / np.sqrt(2 * np.pi)  # softmax([z, −2 z])[1]
    end = float(expit(0.3))

    def weight(key: jax.Array) -> jax.Array:
        drawn = found.guided(params, key, {"x": jnp.array([1, 2])})
        return jnp.exp(sum(drawn.log_p.values()) - sum(drawn.log_q.values()))

    every = jax.jit(jax.vmap(weight))(jax.random.split(jax.random.key(0), 20_000))
    assert mean_matches(np.asarray(every), (1 - end) * one * end)
    assert not mean_matches(np.asarray(every), (1 - end) * one)  # Power: the end counts.


def test_what_follows_a_given_is_as_long():
    found = model("""
      model Tags(V: int = 3, T: int = 3) {
        given s : cat(V)[<= T]
        param b : real[V]
        for t in 0..len(s) { data y[t] : real ~ Normal(b[s[t]], 1) }
      }""")
    params, s = at(found, b=[1.0, 2.0, 3.0]), jnp.array([2, 0, 3])
    drawn = found.draw(params, jax.random.key(0), {"s": s})["y"]
    assert np.isinf(drawn).tolist() == [False, False, True]
    wanted = stats.norm.logpdf(drawn[:2], [3.0, 1.0]).sum()
    assert found.log_prob(params, {"s": s, "y": drawn}) == pytest.approx(wanted)


# ── layers ───────────────────────────────────────────────────────────────────────────────────────

LAYERS = {
    "encoder": "encoder(layers = 2, heads = 2)",
    "gru": "gru(4, both_ways = true)",
    "lstm": "lstm(4, both_ways = true)",
    "wavenet": "wavenet(4, [1, 2])",
    "context": "transformer(layers = 1, heads = 2, context = s |> embed(3) |> gru(4))",
}


@pytest.mark.parametrize("stage", LAYERS.values(), ids=LAYERS)
def test_no_value_depends_on_what_stands_behind_the_end(stage):
    """A sequence in a longer array has the values that it has in one of its own length."""
    text = """model M(T: int = 5) {{
      given s : cat(3)[<= T]
      given e : cat(3)[<= T]
      net f(e: cat(3)[<= T], s: cat(3)[<= T]) -> (loc: real[T]) = e |> embed(4) |> {}
      for t in 0..len(e) {{ data y[t] : real ~ Normal(f(e, s).loc[t], 1) }}
    }}"""
    found = model(text.format(stage))
    params = found.init(0, None)
    short = jax.tree.map(lambda leaf: leaf[:2] if leaf.shape[:1] == (5,) else leaf, params)
    alone = model(text.format(stage), T=2)
    e, s, y = jnp.array([0, 2]), jnp.array([1, 3]), jnp.array([0.1, -0.4])
    values = {"e": _padded(e, 3), "s": _padded(s, 3), "y": _padded(y, jnp.inf)}
    own = jax.jit(alone.log_prob)(short, {"e": e, "s": s, "y": y})
    assert float(jax.jit(found.log_prob)(params, values)) == pytest.approx(float(own), abs=1e-12)


def _padded(value: jnp.ndarray, mark: float) -> jnp.ndarray:
    return jnp.concatenate([value, jnp.full(3, mark, value.dtype)])
