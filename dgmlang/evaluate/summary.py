"""The held-out numbers that mean something for a model, by what its law allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.plan.answers import incomparable, ways_to_log_prob
from dgmlang.evaluate.compare import LEAST
from dgmlang.evaluate.entries import entries
from dgmlang.evaluate.log_prob import exact
from dgmlang.evaluate.result import Result, bits_per_dim
from dgmlang.objectives.local import LOCAL

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

DRAWS = 256
"""Draws of an energy whose mean energy is compared with the data's."""

REFINE = 200
"""Steps up the bound, for each example, of a fit that has no guide for others than its own."""

K = 512
"""Importance samples of the tighter bound."""


def summary(fitted: Fitted, data: Any, features: Fitted | None = None) -> list[tuple[str, Result]]:
    """Rows of a name and a number with its kind, the main one first."""
    return list(_rows(fitted, data, features))


def _rows(fitted: Fitted, data: Any, features: Fitted | None) -> Iterator[tuple[str, Result]]:
    facts = fitted.model.plan.facts
    hidden = facts.normaliser.value == "unknown"
    if facts.density.value == "exact" and hidden:
        yield "energy gap, draws − data (0 where the model holds)", _energy_gap(fitted, data)
    elif facts.density.value == "exact" or facts.flags["continuous_process"]:
        found = fitted.log_prob(data)
        yield f"{_log_p(fitted)}, nats", found.mean()
        yield "bits per dimension", _in_bits(fitted, data, found).mean()
    elif facts.density.value == "bound" and facts.flags["guide_density"]:
        name = f"{_log_p(fitted)}{' + log Z' * hidden}, nats"
        own = LOCAL in fitted.raw
        found = fitted.log_prob(data, method=f"elbo(refine = {REFINE})" if own else None)
        yield name, found.mean()
        if facts.flags["weighed"] and not own:
            found = fitted.log_prob(data, method=f"iwae(k = {K})")
            yield name, found.mean()
        if not hidden:
            yield "bits per dimension", _in_bits(fitted, data, found).mean()
    elif facts.density.value == "bound" and ways_to_log_prob(fitted.model.plan):
        yield f"{_log_p(fitted)}{' + log Z' * hidden}, nats", fitted.log_prob(data).mean()
    if _comparable(fitted, data):
        yield from fitted.compare(data, features=features).rows()


def _log_p(fitted: Fitted) -> str:
    """`log p(y | c)`, in the program's names."""
    program = fitted.model.plan.program
    data, givens = (", ".join(v.name for v in program.having(r)) for r in ("data", "given"))
    return f"log p({data} | {givens})" if givens else f"log p({data})"


def _in_bits(fitted: Fitted, data: Any, found: Result) -> Result:
    """What was found for log p of these data, as `Fitted.bits_per_dim` would find it once more."""
    program = fitted.model.plan.program
    return bits_per_dim(found, entries(program, fitted.inlet.values(program, data)[0]))


def _comparable(fitted: Fitted, data: Any) -> bool:
    """Whether examples are points of one space, enough of them, and their draws cheap."""
    program, facts = fitted.model.plan.program, fitted.model.plan.facts
    if incomparable(program) is not None or not (
        facts.space.value == "continuous" or facts.draw.value == "direct"
    ):
        return False
    values, _ = fitted.inlet.values(program, data)
    return len(next(iter(values.values()))) >= 2 * LEAST


def _energy_gap(fitted: Fitted, data: Any) -> Result:
    """Mean free energy of draws minus that of data, with its standard error."""
    at_data = fitted.energy(data)
    drawn = fitted.draws(DRAWS)
    program = fitted.model.plan.program
    values = {v.name: jnp.asarray(drawn[v.name]) for v in program.having("data")}
    at_draws = -np.asarray(exact(fitted.model.lowered, fitted.raw, values).value)
    spread = at_draws.var() / at_draws.size + at_data.var() / at_data.size
    gap = np.asarray(at_draws.mean() - at_data.mean())
    return Result(gap, "estimate", np.asarray(np.sqrt(spread)), f"{at_draws.size} draws")
