"""The most likely state of what is not given: exactly where it can be looked up, else searched.

| law | way | kind |
| --- | --- | --- |
| latents that go by a sum, data given | max in place of sum (Viterbi in a chain) | exact |
| an energy of finite sites within the budget | all states, one Gibbs block at its mode | exact |
| a Gaussian energy | its mean | exact |
| any other energy | annealing or iterated conditional modes from several starts | estimate |

An estimate is the best state that was found: its density is a lower bound of the mode's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Program
from dgmlang.evaluate.conditions import condition, examples
from dgmlang.evaluate.highest import climbed, enumerated, search
from dgmlang.evaluate.named import Settings, chosen
from dgmlang.evaluate.result import Kind, Result, only
from dgmlang.objectives.objective import Params, Values
from dgmlang.samplers.anneal import Anneal
from dgmlang.samplers.sweeps import covered

if TYPE_CHECKING:
    from dgmlang.kept import AbstractFitted

WAYS: Mapping[str, Settings] = {
    "exact": {},
    "anneal": {"steps": 1000, "hottest": 10.0, "chains": 8},
    "icm": {"starts": 8},
}
"""The ways to a mode, with what may stand in their brackets."""


def mode(fitted: AbstractFitted, given: Mapping[str, Any], method: str | None, seed: int) -> Any:
    """The most likely joint state [n, …] of all variables that are not given.

    Raises:
        DgmError: DGM0840 where a directed model leaves something to search; DGM0803, DGM0805.
    """
    lowered = fitted.model.lowered
    if lowered.facts.flags["energy"]:
        found, kind, how = _of_energy(fitted, given, method, jax.random.key(seed))
    else:
        found, kind, how = _of_latents(fitted, given, method)
    data = {v.name for v in lowered.program.having("data")}
    arrays = {name: np.asarray(array) for name, array in found.items() if name not in given}
    shown = fitted.inlet.invert({name: a for name, a in arrays.items() if name in data})
    return only({name: Result(a, kind, None, how) for name, a in {**arrays, **shown}.items()})


def _of_energy(
    fitted: AbstractFitted, given: Mapping[str, Any], method: str | None, key: jax.Array
) -> tuple[Values, Kind, str]:
    lowered, params = fitted.model.lowered, fitted.raw
    n = examples(fitted, given)
    held = condition(fitted, given, n)
    if lowered.facts.gaussian is not None:
        _only_exact(lowered.program, method)
        return _gaussian(lowered, params, held), "exact", "mean of a Gaussian"
    states = search(lowered, held)
    legal = [*(["exact"] if states else []), "anneal", *(["icm"] if covered(lowered) else [])]
    way, settings = chosen(lowered.program, method or legal[0], WAYS, legal, _unknown)
    if way == "exact" and states is not None:
        found = lowered.sound(lambda lowered: enumerated(lowered, states, params, held))
        return found, "exact", f"the highest of {states.states:,} states"
    starts = settings["chains" if way == "anneal" else "starts"]
    cooling = Anneal(lowered, settings["steps"], settings["hottest"]) if way == "anneal" else None
    how = f"annealing over {cooling.steps} steps" if cooling else "iterated conditional modes"
    found = climbed(lowered, cooling, starts, n, params, key, held)
    return found, "estimate", f"{how}, the best of {starts} starts, which may be a local maximum"


def _of_latents(
    fitted: AbstractFitted, given: Mapping[str, Any], method: str | None
) -> tuple[Values, Kind, str]:
    """The latents of a directed model given its data, where sums remove all of them."""
    lowered, program = fitted.model.lowered, fitted.model.plan.program
    removed = lowered.facts.removed
    summed = {r.variable for r in removed if r.over_states}
    wanted = [v.name for v in program.having("data", "latent") if v.name not in given]
    left = [name for name in wanted if name not in summed]
    left += [r.variable for r in removed if not r.over_states]
    if left or not wanted:
        raise DgmError(codes.no_mode(program.name, left[0] if left else None))
    _only_exact(program, method)
    values, _ = fitted.inlet.values(program, given)
    how = "max in place of sum" + (", turn by turn" if any(r.turns for r in removed) else "")
    return lowered.sound(lambda lowered: _latents(lowered, fitted.raw, values)), "exact", how


@partial(jax.jit, static_argnums=0)
def _latents(lowered: Lowered, params: Params, values: Values) -> Values:
    return jax.vmap(lowered.most_likely, in_axes=(None, 0))(params, values)


@partial(jax.jit, static_argnums=0)
def _gaussian(lowered: Lowered, params: Params, held: Values) -> Values:
    """The mean of the energies' variables given some of them, [n, …]."""
    if not held:
        return jax.tree.map(lambda x: x[None], lowered.gaussian_mode(params, {}))
    return jax.vmap(lowered.gaussian_mode, in_axes=(None, 0))(params, held)


def _only_exact(program: Program, method: str | None) -> None:
    if method is not None:
        chosen(program, method, WAYS, ("exact",), _unknown)


def _unknown(name: str, known: Collection[str]) -> Diagnostic:
    return codes.unknown_choice("way to a mode", name, known)
