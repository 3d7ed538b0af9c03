"""Distillation: a student that draws fast learns the density of a fitted teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.fitted import Fitted
from dgmlang.objectives.averaged import averaged
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.objectives.variables import only, shape_of
from dgmlang.prepare.step import Fitted as Fit
from dgmlang.registry import implements
from dgmlang.runtime.preparation import Preparation, States


@implements("objective", "distill")
def distill(lowered: Lowered, *, teacher: str) -> Objective:
    """KL(student ‖ teacher) = E_{x ~ student}[log p(x) − log t(x)], by draws of the student.

    Both laws are of prepared data, so teacher and student must be prepared alike, which is checked.
    The data bring givens, and say with their number how many draws a step takes; their values are
    not looked at.
    The loss is a KL in nats, which falls to 0, if the teacher's density is normalised; otherwise it
    ends at minus the log of its normaliser. Like every reverse KL it may leave out modes.

    A student's draw brings its density along, so a step of an `iaf` costs one pass of the student
    and one of a `maf` as the teacher, wherever either is slow.

    Args:
        lowered: The student, with exact density and gradients through its draws.
        teacher: The run folder of the teacher, of the same data variables.

    Source: van den Oord et al. 2018, Parallel WaveNet, sec. 3, arXiv:1711.10433.
    """
    found = _restored(teacher)
    taught, weights = found.model.lowered, jax.lax.stop_gradient(found.raw)
    _check(lowered, found, teacher)
    names = tuple(v.name for v in lowered.program.having("data"))
    givens = tuple(v.name for v in lowered.program.having("given"))

    def one(params: Params, key: Array, given: Values) -> Array:
        drawn, log_p = lowered.draw_with_density(params, key, given)
        return log_p - taught.log_prob(weights, {**given, **only(drawn, names)})

    def each(params: Params, values: Values, key: Array) -> Array:
        keys = jax.random.split(key, size(values))
        return jax.vmap(one, in_axes=(None, 0, 0))(params, keys, only(values, givens))

    objective = averaged(lowered, "distill", f"KL(student ‖ {teacher}), an estimate", each)
    return replace(objective, prepared=partial(_alike, found, (*names, *givens), teacher))


def _restored(folder: str) -> Fitted:
    from dgmlang.runtime.runs import restore

    return restore(Path(folder), {})


def _check(student: Lowered, found: Fitted, folder: str) -> None:
    """DGM0827 where the teacher has no density of what the student draws."""
    facts, program = found.model.plan.facts, found.model.plan.program
    if facts.space.value != "continuous":
        raise DgmError(queries.teacher_not_fit(folder, facts.space.witnesses[0].text))
    if facts.density.value != "exact":
        text = f"its density is {facts.density.value}, and an exact one is needed"
        raise DgmError(queries.teacher_not_fit(folder, text))
    roles = ("data", "given")
    own = {v.name: shape_of(v) for v in student.program.having(*roles)}
    other = {v.name: shape_of(v) for v in program.having(*roles)}
    if own != other:
        text = f"it is of {_named(other)}, and the student of {_named(own)}"
        raise DgmError(queries.teacher_not_fit(folder, text))


def _alike(
    found: Fitted, names: Sequence[str], folder: str, preparation: Preparation, states: States
) -> None:
    """DGM0827 where the teacher saw a variable otherwise prepared, or by other data's numbers."""
    taught = found.inlet
    for name in names:
        own, other = (
            next((chain for chain in p.chains if chain.name == name), None)
            for p in (preparation, taught.preparation)
        )
        if own != other:
            saw, sees = (f"`{c.text}`" if c else f"`{name}` as it is" for c in (other, own))
            why = f"it saw {saw}, and the student sees {sees}"
            raise DgmError(queries.teacher_not_fit(folder, why))
        if own and not _equal(states[name], taught.states[name]):
            why = f"`{own.text}` was fitted to other data than the student's"
            raise DgmError(queries.teacher_not_fit(folder, why))


def _equal(own: tuple[Fit, ...], other: tuple[Fit, ...]) -> bool:
    return all(
        np.array_equal(one[key], two[key])
        for one, two in zip(own, other, strict=True)
        for key in one
    )


def _named(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name}{list(shape) or ''}" for name, shape in shapes.items())
