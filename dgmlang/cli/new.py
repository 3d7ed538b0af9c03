"""`dgm new`: a program of one's own, begun from a worked example."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path

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


def _run(args: Namespace) -> int:
    known = examples()
    if args.file is None:
        print("\n".join(f"{name:<20} {_first_line(text)}" for name, text in known.items()))
        return 0
    if args.like not in known:
        near = suggest(args.like, known)
        hint = f"did you mean {near}?" if near else "`dgm new` lists all"
        raise UsageError(f"there is no example `{args.like}`; {hint}")
    if args.file.exists():
        raise UsageError(f"{args.file} is there already; `dgm new` overwrites nothing")
    from dgmlang.runtime.checkpoint import put

    put(args.file, lambda out: out.write(_named(known[args.like], args.file.stem).encode()))
    print(f"{args.file}, after the example {args.like}")
    print(f"  dgm check {args.file}")
    print(f"  dgm explain {args.file}")
    return 0


def _first_line(text: str) -> str:
    return next(line[2:].strip() for line in text.splitlines() if line.startswith("##"))


def _named(text: str, stem: str) -> str:
    """The example with its model called after the file, where that makes a name."""
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", stem))
    return re.sub(r"^model \w+", f"model {name}", text, flags=re.M) if name.isidentifier() else text


NEW = Command("new", "begin a program from a worked example", _options, _run)
