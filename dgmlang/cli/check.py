"""`dgm check`: is a program well formed. It imports neither JAX nor NumPy."""

from __future__ import annotations

import gc
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dgmlang.cli import options
from dgmlang.cli.command import Command
from dgmlang.cli.terminal import say
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.source import Source


def _run(args: Namespace) -> int:
    with _uncollected():
        return _check(args)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's collector of cycles: what a check makes is in use until it ends."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _check(args: Namespace) -> int:
    from dgmlang.compiler.pipeline import compile_source, offered, read
    from dgmlang.compiler.plan.explain import Explanation

    source = read(args.file)
    if args.fix:
        _print_mended(source, args)
        source = read(args.file)
    try:
        plan, report = compile_source(source, args.set)
    except DgmError as error:
        if error.diagnostics[0].code == "DGM0204" and (names := offered(source)):
            print("[]" if args.json else f"{args.file} is for other files: {', '.join(names)}")
            return 0
        if not args.json:
            raise
        _print_records(error.diagnostics)
        return 1
    refused = bool(report.warnings) and args.strict
    if args.json:
        _print_records(report.warnings)
        return int(refused)
    say(report.warnings)
    if refused:
        return 1
    print(Explanation(plan).summary())
    print(f"{args.file} is well formed")
    return 0


def _print_mended(source: Source, args: Namespace) -> None:
    """Make the edits, and say what was done; with `--json` what is left is said alone."""
    from dgmlang.cli.mend import mend

    for found in mend(source, args.set):
        if not args.json:
            span = found.labels[0].span
            print(f"mended  {span}  {found.code}: {found.help or found.title}")


def _print_records(found: Iterable[Diagnostic]) -> None:
    import json

    from dgmlang.compiler.diagnostics.record import record

    print(json.dumps([record(diagnostic) for diagnostic in found], indent=2, ensure_ascii=False))


def _options(parser: ArgumentParser) -> None:
    options.program(parser)
    parser.add_argument("--strict", action="store_true", help="treat warnings as errors")
    parser.add_argument(
        "--fix", action="store_true", help="write into the files what the help of findings says"
    )
    parser.add_argument(
        "--json", action="store_true", help="print what was found as a list of JSON objects"
    )


CHECK = Command(
    "check", "say whether a program is well formed, and what is wrong if not", _options, _run
)
