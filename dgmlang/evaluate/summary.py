"""The held-out numbers that mean something for a model, by what its law allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from dgmlang.evaluate.log_prob import exact
from dgmlang.evaluate.result import Result
from dgmlang.evaluate.two_sample import energy_distance

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

DRAWS = 1_000
"""Draws that are compared with the data."""

K = 512
"""Importance samples of the tighter bound."""


def summary(fitted: Fitted, data: Any) -> list[tuple[str, Result]]:
    """Rows of a name and a number with its kind, the main one first."""
    return list(_rows(fitted, data))


def _rows(fitted: Fitted, data: Any) -> Iterator[tuple[str, Result]]:
    facts = fitted.model.plan.facts
    hidden = facts.normaliser.value == "unknown"
    if facts.density.value == "exact" and hidden:
        yield "energy gap, draws − data (0 where the model holds)", _energy_gap(fitted, data)
    elif facts.density.value == "exact" or facts.flags["continuous_process"]:
        yield f"{_log_p(fitted)}, nats", fitted.log_prob(data).mean()
        yield "bits per dimension", fitted.bits_per_dim(data).mean()
    elif facts.density.value == "bound" and facts.flags["guide_density"]:
        name = f"{_log_p(fitted)}{' + log Z' * hidden}, nats"
        yield name, fitted.log_prob(data).mean()
        method = f"iwae(k = {K})" if facts.flags["weighed"] else None
        if method is not None:
            yield name, fitted.log_prob(data, method=method).mean()
        if not hidden:
            yield "bits per dimension", fitted.bits_per_dim(data, method=method).mean()
    if _comparable(fitted):
        yield "energy distance, draws to data", _distance(fitted, data)


def _log_p(fitted: Fitted) -> str:
    """`log p(y | c)`, in the program's names."""
    program = fitted.model.plan.program
    data, givens = (", ".join(v.name for v in program.having(r)) for r in ("data", "given"))
    return f"log p({data} | {givens})" if givens else f"log p({data})"


def _comparable(fitted: Fitted) -> bool:
    program = fitted.model.plan.program
    continuous = fitted.model.plan.facts.space.value == "continuous"
    return continuous and not program.having("given") and len(program.having("data")) == 1


def _distance(fitted: Fitted, data: Any) -> Result:
    real = np.asarray(fitted.prepare(data))[:DRAWS]
    drawn = fitted.draws(len(real))
    name = fitted.model.plan.program.having("data")[0].name
    return energy_distance(real, drawn[name])


def _energy_gap(fitted: Fitted, data: Any) -> Result:
    """Mean free energy of draws minus that of data, with its standard error."""
    at_data = fitted.energy(data)
    drawn = fitted.draws(min(DRAWS, 256))
    program = fitted.model.plan.program
    values = {v.name: jnp.asarray(drawn[v.name]) for v in program.having("data")}
    at_draws = -np.asarray(exact(fitted.model.lowered, fitted.raw, values).value)
    spread = at_draws.var() / at_draws.size + at_data.var() / at_data.size
    gap = np.asarray(at_draws.mean() - at_data.mean())
    return Result(gap, "estimate", np.asarray(np.sqrt(spread)), f"{at_draws.size} draws")
