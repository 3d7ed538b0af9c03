"""Questions that a model cannot answer bring a message that says why and what can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics import codes

GOLDEN = Path(__file__).parents[1] / "golden"
EXAMPLES = Path(__file__).parents[2] / "examples"
WAITING = "model Waiting {\n  data t : positive\n  energy 2 * t - log(t)\n}"
CONDITIONAL = """model Conditional {
  given c : real
  param w : real
  data x : real ~ Normal(w * c, 1)
}
"""
UNGUIDED = """model Unguided(T: int = 3) {
  param w : real
  for t in 0..len(x) <= T {
    latent z[t] : real ~ Laplace(0, 1)
    data x[t] : real ~ Normal(w * z[t], 1)
  }
}
"""
CHAINED = """model Chained {
  param w : real
  data v : real
  latent h : real
  energy v ** 2 + h ** 4 - w * v * h
}
"""
HALF_SUMMED = """model HalfSummed {
  net f(x: real[2]) -> (loc: real, scale: positive) = x
  param m : real[3, 2]
  latent k : cat(3) ~ Categorical(uniform(3))
  latent z : real ~ Normal(0, 1)
  data x : real[2] ~ Normal(m[k] + z, 1)
  guide { z ~ Normal(f(x)...) }
}
"""
BEHIND = """model Clusters {
  net f(z: real[1]) -> (logits: real[2]) = z |> mlp([4])
  latent k : bit ~ Bernoulli(0.5)
  latent z : real[1] ~ Normal(2 * k, 1)
  data x : bit[2] ~ Bernoulli(f(z)...)
}
"""

BITS = """model Bits {
  latent b : bit[2] ~ Bernoulli(0.5)
  data x : bit[2] ~ Bernoulli(0.1 + 0.5 * b[0] * b)
  guide { b ~ Bernoulli(0.5) }
}
"""

PLANE = "model Plane {\n  data x : real[2] ~ Normal(0, 1)\n}"

FIXED = """model Fixed {
  data x : real ~ Normal(0, 1)
}
"""

CLASSES = """model Classes {
  param w : real[2]
  data   v : bit[2]
  latent k : cat(3)[2]
  latent g : bit
  energy -sum(w * v * (k == 1)) - g * sum(k == 2)
}"""
MEAN_FIELD = "pcd(positive = meanfield)"

GROUPS = """model Groups(G: int) {
  given u : real[G] shared
  given g : cat(G)
  param a : real[G] ~ Normal(u, 1)
  data y : real ~ Normal(a[g], 1)
}
"""
ROWS = {"g": [0, 1], "y": [0.0, 2.0]}


def groups() -> Any:
    return dgm.parse(GROUPS, G=2).with_params({"a": [0.0, 2.0], "u": [0.0, 2.0]})


def free_groups() -> Any:
    text = GROUPS.replace("  given u : real[G] shared\n", "").replace(" ~ Normal(u, 1)", "")
    return dgm.parse(text, G=2).with_params({})


LADDER = """model Ladder {
  param a : real
  data x : real
  score x at t under levels([0.1, 1, 10]) = -a * x
}
"""


def known(text: str) -> dgm.Fitted:
    return dgm.parse(text).with_params({})


def example(name: str, **hypers: Any) -> dgm.Fitted:
    return dgm.load(EXAMPLES / f"{name}.dgm", **hypers).with_params({})


def taught_by_bits() -> object:
    """A teacher of bits, for a student of reals."""
    bits = "model T { param p : real[2]\n data x : bit[2] ~ Bernoulli(logits = p) }"
    flow = "model S { data x : real[2] ~ Normal(0, 1) |> iaf(made([4])) }"
    with TemporaryDirectory() as folder, chdir(folder):
        dgm.parse(bits).with_params({"p": [0.0, 1.0]}).save("bits")
        return dgm.parse(flow).fit(np.zeros((4, 2)), objective='distill(teacher = "bits")')


CASES: dict[str, Callable[[], object]] = {
    "teacher_of_bits": taught_by_bits,
    "missing_given": lambda: known(CONDITIONAL).sample(3),
    "unknown_given": lambda: known(CONDITIONAL).sample(3, given={"c": 1.0, "d": 2.0}),
    "sampler_not_legal": lambda: known(FIXED).sample(3, sampler="gibbs"),
    "sampler_misspelt": lambda: known(FIXED).sample(3, sampler="ancestrall"),
    "method_not_known": lambda: known(FIXED).log_prob([0.0], method="iwae"),
    "method_setting": lambda: example("score_sde").log_prob([[0.0, 0.0]], method="ode(steps = 3)"),
    "no_density": lambda: example("gan").log_prob([[0.0, 0.0]]),
    "no_posterior": lambda: known(FIXED).posterior([0.0]),
    "unknown_solver": lambda: example("score_sde").sample(2, sampler="sde(solver = Eler)"),
    "steps_cannot_adapt": lambda: example("score_sde").sample(2, sampler="ode(solver = Euler)"),
    "unknown_noise": lambda: known(LADDER).denoise([0.0], 0.3),
    "normaliser_too_large": lambda: example("ising").log_normalizer(),
    "normaliser_not_a_sum": lambda: example("neural_ebm").log_normalizer(),
    "normaliser_without_a_base": lambda: known(WAITING).log_normalizer(method="ais"),
    "bracket_without_exact_draws": lambda: example("ising").log_normalizer(method="bracket"),
    "sum_over_what_is_given": lambda: example("rbm", visible=3, hidden=2).log_normalizer(
        given={"v": [1.0, 0.0, 1.0]}
    ),
    "laws_apart": lambda: dgm.product(known(FIXED), example("rbm", visible=3, hidden=2)),
    "no_constant_to_mix_by": lambda: dgm.mixture(example("neural_ebm"), example("neural_ebm")),
    "unknown_parameter": lambda: dgm.parse(CONDITIONAL).with_params({"v": 1.0}),
    "no_mean_field": lambda: dgm.parse(CLASSES).fit([[1.0, 0.0]], objective=MEAN_FIELD, steps=1),
    "nothing_to_learn": lambda: dgm.parse(FIXED).fit([0.0, 1.0]),
    "no_guide": lambda: dgm.parse(UNGUIDED).fit([[0.0], [1.0, 2.0]]),
    "no_chain_for_a_latent": lambda: dgm.parse(CHAINED).fit([0.0, 1.0], steps=1, batch=2),
    "no_kl_to_weigh": lambda: dgm.parse(HALF_SUMMED).fit(
        [[0.0, 1.0]], objective="elbo(beta = 0.5)", steps=1
    ),
    "no_such_gradient": lambda: dgm.parse(HALF_SUMMED).fit(
        [[0.0, 1.0]], objective="elbo(gradient = relaxed)", steps=1
    ),
    "mode_of_nothing": lambda: known(FIXED).mode({"x": [0.0]}),
    "no_mode": lambda: known(HALF_SUMMED).mode({"x": [[0.0, 1.0]]}),
    "way_to_a_mode": lambda: example("ising_denoise").mode(
        {"x": np.ones((32, 32))}, method="exact"
    ),
    "no_score": lambda: example("ising", side=4).score(np.ones((1, 4, 4))),
    "too_few_given": lambda: known(CONDITIONAL).sample(3, given={"c": [1.0, 2.0]}),
    "given_not_finite": lambda: known(CONDITIONAL).sample(3, given={"c": np.nan}),
    "half_a_draw": lambda: known(FIXED).sample(0),
    "draw_of_an_energy": lambda: example("ising", side=4).model.draw({}, jax.random.key(0)),
    "wrong_shape_at_log_prob": lambda: known(FIXED).model.log_prob({}, {"x": jnp.zeros(2)}),
    "unknown_name_at_log_prob": lambda: known(FIXED).model.log_prob(
        {}, {"x": jnp.zeros(()), "y": jnp.zeros(())}
    ),
    "shared_left_out": lambda: dgm.parse(GROUPS).fit(ROWS),
    "shared_of_another_shape": lambda: dgm.parse(GROUPS, G=2).fit(ROWS, given={"u": [1.0]}),
    "shared_misspelt": lambda: dgm.parse(GROUPS).fit(ROWS, given={"v": [0.0, 2.0]}),
    "shared_changed": lambda: groups().log_prob({**ROWS, "u": [0.0, 2.5]}),
    "shared_in_a_batch": lambda: dgm.parse(GROUPS, G=2).fit(
        iter([{"g": np.arange(2), "y": np.zeros(2), "u": np.zeros(2)}]), objective="map"
    ),
    "level_not_seen": lambda: groups().sample(2, given={"g": 2}),
    "level_without_a_row": lambda: groups().sample(2, given={"g": 2}, new_levels="prior"),
    "level_without_a_prior": lambda: free_groups().sample(2, given={"g": 2}, new_levels="prior"),
    "two_lengths": lambda: dgm.parse(CONDITIONAL).fit([0.0], steps=1, epochs=1),
    "conditional_of_a_gan": lambda: example("gan").sample(3, given={"x[0]": 0.5}),
    "part_does_not_fit": lambda: example("gmm", d=2).sample(3, given={"x[:3]": [0.0, 1.0, 2.0]}),
    "part_unreadable": lambda: example("gmm", d=2).sample(3, given={"x[a]": 0.0}),
    "part_of_no_variable": lambda: example("gmm", d=2).sample(3, given={"v[0]": 0.0}),
    "nothing_to_predict": lambda: example("gmm", d=1).predict("x", given={"x": [5.0]}),
    "predict_misspelt": lambda: example("gmm", d=1).predict("kk", given={"x": [5.0]}),
    "predict_without_a_given": lambda: known(CONDITIONAL).predict("x"),
    "predict_from_another_shape": lambda: example("gmm", d=1).predict("k", given={"x": [[[5.0]]]}),
    "comparing_sequences": lambda: known(
        "model Some {\n  data y : bit? ~ Bernoulli(0.5)\n}"
    ).compare([0.0]),
    "anomalies_of_a_conditional": lambda: known(CONDITIONAL).anomaly({"c": [0.0], "x": [0.0]}),
    "purifying_backwards": lambda: known(FIXED).purify([0.0], -1.0),
    "purifying_spins": lambda: example("ising", side=4).purify(np.ones((1, 4, 4)), 1),
    "purifying_nan": lambda: known(FIXED).purify([np.nan], 1.0),
    "features_without_a_critic": lambda: known(FIXED).features([0.0]),
    "divergence_misspelt": lambda: dgm.divergence(known(FIXED), known(FIXED), "klx"),
    "divergence_of_other_data": lambda: dgm.divergence(known(FIXED), known(WAITING)),
    "divergence_of_a_bound": lambda: dgm.divergence(
        example("vae", side=2), example("vae", side=2), "js"
    ),
    "ais_of_one_chain": lambda: example("ising", side=8).log_normalizer(method="ais(chains = 1)"),
    "bridge_of_one_chain": lambda: known(
        "model Quartic {\n  data x : real\n  energy x ** 4\n}"
    ).log_prob([0.0], method="bridge(chains = 1)"),
    "posterior_of_no_data": lambda: known(BITS).posterior(),
    "refining_backwards": lambda: known(BITS).posterior([[0, 1]], refine=-1),
    "refining_bits": lambda: known(BITS).posterior([[0, 1]], refine=3),
    "prior_behind_a_sum": lambda: known(BEHIND).log_prob(
        [[0, 1]], method="importance(proposal = prior)"
    ),
    "compressing_reals": lambda: known(FIXED).compress([0.0]),
    "compressing_a_mixture": lambda: example("naive_bayes", d=2).compress(
        {"x": np.zeros((2, 2)), "y": np.zeros(2)}
    ),
    "decompressing_words": lambda: example("made", d=4).decompress(b"a word"),
    "ancestral_looking_back": lambda: example("gmm", d=2).draws(
        3, given={"x[0]": 5.0}, sampler="ancestral"
    ),
    "gibbs_of_a_summed_latent": lambda: example("gmm", d=1).draws(
        3, given={"x": [5.0]}, sampler="gibbs"
    ),
    "params_not_kept": lambda: known(FIXED).log_prob([0.0], params="best"),
    "no_temperature": lambda: (
        dgm.parse("model S {\n  data x : unit ~ Beta(2, 3)\n}")
        .with_params({})
        .sample(3, sampler="ancestral(temperature = 0.5)")
    ),
    "comparing_modes_anyhow": lambda: known(PLANE).compare(np.zeros((50, 2)), modes=[[0.0, 1.0]]),
    "comparing_other_modes": lambda: known(PLANE).compare(
        np.zeros((50, 2)), modes=[0.0, 1.0], radius=0.3
    ),
    "comparing_too_few": lambda: known(FIXED).compare(np.zeros(7)),
    "comparing_without_permutations": lambda: known(FIXED).compare(np.zeros(70), permutations=0),
    "nothing_is_missing": lambda: example("gmm", d=1).impute([[5.0]]),
    "mask_of_another_shape": lambda: example("gmm", d=1).impute([[5.0]], mask=[True]),
    "imputing_no_examples": lambda: example("gmm", d=1).impute(np.zeros((0, 1))),
    "imputing_by_another_chain": lambda: example("gmm", d=2).impute(
        [[5.0, np.nan]], sampler="gibbs"
    ),
    "given_of_a_score": lambda: example("score_field").sample(2, given={"x": [0.0, 0.0]}),
    "parameter_shape": lambda: dgm.parse(CONDITIONAL).with_params({"w": [1.0, 2.0]}),
    "energy_of_a_bound": lambda: example("vae", side=4).energy(np.zeros((1, 4, 4))),
    "value_with_a_stage": lambda: known(HALF_SUMMED).value("x |> dense(2)", x=np.zeros((4, 2))),
    "value_left_out": lambda: known(CONDITIONAL).value("w * c"),
    "value_not_read": lambda: known(CONDITIONAL).value("w * c", c=[1.0], x=[2.0]),
    "value_misspelt": lambda: known(CONDITIONAL).value("w * d", c=[1.0]),
    "net_arguments": lambda: known(HALF_SUMMED).nets.f(),
    "net_shape": lambda: known(HALF_SUMMED).nets.f(np.zeros((4, 3))),
    "export_of_a_bound": lambda: example("vae", side=4).export("unwritten", "log_prob"),
    "export_misspelt": lambda: known(FIXED).export("unwritten", "log_prb"),
    "open_dimension": lambda: dgm.load(EXAMPLES / "gmm.dgm").init(),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(dgm.DgmError) as caught:
        CASES[name]()
    shown = str(caught.value).replace(str(EXAMPLES), "examples")
    golden(GOLDEN / "queries" / f"{name}.txt", f"{shown}\n")


def test_every_code_is_shown_somewhere() -> None:
    folder = Path(*codes.__path__)
    words = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    shown = "".join(path.read_text("utf-8") for path in GOLDEN.rglob("*.txt"))
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("*.py"))
    declared = set(re.findall(r"\"(DGM\d{4})\"", words))
    assert sorted(declared - set(re.findall(r"DGM\d{4}", shown + tests))) == []
