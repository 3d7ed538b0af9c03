"""Names across files: what `use "path": Name` brings in is the declaration of another file.

A name of a file is one that stands outside of models, or that the file brings in. Files are found
where a program's root may lie: the open texts, and what lies in and below the folders of the
editor's workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dgmlang.compiler.files import Overlay, on_disk, placed
from dgmlang.compiler.source import Source, Span, Unopened
from dgmlang.compiler.syntax import ast
from dgmlang.editor import names
from dgmlang.editor.names import word_at

MOST = 1000
"""How many files of a workspace are looked through."""


@dataclass(frozen=True)
class Symbol:
    """A declaration outside of models: the file that it stands in, and its name there."""

    file: Path
    name: str


@dataclass(frozen=True, eq=False)
class Project:
    """The files that may belong together.

    Args:
        folders: Where programs lie; all below is looked through.
        open: Files that are open in the editor.
        overlay: The texts of those that differ from the disk.
    """

    folders: tuple[Path, ...] = ()
    open: tuple[Path, ...] = ()
    overlay: Overlay = on_disk

    def source(self, path: Path) -> Source:
        """A file as the root of a program."""
        newer = self.overlay(path.resolve())
        text = path.read_text(encoding="utf-8") if newer is None else newer
        return placed(path, str(path), text, self.overlay)

    def definition(self, source: Source, offset: int) -> Span | None:
        """Where the name at a place is declared, in this file or in the one it comes from."""
        symbol = self._symbol(source, offset)
        if symbol is None:
            return names.definition(source, offset)
        other = source if symbol.file == _path(source) else self.source(symbol.file)
        return next((s for s in _declaring(other, symbol.name)), None)

    def references(self, source: Source, offset: int) -> list[Span]:
        """Every place that means the same, in all files, whatever it is called there."""
        symbol = self._symbol(source, offset)
        if symbol is None:
            return names.occurrences(source, offset)
        return [
            s for f in self._naming(source, symbol) for s in self._uses(f, symbol, aliases=True)
        ]

    def renamed(self, source: Source, offset: int) -> list[Span]:
        """Every place that changes with the name: an alias belongs to its file alone."""
        here = names.occurrences(source, offset)
        aliased = _aliased(source, offset)
        symbol = None if aliased else self._symbol(source, offset)
        if symbol is None:
            return here
        return [
            s for f in self._naming(source, symbol) for s in self._uses(f, symbol, aliases=False)
        ]

    # ── files ────────────────────────────────────────────────────────────────────────────────────

    def _naming(self, asked: Source, symbol: Symbol) -> Iterator[Source]:
        return (one for one in self._files(asked) if symbol.name in one.text)

    def _files(self, asked: Source) -> Iterator[Source]:
        """Every file that may use a name, each once; the one that was asked about is itself."""
        seen = {_path(asked)}
        yield asked
        for path in self._paths(asked):
            if path not in seen and len(seen) < MOST:
                seen.add(path)
                try:
                    yield self.source(path)
                except (OSError, UnicodeDecodeError):
                    continue

    def _paths(self, asked: Source) -> Iterator[Path]:
        yield from (path.resolve() for path in self.open)
        for folder in self.folders:
            yield from (path.resolve() for path in sorted(folder.rglob("*.dgm")))
        yield from (_path(of) for of in reached(asked))

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def _symbol(self, source: Source, offset: int) -> Symbol | None:
        """The declaration outside of models that the name at a place means, if it is one."""
        word = word_at(source, offset)
        if word is None:
            return None
        for use, one in _imports(source):
            inside = one.span.start <= word.start < one.span.end
            used = word.text == one.alias and names.of_file(source, word.text, word.start)
            if used or (inside and word.text in (one.name, one.alias)):
                other = _target(source, use)
                return None if other is None else Symbol(_path(other), one.name)
        if names.of_file(source, word.text, word.start) and _declaring(source, word.text):
            return Symbol(_path(source), word.text)
        return None

    def _uses(self, source: Source, symbol: Symbol, *, aliases: bool) -> Iterator[Span]:
        if _path(source) == symbol.file:
            yield from _everywhere(source, symbol.name)
            return
        for use, one in _imports(source):
            if one.name != symbol.name or _path(_target(source, use)) != symbol.file:
                continue
            if one.alias == one.name:
                yield from _everywhere(source, one.name)
                continue
            yield Span(source, one.span.start, one.span.start + len(one.name))
            if aliases:
                yield from _everywhere(source, one.alias)


def reached(source: Source) -> list[Source]:
    """A source, and every file that it uses, or that these use."""
    found: list[Source] = [source]
    for one in found:
        targets = (_target(one, use) for use, _ in _imports(one))
        found += [t for t in dict.fromkeys(targets) if t is not None and t not in found]
    return found


def brought_in(source: Source, other: Source) -> Span:
    """The place in a file that brings another one in; its start where none does."""
    for use, _ in _imports(source):
        target = _target(source, use)
        if target is not None and other in reached(target):
            return use.place_span
    return Span(source, 0, 0)


def _imports(source: Source) -> Iterator[tuple[ast.Use, ast.Imported]]:
    uses = (s for s in names.parsed(source).statements if isinstance(s, ast.Use) and s.path)
    return ((use, one) for use in uses for one in use.names)


def _target(source: Source, use: ast.Use) -> Source | None:
    try:
        return source.open(use.path or "")
    except Unopened:
        return None


def _path(source: Source | None) -> Path:
    return Path() if source is None else Path(source.name).resolve()


def _aliased(source: Source, offset: int) -> bool:
    """Whether the name at a place is an alias, which is this file's own."""
    word = word_at(source, offset)
    for _, one in _imports(source):
        if word is not None and one.alias != one.name and word.text == one.alias:
            return word.start != one.span.start
    return False


def _everywhere(source: Source, name: str) -> Iterable[Span]:
    """Every use of a name of the file, from the first place where it is one."""
    for token in names.tokens_of(source, name):
        if names.of_file(source, name, token.start):
            return names.occurrences(source, token.start)
    return ()


def _declaring(source: Source, name: str) -> list[Span]:
    """Where a file declares a name outside of models."""
    return [s for s in _everywhere(source, name) if names.declares(source, s)]
