"""`dgm check --json`: what programs read."""

from __future__ import annotations

import json
from pathlib import Path

from dgmlang.compiler.diagnostics.diagnostic import Edit, apply
from dgmlang.compiler.source import Source, Span
from tests.cli.conftest import POINTS, Dgm


def test_findings_are_records_with_places_and_fixes(dgm: Dgm, tmp_path: Path) -> None:
    path = tmp_path / "wrong.dgm"
    text = POINTS.replace("Normal(", "Normall(")
    path.write_text(text, encoding="utf-8")
    status, out, said = dgm("check", "--json", path)
    (found,) = json.loads(out)
    assert (status, said) == (1, "")
    assert (found["code"], found["severity"], found["help"]) == (
        "DGM0202",
        "error",
        "write `Normal`",
    )
    (edit,) = found["fixes"]
    source = Source(edit["file"], text)
    start = source.line_starts[edit["line"] - 1] + edit["column"] - 1
    end = source.line_starts[edit["end_line"] - 1] + edit["end_column"] - 1
    path.write_text(apply(text, [Edit(Span(source, start, end), edit["text"])]), encoding="utf-8")
    assert dgm("check", "--json", path) == (0, "[]\n", "")


def test_warnings_are_records_too(dgm: Dgm, tmp_path: Path) -> None:
    path = tmp_path / "idle.dgm"
    path.write_text(POINTS.replace("data", "param idle : real\n  data"), encoding="utf-8")
    status, out, _ = dgm("check", "--json", path)
    assert (status, [d["severity"] for d in json.loads(out)]) == (0, ["warning"])
    assert dgm("check", "--json", "--strict", path)[0] == 1
