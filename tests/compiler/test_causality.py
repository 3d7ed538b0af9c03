"""What a law may do with its own past, and where that past is shifted by one place."""

from __future__ import annotations

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.types.causality import shifted

NET = "model M {{ net f(x: real[6]{more}) -> (loc: {head}) = {body}\n data x : real[6] ~ {law} }}"
CATS = (
    "model M {{ net f(x: cat(4)[6]) -> (logits: real[6, 4]) = {body}\n"
    " data x : cat(4)[6] ~ Categorical(f(past(x))...) }}"
)


def shifts(text: str) -> int:
    """How many pasts the law of x reads shifted; raises where it is not causal."""
    program = compile_text(text).program
    return len(shifted(program.variables["x"], program.nets))


@pytest.mark.parametrize(
    ("body", "shift"),
    [
        ("x |> embed(8) |> gru(8)", 1),
        ("x |> embed(8) |> transformer(layers = 1, heads = 2) |> mlp([8])", 1),
        ("x |> embed(8) |> dense(8)", 1),
        ("concat(one_hot(x), softmax(x |> embed(3))) |> wavenet(8, dilations = [1, 2])", 1),
        ("(x |> embed(8)) @ ones(8)[:, None] |> gru(3)", 1),
    ],
)
def test_sequences_are_shifted_once(body: str, shift: int) -> None:
    assert shifts(CATS.format(body=body)) == shift


@pytest.mark.parametrize(
    "body",
    [
        "x |> embed(8) |> flatten |> dense(8)",
        "x |> embed(8) |> gru(8, both_ways = true)",
        "x |> embed(8) |> encoder(layers = 1, heads = 2)",
        "concat(x |> embed(8), x |> embed(8), axis = 0)[:6] |> gru(4)",
        "softmax(one_hot(x) @ ones(4)) |> embed(3)",
        "shift(x, 1, axis = 0) |> embed(8)",
    ],
)
def test_what_mixes_sites_is_refused(body: str) -> None:
    with pytest.raises(DgmError):
        shifts(CATS.format(body=body))


@pytest.mark.parametrize(
    ("law", "shift"),
    [
        ("Normal(f(past(x)).loc, 1)", 0),
        ("Normal(past(x) + f(past(x)).loc, 1)", 1),
        ("Normal(past(x) - past(x), 1)", 2),
    ],
)
def test_each_place_of_a_past_is_shifted_where_it_is_weak(law: str, shift: int) -> None:
    assert shifts(NET.format(more="", head="real[6]", body="x |> made([12])", law=law)) == shift


def test_a_planned_layer_of_pictures_is_strict_by_itself() -> None:
    text = (
        "model M { net f(x: byte[4, 4, 3]) -> (logits: real[4, 4, 3, 256]) ="
        " x |> pixelrnn(channels = 8, layers = 2)\n"
        " data x : byte[4, 4, 3] ~ Categorical(f(past(x))...) }"
    )
    assert shifts(text) == 0
