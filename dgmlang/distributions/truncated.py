"""Laws between two ends, of which either may be infinite: NumPyro's, which wants such an end named.

NumPyro reflects what lies in the upper tail to the lower one, where a cdf keeps its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpyro.distributions as dist
from jax.typing import ArrayLike

from dgmlang.registry import implements

Law = Callable[..., dist.Distribution]


def truncated(base: Law) -> Law:
    """The law of `base(loc, scale)` given that it lies in [low, high], two numbers."""

    def law(
        loc: ArrayLike,
        scale: ArrayLike,
        low: float,
        high: float,
        validate_args: bool | None = None,
    ) -> dist.Distribution:
        whole: Any = base(loc, scale, validate_args=False)
        ends: dict[str, Any] = {"low": low, "high": high}
        finite = {name: end for name, end in ends.items() if isfinite(end)}
        if not finite:
            return whole
        return dist.TruncatedDistribution(whole, **finite, validate_args=validate_args)

    return law


implements("dist", "TruncatedNormal")(truncated(dist.Normal))
implements("dist", "TruncatedCauchy")(truncated(dist.Cauchy))
