"""The ways to log Z as people name them: `exact`, `ais(temperatures = 1000)`, `bridge` …"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Program
from dgmlang.evaluate.ais import ais, ais_each, bracket
from dgmlang.evaluate.bridge import bridge
from dgmlang.evaluate.conditions import condition, examples
from dgmlang.evaluate.log_normalizer import log_normalizer
from dgmlang.evaluate.named import Settings, chosen
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

NORMALISERS: Mapping[str, Settings] = {
    "exact": {},
    "ais": {"temperatures": 1000, "chains": 100},
    "bridge": {"levels": 30, "sweeps": 20, "chains": 100},
    "bracket": {"temperatures": 1000, "chains": 100},
}
"""The ways to log Z, with what may stand in their brackets."""

LEAST = {"chains": 2}
"""One chain has no spread that an error could be read off."""

ALONE: Mapping[str, Callable[..., Result]] = {"ais": ais, "bridge": bridge, "bracket": bracket}
"""Those that estimate one log Z."""

EACH = ("exact", "ais")
"""Those that give one for each example's givens."""


def normaliser(fitted: Fitted, given: Mapping[str, Any], method: str | None, seed: int) -> Result:
    """Log Z with its kind; with variables that are given, of the others, [n].

    Raises:
        DgmError: DGM0801, DGM0802, DGM0824, DGM0841 where the method has no way to it.
    """
    program, lowered = fitted.model.plan.program, fitted.model.lowered
    known = tuple(NORMALISERS) if fitted.model.plan.facts.flags["energy"] else ()
    if given or (known and program.having("given")):
        known = tuple(name for name in known if name in EACH)
    unknown = partial(_unknown, program)
    name, settings = chosen(
        program, method or "exact", NORMALISERS, known or ("exact",), unknown, LEAST
    )
    key = jax.random.key(seed)
    if known and (given or program.having("given")):
        held = condition(fitted, given, examples(fitted, given))
        return _each(lowered, fitted.raw, key, held, name, settings)
    if name != "exact":
        return ALONE[name](lowered, fitted.raw, key, **settings)
    return Result(log_normalizer(lowered, fitted.raw, {}), "exact", None, _how(lowered))


def _each(
    lowered: Lowered, params: Params, key: jax.Array, held: Values, name: str, settings: Settings
) -> Result:
    if name == "ais":
        return ais_each(lowered, params, key, given=held, **settings)
    clamped = [n for n in held if lowered.program.variables[n].role != "given"]
    if clamped:
        raise DgmError(codes.no_sum_given(lowered.program.name, clamped[0]))
    return Result(_summed(lowered, params, held), "exact", None, _how(lowered))


@partial(jax.jit, static_argnums=0)
def _summed(lowered: Lowered, params: Params, held: Values) -> jax.Array:
    return jax.lax.map(partial(log_normalizer, lowered, params), held)


def _how(lowered: Lowered) -> str:
    gaussian = lowered.facts.gaussian is not None
    return "closed form of a Gaussian" if gaussian else "sum over states"


def _unknown(program: Program, name: str, known: Collection[str]) -> Diagnostic:
    return codes.no_estimator(name, known, program.name)
