"""`dgm emit`: what a stage of the compiler makes of a program."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmlang.cli import options
from dgmlang.cli.command import Command
from dgmlang.cli.terminal import say

if TYPE_CHECKING:
    from dgmlang.model import Model


def _options(parser: ArgumentParser) -> None:
    options.program(parser)
    add = parser.add_argument
    add("--stage", required=True, choices=STAGES, help="which: " + ", ".join(STAGES))
    add("--objective", help="for latex, jaxpr and stablehlo; by default the one explain names")
    add("--batch", type=options.positive, default=2, metavar="N", help="examples a step, of these")
    add("--out", type=Path, metavar="FILE", help="where it goes; by default standard output")


def _run(args: Namespace) -> int:
    text = STAGES[args.stage](args)
    if args.out is None:
        print(text)
    else:
        from dgmlang.runtime.checkpoint import put

        put(args.out, lambda file: file.write(f"{text}\n".encode()))
        print(args.out)
    return 0


def _ast(args: Namespace) -> str:
    from dgmlang.compiler.emit.tree import tree
    from dgmlang.compiler.pipeline import read, syntax
    from dgmlang.compiler.report import Report

    return tree(syntax(read(args.file), Report()))


def _part(name: str) -> Callable[[Namespace], str]:
    """The program, the facts, or the whole plan without these two."""

    def emit(args: Namespace) -> str:
        from dgmlang.compiler.emit.tree import tree

        plan = _plan(args)
        rest = {n: v for n, v in vars(plan).items() if n not in ("program", "facts")}
        return tree(rest if name == "plan" else getattr(plan, name))

    return emit


def _latex(args: Namespace) -> str:
    from dgmlang.compiler.emit.latex import latex
    from dgmlang.compiler.library import library
    from dgmlang.compiler.pipeline import read, resolved
    from dgmlang.compiler.plan.methods import objective
    from dgmlang.compiler.report import Report

    plan = _plan(args)
    learned = plan.facts.flags["learned"]
    method = objective(plan, args.objective) if learned or args.objective else None
    externs = library().externs["objective"]
    terms = [(weight, externs[term.name]) for weight, term in method.terms] if method else []
    return latex(resolved(read(args.file), Report(), args.set).model, terms)


def _graph(args: Namespace) -> str:
    from dgmlang.compiler.emit.graph import graph
    from dgmlang.compiler.emit.svg import svg

    return svg(graph(_plan(args).program))


def _jaxpr(args: Namespace) -> str:
    import jax

    loss, arguments = _loss(args)
    return str(jax.make_jaxpr(loss)(*arguments))


def _stablehlo(args: Namespace) -> str:
    import jax

    loss, arguments = _loss(args)
    return jax.jit(loss).lower(*arguments).as_text()


def _loss(args: Namespace) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The loss of a batch, and its arguments as shapes; nothing is computed."""
    import jax

    import dgmlang as dgm
    from dgmlang.compiler.plan.methods import objective

    model = dgm.load(args.file, **args.set)
    first = model.init(0)
    batch = _batch(model, args.batch)
    # What training builds besides, a critic or a log Z, looks at data for its scale alone.
    blank = {name: jax.numpy.zeros(a.shape, a.dtype) for name, a in batch.items()}
    trained = model.objective(objective(model.plan, args.objective))
    first |= trained.companions(jax.random.key(0), blank)
    params = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), first)
    key = jax.eval_shape(lambda: jax.random.key(0))
    arguments = (params, batch, key)
    return lambda p, b, k: model.loss(p, b, k, args.objective), arguments


def _batch(model: Model, count: int) -> Mapping[str, Any]:
    import numpy as np
    from jax import ShapeDtypeStruct

    from dgmlang.compiler.types.dims import numbers
    from dgmlang.runtime.conform import storable

    program = model.plan.program
    held, shared = program.having("data", "given"), program.having("shared")
    shapes = {v.name: (count, *numbers(v.type.array_shape)) for v in held}
    types = {v.name: storable(v, np.zeros(1), prepared=False).dtype for v in (*held, *shared)}
    shapes |= {v.name: numbers(v.type.array_shape) for v in shared}
    return {name: ShapeDtypeStruct(shape, types[name]) for name, shape in shapes.items()}


def _plan(args: Namespace) -> Any:
    from dgmlang.compiler.pipeline import compile_source, read

    plan, report = compile_source(read(args.file), args.set)
    say(report.warnings)
    return plan


STAGES: dict[str, Callable[[Namespace], str]] = {
    "ast": _ast, "program": _part("program"), "facts": _part("facts"), "plan": _part("plan"),
    "latex": _latex, "graph": _graph, "jaxpr": _jaxpr, "stablehlo": _stablehlo,
}  # fmt: skip

EMIT = Command("emit", "print what a stage of the compiler makes of a program", _options, _run)
