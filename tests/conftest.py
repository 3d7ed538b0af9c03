"""`golden(path, text)` holds a text against a file; `pytest --accept` rewrites the file.

A module's `RNG` begins at a place of each test's own, whichever tests its worker ran before.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the golden files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--accept"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing; `pytest --accept` writes it"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(autouse=True)
def own_random_numbers(request: pytest.FixtureRequest) -> None:
    module = request.module
    if hasattr(module, "RNG"):
        module.RNG = np.random.default_rng(crc32(request.node.name.encode()))
