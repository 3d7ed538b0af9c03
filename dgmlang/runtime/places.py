"""Where in an array something is, in words."""

from __future__ import annotations

import numpy as np


def entry(name: str, array: np.ndarray, where: np.ndarray) -> tuple[str, str]:
    """The first value that a mask marks, and its place: `2`, "row 3, `x[3, 0, 5]`, and 7 more"."""
    index = tuple(map(int, np.argwhere(where)[0]))
    more = int(where.sum()) - 1
    rest = f", and {more} more" if more else ""
    shown = ", ".join(map(str, index))
    return f"{array[index]:g}", f"row {index[0]}, `{name}[{shown}]`{rest}"
