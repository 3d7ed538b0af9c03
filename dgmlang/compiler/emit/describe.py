"""What a name of the library, or a program, says of itself: `dgm doc`, hovers, reference pages."""

from __future__ import annotations

from collections.abc import Iterator

from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.syntax import ast

KINDS = {
    "dist": "distribution", "fn": "function", "layer": "layer", "bijection": "bijection",
    "chain": "chain of bijections",
    "transform": "transform of a coupling", "mask": "mask of a coupling",
    "activation": "activation", "solver": "solver of differential equations",
    "adjoint": "way to differentiate a solve",
    "process": "forward process", "objective": "objective", "sampler": "sampler",
    "prepare": "preparation of data",
}  # fmt: skip


def entries(name: str) -> list[Extern | ast.Model]:
    """Everything in the library of this name; one name may stand in several name spaces."""
    held = library()
    found: list[Extern | ast.Model] = [s[name] for s in held.externs.values() if name in s]
    return [*found, *([held.models[name]] if name in held.models else [])]


def names() -> list[str]:
    """Every name of the library."""
    held = library()
    return sorted({n for space in held.externs.values() for n in space} | set(held.models))


def described(entry: Extern | ast.Model) -> str:
    """The kind and signature of an entry, its doc comment, and what the compiler knows of it."""
    lines = _extern(entry) if isinstance(entry, Extern) else _model(entry)
    return "\n".join(lines)


def signature(extern: Extern) -> str:
    """As it was declared, without its kind, properties and requirement."""
    text = " ".join(extern.span.text.split()).removeprefix(f"extern {extern.kind} ")
    for ending in (" with ", " requires "):
        text = text.partition(ending)[0]
    return text.replace("( ", "(").replace(" )", ")")


def properties(extern: Extern) -> list[str]:
    """`causal(strict)`, `smooth` …, as rules ask for them."""
    held = extern.properties.items()
    shown = {name: " ".join(", ".join(words).split()) for name, words in held}
    return [f"{name}({words})" if words else name for name, words in shown.items()]


def _extern(extern: Extern) -> Iterator[str]:
    yield f"{KINDS.get(extern.kind, extern.kind)}  {signature(extern)}"
    yield from (f"  {line}" for line in extern.doc.splitlines())
    if extern.properties:
        yield f"  properties: {', '.join(properties(extern))}"
    if extern.requires is not None:
        yield f"  requires: {' '.join(extern.requires.span.text.split())}"


def _model(model: ast.Model) -> Iterator[str]:
    yield f"model  {model.name}({', '.join(_hyper(h) for h in model.hypers)})"
    yield from (f"  {line}" for line in model.doc.splitlines())
    for statement in model.body:
        if statement.doc:
            first, *rest = statement.doc.splitlines()
            yield f"  {_title(statement)}: {first}"
            yield from (f"    {line}" for line in rest)


def _hyper(hyper: ast.Hyper) -> str:
    default = "" if hyper.default is None else f" = {hyper.default.span.text}"
    return f"{hyper.name}: {hyper.type.span.text}{default}"


def _title(statement: ast.Statement) -> str:
    """The name of what a statement declares, or its role."""
    match statement:
        case ast.Variable(role=role, name=name):
            return f"{role} {name}"
        case ast.Let(names=names):
            return f"let {', '.join(names)}"
        case ast.Net(name=name):
            return f"net {name}"
        case ast.Companion(role=role):
            return role
        case ast.Recipe(name=name):
            return f"recipe {name}"
    return type(statement).__name__.lower()
