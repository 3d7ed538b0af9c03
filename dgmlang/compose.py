"""Fitted laws put together: their product, a product with negative powers, their mixture.

The result is an energy over the same variables, with the parts' parameters as its own, so every
query and sampler of an energy answers for it. Parts are taken as they are: nothing is trained.

Source: Hinton 2002 (products); Du, Li & Mordatch 2020, arXiv 2004.06030 (mixtures, negation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from dgmlang.compiler.diagnostics.codes import composing as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Variable
from dgmlang.model import parse
from dgmlang.objectives.objective import Params

if TYPE_CHECKING:
    from jax import Array

    from dgmlang.fitted import Fitted

Joined = Callable[["Array"], "Array"]
"""The log densities of the parts [k] → that of the whole, up to a constant."""


def product(*laws: Fitted, powers: Sequence[float] | None = None) -> Fitted:
    """p(x) ∝ ∏ᵢ pᵢ(x)^wᵢ: likely where all laws find x likely.

    A negative power keeps away from what a law finds likely; whether the whole can still be
    normalised is then the caller's to see to.

    Args:
        laws: Fitted models of the same data, each with a density, if need be unnormalised.
        powers: The wᵢ, one a law; by default all 1.

    Raises:
        DgmError: DGM0935 where the laws do not go together, or a power is missing.
    """
    weights = jnp.asarray(_each(laws, powers, "powers", 1.0))
    return _composed("Product", laws, lambda logs: jnp.sum(weights * logs))


def mixture(*laws: Fitted, weights: Sequence[float] | None = None) -> Fitted:
    """p(x) = Σᵢ wᵢ pᵢ(x): likely where some law finds x likely. Its log Z is 0.

    Chains seldom cross between parts that lie far apart: draw by `temper`.

    Args:
        laws: Fitted models of the same data, each with a density that is normalised.
        weights: The wᵢ > 0, one a law, divided by their sum; by default all alike.

    Raises:
        DgmError: DGM0935 where the laws do not go together, or a log Z is not known.
    """
    shares = _each(laws, weights, "weights", 1.0)
    if min(shares) <= 0:
        raise DgmError(codes.apart(f"the weights are {_listed(shares)}, and each must be positive"))
    added = jnp.asarray([log(w / sum(shares)) for w in shares])
    constants = jnp.asarray([_log_normalizer(law) for law in laws])
    return _composed("Mixture", laws, lambda logs: jax.nn.logsumexp(added + logs - constants))


def _each(
    laws: Sequence[Fitted], given: Sequence[float] | None, what: str, usual: float
) -> list[float]:
    """One number a law."""
    found = [usual] * len(laws) if given is None else [float(w) for w in given]
    if len(laws) < 2:
        raise DgmError(codes.apart("there are fewer than two laws"))
    if len(found) != len(laws):
        raise DgmError(codes.apart(f"there are {len(laws)} laws and {len(found)} {what}"))
    return found


def _log_normalizer(law: Fitted) -> float:
    normaliser = law.model.plan.facts.normaliser.value
    if normaliser == "unknown":
        raise DgmError(codes.apart(f"what `{law.model.name}` adds up to is not known", mixed=True))
    return float(law.log_normalizer()) if normaliser == "summed" else 0.0


def _composed(name: str, laws: Sequence[Fitted], join: Joined) -> Fitted:
    """The energy −join(log p₁, …, log pₖ) over the data of the first."""
    first, *others = [_variables(law) for law in laws]
    for law, variables in zip(laws[1:], others, strict=True):
        if [v.type for v in variables] != [v.type for v in first]:
            pair = f"`{laws[0].model.name}` is a law of {_shown(first)}"
            why = f"{pair}, `{law.model.name}` one of {_shown(variables)}"
            raise DgmError(codes.apart(why))

    def density(parts: Params, *values: Array) -> Array:
        logs = []
        for i, law in enumerate(laws):
            own = dict(zip((v.name for v in _variables(law)), values, strict=True))
            logs.append(law.model.lowered.log_prob(parts[f"law{i + 1}"], own))
        return join(jnp.stack(logs))

    start = {f"law{i + 1}": law.raw for i, law in enumerate(laws)}
    ports = ", ".join(f"{v.name}: {v.type}" for v in first)
    data = "\n".join(f"  data {v.name} : {v.type}" for v in first)
    reads = ", ".join(v.name for v in first)
    text = (
        f"extern net log_density({ports}) -> real\n"
        f"model {name} {{\n{data}\n  energy -log_density({reads})\n}}"
    )
    net: Any = (lambda _: start, density)
    return parse(text, log_density=net).with_params({})


def _variables(law: Fitted) -> tuple[Variable, ...]:
    """The data of a law that can be put together with others."""
    program, facts = law.model.plan.program, law.model.plan.facts
    name, data = program.name, program.having("data")
    if facts.density.value != "exact":
        raise DgmError(codes.apart(f"`{name}` has no exact density"))
    if program.having("given", "shared"):
        raise DgmError(codes.apart(f"`{name}` is a law given something"))
    if any(v.type.may_miss or v.type.varying for v in data):
        raise DgmError(codes.apart(f"the data of `{name}` may be missing, or vary in length"))
    if law.inlet.preparation.chains and any(v.type.kind.space != "finite" for v in data):
        raise DgmError(codes.apart(f"`{name}` prepares its data, to a scale of its own"))
    return data


def _shown(variables: Sequence[Variable]) -> str:
    return ", ".join(str(v.type) for v in variables)


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{w:g}" for w in numbers)
