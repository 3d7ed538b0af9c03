"""Maximum a posteriori: maximum likelihood with the params' priors."""

from __future__ import annotations

from dataclasses import replace

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.objectives.mle import mle
from dgmlang.objectives.objective import Objective
from dgmlang.objectives.priors import with_priors
from dgmlang.registry import implements


@implements("objective", "map")
def maximum_a_posteriori(lowered: Lowered) -> Objective:
    """−mean log p(x | w) − log p(w)/N, the mode on the scale on which params are declared.

    `validate` leaves the prior out, so that its numbers compare with those of `mle`.
    """
    likelihood = replace(
        mle(lowered),
        name="map",
        quantity="negative log posterior per example, up to a constant",
    )
    return with_priors(lowered, likelihood)
