"""The guide that is built is the one that a person would write."""

from __future__ import annotations

import pytest

from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.walk import parents


def model(body: str) -> Plan:
    return compile_text(f"model M(d: int) {{\n{body}\n}}")


def laws(plan: Plan) -> dict[str, str]:
    guide = plan.program.guide
    return {} if guide is None else {name: law.span.text for name, law in guide.laws.items()}


LATENTS = {
    "real[3]": ("Normal(0, 1)", "Normal(guide_z(x)...)"),
    "positive": ("Exponential(1)", "LogNormal(guide_z(x)...)"),
    "unit[2]": ("Uniform()", "Normal(guide_z(x)...) |> sigmoid"),
    "interval(-1, 0.5)": ("Uniform(-1, 0.5)", "Normal(guide_z(x)...) |> between(-1, 0.5)"),
    "bit[40]": ("Bernoulli(0.5)", "Bernoulli(guide_z(x)...)"),
    "cat(5)[40]": ("Categorical(uniform(5))", "Categorical(guide_z(x)...)"),
    "simplex(4)[2]": ("Dirichlet(ones(4))", "Dirichlet(guide_z(x)...)"),
    "count[3]": ("Poisson(2)", "Poisson(guide_z(x)...)"),
}


def decoded(kind: str) -> str:
    numbers = "one_hot(z) |> flatten" if kind.startswith("cat") else "concat(z) |> flatten"
    return f"({numbers}) |> mlp([8]) |> dense(d)"


@pytest.mark.parametrize("kind", LATENTS)
def test_a_law_for_each_kind(kind: str) -> None:
    prior, built = LATENTS[kind]
    plan = model(
        f"latent z : {kind} ~ {prior}\n data x : bit[d] ~ Bernoulli(logits = {decoded(kind)})"
    )
    assert laws(plan) == {"z": built}
    assert plan.companions[0] == "guide"
    assert plan.default_objective == "elbo"
    assert plan.program.guide is not None
    assert plan.program.guide.built == ("z",)


def test_the_order_is_against_the_graph() -> None:
    plan = model(
        """given c : cat(3)
        net f(u: real[4]) -> real[2] = u |> mlp([8])
        net g(v: real[2]) -> real[d] = v |> mlp([8])
        latent top : real[4] ~ Normal(0, 1)
        latent low : real[2] ~ Normal(f(top), 1)
        data x : real[d] ~ Normal(g(low) + one_hot(c) @ [1, 2, 3], 1)"""
    )
    assert laws(plan) == {
        "low": "Normal(guide_low(c, x)...)",
        "top": "Normal(guide_top(c, x, low)...)",
    }


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ("data x : real?[3] ~ Normal(z, 1)", "[3]"),
        ("data x : real[3]? ~ Normal(z, 1)", ""),
        ("for t in 0..5 { data x[t] : real[3]? ~ Normal(z, 1) }", "[5]"),
    ],
)
def test_what_may_be_missing_is_filled_in_and_said(data: str, shape: str) -> None:
    """Beside its values stands a bit for all that is missing or there by itself."""
    plan = model(f"given c : cat(2)? \n latent z : real ~ Laplace(0, d) \n {data}")
    called = "guide_z(fill(c, 0), observed(c), fill(x, 0), observed(x))"
    assert laws(plan) == {"z": f"Normal({called}...)"}
    ports = {n: str(t) for n, t in plan.program.nets["guide_z"].parameters.items()}
    assert ports["c_seen"] == "bit"
    assert ports["x_seen"] == f"bit{shape}"


def test_what_a_program_writes_stays() -> None:
    plan = model(
        """net guide_u(x: real[d]) -> (loc: real, scale: positive) = x |> mlp([8])
        param w : real[d]
        latent z : real ~ Normal(0, 1)
        latent u : real ~ Normal(0, 1)
        data x : real[d] ~ Normal(w * z * exp(u), 1)
        guide { z ~ Normal(guide_u(x)...) }"""
    )
    assert laws(plan) == {"z": "Normal(guide_u(x)...)", "u": "Normal(guide_u_(x, z)...)"}
    assert plan.program.guide is not None
    assert plan.program.guide.built == ("u",)
    parts = {name: set(parents(law)) for name, law in plan.program.guide.laws.items()}
    assert parts == {"z": {"x"}, "u": {"x", "z"}}


@pytest.mark.parametrize(
    "body",
    [
        "param w : real\n latent z : real ~ Normal(0, 1)\n data x : real[d] ~ Normal(w * z, 1)",
        "param w : real\n latent k : bit ~ Bernoulli(0.5)\n data x : real[d] ~ Normal(w * k, 1)",
        "net f(z: real) -> real[d] = z\n latent z : real ~ Normal()\n data x : real[d] = f(z)",
    ],
    ids=["closed form", "summed", "implicit"],
)
def test_none_is_built_where_none_is_of_use(body: str) -> None:
    assert model(body).program.guide is None


def test_what_is_computed_needs_no_guide() -> None:
    plan = model(
        """latent z : real ~ Normal(0, 1)
        latent s : positive = exp(z)
        data x : real[d] ~ Normal(z, s)"""
    )
    assert laws(plan) == {"z": "Normal(guide_z(x)...)"}


def test_none_is_built_where_it_would_have_nothing_to_read() -> None:
    net = "net f(z: real[2]) -> real[3] = z |> mlp([4])"
    latent, law = "latent z : real[2] ~ Normal(0, 1)", "Dirichlet(exp(f(z)))"
    plan = model(f"{net}\n{latent}\ndata x : simplex(3)? ~ {law}")
    assert laws(plan) == {}
    assert [b.variable for b in plan.facts.bounded] == ["z"]


def test_none_is_built_for_what_a_model_brings_along() -> None:
    """`x.h` cannot be named in a guide, so `x` gets none either, and `elbo` says what it lacks."""
    body = "latent x : bit[2] ~ RBM(hidden = 3)\ndata y : real[2] ~ Normal(x, 1)"
    plan = compile_text(f"use models: RBM\nmodel M {{\n{body}\n}}")
    assert laws(plan) == {}
    assert not plan.objectives["elbo"].built
