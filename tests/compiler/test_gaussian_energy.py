"""Which energies are seen to be positive-definite quadratics, and which are not taken for such."""

from __future__ import annotations

import re

import pytest

from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan.plan import Plan


def plan(body: str) -> Plan:
    return compile_text(f"model M {{ {body} }}")


PROVED = {
    "a scale": "param s : positive; data x : real[3]; energy sum((x - 1) ** 2) / (2 * s ** 2)",
    "a covariance": "param P : cov(3); param b : real[3]; data x : real[3]; "
    "energy (x - b) @ P @ (x - b) / 2",
    "a map and a floor": "param L : real[3, 3]; data x : real[3]; "
    "energy sum((x @ L) ** 2) + sum(x ** 2) / 100",
    "a weak ring": "data x : real[5]; energy sum(x ** 2) - 0.9 * sum(x * shift(x, 1, axis = 0))",
    "numbers": "data x : real[2]; energy x @ [[2, 1], [1, 2]] @ x",
    "a product of experts": "param a : real; param s : positive; data x : real[2]; "
    "energy -log_prob(Normal(a, s), x); energy -log_prob(Normal(0, 2), x)",
    "one below another": "param W : real[4, 2]; latent z : real[2]; data x : real[4]; "
    "energy sum(z ** 2) / 2; energy -log_prob(Normal(W @ z, 1), x)",
    "a weak coupling": "data x : real; data y : real; energy x ** 2 + y ** 2 - 0.5 * x * y",
    "a given": "param w : real[2]; given c : real; data x : real[2]; "
    "energy sum((x - w * c) ** 2) / 2",
}
"""Energies that are positive definite whatever the params are."""

REFUSED = {
    "a free coupling": "param W : real[3, 3]; data x : real[3]; energy sum(x ** 2) + x @ W @ x",
    "a map alone": "param L : real[3, 3]; data x : real[3]; energy sum((x @ L) ** 2)",
    "a critical ring": "data x : real[6]; energy sum(x ** 2) - sum(x * shift(x, 1, axis = 0))",
    "singular numbers": "data x : real[2]; energy x @ [[1, 1], [1, 1]] @ x",
    "rounding": "data x : real; energy 0.1 * x ** 2 + 0.2 * x ** 2 - 0.3 * x ** 2",
    "the wrong sign": "param s : positive; data x : real[2]; energy -s * sum(x ** 2)",
    "a strong coupling": "data x : real; data y : real; energy x ** 2 + y ** 2 - 2 * x * y",
    "some entries": "data x : real[2]; energy x[0] ** 2",
    "a weight of either sign": "param a : real; data x : real[2]; energy a * sum(x ** 2)",
    "fourth powers": "data x : real[2]; energy sum(x ** 4) + sum(x ** 2)",
    "bits beside": "data x : real[2]; latent h : bit; energy sum(x ** 2) - h * x[0]",
    "a half line": "data x : positive; energy x ** 2",
}
"""Energies that are not positive definite, or not seen to be."""


@pytest.mark.parametrize("body", PROVED.values(), ids=PROVED)
def test_proved(body: str) -> None:
    found = plan(body)
    assert found.facts.gaussian is not None
    assert (found.facts.density.value, found.facts.normaliser.value) == ("exact", "one")
    assert found.default_sampler == "ancestral"
    assert found.default_objective == ("mle" if "param" in body else None)
    assert found.facts.bounded == ()


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_not_assumed(body: str) -> None:
    found = plan(body)
    assert found.facts.gaussian is None
    assert found.facts.normaliser.value == "unknown"
    assert not found.objectives["mle"].legal


@pytest.mark.parametrize(
    ("energy", "word"),
    [
        ("f(x) + sum(x ** 2)", "proved"),
        ("abs(x[0]) + sum(x ** 2)", "proved"),
        ("f(x)", "assumed"),
        ("f(x) - sum(x ** 2)", "assumed"),
        ("sum(f(x) * x) + sum(x ** 2)", "assumed"),
        ("sum(exp(x)) + sum(x ** 2)", "assumed"),
    ],
)
def test_whether_there_is_an_integral_is_proved_or_assumed(energy: str, word: str) -> None:
    net = "net f(x: real[2]) -> real = x |> mlp([4])"
    found = plan(f"{net}; data x : real[2]; energy {energy}")
    assert re.search(f"is {word}$", found.facts.normaliser.witnesses[0].text)
