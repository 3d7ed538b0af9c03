"""Each distribution with arguments, points in its support, and its law in SciPy."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats as scipy_stats

from dgmlang.registry import implementation

stats: Any = scipy_stats  # whose types know no frozen laws

TRIL = np.array([[1.5, 0.0], [0.7, 0.4]])
COVARIANCE: Any = TRIL @ TRIL.T
FACTOR = np.array([[0.9], [-0.4]])
LOW_RANK: Any = FACTOR @ FACTOR.T + np.diag([0.3, 1.2])
LOGITS = np.array([0.3, -1.0, 2.0])
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum()

INF = float("inf")
BINOMIAL: Any = stats.binom(12, 1 / (1 + np.exp(0.4)))
PLAIN = ("low", "high", "dimension")
"""Arguments that are numbers when a program is compiled."""


class Reference:
    """A law that SciPy lacks, by a grid that its whole mass lies on."""

    def __init__(self, points: np.ndarray, weights: np.ndarray) -> None:
        self.points, self.weights = points, weights / weights.sum()

    def ppf(self, q: float) -> float:
        return float(self.points[0] if q < 0.5 else self.points[-1])

    def stats(self, _: str) -> tuple[float, float, float, float]:
        mean = float(self.weights @ self.points)
        central = [float(self.weights @ (self.points - mean) ** k) for k in (2, 4)]
        return mean, central[0], 0.0, central[1] / central[0] ** 2 - 3


class Truncated(Reference):
    """A law of SciPy's between two ends."""

    def __init__(self, whole: Any, low: float, high: float) -> None:
        self.whole, self.mass = whole, whole.cdf(high) - whole.cdf(low)
        grid = np.linspace(low, high, 20_001)
        super().__init__(grid, whole.pdf(grid))

    def logpdf(self, x: Any) -> Any:
        return self.whole.logpdf(x) - np.log(self.mass)


class Kumaraswamy(Reference):
    """Density a b x^(a−1) (1 − x^a)^(b−1)."""

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b
        grid = np.linspace(1e-6, 1 - 1e-6, 200_001)
        super().__init__(grid, np.exp(self.logpdf(grid)))

    def logpdf(self, x: Any) -> Any:
        a, b, x = self.a, self.b, np.asarray(x)
        return np.log(a * b) + (a - 1) * np.log(x) + (b - 1) * np.log1p(-(x**a))


class ZeroInflated(Reference):
    """A Poisson, and with probability `gate` 0 in its place."""

    def __init__(self, gate: float, rate: float) -> None:
        self.gate, self.poisson = gate, stats.poisson(rate)
        counts = np.arange(60)
        super().__init__(counts, np.exp(self.logpmf(counts)))

    def logpmf(self, k: Any) -> Any:
        k = np.asarray(k)
        return np.log(self.gate * (k == 0) + (1 - self.gate) * self.poisson.pmf(k))


