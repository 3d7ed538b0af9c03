"""`dgm demo`: the main job on real data, for someone who has just installed this."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from dgmlang.cli.command import Command


def _options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR",
        help="where runs and pictures go (default: %(default)s)",
    )  # fmt: skip


def _run(args: Namespace) -> int:
    from dgmlang.cli.demo.story import tell

    tell(args.out)
    return 0


DEMO = Command(
    "demo",
    "train the first example on real digits with two objectives: about two minutes",
    _options,
    _run,
)
