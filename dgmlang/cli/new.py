"""`dgm new`: a program of one's own, begun from a worked example or a Bayesian network."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

from dgmlang.cli import bif
from dgmlang.cli.command import Command, UsageError
from dgmlang.compiler.diagnostics.suggest import suggest


def examples() -> dict[str, str]:
    """The worked examples by name."""
    folder = Path(__file__).parents[1] / "examples"
    paths = sorted((p for p in folder.iterdir() if p.name.endswith(".dgm")), key=lambda p: p.name)
    return {p.name.removesuffix(".dgm"): p.read_text(encoding="utf-8") for p in paths}


def _options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the program to begin, such as mine.dgm"
    )
    parser.add_argument(
        "--like", default="vae", metavar="EXAMPLE",
        help="the example to begin from (default: %(default)s); without FILE, all are listed",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="FILE.bif",
        help="a Bayesian network in the interchange format, such as asia.bif, as the program",
    )  # fmt: skip


def _run(args: Namespace) -> int:
    known = examples()
    if args.source is not None:
        return _imported(args)
    if args.file is None:
        print("\n".join(f"{name:<20} {_first_line(text)}" for name, text in known.items()))
        return 0
    if args.like not in known:
        near = suggest(args.like, known)
        hint = f"did you mean {near}?" if near else "`dgm new` lists all"
        raise UsageError(f"there is no example `{args.like}`; {hint}")
    _write(args.file, _named(known[args.like], args.file.stem), f"the example {args.like}")
    return 0


def _imported(args: Namespace) -> int:
    """The network of `--from` as a program, in this folder where no file is named."""
    from dgmlang.compiler.source import Source
    from dgmlang.compiler.syntax.format import format_source

    file = args.file or Path(args.source.with_suffix(".dgm").name)
    try:
        text = args.source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{args.source} cannot be read: {error}") from error
    written = _named(bif.program(text, "Network", args.source.name), file.stem)
    _write(file, format_source(Source(str(file), written)), args.source)
    return 0


def _write(file: Path, text: str, origin: object) -> None:
    if file.exists():
        raise UsageError(f"{file} is there already; `dgm new` overwrites nothing")
    from dgmlang.runtime.checkpoint import put

    put(file, lambda out: out.write(text.encode()))
    print(f"{file}, after {origin}")
    print(f"  dgm check {file}")
    print(f"  dgm explain {file}")


def _first_line(text: str) -> str:
    return next(line[2:].strip() for line in text.splitlines() if line.startswith("##"))


def _named(text: str, stem: str) -> str:
    """The example with its model called after the file, where that makes a name."""
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", stem))
    return re.sub(r"^model \w+", f"model {name}", text, flags=re.M) if name.isidentifier() else text


NEW = Command("new", "begin a program from a worked example or a Bayesian network", _options, _run)
