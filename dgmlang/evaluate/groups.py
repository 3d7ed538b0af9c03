"""Arrays with the names that ArviZ gives their axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

DIMS = ("chain", "draw", "example")
"""The leading axes of draws; independent draws make one chain, `example` is the axis of data."""


def group(
    arrays: Mapping[str, np.ndarray], leading: tuple[str, ...], kind: str, method: str
) -> Any:
    """A data set whose axes after the leading ones are numbered as ArviZ numbers them."""
    import xarray

    found, coords = {}, {}
    for name, array in arrays.items():
        rest = (f"{name}_dim_{i}" for i in range(array.ndim - len(leading)))
        dims = (*leading, *rest)
        found[name] = (dims, array)
        coords |= {dim: np.arange(length) for dim, length in zip(dims, array.shape, strict=True)}
    told = {"inference_library": "dgmlang", "kind": kind, "method": method}
    return xarray.Dataset(found, coords, told)
