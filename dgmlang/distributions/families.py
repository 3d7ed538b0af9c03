"""NumPyro's distributions under their own names, where NumPyro's are right as they are."""

from __future__ import annotations

import numpyro.distributions as dist

from dgmlang.registry import implements

for law in (
    dist.Normal,
    dist.Logistic,
    dist.Laplace,
    dist.StudentT,
    dist.Cauchy,
    dist.HalfCauchy,
    dist.HalfNormal,
    dist.LogNormal,
    dist.Exponential,
    dist.Gamma,
    dist.Beta,
    dist.Uniform,
    dist.Dirichlet,
    dist.MultivariateNormal,
    dist.Poisson,
):
    implements("dist", law.__name__)(law)
