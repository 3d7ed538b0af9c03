"""`python -m dgmlang` is `dgm`, its exit status too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_an_error_is_told_to_the_shell(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.dgm", tmp_path / "bad.dgm"
    good.write_text("model A { data x : real ~ Normal(0, 1) }\n")
    bad.write_text("model A { data x : real ~ Norml(0, 1) }\n")
    said = [
        subprocess.run([sys.executable, "-m", "dgmlang", "check", p], check=False)
        for p in (good, bad)
    ]
    assert [s.returncode for s in said] == [0, 1]
