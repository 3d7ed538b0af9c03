"""Types, expressions and stages of the language in the notation of papers, as LaTeX."""

from __future__ import annotations

from dgmlang.compiler.emit.notation import bracketed, function_name, name, once
from dgmlang.compiler.syntax import ast

_KINDS = {
    "real": r"\mathbb{R}", "positive": r"\mathbb{R}_{>0}", "unit": "[0, 1]", "bit": r"\{0, 1\}",
    "spin": r"\{-1, 1\}", "count": r"\mathbb{N}_0", "byte": r"\{0, \dots, 255\}",
    "cat": r"\{{0, \dots, {0} - 1\}}", "grey": r"\{{0, \dots, {0} - 1\}}",
    "count(n)": r"\{{0, \dots, {0}\}}", "simplex": r"\Delta^{{{0} - 1}}", "interval": "[{0}, {1}]",
}  # fmt: skip
"""With arguments: a format of them. A kind that is not here is written as a set of its name."""

_SIGNS = {
    "+": "+", "-": "-", "*": r"\,", "@": r"\,", "==": "=", "!=": r"\neq", "<": "<", "<=": r"\leq",
    ">": ">", ">=": r"\geq", "and": r"\wedge", "or": r"\vee",
}  # fmt: skip
_STRENGTH = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "@": 5}
_Atom = (
    ast.Number | ast.Name | ast.Attribute | ast.Index | ast.Slice | ast.Conditional | ast.Sequence
    | ast.Pipe | ast.Call
)  # fmt: skip
_COMPARISON, _SIGN, _POWER, _FRACTION, _ATOM = 3, 5, 6, 7, 8


def space(type_: ast.TypeExpr) -> str:
    r"""The set that a type stands for: `real[d]` is \mathbb{R}^{d}."""
    arguments = [expression(a.value) for a in type_.arguments]
    counted = type_.kind == "count" and arguments
    form = _KINDS.get("count(n)" if counted else type_.kind)
    if form is None:
        base = rf"\mathrm{{{type_.kind}}}{bracketed(', '.join(arguments))}"
    else:
        base = form.format(*arguments) if arguments else form
    sides = [expression(side) for side in type_.shape or ()]
    power = (r"\leq " if type_.up_to else "") + r" \times ".join(sides)
    return f"{once(base)}^{{{power}}}" if sides else base


def expression(node: ast.Expr | ast.Slice) -> str:
    """A run-time or compile-time expression."""
    return _render(node)[0]


def _render(node: ast.Expr | ast.Slice) -> tuple[str, int]:
    """The text, and how strongly its outermost operator binds."""
    match node:
        case ast.Unary(op=op, operand=operand):
            sign = r"\neg " if op == "not" else op
            return f"{sign}{_held(operand, _SIGN)}", _SIGN
        case ast.Binary():
            return _binary(node)
        case _:
            return _atom(node), _ATOM


def _atom(node: _Atom) -> str:
    match node:
        case ast.Number(value=value):
            return f"{value}"
        case ast.Name(id=text):
            return name(text)
        case ast.Attribute(value=value, name=field):
            return f"{_held(value, _ATOM)}.{name(field)}"
        case ast.Index(value=value, items=items):
            return f"{once(_held(value, _ATOM))}_{{{', '.join(map(_item, items))}}}"
        case ast.Slice():
            return _item(node)
        case ast.Conditional():
            return _cases(node)
        case ast.Sequence(items=items, tuple=round_):
            inner = ", ".join(map(expression, items))
            return f"({inner})" if round_ else f"[{inner}]"
        case ast.Pipe(value=value, stage=stage):
            return f"{stage_name(stage)}{bracketed(expression(value))}"
        case ast.Call():
            return _call(node)


def _held(node: ast.Expr, strength: int) -> str:
    text, own = _render(node)
    return text if own >= strength else bracketed(text)


def _binary(node: ast.Binary) -> tuple[str, int]:
    if node.op == "/":
        return rf"\frac{{{expression(node.left)}}}{{{expression(node.right)}}}", _FRACTION
    if node.op == "**":
        return f"{once(_held(node.left, _ATOM))}^{{{expression(node.right)}}}", _POWER
    strength = _STRENGTH.get(node.op, _COMPARISON)
    left, right = _held(node.left, strength), _held(node.right, strength + 1)
    return f"{left} {_SIGNS[node.op]} {right}", strength


def _item(item: ast.Expr | ast.Slice) -> str:
    """One entry of an index; a new axis is a star."""
    if isinstance(item, ast.Slice):
        ends = ("" if end is None else expression(end) for end in (item.start, item.stop))
        return ":".join(ends)
    return r"\ast" if isinstance(item, ast.Name) and item.id == "None" else expression(item)


def _cases(node: ast.Conditional) -> str:
    first = rf"{expression(node.then)} & {expression(node.test)}"
    second = rf"{expression(node.otherwise)} & \text{{else}}"
    return rf"\begin{{cases}} {first} \\ {second} \end{{cases}}"


def _call(node: ast.Call) -> str:
    function = node.function.id if isinstance(node.function, ast.Name) else ""
    alone = len(node.arguments) == 1
    if function == "sum" and alone:
        return rf"\textstyle\sum {_held(node.arguments[0].value, _STRENGTH['*'])}"
    if function == "sqrt" and alone:
        return rf"\sqrt{{{expression(node.arguments[0].value)}}}"
    return f"{_function(node.function)}{bracketed(_arguments(node))}"


def _arguments(node: ast.Call) -> str:
    texts = ((a.name, expression(a.value)) for a in node.arguments)
    return ", ".join(text if key is None else f"{name(key)} = {text}" for key, text in texts)


def _function(node: ast.Expr) -> str:
    return function_name(node.id) if isinstance(node, ast.Name) else _held(node, _ATOM)


def stage_name(node: ast.Expr) -> str:
    """A stage as a function: its settings below, the copies of `repeat` as a power."""
    if not isinstance(node, ast.Call):
        return _function(node)
    settings, head = _arguments(node), _function(node.function)
    below = f"_{{{settings}}}" if settings else ""
    if node.block is None:
        return f"{head}{below}"
    body = bracketed(chain(node.block))
    copies = isinstance(node.function, ast.Name) and node.function.id == "repeat"
    return f"{body}^{{{settings}}}" if copies else f"{head}{below}{body}"


def chain(node: ast.Expr) -> str:
    r"""Stages in the order of composition: `a |> b` is b \circ a."""
    if isinstance(node, ast.Pipe):
        return rf"{stage_name(node.stage)} \circ {chain(node.value)}"
    return stage_name(node)
