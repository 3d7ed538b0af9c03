"""A value where a kind is wanted: taken, held against it at run time, or refused."""

from __future__ import annotations

import pytest

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.program import Checked, Program
from dgmlang.compiler.source import Source
from dgmlang.compiler.walk import expressions

CHECKS = {
    "s": 1,
    "p": 0,
    "p + 1": 0,
    "s + 1": 1,
    "exp(s)": 0,
    "s if s > 0 else 1": 1,
    "p if s > 0 else 2": 0,
    "sqrt(s)": 2,
    "sqrt(s) + 1": 1,
    "log(p) + 30": 1,
    "sqrt(s ** 2)": 1,
    "(s + 1) ** 2": 1,
    "abs(s)": 1,
    "abs(s) + 0.1": 0,
    "abs(p)": 0,
    "maximum(s, 0.1)": 0,
    "relu(s) + 1": 0,
    "minimum(p, 2)": 0,
    "minimum(s, 1)": 1,
    "[0.5, 2, 3]": 0,
    "[p, 2, 0.1]": 0,
    "[s, 2, 0.1]": 1,
    "w": 0,
    "f(s)": 1,
    "f(p)": 0,
}
"""How many checks a scale needs. A root may be taken of 0, and 0 is no scale."""


def program(body: str) -> Program:
    plan, _ = compile_source(Source("<test>", f"model M(w: float[] = [1, 2, 3]) {{\n{body}\n}}"))
    return plan.program


def scaled(text: str) -> Program:
    return program(
        f"""param s : real
        param p : positive
        net f(a: positive) -> positive = a
        data x : real[3] ~ Normal(s + 0 * f(p) + sum(w), {text})"""
    )


def checks(of: Program) -> list[Checked]:
    return [e for e in expressions(of) if isinstance(e, Checked)]


@pytest.mark.parametrize("text", CHECKS)
def test_a_check_stands_where_one_may_fail(text: str) -> None:
    assert len(checks(scaled(text))) == CHECKS[text]


@pytest.mark.parametrize("text", ["0", "-1", "-p", "[1, 2, 0]", "[p, -1, p]", "f(-p)", "log(-p)"])
def test_what_is_provably_outside_is_refused(text: str) -> None:
    with pytest.raises(DgmError, match="DGM0306"):
        scaled(text)


def test_a_check_says_what_wants_the_kind() -> None:
    texts = ("s", "sqrt(s) + 1", "f(s)")
    said = [checks(scaled(text))[0].where for text in texts]
    assert said == ["`scale` of Normal", "`x` of `sqrt`", "`a` of `f`"]


LATTICE = """param a : {kind}
data x : spin[4, 4]
energy -log(a) * sum(x * shift(x, 1, axis = 0)) - sqrt(a) * sum(x)"""
AUTOREGRESSIVE = """net f(past: real[3]) -> (m: real[3], s: {kind}[3]) = past |> made([8])
data x : real[3] ~ Normal(f(past(x)).m, f(past(x)).s)"""


@pytest.mark.parametrize("body", [LATTICE, AUTOREGRESSIVE])
def test_analyses_look_through_checks(body: str) -> None:
    """The facts of a program do not change where a real stands for a positive."""
    real, positive = (program(body.format(kind=kind)) for kind in ("real", "positive"))
    assert checks(real)
    assert not checks(positive)
    one, other = derive(real), derive(positive)
    assert one.density == other.density
    assert one.flags == other.flags
    assert [(b.parts, b.rule) for b in one.blocks] == [(b.parts, b.rule) for b in other.blocks]


def test_a_check_does_not_make_a_function_smooth() -> None:
    """The root has a kink at 0, which a real may pass: explicit score matching is refused."""
    body = "param a : real\ndata x : real[2]\nenergy sum(x ** 2) + a * sum({})"
    smooth, kinked = (derive(program(body.format(t))) for t in ("sqrt(x ** 2 + 1)", "sqrt(x + 9)"))
    assert (smooth.smooth.value, kinked.smooth.value) == ("yes", "no")


def test_a_kink_in_what_is_given_is_none_of_the_data() -> None:
    """∇ₓ log N(x; f(c), 1) is affine in x whatever f is; as a function of x, relu has its kink."""
    body = (
        "given c : real[2]\ndata y : real[2] ~ Normal(0, 1)\n"
        "net f(c: real[2]) -> real = c |> mlp([4], activation = relu)\n"
        "data x : real ~ Normal(f({}), 1)"
    )
    given, read = (derive(program(body.format(name))) for name in ("c", "y"))
    assert (given.smooth.value, read.smooth.value) == ("yes", "no")


def test_a_kink_in_a_class_is_none_of_the_data() -> None:
    """Which component it is moves in jumps: relu of its code is a constant for each of them."""
    body = (
        "latent k : cat(3) ~ Categorical(uniform(3))\n"
        "net f(k: cat(3)) -> real = one_hot(k) |> mlp([4], activation = relu)\n"
        "data x : real ~ Normal(f(k), 1)"
    )
    assert derive(program(body)).smooth.value == "yes"
