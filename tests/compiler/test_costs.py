"""Costs are what a person counts in the program."""

from __future__ import annotations

import pytest

from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan.queries import queries

NETS = """
model M {
  net inner(z: real[2]) -> real[2] = z |> dense(3)
  net f(z: real[2])     -> real[4] = inner(inner(z)) |> dense(5)
  latent z : real[2] ~ Normal(0, 1)
  data   x : real[4] ~ Normal(f(z), 1)
}
"""
STATES = """
model M {
  net f(k: real[3]) -> (loc: real[2], scale: positive[2]) = k
  param w : simplex(3)
  latent k : cat(3)  ~ Categorical(w)
  data   x : real[2] ~ Normal(f(one_hot(k))...)
}
"""
CHAIN = """
model M {
  param start : simplex(3)
  param step  : simplex(3)[3]
  net f(k: real[3]) -> real = k
  for t in 0..7 {
    latent s[t] : cat(3) ~ Categorical(start if t == 0 else step[s[t-1]])
    data   x[t] : real   ~ Normal(f(one_hot(s[t])), 1)
  }
}
"""
PAIRS = CHAIN.replace(
    "f(one_hot(s[t]))",
    "f(one_hot(s[t]) if t == 0 else one_hot(s[t]) - one_hot(s[t-1]))",
)
STATE = """
model M {
  param a : unit
  for t in 0..9 {
    let    v[t]        = 1.0 if t == 0 else a * v[t-1] + x[t-1] ** 2
    data   x[t] : real ~ Normal(0, sqrt(v[t]))
  }
}
"""
FLOW = """
model M { data x : real[6] ~ Normal(0, 1) |> repeat(2) { maf(made([8])) |> reverse } }
"""
INVERSE = FLOW.replace("maf", "iaf")
PIXELS = """
model M {
  net f(x: bit[6]) -> (logits: real[6]) = x |> made([8])
  data x : bit[6] ~ Bernoulli(f(past(x))...)
}
"""
GAUSSIAN = (
    PIXELS.replace("bit", "real")
    .replace("logits", "loc")
    .replace("Bernoulli(f(past(x))...)", "Normal(f(past(x))..., scale = 1)")
)
TWO = """
model M {
  net f(z: real[5]) -> (loc: real[5]) = z |> made([8])
  net g(z: real[5], x: real[6]) -> (loc: real[6]) = x |> made([8], condition = z)
  latent z : real[5] ~ Normal(f(past(z))..., scale = 1)
  data   x : real[6] ~ Normal(g(z, past(x))..., scale = 1)
  guide { z ~ Normal(0, 1) }
}
"""
ENERGY = """
model M {
  net e(x: real[2]) -> real = x |> mlp([4])
  data x : real[2]
  energy e(x) + e(-x)
}
"""
LATTICE = """
model M {
  param J : real
  data s : spin[4, 4]
  energy -J * sum(s * shift(s, 1, axis = 0)) - J * sum(s * shift(s, 1, axis = 1))
}
"""


@pytest.mark.parametrize(
    ("text", "query", "steps", "nets", "states"),
    [
        (NETS, "sample", 1, {"f": 1, "inner": 2}, 0),
        (STATES, "sample", 1, {"f": 1}, 0),
        (STATES, "log_prob", 1, {"f": 3}, 3),
        (CHAIN, "sample", 7, {"f": 7}, 0),
        (CHAIN, "log_prob", 7, {"f": 7 * 3}, 7 * 9),
        (PAIRS, "log_prob", 7, {"f": 3 + 6 * 9}, 7 * 9),
        (STATE, "sample", 9, {}, 0),
        (STATE, "log_prob", 9, {}, 0),
        (FLOW, "sample", 2 * 6, {"maf": 2}, 0),
        (FLOW, "log_prob", 1, {"maf": 2}, 0),
        (INVERSE, "sample", 1, {"iaf": 2}, 0),
        (INVERSE, "log_prob", 2 * 6, {"iaf": 2}, 0),
        (PIXELS, "sample", 6, {"f": 1}, 0),
        (PIXELS, "log_prob", 1, {"f": 1}, 0),
        (TWO, "sample", 5 + 6, {"f": 1, "g": 1}, 0),
        (ENERGY, "sample", 1500, {"e": 3000}, 0),
        (ENERGY, "energy", 1, {"e": 2}, 0),
        (LATTICE, "sample", 2 * 1000, {}, 0),
    ],
)
def test_counts(text: str, query: str, steps: int, nets: dict[str, int], states: int) -> None:
    found = {q.name: q.cost for q in queries(compile_text(text))}[query].json()
    assert (found["steps"], found["evaluations"], found["states"]) == (steps, nets, states)
    assert found["memory"] > 0


def test_what_draws_in_one_pass_is_named_where_it_is_the_same_law() -> None:
    said = {
        text: str({q.name: q.cost for q in queries(compile_text(text))}["sample"])
        for text in (GAUSSIAN, FLOW, PIXELS, INVERSE)
    }
    assert said[GAUSSIAN].startswith("6 sequential steps; iaf would draw in one, 1 × f")
    assert said[FLOW].startswith("12 sequential steps; iaf would draw in one")
    assert said[PIXELS].startswith("6 sequential steps, 1 × f")
    assert said[INVERSE].startswith("one pass, 2 × iaf")


def test_memory_is_that_of_the_values_and_grows_with_states() -> None:
    plain = "model M { data x : real[100] ~ Normal(0, 1) }"
    net = "model M { net f(z: real[3]) -> real[5] = z |> dense(100)\n"
    net += "latent z : real[3] ~ Normal(0, 1)\n data x : real[5] ~ Normal(f(z), 1) }"

    def memory(text: str, query: str) -> int:
        return {q.name: q.cost for q in queries(compile_text(text))}[query].json()["memory"]

    assert memory(plain, "sample") < 4 * 20
    assert 4 * 100 < memory(net, "sample") < 4 * 150
    few, many = (memory(STATES.replace("3", n), "log_prob") for n in ("3", "30"))
    assert many > 50 * few


def test_what_the_data_have_yet_to_say_is_open() -> None:
    text = PIXELS.replace("model M", "model M(n: int)").replace("[6]", "[n]")
    found = {q.name: q.cost for q in queries(compile_text(text))}["sample"].json()
    assert (found["steps"], found["memory"]) == (None, None)
