"""The demo, with fewer steps and particles than a newcomer sees."""

from __future__ import annotations

from pathlib import Path

import pytest

import dgmlang as dgm
from dgmlang.cli.demo import story


def test_the_demo_trains_twice_and_writes_what_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "ESTIMATOR", "iwae(k = 4)")
    story.tell(tmp_path / "demo", steps=30)
    out = capsys.readouterr().out
    assert "model VAE(" in out
    assert "elbo (default), iwae" in out
    assert '--objective "iwae(k = 8)"' in out
    assert out.count("a bound by iwae, k = 4") == 2
    assert out.count("bits per dimension") == 2
    pictures = [Path(line) for line in out.splitlines() if line.endswith(".png")]
    names = ["samples", "reconstructions", "curves", "demo"]
    assert [path.stem for path in pictures[:4]] == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures[:4])
    for objective in ("elbo", "iwae"):
        assert dgm.restore(tmp_path / "demo" / objective).step == 30


def test_a_demo_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(dgm.DgmError, match="cannot write"):
        story.tell(tmp_path / "file")
