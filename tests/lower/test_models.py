"""Models as laws: the same densities as the models alone, and as one model written out."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm

FLOW = """model Flow(d: int, n: int = 2) {
  latent c : real[d] ~ Normal(0, 1)
  data   y : real[d] = c |> repeat(n) { coupling(mlp([8])) |> reverse }
}
model VAE(latents: int = 2, d: int = 4) {
  net decoder(z: real[latents]) -> (logits: real[d]) = z |> mlp([16])
  net encoder(x: bit[d]) -> (loc: real[latents], scale: positive[latents]) = x |> mlp([16])
  latent z : real[latents] ~ Flow(n = 3)
  data   x : bit[d] ~ Bernoulli(decoder(z)...)
  guide { z ~ Normal(encoder(x)...) }
}"""


def noisy(params, scale: float = 0.3):
    keys = iter(jax.random.split(jax.random.key(4), 100))
    return jax.tree.map(lambda a: a + scale * jax.random.normal(next(keys), a.shape), params)


def test_a_flow_as_a_prior_has_the_flows_density() -> None:
    model, flow = dgm.parse(FLOW), dgm.parse(FLOW, model="Flow", d=2, n=3)
    params = noisy(model.init(0))
    assert jax.tree.structure(params["z"]) == jax.tree.structure(flow.init(0)["y"])
    z, x = jnp.array([0.3, -1.2]), jnp.array([1.0, 0.0, 0.0, 1.0])
    terms = model.lowered.log_terms(params, {"z": z, "x": x})
    alone = flow.log_prob({"y": params["z"]}, {"y": z})
    np.testing.assert_allclose(terms["z"], alone, rtol=1e-5)
    assert abs(float(alone) + 0.5 * float(z @ z) + np.log(2 * np.pi)) > 0.1  # no standard normal


def test_a_flow_prior_is_trained() -> None:
    model = dgm.parse(FLOW)
    assert model.plan.default_objective == "elbo"
    x = np.repeat([[0, 0, 1, 1], [1, 1, 0, 0]], 64, axis=0)
    fit = model.fit(x, steps=400, batch=32, seed=0)
    before = model.with_params({}).log_prob(x[::16], seed=1)
    after = fit.log_prob(x[::16], seed=1)
    assert after.kind == "bound"
    # At best one bit an example: log 1/2. Untrained, four fair coins: 4 log 1/2.
    assert after.value.mean() > before.value.mean() + 1.5 * np.log(2)
    assert after.value.mean() < np.log(0.5) + 0.05
    drawn = fit.draws(256)
    assert drawn["z"].shape == (256, 2)
    assert np.isin(drawn["x"], (0, 1)).all()


PARTS = """model Inner(d: int) {
  param s : positive
  net f(c: real[2]) -> real[d] = c |> mlp([5])
  net e(x: real[d]) -> (loc: real[2], scale: positive[2]) = x
  given g : real
  latent c : real[2] ~ Normal(g, 1)
  data   x : real[d] ~ Normal(f(c), s)
  guide { c ~ Normal(e(x)...) }
}
model Outer {
  param m : real
  net encoder(x: bit[4]) -> (loc: real[3], scale: positive[3]) = x
  param w : real[4, 3]
  latent z : real[3] ~ Inner(2 * m)
  data   x : bit[4] ~ Bernoulli(logits = w @ z)
  guide { z ~ Normal(encoder(x)...) }
}"""
WHOLE = """model Outer {
  param m : real
  net encoder(x: bit[4]) -> (loc: real[3], scale: positive[3]) = x
  param w : real[4, 3]
  param s : positive
  net f(c: real[2]) -> real[3] = c |> mlp([5])
  net e(x: real[3]) -> (loc: real[2], scale: positive[2]) = x
  latent c : real[2] ~ Normal(2 * m, 1)
  latent z : real[3] ~ Normal(f(c), s)
  data   x : bit[4] ~ Bernoulli(logits = w @ z)
  guide {
    z ~ Normal(encoder(x)...)
    c ~ Normal(e(z)...)
  }
}"""


def test_a_model_with_latents_is_the_same_as_written_out() -> None:
    parts, whole = dgm.parse(PARTS), dgm.parse(WHOLE)
    params = noisy(parts.init(0))
    renamed = {name.removeprefix("z."): branch for name, branch in params.items()}
    assert jax.tree.structure(renamed) == jax.tree.structure(whole.init(0))
    values = {"x": jnp.array([1.0, 0, 0, 1]), "z": jnp.array([0.2, -1, 0.7])}
    c = jnp.array([0.4, 2.0])
    there = parts.lowered.log_joint(params, {**values, "z.c": c})
    here = whole.lowered.log_joint(renamed, {**values, "c": c})
    np.testing.assert_allclose(there, here, rtol=1e-5)
    guided = parts.lowered.guide_log_prob(params, {**values, "z.c": c})
    written = whole.lowered.guide_log_prob(renamed, {**values, "c": c})
    np.testing.assert_allclose(guided, written, rtol=1e-5)
    assert {b.variable for b in parts.plan.facts.bounded} == {"z", "z.c"}


BELOW = """
  data x : real[2] ~ Normal(z ** 3, 1)
  net e(x: real[2]) -> (loc: real[2], scale: positive[2]) = x
  guide { z ~ Normal(e(x)...) }
}"""
PRIORS = {
    "score": "use models: ScoreSDE\nmodel M { latent z : real[2] ~ ScoreSDE()" + BELOW,
    "energy": "model M { latent z : real[2]\n energy sum(z ** 4)" + BELOW,
}


@pytest.mark.parametrize(("kind", "sampler"), [("score", "sde"), ("energy", "mala")])
def test_undrawn_priors_are_explained(kind: str, sampler: str) -> None:
    model = dgm.parse(PRIORS[kind])
    plan = model.plan
    assert plan.facts.density.value == "bound"
    assert plan.default_objective == "elbo"
    assert plan.default_sampler == f"ancestral(z: {sampler})"
    assert not plan.objectives["iwae"].legal
    assert f"default     ancestral(z: {sampler})" in str(model.explain())


def test_hidden_units_below_which_something_is_drawn_are_not_freed() -> None:
    """Σ_h exp(−E(h)) p(x | h) is no product of softpluses."""
    model = dgm.parse(
        "model M { latent h : bit[3]\n param b : real[3]\n energy -(b @ h)\n"
        " data x : real ~ Normal(sum(h), 1) }"
    )
    assert [b.variable for b in model.plan.facts.bounded] == ["h"]


def pair(let: str, law: str) -> dgm.Model:
    data = f"data x : real[2] ~ {law}\n data y : real[2] ~ {law}"
    return dgm.parse(f"{FLOW}\nmodel Pair {{ {let}\n {data} }}")


def test_uses_of_a_named_instance_share_their_parameters() -> None:
    shared, apart = pair("let P = Flow(n = 2)", "P"), pair("", "Flow(n = 2)")
    assert set(shared.init(0)) == {"P"}
    assert set(apart.init(0)) == {"x", "y"}  # each place has its own
    params = noisy(shared.init(0))
    x, y = jnp.array([0.3, -1.2]), jnp.array([1.5, 0.4])
    flow = dgm.parse(FLOW, model="Flow", d=2, n=2)
    alone = [flow.log_prob({"y": params["P"]}, {"y": value}) for value in (x, y)]
    np.testing.assert_allclose(shared.log_prob(params, {"x": x, "y": y}), sum(alone), rtol=1e-5)
    other = apart.log_prob(noisy(apart.init(0)), {"x": x, "y": y})
    assert abs(float(other) - float(sum(alone))) > 0.1
    assert "one for the data set: P (" in shared.explain().summary()


def test_a_named_instance_is_noise_and_expert_at_once() -> None:
    text = "model M { let P = Flow(n = 2)\n data x : real[2]\n energy -log_prob(P, x)\n"
    model = dgm.parse(f"{FLOW}\n{text} noise {{ x ~ P }} }}")
    apart = dgm.parse(f"{FLOW}\n{text} noise {{ x ~ Flow(n = 2) }} }}")
    x = {"x": jnp.array([0.3, -1.2])}
    for one, same in ((model, True), (apart, False)):
        params = noisy(one.init(0))
        expert = one.lowered.log_terms(params, x)["energy"]
        noise = one.lowered.noise_log_prob(params, x)
        assert bool(jnp.allclose(expert, noise, rtol=1e-5)) is same
    assert "cd" in model.plan.objectives
    assert model.plan.facts.flags["learned"]  # an expert with weights is something to learn


LATENTS = """model Inner(d: int) {
  given g : real
  param s : positive
  net f(c: real[2]) -> real[d] = c |> mlp([5])
  net e(x: real[d]) -> (loc: real[2], scale: positive[2]) = x
  latent c : real[2] ~ Normal(g, 1)
  data   x : real[d] ~ Normal(f(c), s)
  guide { c ~ Normal(e(x)...) }
}
model Outer {
  param m : real
  let V(g) = Inner(g)
  data x : real[3] ~ V(m)
  data y : real[3] ~ V(2 * m)
}"""
WRITTEN = """model Outer {
  param m : real
  param s : positive
  net f(c: real[2]) -> real[3] = c |> mlp([5])
  net e(x: real[3]) -> (loc: real[2], scale: positive[2]) = x
  latent cx : real[2] ~ Normal(m, 1)
  latent cy : real[2] ~ Normal(2 * m, 1)
  data   x : real[3] ~ Normal(f(cx), s)
  data   y : real[3] ~ Normal(f(cy), s)
  guide {
    cx ~ Normal(e(x)...)
    cy ~ Normal(e(y)...)
  }
}"""


def test_a_named_instance_shares_its_nets_and_each_use_has_its_latents() -> None:
    parts, whole = dgm.parse(LATENTS), dgm.parse(WRITTEN)
    params = noisy(parts.init(0))
    renamed = {name.removeprefix("V."): branch for name, branch in params.items()}
    assert jax.tree.structure(renamed) == jax.tree.structure(whole.init(0))
    data = {"x": jnp.array([0.2, -1, 0.7]), "y": jnp.array([1.0, 0.1, 0.3])}
    one, other = jnp.array([0.4, 2.0]), jnp.array([-0.3, 0.6])
    inner, outer = {**data, "x.c": one, "y.c": other}, {**data, "cx": one, "cy": other}
    for query in ("log_joint", "guide_log_prob"):
        here, there = getattr(parts.lowered, query), getattr(whole.lowered, query)
        np.testing.assert_allclose(here(params, inner), there(renamed, outer), rtol=1e-5)


def test_a_let_may_name_any_law() -> None:
    named = dgm.parse(
        "model M { let D = Normal(1, 2)\n let B = D |> coupling(mlp([4]))\n"
        " data x : real[2] ~ D\n data y : real[2] ~ B\n for t in 0..3 { data h[t] : real[2] ~ B } }"
    )
    assert set(named.init(0)) == {"B"}
    values = {
        "x": jnp.ones(2),
        "y": jnp.array([0.5, 2.0]),
        "h": jnp.tile(jnp.array([0.5, 2]), (3, 1)),
    }
    terms = named.lowered.log_terms(noisy(named.init(0)), values)
    np.testing.assert_allclose(terms["x"], -np.log(8 * np.pi), rtol=1e-5)
    np.testing.assert_allclose(terms["h"], 3 * terms["y"], rtol=1e-5)


TURNS = """model Outer {
  given a : real[3]
  for t in 0..3 {
    data y[t] : real[2] ~ Noisy(a[t])
  }
}
model Noisy(d: int) {
  param s : positive
  net f(c: real[2]) -> real[d] = c |> mlp([5])
  net e(x: real[d]) -> (loc: real[2], scale: positive[2]) = x
  given g : real
  latent c : real[2] ~ Normal(g, 1)
  data   x : real[d] ~ Normal(f(c), s)
  guide { c ~ Normal(e(x)...) }
}"""


@pytest.mark.parametrize("law", ["Noisy(a[t])", "P(a[t])", "Noisy(a[t]) if t > 0 else Noisy(a[0])"])
def test_each_turn_of_a_loop_has_latents_of_its_own(law: str) -> None:
    text = TURNS.replace("Noisy(a[t])", law).replace("given a", "let P(g) = Noisy(g)\n  given a")
    one, many = dgm.parse(TURNS, model="Noisy", d=2), dgm.parse(text, model="Outer")
    params = noisy(many.init(0))
    own = {name.partition(".")[2]: branch for name, branch in params.items()}
    y = jnp.array([[0.2, -1], [0.7, 0.3], [1.5, -0.4]])
    c = jnp.array([[0.4, 2.0], [-0.3, 0.6], [1.1, 0.0]])
    a = jnp.array([0.5, -1.0, 2.0])
    values = {"y": y, "y.c": c, "a": a}
    for query in ("log_joint", "guide_log_prob"):
        each = [
            getattr(one.lowered, query)(own, {"x": y[t], "c": c[t], "g": a[t]}) for t in range(3)
        ]
        found = getattr(many.lowered, query)(params, values)
        np.testing.assert_allclose(found, sum(each), rtol=1e-5)
        assert abs(float(each[0]) * 3 - float(sum(each))) > 0.01  # one latent for all is another
    assert [b.variable for b in many.plan.facts.bounded] == ["y.c"]


CHAIN = """model Hmm(T: int) {
  param p : unit[2]
  param m : real[2]
  for t in 0..T {
    latent s[t] : bit ~ Bernoulli(p[s[t-1]] if t > 0 else 0.5)
    data x[t] : real ~ Normal(m[s[t]], 1)
  }
}
"""
RNN = """model Rnn(T: int) {
  net f(h: real[2], x: real) -> real[2] = concat(h, x[None]) |> mlp([4])
  net g(h: real[2]) -> (loc: real, scale: positive) = h
  for t in 0..T {
    let h[t] = f(h[t-1], x[t-1]) if t > 0 else zeros(2)
    data x[t] : real ~ Normal(g(h[t])...)
  }
}
"""


@pytest.mark.parametrize(("program", "name"), [(CHAIN, "Hmm"), (RNN, "Rnn")])
def test_a_model_of_a_sequence_is_the_law_of_rows(program: str, name: str) -> None:
    alone = dgm.parse(program, T=4)
    whole = dgm.parse(f"{program}\nmodel M {{ data y : real[4] ~ {name}() }}")
    rows = f"for i in 0..3 {{ data y[i] : real[4] ~ {name}() }}"
    looped = dgm.parse(f"{program}\nmodel M {{ {rows} }}")
    expert = dgm.parse(f"{program}\nmodel M {{ data y : real[4]\n energy -log_prob({name}(), y) }}")
    params = noisy(whole.init(0))
    own = {n.removeprefix("y."): branch for n, branch in params.items()}
    other = {f"energy.{name}.{n}": branch for n, branch in own.items()}
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
    each = jax.jit(jax.vmap(lambda row: alone.log_prob(own, {"x": row})))(x)
    np.testing.assert_allclose(whole.log_prob(params, {"y": x[0]}), each[0], rtol=1e-5)
    np.testing.assert_allclose(looped.log_prob(params, {"y": x}), sum(each), rtol=1e-5)
    np.testing.assert_allclose(expert.lowered.energy(other, {"y": x[1]}), -each[1], rtol=1e-5)
    assert np.ptp(each) > 0.1  # no row has the density of another
    if name == "Hmm":
        assert [(r.variable, r.rule) for r in looped.plan.facts.removed] == [("y.s", "forward")]


def test_an_autoregressive_model_is_the_law_of_rows() -> None:
    text = """model Made(d: int) {
      net f(x: bit[d]) -> (logits: real[d]) = x |> made([8])
      data x : bit[d] ~ Bernoulli(f(past(x))...)
    }
    model M { for i in 0..2 { data y[i] : bit[3] ~ Made() } }"""
    rows, alone = dgm.parse(text), dgm.parse(text, model="Made", d=3)
    params = noisy(rows.init(0))
    y = jnp.array([[1.0, 0, 1], [0, 0, 1]])
    each = [float(alone.log_prob({"f": params["y.f"]}, {"x": row})) for row in y]
    np.testing.assert_allclose(rows.log_prob(params, {"y": y}), sum(each), rtol=1e-5)
    assert rows.with_params(rows.lowered.constrain(params)).draws(5)["y"].shape == (5, 2, 3)


def test_a_run_whose_names_hold_dots_is_restored(tmp_path: Path) -> None:
    text = """model Inner { param m : real
      data y : real[2] ~ Normal(m, 1) |> coupling(mlp([4]))
    }
    model M { data x : real[2] ~ Inner()\n data z : real[2] ~ Inner() }"""
    data = {name: np.random.default_rng(0).normal(size=(9, 2)) for name in "xz"}
    fit = dgm.parse(text).fit(data, steps=3, seed=0)
    fit.save(tmp_path / "run")
    again = dgm.restore(tmp_path / "run")
    np.testing.assert_array_equal(again.log_prob(data), fit.log_prob(data))
    assert {"x.m", "z.m"} <= set(again.params)
