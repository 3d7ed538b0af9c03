"""Small programs, data and a trained run for the commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dgmlang.cli.main import main

POINTS = """
model Points(d: int) {
  param loc : real[d]
  param scale : positive[d]
  data x : real[d] ~ Normal(loc, scale)
}
"""

Answer = tuple[int, str, str]
Dgm = Callable[..., Answer]


@pytest.fixture
def dgm(capsys: pytest.CaptureFixture[str]) -> Dgm:
    """Runs a command in this process: (exit status, standard output, standard error)."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "points.dgm"
    path.write_text(POINTS, encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return saved(tmp_path / "x.npy", points(64))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two-dimensional points; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("trained")
    file = folder / "points.dgm"
    file.write_text(POINTS, encoding="utf-8")
    data = saved(folder / "x.npy", points(64))
    arguments = ["train", file, "--data", data, "--steps", "20", "--batch", "32"]
    assert main([str(a) for a in [*arguments, "--out", folder / "run"]]) == 0
    return folder / "run"


def points(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal([1.0, -2.0], [0.5, 2.0], (n, 2)).astype(np.float32)


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path
