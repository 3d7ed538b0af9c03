"""Which hyperparameters would give a declared shape the sizes that the data have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dgmlang.compiler.program import Variable
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse
from dgmlang.compiler.types.dims import Dim, Shape
from dgmlang.compiler.types.static import Static, dimension
from dgmlang.runtime.blocks import Blocks


def settings(variable: Variable, sizes: tuple[int, ...]) -> dict[str, int]:
    """Values under which the variable has this shape, by its text; none where nothing would do.

    The variable's own type holds numbers by now, so the names are read again where it is declared.
    """
    wanted = _written(variable)
    if len(wanted) != len(sizes):
        return {}
    found: dict[str, int] = {}
    for dim, size in zip(wanted, sizes, strict=True):
        names, value = dim.symbols, _solution(dim, size)
        if value is None and dim != Dim.of(size):
            return {}
        if any(found.setdefault(name, value) != value for name in names if value is not None):
            return {}
    return found


def levels(variable: Variable) -> str | None:
    """The hyperparameter that is the number of a variable's levels, by its text: `G` of `cat(G)`.

    None where it is a number or an expression of several.
    """
    for model, node in _declarations(variable):
        if node.span == variable.span and node.type is not None and node.type.arguments:
            held = node.type.arguments[0].value
            names = {hyper.name for hyper in model.hypers}
            return held.id if isinstance(held, ast.Name) and held.id in names else None
    return None


def likely(variables: Sequence[Variable], arrays: Mapping[str, Blocks]) -> dict[str, int]:
    """What single axes say of open hyperparameters that they are not alone."""
    found: dict[str, int] = {}
    for variable in variables:
        if variable.name in arrays:
            sizes = arrays[variable.name].shape[1:]
            for dim, size in zip(variable.type.array_shape, sizes, strict=False):
                value = _solution(dim, size)
                if value is not None:
                    found |= dict.fromkeys(dim.symbols, value)
    return found


def _solution(dim: Dim, size: int) -> int | None:
    """The value of a dimension's only symbol under which it is this size."""
    if len(dim.symbols) != 1:
        return None
    (name,) = dim.symbols
    tried = range(1, size + 1)
    return next((n for n in tried if dim.substitute({name: Dim.of(n)}) == Dim.of(size)), None)


def _written(variable: Variable) -> Shape:
    """The shape as declared, with hyperparameters as symbols."""
    for model, node in _declarations(variable):
        if node.span == variable.span and node.type is not None:
            symbols = {hyper.name: Dim.symbol(hyper.name) for hyper in model.hypers}
            scope = Static(symbols, Report())
            return tuple(dimension(axis, scope) for axis in node.type.shape or ())
    return ()


def _declarations(variable: Variable) -> Iterator[tuple[ast.Model, ast.Variable]]:
    tree, _ = parse(variable.span.source)
    for model in tree.statements:
        if isinstance(model, ast.Model):
            yield from ((model, node) for node in model.body if isinstance(node, ast.Variable))
