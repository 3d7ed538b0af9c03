"""Latent codes of a score model: the other end of the probability-flow ODE.

The ODE is one to one, so a code is the data in other coordinates, whose law is the process's prior.
Codes of data may be mixed and decoded: on the sphere, as their norms concentrate.

Source: Song et al. 2021, sec. 4.3 and D.3, arXiv 2011.13456.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.reverse import Reverse

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

SOLVER, TOLERANCE = "Tsit5", 1e-6
HOW = f"probability-flow ODE, {SOLVER} at rtol {TOLERANCE:g}"


def encoded(fitted: Fitted, data: Any) -> Result:
    """The code of each example: x carried from the first time to the last."""
    _require(fitted)
    values, _ = fitted.inlet.values(fitted.model.plan.program, data)
    return Result(_carried(fitted, values, forward=True), "model", None, HOW)


def decoded(fitted: Fitted, code: Any, given: Values) -> Result:
    """The data of each code, on the scale of the data that came in."""
    _require(fitted)
    name = str(fitted.model.lowered.score_variable)
    values = {**given, name: np.asarray(code)}
    data = fitted.inlet.invert({name: _carried(fitted, values, forward=False)})
    return Result(np.asarray(data[name]), "model", None, HOW)


def _carried(fitted: Fitted, values: Values, *, forward: bool) -> np.ndarray:
    def run(lowered: Lowered) -> Array:
        return _along(lowered, fitted.raw, values, forward)

    return np.asarray(fitted.model.lowered.sound(run))


@partial(jax.jit, static_argnums=(0, 3))
def _along(lowered: Lowered, params: Params, values: Values, forward: bool) -> Array:
    from dgmlang.samplers.simulate import by_flow  # with Diffrax, which few models need

    def one(values: Values) -> Array:
        reverse = Reverse(lowered, params, values)
        process, x = reverse.process, values[reverse.name]
        first, last = process.first_time, process.last_time
        times = (first, last) if forward else (last, first)
        moved, _ = by_flow(reverse, x.reshape(-1), SOLVER, (TOLERANCE, TOLERANCE), times)
        return moved.reshape(x.shape)

    return jax.vmap(one)(values)


def _require(fitted: Fitted) -> None:
    if not fitted.model.plan.facts.flags["continuous_process"]:
        raise DgmError(codes.no_estimator("code", (), fitted.model.name))
