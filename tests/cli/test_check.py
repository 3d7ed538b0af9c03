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


WRONG = """model M {
  net f(z: real[2]) -> (loc: real[4]) = z |> mpl([8])
  latent z : reals[2] ~ Normall(0, 1)  # kept
  data x : real[4] ~ Normal(f(z)..., scal = 1)
}
"""


def test_fix_writes_what_help_says_until_nothing_is_left(dgm: Dgm, tmp_path: Path) -> None:
    path = tmp_path / "wrong.dgm"
    path.write_text(WRONG, encoding="utf-8")
    status, out, said = dgm("check", "--fix", path)
    assert (status, said) == (0, "")
    lines = [line.split(maxsplit=2) for line in out.splitlines() if line.startswith("mended")]
    assert {line[2] for line in lines} == {
        "DGM0301: write `real`",
        "DGM0202: write `mlp`",
        "DGM0202: write `Normal`",
        "DGM0309: write `scale`",
    }
    meant = {"mpl": "mlp", "reals": "real", "Normall": "Normal", "scal ": "scale "}
    text = WRONG
    for wrong, right in meant.items():
        text = text.replace(wrong, right)
    assert path.read_text(encoding="utf-8") == text


def test_fix_leaves_what_a_person_must_decide(dgm: Dgm, tmp_path: Path) -> None:
    path = tmp_path / "wrong.dgm"
    text = WRONG.replace("mpl([8])", "mpl([8]) |> dense(4) |> unknowable(3)")
    path.write_text(text, encoding="utf-8")
    status, out, said = dgm("check", "--fix", path)
    assert (status, out.count("mended")) == (1, 4)
    assert "unknowable" in said
    before = path.read_bytes()
    assert dgm("check", "--fix", path)[1].count("mended") == 0
    assert path.read_bytes() == before


def test_fix_mends_the_files_that_a_program_uses(dgm: Dgm, tmp_path: Path) -> None:
    path, other = tmp_path / "main.dgm", tmp_path / "parts.dgm"
    path.write_text(
        'use "part.dgm": twise\nmodel M { data x : real ~ Normal(twise(1.0), 1) }\n',
        encoding="utf-8",
    )
    other.write_text("let twice(x) = 2 * exq(x)\n", encoding="utf-8")
    status, out, said = dgm("check", "--fix", path)
    assert said == "" or status == 1
    assert path.read_text(encoding="utf-8").startswith('use "parts.dgm"')
    path.write_text(path.read_text(encoding="utf-8").replace("twise", "twice"), encoding="utf-8")
    status, out, said = dgm("check", "--fix", path)
    assert (status, said) == (0, "")
    assert other.read_text(encoding="utf-8") == "let twice(x) = 2 * exp(x)\n"
    assert f"mended  {other}:1:20" in out
