"""`golden(path, text)` holds a text against a file; `pytest --accept` rewrites the file.

A module's `RNG` begins at a place of each test's own, whichever tests its worker ran before.
Compiled programs are let go before Linux's limit on a process's memory maps (65 530) is near: each
holds several, and beyond it XLA crashes (`Segmentation fault` in `backend_compile_and_load`).
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

MAPS, MANY = Path("/proc/self/maps"), 20_000


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


@pytest.fixture(autouse=True, scope="module")
def few_memory_maps() -> Iterator[None]:
    yield
    if "jax" in sys.modules and MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY:
        sys.modules["jax"].clear_caches()
        gc.collect()
