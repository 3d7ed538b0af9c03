"""A fitted model from parameters that are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.fitted import Fitted
from dgmlang.model import Model
from dgmlang.runtime import checkpoint, paths
from dgmlang.runtime.blocks import Blocks
from dgmlang.runtime.conform import conform
from dgmlang.runtime.inlet import Inlet


def fitted_with(model: Model, params: Mapping[str, Any]) -> Fitted:
    """A model with known parameters on their own scale; missing names keep their initial values."""
    first = model.lowered.init(0, None)
    for name in params:
        if name not in first:
            raise DgmError(codes.unknown_choice("parameter", name, first))
    declared = [v for v in model.plan.program.having("param") if v.name in params]
    given = {v.name: Blocks.of(np.asarray(params[v.name])[None]) for v in declared}
    conform(declared, given, "the parameters")
    stored = model.lowered.unconstrain({**model.lowered.constrain(first), **params})
    checkpoint.restore(first, paths.named(stored), "the parameters")
    return Fitted(model, {"last": jax.tree.map(jax.numpy.asarray, stored)}, "last", Inlet())