# Arguments, points, and SciPy's frozen law.
UNIVARIATE: dict[str, tuple[dict[str, float], list[float], Any]] = {
    "Normal": ({"loc": 0.7, "scale": 1.3}, [-9.0, 0.7, 2.0], stats.norm(0.7, 1.3)),
    "Logistic": ({"loc": 0.7, "scale": 1.3}, [-60.0, 0.7, 2.0], stats.logistic(0.7, 1.3)),
    "Laplace": ({"loc": 0.7, "scale": 1.3}, [-9.0, 0.7, 2.0], stats.laplace(0.7, 1.3)),
    "StudentT": ({"df": 7.0, "loc": 0.7, "scale": 1.3}, [-9.0, 0.7], stats.t(7.0, 0.7, 1.3)),
    "Cauchy": ({"loc": 0.7, "scale": 1.3}, [-9.0, 0.7, 200.0], stats.cauchy(0.7, 1.3)),
    "HalfCauchy": ({"scale": 1.3}, [1e-6, 0.7, 200.0], stats.halfcauchy(0, 1.3)),
    "HalfNormal": ({"scale": 1.3}, [1e-6, 0.7, 5.0], stats.halfnorm(0, 1.3)),
    "LogNormal": ({"loc": 0.2, "scale": 0.5}, [1e-3, 1.0, 9.0], stats.lognorm(0.5, 0, np.exp(0.2))),
    "Exponential": ({"rate": 2.5}, [1e-6, 0.4, 9.0], stats.expon(0, 1 / 2.5)),
    "Gamma": ({"concentration": 2.5, "rate": 3.0}, [1e-3, 0.4, 9.0], stats.gamma(2.5, 0, 1 / 3)),
    "Beta": ({"concentration1": 2.5, "concentration0": 0.7}, [1e-3, 0.9], stats.beta(2.5, 0.7)),
    "Uniform": ({}, [0.01, 0.99], stats.uniform()),
    "Poisson": ({"rate": 3.5}, [0, 3, 20], stats.poisson(3.5)),
    "Gumbel": ({"loc": 0.7, "scale": 1.3}, [-3.0, 0.7, 30.0], stats.gumbel_r(0.7, 1.3)),
    "SoftLaplace": (
        {"loc": 0.7, "scale": 1.3},
        [-40.0, 0.7, 2.0],
        stats.hypsecant(0.7, 1.3),
    ),
    "AsymmetricLaplace": (
        {"loc": 0.7, "scale": 1.3, "asymmetry": 1.5},
        [-9.0, 0.7, 2.0],
        stats.laplace_asymmetric(1.5, 0.7, 1.3),
    ),
    "VonMises": ({"loc": 0.7, "concentration": 2.0}, [-3.0, 0.7, 3.0], stats.vonmises(2.0, 0.7)),
    "TruncatedNormal": (
        {"loc": 0.7, "scale": 1.3, "low": 2.0, "high": INF},
        [2.0, 3.0, 9.0],
        stats.truncnorm(1.0, np.inf, 0.7, 1.3),
    ),
    "TruncatedCauchy": (
        {"loc": 0.7, "scale": 1.3, "low": -1.0, "high": 4.0},
        [-1.0, 0.7, 3.9],
        Truncated(stats.cauchy(0.7, 1.3), -1.0, 4.0),
    ),
    "InverseGamma": (
        {"concentration": 9.0, "rate": 3.0},
        [0.05, 0.4, 9.0],
        stats.invgamma(9.0, 0, 3.0),
    ),
    "Chi2": ({"df": 3.5}, [1e-3, 2.0, 30.0], stats.chi2(3.5)),
    "Weibull": (
        {"scale": 1.3, "concentration": 2.5},
        [1e-3, 1.0, 4.0],
        stats.weibull_min(2.5, 0, 1.3),
    ),
    "BetaProportion": ({"mean": 0.3, "concentration": 5.0}, [1e-3, 0.9], stats.beta(1.5, 3.5)),
    "Kumaraswamy": (
        {"concentration1": 2.5, "concentration0": 1.7},
        [1e-3, 0.5, 0.9],
        Kumaraswamy(2.5, 1.7),
    ),
    "LogUniform": ({"low": 0.5, "high": 8.0}, [0.6, 2.0, 7.9], stats.loguniform(0.5, 8.0)),
    "Binomial": ({"total_count": 12.0, "logits": -0.4}, [0, 5, 12], BINOMIAL),
    "BetaBinomial": (
        {"concentration1": 2.5, "concentration0": 1.7, "total_count": 12.0},
        [0, 5, 12],
        stats.betabinom(12, 2.5, 1.7),
    ),
    "Geometric": ({"probs": 0.3}, [0, 3, 40], stats.geom(0.3, -1)),
    "GammaPoisson": ({"concentration": 2.5, "rate": 0.4}, [0, 5, 60], stats.nbinom(2.5, 0.4 / 1.4)),
    "NegativeBinomial2": (
        {"mean": 4.0, "concentration": 2.5},
        [0, 5, 60],
        stats.nbinom(2.5, 2.5 / 6.5),
    ),
    "ZeroInflatedPoisson": ({"gate": 0.3, "rate": 3.5}, [0, 1, 9], ZeroInflated(0.3, 3.5)),
    "Bernoulli": ({"logits": 0.8}, [0.0, 1.0], stats.bernoulli(1 / (1 + np.exp(-0.8)))),
}
MULTIVARIATE: dict[str, tuple[dict[str, Any], list[Any], Any]] = {
    "MultivariateNormal": (
        {"loc": np.array([0.5, -1.0]), "scale_tril": TRIL},
        [[0.5, -1.0], [3.0, 2.0]],
        stats.multivariate_normal([0.5, -1.0], cov=COVARIANCE),
    ),
    "LowRankMultivariateNormal": (
        {"loc": np.array([0.5, -1.0]), "cov_factor": FACTOR, "cov_diag": np.array([0.3, 1.2])},
        [[0.5, -1.0], [3.0, 2.0]],
        stats.multivariate_normal([0.5, -1.0], cov=LOW_RANK),
    ),
    "MultivariateStudentT": (
        {"df": 5.0, "loc": np.array([0.5, -1.0]), "scale_tril": TRIL},
        [[0.5, -1.0], [30.0, 2.0]],
        stats.multivariate_t([0.5, -1.0], COVARIANCE, 5.0),
    ),
    "Wishart": (
        {"concentration": 4.5, "scale_tril": TRIL},
        [[[2.0, 0.3], [0.3, 1.0]], [[9.0, 4.0], [4.0, 2.0]]],
        stats.wishart(4.5, COVARIANCE),
    ),
    "Dirichlet": (
        {"concentration": np.array([0.5, 2.0, 3.0])},
        [[0.2, 0.5, 0.3], [0.01, 0.01, 0.98]],
        stats.dirichlet([0.5, 2.0, 3.0]),
    ),
}
CATEGORICAL = {"logits": LOGITS, "probs": PROBS}


def law(name: str, arguments: dict[str, Any]) -> Any:
    held = {n: v if n in PLAIN else jnp.asarray(v) for n, v in arguments.items()}
    return implementation("dist", name)(**held)


def log_density(reference: Any, points: Any) -> Any:
    discrete = isinstance(getattr(reference, "dist", None), stats.rv_discrete)
    counts = discrete or isinstance(reference, ZeroInflated)
    return getattr(reference, "logpmf" if counts else "logpdf")(points)
