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
from dgmlang.runtime.data import Dataset
from dgmlang.runtime.inlet import Inlet
from dgmlang.runtime.shared import PLACE, checked, merged


def fitted_with(model: Model, params: Mapping[str, Any]) -> Fitted:
    """A model with known parameters on their own scale; missing names keep their initial values.

    `shared` givens stand among them (DGM0540 without one). A fitted model stands for the parameters
    of the part of its name, `a` of `let a = A()`.
    """
    first = model.lowered.init(0, None)
    params = _with_parts(params)
    own = model.plan.program.having("shared")
    values = {v.name: params[v.name] for v in own if v.name in params}
    found = merged(own, Dataset({}, PLACE), values).shared
    shared = jax.tree.map(jax.numpy.asarray, checked(own, found, PLACE))
    params = {name: value for name, value in params.items() if name not in shared}
    for name in params:
        if name not in first:
            raise DgmError(codes.unknown_choice("parameter", name, first))
    declared = [v for v in model.plan.program.having("param") if v.name in params]
    given = {v.name: Blocks.of(np.asarray(params[v.name])[None]) for v in declared}
    conform(declared, given, "the parameters")
    stored = model.lowered.unconstrain({**model.lowered.constrain(first), **params})
    checkpoint.restore(first, paths.named(stored), "the parameters")
    kept = {"last": jax.tree.map(jax.numpy.asarray, stored)}
    return Fitted(model, kept, "last", Inlet(shared=shared))


def _with_parts(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, those of fitted models under the names of the parts that they are."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Fitted):
            found |= {f"{name}.{own}": held for own, held in value.params.items()}
        else:
            found[name] = value
    return found
