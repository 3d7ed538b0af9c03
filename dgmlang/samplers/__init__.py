"""Samplers, one a file. `dgm.samplers.gibbs(sweeps = 10)` is what a recipe writes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from dgmlang.constructors import Constructors

if TYPE_CHECKING:
    from dgmlang.compiler.plan.expression import Expression

    def __getattr__(name: str) -> Callable[..., Expression]: ...


KIND = "sampler"
sys.modules[__name__].__class__ = Constructors
