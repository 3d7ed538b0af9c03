"""Params of which a finite latent picks one entry, and whether their start tells levels apart."""

from __future__ import annotations

from collections.abc import Iterator

from dgmlang.compiler.diagnostics.codes import laws as codes
from dgmlang.compiler.program import (
    Apply,
    Expr,
    Index,
    Law,
    Mixture,
    Named,
    Program,
    Read,
    Repeated,
    Variable,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.types.literals import numbers
from dgmlang.compiler.walk import arguments, entries, reads


def check_starts(program: Program, report: Report) -> None:
    """DGM0343 where all that tells a latent's levels apart starts alike, for ever."""
    for data in program.having("data"):
        params = [program.variables[name] for name in picked(program, data.law)]
        written = [param for param in params if param.start is not None]
        if not written or not all(_alike(param, data) for param in params):
            continue
        match data.law:
            case Mixture(weights=weights):
                even = _even(weights, program)
            case Named():
                even = _only_picks(data, program)
            case _:
                even = False
        if even and written[0].start is not None:
            report.say(codes.symmetric_start(written[0].start.span, written[0].name))


def _only_picks(data: Variable, program: Program) -> bool:
    """Whether one latent of even levels picks, and nothing else reads it."""
    assert isinstance(data.law, Named)
    around = [a for a in data.law.arguments.values() if isinstance(a, Index)]
    names = {name for a in around for item in a.items if item for name in reads_of(item)}
    latents = [program.variables[n] for n in names if program.variables[n].role == "latent"]
    if len(latents) != 1 or not isinstance(latents[0].law, Named):
        return False
    name = latents[0].name
    if program.guide is not None and name in program.guide.laws:
        return False
    others = [v for v in program.variables.values() if v.law is not None and v is not data]
    if any(name in reads(*arguments(v.law)) for v in others if v.law is not None):
        return False
    rest = [a for a in data.law.arguments.values() if a not in around]
    weights = list(latents[0].law.arguments.values())
    return name not in reads(*rest) and len(weights) == 1 and _even(weights[0], program)


def reads_of(item: object) -> tuple[str, ...]:
    """The variables that one index is made of."""
    return tuple(reads(item)) if isinstance(item, Expr) else ()


def _even(weights: Expr, program: Program) -> bool:
    """Whether all levels start equally likely."""
    if isinstance(weights, Apply):
        return weights.extern.has("constant")
    if isinstance(weights, Read):
        start = program.variables[weights.name].start
        return start is not None and _even(start, program)
    written = numbers(weights)
    return written == 0.5 or (isinstance(written, tuple) and len(set(written)) == 1)


def _alike(param: Variable, data: Variable) -> bool:
    """Whether the start is the same for each entry of the first axis."""
    start, rank = param.start, len(param.type.array_shape)
    if start is None:  # a scale starts as the spread of all data
        return param.type.kind.name == "positive" and data.type.kind.name == "real"
    if isinstance(start, Apply):
        return start.extern.has("constant") and start.extern.type is not None and rank > 1
    written = numbers(start)
    if not isinstance(written, tuple):
        return written is not None
    return len(start.type.array_shape) < rank or len(set(written)) == 1


def picked(program: Program, law: Law | None) -> Iterator[str]:
    """Params that a finite latent picks as whole arguments of a law, or of its components."""
    match law:
        case Mixture(component=Named(arguments=arguments)):
            yield from _params(program, *arguments.values())
        case Repeated():
            found = (name for entry in entries(law) for name in picked(program, entry))
            yield from dict.fromkeys(found)
        case Named(arguments=arguments):
            indexed = (a for a in arguments.values() if isinstance(a, Index))
            yield from _params(program, *(i.value for i in indexed if _by_latent(program, i)))


def _by_latent(program: Program, index: Index) -> bool:
    first = index.items[0]
    if isinstance(first, Index):  # the entry of a latent in loops
        first = first.value
    if len(index.items) != 1 or not isinstance(first, Read):
        return False
    variable = program.variables[first.name]
    return variable.role == "latent" and variable.type.kind.space == "finite"


def _params(program: Program, *expressions: Expr) -> Iterator[str]:
    for expr in expressions:
        if isinstance(expr, Read) and program.variables[expr.name].role == "param":
            yield expr.name
