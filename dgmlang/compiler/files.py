"""The files around a program: what `use "path": Name` may read, and where that ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import field
from functools import partial
from pathlib import Path

from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.source import Source, Unopened

Overlay = Callable[[Path], str | None]
"""The text of a file that differs from what lies on the disk (an editor's), or None."""


def on_disk(path: Path) -> str | None:
    """No file differs from what lies on the disk."""
    return None


def placed(path: Path, name: str, text: str, overlay: Overlay = on_disk) -> Source:
    """A text as the file at a path: it may use the files of that file's folder, and below it.

    Args:
        path: Where the text lies; a link counts as what it leads to.
        name: What people know it by; the names of what it uses begin alike.
        text: Its text.
        overlay: Texts that are newer than those on the disk.
    """
    file = path.resolve()
    tree = Tree(file.parent, name, overlay)
    return tree.source(file, Source(name, text, partial(tree.open, file.parent)))


@frozen(eq=False)
class Tree:
    """The folder of a program's root file. A file in it is one source, however often it is used.

    `main` is the name of the root file for people.
    """

    root: Path
    main: str
    overlay: Overlay
    _sources: dict[Path, Source] = field(default_factory=dict)

    def source(self, file: Path, source: Source) -> Source:
        """The source of a file, the same one every time."""
        return self._sources.setdefault(file, source)

    def open(self, folder: Path, written: str) -> Source:
        """The file at a path that a file of `folder` writes; raises Unopened."""
        if os.path.isabs(written):
            raise Unopened("outside")
        try:
            file = (folder / written).resolve()
        except (OSError, RuntimeError, ValueError):  # a link to itself, a character 0
            raise Unopened("unreadable", "no path of this system") from None
        if not file.is_relative_to(self.root):
            raise Unopened("outside", self.main)
        if file not in self._sources:
            name = os.path.join(os.path.dirname(self.main), file.relative_to(self.root))
            text = self._text(file, folder, written)
            self.source(file, Source(name, text, partial(self.open, file.parent), main=False))
        return self._sources[file]

    def _text(self, file: Path, folder: Path, written: str) -> str:
        newer = self.overlay(file)
        if newer is not None:
            return newer
        try:
            if not file.is_file():  # a folder, or a pipe that would keep us waiting
                said = "it is no file" if file.exists() else "no such file"
                raise Unopened("unreadable", said, self._near(folder, written))
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise Unopened("unreadable", "it is no text in UTF-8") from None
        except OSError as error:
            said = (error.strerror or "the system refused").lower()
            raise Unopened("unreadable", said) from None

    def _near(self, folder: Path, written: str) -> str | None:
        """A program that lies where the path leads, and whose name is nearly the same."""
        beside = sorted(p.name for p in (folder / written).parent.glob("*.dgm"))
        start, slash, name = written.rpartition("/")
        near = f"{name}.dgm" if f"{name}.dgm" in beside else suggest(name, beside)
        return None if near is None else start + slash + near
