"""The files of a program in a run folder: the originals are not needed to restore it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dgmlang.compiler.modules import files
from dgmlang.compiler.source import Source, Unopened


def packed(source: Source) -> list[dict[str, Any]]:
    """A program's files as plain data, the root first.

    `uses` maps the paths that a file writes to places in the list.
    """
    every = list(files(source))
    place = {one: i for i, one in enumerate(every)}
    return [
        {
            "name": one.name,
            "text": one.text,
            "uses": {path: place[other] for path, other in one.opened.items()},
        }
        for one in every
    ]


def unpacked(saved: Sequence[Mapping[str, Any]]) -> Source:
    """The root file; it and the others use each other, and nothing on the disk."""
    every = [Source(one["name"], one["text"], _absent, main=one is saved[0]) for one in saved]
    for one, source in zip(saved, every, strict=True):
        source.opened.update({path: every[place] for path, place in one["uses"].items()})
    return every[0]


def _absent(path: str) -> Source:
    raise Unopened("unreadable", "the run does not hold it")


def difference(one: Source, other: Source) -> tuple[str, str] | None:
    """The names of the first two files whose texts differ, None where all are the same.

    Each is compared with the one that stands in its place, whatever it is called.
    """
    for a, b in zip(files(one), files(other), strict=False):
        if a.text != b.text:
            return a.name, b.name
    return None
