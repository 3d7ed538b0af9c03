"""`verify`, as a command."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import pytest

from dgmlang.compiler.lower import remove
from tests.cli.conftest import Dgm
from tests.verify.test_verify import MIXTURE


def test_the_command_prints_each_test_and_ends_with_1_on_a_failure(
    dgm: Dgm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mixture.dgm"
    file.write_text(MIXTURE, encoding="utf-8")
    status, out, _ = dgm("verify", file)
    assert status == 0
    assert "holds       density of x integrates to 1" in out
    assert "power: log p 0.1 too large" in out
    whole = remove.log_prob
    monkeypatch.setattr(remove, "log_prob", lambda *a: whole(*a) + jnp.log(1.3))
    status, out, _ = dgm("verify", file)
    assert status == 1
    assert "fails" in out
