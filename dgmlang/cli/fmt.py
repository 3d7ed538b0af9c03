"""`dgm fmt`: the one layout of programs. It imports neither JAX nor NumPy."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from dgmlang.cli.command import Command
from dgmlang.cli.rewrite import rewrite
from dgmlang.cli.terminal import say
from dgmlang.compiler.diagnostics.codes.names import no_file
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.source import Source

STDIN = "-"


def _run(args: Namespace) -> int:
    """A file that cannot be laid out keeps its text, and the others are still done."""
    status = 0
    for name in args.files:
        try:
            changed = _file(name, args)
        except DgmError as error:
            say(error.diagnostics)
            status = 1
        else:
            status |= changed and (args.check or args.diff)
    return status


def _file(name: str, args: Namespace) -> bool:
    """Whether the text is not yet in its layout (or, with `--upgrade`, not in this version)."""
    from dgmlang.compiler.syntax.format import format_source, upgrade

    source, before = _read(name)
    text = (upgrade if args.upgrade else format_source)(source)
    changed = text.encode() != before
    if args.diff:
        _print_diff(name, source.text, text)
    elif args.check:
        print(f"{name} would change" if changed else f"{name} is formatted")
    elif name == STDIN:
        sys.stdout.write(text)
    elif changed:
        rewrite(Path(name), text)
        print(f"{name} is formatted now")
    return changed


def _read(name: str) -> tuple[Source, bytes]:
    """The text, and its bytes as they lie there (DGM0208)."""
    from dgmlang.compiler.pipeline import read

    if name != STDIN:
        return read(name), Path(name).read_bytes()
    before = sys.stdin.buffer.read()
    try:
        return Source("<stdin>", before.decode()), before
    except UnicodeDecodeError:
        raise DgmError(no_file("<stdin>", "it is no text in UTF-8")) from None


def _print_diff(name: str, before: str, after: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    for line in lines:
        print(line)


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="programs; `-` is standard input")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where one would change"
    )
    parser.add_argument(
        "--diff", action="store_true", help="as --check, and print what would change"
    )
    parser.add_argument(
        "--upgrade", action="store_true",
        help="bring older versions of the language to this one, and say so in the first line",
    )  # fmt: skip


FMT = Command("fmt", "lay programs out in the one way, their comments kept", _options, _run)
