"""`let`: names for expressions, several at once, functions and chains, put in where they stand."""

from __future__ import annotations

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_source, compile_text
from dgmlang.compiler.program import Chain, Index, Named, Program, Stage, Through
from dgmlang.compiler.source import Source
from dgmlang.compiler.walk import expressions, stages


def program(body: str) -> Program:
    return compile_text(f"model M(n: int = 2, w: int[] = [8]) {{\n{body}\n}}").program


def written(of: Program) -> list[Chain]:
    """The chains in expressions, in the order of the text, without those of a built guide."""
    chains = [e.chain for e in expressions(of) if isinstance(e, Through)]
    return [c for c in chains if not c.owner[0].startswith("guide")]


def paths(of: Program) -> list[str]:
    """The parameter paths of the stages."""
    return [".".join((*c.owner, s.place)) for c in written(of) for s in c.stages]


def inner(of: Program) -> list[Stage]:
    return [s for chain in written(of) for s in stages(chain)]


def test_a_record_is_taken_apart() -> None:
    found = program(
        """net f(x: real[3]) -> (loc: real[3], scale: positive[3]) = x |> mlp(w)
        latent z : real[3] ~ Normal(0, 1)
        let (m, s) = f(z)
        data x : real[3] ~ Normal(m, s)"""
    )
    law = found.variables["x"].law
    assert isinstance(law, Named)
    assert [getattr(a, "head", "") for a in law.arguments.values()] == ["loc", "scale"]


def test_an_array_and_a_list_are_taken_apart() -> None:
    found = program(
        """param t : real[2, 3]
        param s : positive
        let (a, b) = t
        let (c, d) = [a + b, s]
        data x : real[3] ~ Normal(c, d)"""
    )
    assert sum(isinstance(e, Index) for e in expressions(found)) == 2


def test_a_function_has_one_set_of_parameters() -> None:
    found = program(
        """let f(a, k) = k * (a |> mlp(w))
        latent z : real[3] ~ Normal(0, 1)
        latent u : real[3] ~ Normal(0, 1)
        data x : real[8] ~ Normal(f(z, 1) + f(u, sum(z)), 1)"""
    )
    assert paths(found) == ["f.mlp", "f.mlp"]


def test_a_chain_has_a_set_for_each_use() -> None:
    found = program(
        """let block(k, act) = dense(k) |> mlp([k, 2 * k], activation = act)
        let tail = dense(4)
        net f(x: real[3]) -> real[4] = x |> block(n, relu) |> block(2 * n, tanh) |> tail |> tail
        latent z : real[3] ~ Normal(0, 1)
        data x : real[4] ~ Normal(f(z), 1)"""
    )
    assert paths(found) == [
        "f.dense", "f.mlp", "f.dense_2", "f.mlp_2", "f.dense_3", "f.dense_4",
    ]  # fmt: skip
    settings = [s.settings for s in inner(found) if s.extern.name == "mlp"]
    assert [(s["hidden"], s["activation"]) for s in settings] == [
        ((2, 4), "relu"),
        ((4, 8), "tanh"),
    ]


def test_a_chain_stands_in_a_chain_in_a_block_and_in_a_coupling() -> None:
    found = program(
        """let inner = mlp(w)
        let block(k) = repeat(k) { coupling(inner) |> reverse }
        latent z : real[4] ~ Normal(0, 1)
        data x : real[4] = z |> block(3) |> block(n)"""
    )
    assert [s.settings["n"] for s in inner(found) if s.extern.name == "repeat"] == [3, 2]
    assert found.variables["x"].law is not None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("let a = b\n let b = a\n data x : real ~ Normal(a, 1)", "DGM0207"),
        ("let f(k) = f(k)\n data x : real ~ Normal(f(1), 1)", "DGM0207"),
        ("let c = c |> dense(2)\n data x : real[2] ~ Normal(ones(2) |> c, 1)", "DGM0207"),
        ("let f(k) = k\n data x : real ~ Normal(f(1, 2), 1)", "DGM0310"),
        ("let f(k) = k\n data x : real ~ Normal(f(), 1)", "DGM0308"),
        ("let f(k) = k\n data x : real ~ Normal(f(zz), 1)", "DGM0201"),
        (
            "let c(k) = dense(k)\n data x : real[2] ~ Normal(ones(2) |> c(sum(ones(2))), 1)",
            "DGM0334",
        ),
        ("let (a, b) = 3\n data x : real ~ Normal(a, b)", "DGM0370"),
    ],
)
def test_what_does_not_fit_is_said_once(line: str, code: str) -> None:
    with pytest.raises(DgmError, match=code) as raised:
        program(line)
    assert len(raised.value.diagnostics) == 1


def test_a_let_of_numbers_is_a_dimension_and_a_setting() -> None:
    found = program(
        """let half = 2 * n
        let wide = half + 1 if n > 1 else 9
        net f(z: real[wide]) -> real[half] = z |> mlp([wide, half])
        latent z : real[wide] ~ Normal(0, 1)
        data x : real[half] ~ Normal(f(z), wide)"""
    )
    assert [d.value for d in found.variables["z"].type.shape] == [5]
    assert [d.value for d in found.variables["x"].type.shape] == [4]
    assert inner(found)[0].settings["hidden"] == (5, 4)


def test_a_let_of_open_dimensions_is_open() -> None:
    text = "model M(d: int) {\n let twice = 2 * d\n data x : real[twice] ~ Normal(0, 1)\n}"
    (size,) = compile_text(text).program.variables["x"].type.shape
    assert str(size) == "2*d"


def test_a_let_that_only_dimensions_read_is_not_idle() -> None:
    with pytest.raises(DgmError, match="DGM0334"):
        program("param a : positive\n let m = 2 * a\n data x : real[m] ~ Normal(0, 1)")
    text = "model M(k: int = 2) {\n let m = 2 * k\n data x : real[m] ~ Normal(0, 1)\n}"
    assert not compile_source(Source("<text>", text), {}, None)[1].warnings
