"""What `dgm check --fix` does: the edits that `help` describes, made until none is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dgmlang.cli.rewrite import rewrite
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic, Edit, apply
from dgmlang.compiler.files import placed
from dgmlang.compiler.modules import files
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.source import Source

ROUNDS = 50
"""Each round makes the edits that do not meet, and the parser may have more to say after it."""


def mend(source: Source, settings: Mapping[str, Any]) -> list[Diagnostic]:
    """Mend a program and the files that it uses, and write those that changed (DGM0605).

    Returns the findings whose edits were made. A file is written once, at the end; one that cannot
    be written leaves all before it written.
    """
    root = Path(source.name)
    texts: dict[Path, str] = {root.resolve(): source.text}
    before, made, seen = dict(texts), list[Diagnostic](), set[tuple[str, ...]]()
    for _ in range(ROUNDS):
        seen.add(tuple(texts.values()))
        source = placed(root, str(root), texts[root.resolve()], texts.get)
        chosen, edits = _chosen(_findings(source, settings), files(source))
        for of, found in edits.items():
            path = Path(of.name).resolve()
            before.setdefault(path, of.text)
            texts[path] = apply(of.text, found)
        if not edits or tuple(texts.values()) in seen:
            break
        made += chosen
    for path, text in texts.items():
        if text != before[path]:
            rewrite(path, text)
    return made


def _findings(source: Source, settings: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    try:
        return tuple(compile_source(source, settings)[1].warnings)
    except DgmError as error:
        return error.diagnostics


def _chosen(
    found: Iterable[Diagnostic], own: Iterable[Source]
) -> tuple[list[Diagnostic], dict[Source, list[Edit]]]:
    """Findings whose edits meet no other's, with all edits by file."""
    known, edits, chosen = set(own), dict[Source, list[Edit]](), list[Diagnostic]()
    for one in found:
        every = [e for of in edits.values() for e in of]
        mine = all(e.span.source in known for e in one.fixes)
        if one.fixes and mine and not any(_meet(a, b) for a in one.fixes for b in every):
            chosen.append(one)
            for edit in one.fixes:
                edits.setdefault(edit.span.source, []).append(edit)
    return chosen, edits


def _meet(one: Edit, other: Edit) -> bool:
    a, b = one.span, other.span
    return a.source is b.source and a.start <= b.end and b.start <= a.end
