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
    dist.Gumbel,
    dist.SoftLaplace,
    dist.AsymmetricLaplace,
    dist.VonMises,
    dist.InverseGamma,
    dist.Chi2,
    dist.Weibull,
    dist.BetaProportion,
    dist.Kumaraswamy,
    dist.LogUniform,
    dist.LowRankMultivariateNormal,
    dist.MultivariateStudentT,
    dist.LKJ,
    dist.LKJCholesky,
    dist.Wishart,
    dist.OrderedLogistic,
    dist.ZeroInflatedPoisson,
    dist.GammaPoisson,
    dist.NegativeBinomial2,
):
    implements("dist", law.__name__)(law)
