"""Programs of the golden files as they are when somebody has done what a help says.

`tests/golden/mended.txt` holds them as edits: a case, and under it its edits, `old → new`, of which
`old` stands once in the case and `…` is whatever stands between. `or` begins another way, where
the help offers several or the case has several findings.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.files import placed
from dgmlang.compiler.pipeline import compile_source
from tests.compiler.syntax.elsewhere import cases

GOLDEN = Path(__file__).parents[1] / "golden"
HERE = GOLDEN / "check" / "fixed.dgm"
CHECKED = {p.stem: p.read_text("utf-8") for p in sorted((GOLDEN / "check").glob("*.dgm"))}
PARSED = {p.name: p.read_text("utf-8") for p in sorted((GOLDEN / "syntax").glob("*.dgm"))}
PROGRAMS = CHECKED | cases() | PARSED


def findings(text: str) -> list[Diagnostic]:
    try:
        return list(compile_source(placed(HERE, HERE.name, text))[1].warnings)
    except DgmError as error:
        return list(error.diagnostics)


def told(found: list[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((d.code, d.labels[0].text if d.labels else "") for d in found)


def is_of_the_parser(found: list[Diagnostic]) -> bool:
    return any(d.code.startswith("DGM01") for d in found)


def brought(
    before: list[Diagnostic], after: list[Diagnostic], mended: Counter[tuple[str, str]]
) -> Counter[tuple[str, str]]:
    """What an edit that mends `mended` leaves of them, and what comes of it."""
    if is_of_the_parser(before) and not is_of_the_parser(after):
        return Counter()  # the later stages speak where the parser has nothing left to say
    if is_of_the_parser(before):  # which now reads what it could not
        after = [d for d in after if is_of_the_parser([d])]
    elif any(d.severity == "error" for d in before):
        after = [d for d in after if d.severity == "error"]
    return told(after) - (told(before) - mended)


def ways() -> dict[str, list[list[str]]]:
    """Of each case the ways to mend it, each a list of edits."""
    found: dict[str, list[list[str]]] = {}
    name = ""
    for line in (GOLDEN / "mended.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            found[name][-1].append(line)
        elif line == "or":
            found[name].append([])
        else:
            assert line not in found, f"{line} stands twice"
            name, found[line] = line, [[]]
    return found


def edited(text: str, way: list[str]) -> str:
    for edit in way:
        old, new = (side.strip(" ") for side in edit.split("→", 1))
        places = list(re.finditer(".*?".join(map(re.escape, old.split("…"))), text, re.DOTALL))
        assert len(places) == 1, (edit, len(places))
        text = text[: places[0].start()] + new + text[places[0].end() :]
    return text
