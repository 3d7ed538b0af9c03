"""What the grammar means: precedence, newlines, and the shape of each declaration's node."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import pytest

from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import MAX_CHARACTERS, MAX_FINDINGS, parse, parse_expression

T = TypeVar("T")


def only(kind: type[T], node: object) -> T:
    """The node, held to be of that kind."""
    assert isinstance(node, kind)
    return node


def expression(text: str) -> ast.Expr:
    value, found = parse_expression(Source("<text>", text))
    assert found == ()
    assert value is not None
    return value


def body(*lines: str) -> tuple[ast.Statement, ...]:
    """The statements of a model with these lines."""
    return only(ast.Model, top("model M {", *lines, "}")[0]).body


def top(*lines: str) -> tuple[ast.Statement, ...]:
    file, found = parse(Source("<text>", "\n".join(lines)))
    assert found == ()
    return file.statements


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a ** -b ** c", "-(a ** (-(b ** c)))"),
        ("-f(x) |> g", "(-f(x)) |> g"),
        ("a |> f |> g(1)", "(a |> f) |> g(1)"),
        ("a |> f == b + c |> g", "(a |> f) == ((b + c) |> g)"),
        ("not a == b and c or d", "((not (a == b)) and c) or d"),
        ("a if b else c if d else e", "a if b else (c if d else e)"),
        ("a or b if c else d", "(a or b) if c else d"),
        ("W[i, :i] @ x[:i] + b", "(W[i, :i] @ x[:i]) + b"),
        ("a\n  + b(\n1\n,)", "a + b(1)"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    assert expression(text) == expression(same)


@pytest.mark.parametrize(
    ("text", "value"), [("20_000", 20000), ("1e-3", 0.001), ("0.5", 0.5), ("1_0.2_5e+2", 1025.0)]
)
def test_numbers(text: str, value: float) -> None:
    number = expression(text)
    assert isinstance(number, ast.Number)
    assert (number.value, type(number.value)) == (value, type(value))


def test_blocks_belong_to_the_call() -> None:
    repeat = only(ast.Call, expression("repeat(n) { f |> g }"))
    residual = only(ast.Call, expression("residual { f }"))
    assert (type(repeat.block), repeat.called, len(repeat.arguments)) == (ast.Pipe, True, 1)
    assert (type(residual.block), residual.called, residual.arguments) == (ast.Name, False, ())


def test_arguments_and_items() -> None:
    call = only(ast.Call, expression("D(f(x)..., 2, scale = s,)"))
    arguments = [(argument.name, argument.spread) for argument in call.arguments]
    assert arguments == [(None, True), (None, False), ("scale", False)]
    index = only(ast.Index, expression("x[:, None, i, 1:, :j]"))
    items = [type(item).__name__ for item in index.items]
    assert items == ["Slice", "Name", "Name", "Slice", "Slice"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("real", {"kind": "real", "shape": None}),
        ("int[]", {"shape": ()}),
        ("bit?", {"optional": True, "entry_optional": False}),
        ("bit[d]?", {"optional": True, "entry_optional": False}),
        ("bit?[d]", {"optional": False, "entry_optional": True}),
        ("cat(V)[<= T]", {"up_to": True}),
    ],
)
def test_types(text: str, fields: dict[str, object]) -> None:
    given = only(ast.Variable, body(f"given x : {text}")[0])
    assert {name: getattr(given.type, name) for name in fields} == fields


def test_variables() -> None:
    lines = body(
        "data x[t, i] : real ~ Normal(0, 1)",
        "given u : real[G, q] shared",
        "param w : real from 0.3 ~ Normal(0, 1)",
    )
    data, given, param = (only(ast.Variable, line) for line in lines)
    assert (data.role, data.name, data.name_span.text, len(data.indices)) == ("data", "x", "x", 2)
    assert isinstance(data.origin, ast.Drawn)
    assert (given.role, given.origin, given.shared) == ("given", None, True)
    assert (param.role, param.start) == ("param", ast.Number(0.3, span=param.span))
    assert isinstance(param.origin, ast.Drawn)


def test_guides() -> None:
    (line,) = body("guide { z = f(x); energy ~ D; for t in 0..T { s[t] ~ D } }")
    z, energy, loop = only(ast.Companion, line).body
    inner = only(ast.Variable, only(ast.For, loop).body[0])
    found = [
        (v.role, v.name, v.type) for v in (only(ast.Variable, z), only(ast.Variable, energy), inner)
    ]
    assert found == [("guide", "z", None), ("guide", "energy", None), ("guide", "s", None)]


def test_lets() -> None:
    lets = body("let h = 1", "let (a, b) = e", "let f(x, y) = x", "let block() = f", "let s[t] = 1")
    shapes = [(s.names, s.parameters, len(s.indices)) for s in lets if isinstance(s, ast.Let)]
    assert shapes == [
        (("h",), None, 0),
        (("a", "b"), None, 0),
        (("f",), ("x", "y"), 0),
        (("block",), (), 0),
        (("s",), None, 1),
    ]


def test_nets() -> None:
    lines = body(
        "net f(x: bit, y: cat(V)?) -> (loc: real[d], scale: positive[d]) ~ Normal(0, 1) = x",
        "net g(x: bit) -> real raw = x",
    )
    record, one = (only(ast.Net, line) for line in lines)
    assert [head.name for head in record.heads] == ["loc", "scale"]
    assert (type(record.prior), record.raw) == (ast.Call, False)
    assert [head.name for head in one.heads] == [""]
    assert (one.prior, one.raw) == (None, True)


def test_scores_and_critics() -> None:
    plain, under, critic = body(
        "score x = s(x)",
        "score x at t under vp(beta_min = 0.1) = s(x, t)",
        "critic(x, z) = concat(x, z)",
    )
    assert only(ast.Score, plain).process is None
    assert only(ast.Score, under).time == "t"
    assert only(ast.Critic, critic).parameters == ("x", "z")


def test_recipe() -> None:
    (recipe,) = body(
        "recipe default { objective = iwae(k = 8); data = digits\n prepare x = x / 16 }"
    )
    assert [(s.key, s.prepare) for s in only(ast.Recipe, recipe).settings] == [
        ("objective", False),
        ("data", False),
        ("x", True),
    ]


def test_externs() -> None:
    lines = top(
        "extern layer dense(units: int, c: value?) : real[..., n] -> real[units] with affine, f(a)",
        "extern dist Bernoulli(probs: unit | logits: real) : bit with finite",
        "extern objective ssm(projections: int = 1) requires score >= model and not finite",
        "extern net my(x: real) -> (loc: real, scale: positive)",
        "extern objective mle",
    )
    dense, law, objective, net, bare = (only(ast.Extern, line) for line in lines)
    axes = only(ast.TypeExpr, dense.source).shape
    assert axes is not None
    assert [only(ast.Name, axis).id for axis in axes] == ["...", "n"]
    assert [p.name for p in dense.properties] == ["affine", "f"]
    assert [group[0].name for group in law.groups] == ["probs", "logits"]
    assert isinstance(objective.requires, ast.Binary)
    assert [head.name for head in net.heads] == ["loc", "scale"]
    assert bare.groups == ((),)


def test_uses_version_and_docs() -> None:
    source = Source(
        "<text>",
        'dgm 1\nuse "a/b.dgm": U as V, W\nuse models: R\n## one\n## two\nmodel M {\n'
        "  ## lost\n\n  ## x is data\n  data x : bit  # no doc\n}\n",
    )
    file, found = parse(source)
    assert (found, file.version) == ((), 1)
    path, library = (only(ast.Use, line) for line in file.statements[:2])
    assert path.path == "a/b.dgm"
    assert [(n.name, n.alias) for n in path.names] == [("U", "V"), ("W", "W")]
    assert (library.path, library.library) == (None, "models")
    model = only(ast.Model, file.statements[2])
    assert (model.doc, model.body[0].doc) == ("one\ntwo", "x is data")
    assert model.span.text.startswith("model M {")
    assert model.span.text.endswith("}")


@pytest.mark.parametrize(
    "lines",
    [
        "let h = a +\n b\nlet g = 1",
        "let h = a\n + b\nlet g = 1",
        "let h =\n a; let g = 1;",
        "let h = a\n  |> b\n  |> c\n;;\nlet g = 1",
        "let h = f(a,\n\n  b # c\n)\nlet g = 1",
        "let h = repeat(3) {\n f\n |> g\n}\nlet g = 1",
        "let h = a if b\n else c\nlet g = 1",
    ],
)
def test_newlines(lines: str) -> None:
    assert [s.names for s in body(lines) if isinstance(s, ast.Let)] == [("h",), ("g",)]


def test_names_are_normalised_and_spans_are_not() -> None:
    data = only(ast.Variable, body("data ﬁt : real")[0])  # the ligature is one character
    assert (data.name, data.name_span.text) == ("fit", "ﬁt")


def test_an_error_hides_no_other_statement() -> None:
    source = Source(
        "<text>", "model M {\n  data x real\n  data y : bit\n  latent ~ z\n}\nmodel N { x"
    )
    file, found = parse(source)
    model = only(ast.Model, file.statements[0])
    assert [s.name for s in model.body if isinstance(s, ast.Variable)] == ["y"]
    assert [d.code for d in found] == ["DGM0101", "DGM0101", "DGM0103", "DGM0108"]


def test_equality_is_blind_to_places() -> None:
    assert expression("a + 1") == expression("(a   +  1)")
    assert dataclasses.replace(expression("a + 1")).span != expression("(a   +  1)").span


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("model M { energy " + "-" * 50_000 + "x }", {"DGM0106"}),
        ("model M { energy " + "(" * 50_000, {"DGM0106"}),
        ("model M { energy " + "(" * 25_000 + ")" * 25_000, {"DGM0106"}),
        ("model M { energy " + "x**" * 20_000 + "x }", {"DGM0106"}),
        ("model M { energy " + "x + " * 20_000 + "x }", {"DGM0106"}),
        ("model M {" + " guide {" * 10_000, {"DGM0106", "DGM0109"}),
        ("model M { let a = [" + "1, " * 20_000 + "1] }", set()),
        ("}" * 50_000, {"DGM0104"}),
        ("$" * 50_000, {"DGM0102"}),
        ("²" * 50_000, {"DGM0102"}),
        ("x" * 50_000 + "²", {"DGM0102"}),
        ("x" * (MAX_CHARACTERS + 1), {"DGM0112"}),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_limits(text: str, codes: set[str]) -> None:
    _, found = parse(Source("<text>", text))
    assert {diagnostic.code for diagnostic in found} == codes
    assert len(found) <= MAX_FINDINGS


def test_where_lines_begin_says_nothing_where_brackets_match() -> None:
    lines = ["for t in 0..3 {", "latent s[t] : bit ~ Bernoulli(0.5)", "}", "guide {", "s ~ D", "}"]
    _, found = parse(Source("<text>", "\n".join(["model M {", *lines, "}"])))
    assert found == ()
