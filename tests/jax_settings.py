"""JAX's settings for the tests, as a pytest plugin that loads before anything imports JAX.

They are environment variables, so that commands which a test starts have them too, and so that a
test of the front end need not import JAX.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def _cache_folder() -> Path:
    """The user's cache; one folder a worker, since JAX's writes to it are not atomic."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "dgmlang" / "jax" / os.environ.get("PYTEST_XDIST_WORKER", "main")


SETTINGS = {
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_COMPILATION_CACHE_DIR": str(_cache_folder()),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
}

os.environ.update(SETTINGS)
os.environ.setdefault("JAX_PLATFORMS", "cpu")


@pytest.fixture
def x64() -> Iterator[None]:
    """Sixty-four bits for one test, where a truth is compared."""
    import jax

    with jax.enable_x64(True):
        yield
