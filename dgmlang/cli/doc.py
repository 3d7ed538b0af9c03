"""`dgm doc`: what a name of the library means, or what a program says of itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from dgmlang.cli.command import Command, UsageError


def _options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME",
        help="of the library, such as Normal; or a program's file; without one, all names",
    )  # fmt: skip


def _run(args: Namespace) -> int:
    if args.name is None:
        print(_all())
    elif args.name.endswith(".dgm") or Path(args.name).is_file():
        print(_file(Path(args.name)))
    else:
        print(_library(args.name))
    return 0


def _library(name: str) -> str:
    from dgmlang.compiler.diagnostics.suggest import suggest
    from dgmlang.compiler.emit.describe import described, entries, names

    found = entries(name)
    if not found:
        near = suggest(name, names())
        hint = f"did you mean {near}?" if near else "`dgm doc` lists all names"
        raise UsageError(f"the library has no `{name}`; {hint}")
    return "\n\n".join(map(described, found))


def _file(path: Path) -> str:
    from dgmlang.compiler.emit.describe import described
    from dgmlang.compiler.pipeline import read, syntax
    from dgmlang.compiler.report import Report
    from dgmlang.compiler.syntax import ast

    tree = syntax(read(path), Report())
    models = (s for s in tree.statements if isinstance(s, ast.Model))
    return "\n\n".join(map(described, models)) or f"{path} holds no model"


def _all() -> str:
    from textwrap import TextWrapper

    from dgmlang.compiler.emit.describe import KINDS
    from dgmlang.compiler.library import library

    held = library()
    rows = {KINDS.get(kind, kind): list(space) for kind, space in held.externs.items()}
    rows["model"] = list(held.models)
    wide = TextWrapper(96, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(f"{title}\n{wide.fill(', '.join(row))}" for title, row in rows.items())


DOC = Command("doc", "say what a name of the library means, or what a program says of itself",
              _options, _run)  # fmt: skip
