"""Programs with loops, derived and lowered."""

from __future__ import annotations

import numpy as np

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.lower.lowered import Lowered, lower
from tests.lower.hand import parsed


def model(text: str, **settings: int) -> Lowered:
    program = parsed(text, **settings)
    return lower(program, derive(program))


def at(found: Lowered, **values: object):
    return found.unconstrain({name: np.asarray(value) for name, value in values.items()})
