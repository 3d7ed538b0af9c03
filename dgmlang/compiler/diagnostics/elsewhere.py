"""A line of Stan, NumPyro, PyMC or Python, as the line of this language that says the same.

Only what is sure is translated: a help that is pasted must compile.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LAWS = {
    **dict.fromkeys(("normal", "norm", "gaussian", "N", "Gaussian"), "Normal"),
    **dict.fromkeys(("bernoulli", "Bern", "Ber"), "Bernoulli"),
    **dict.fromkeys(("categorical", "Cat"), "Categorical"),
    **dict.fromkeys(("multi_normal", "MvNormal", "MultiNormal", "MVN"), "MultivariateNormal"),
    **dict.fromkeys(("exponential", "Exp"), "Exponential"),
    **dict.fromkeys(("student_t", "Student", "T"), "StudentT"),
    **dict.fromkeys(("double_exponential", "DoubleExponential"), "Laplace"),
    "neg_binomial_2": "NegativeBinomial2",
    **dict.fromkeys(("binomial", "Bin", "Binom"), "Binomial"),
    **dict.fromkeys(("beta_binomial", "BetaBin"), "BetaBinomial"),
    **dict.fromkeys(("inv_gamma", "InvGamma"), "InverseGamma"),
    **dict.fromkeys(("lkj_corr_cholesky", "LKJCholeskyCov", "LKJCorrCholesky"), "LKJCholesky"),
    **dict.fromkeys(("lkj_corr", "LKJCorr"), "LKJ"),
    **dict.fromkeys(("chi_square", "ChiSquared"), "Chi2"),
    **dict.fromkeys(("ordered_logistic", "OrderedLogit"), "OrderedLogistic"),
    **dict.fromkeys(("multi_student_t", "MvStudentT"), "MultivariateStudentT"),
    "geometric": "Geometric",
    "gumbel": "Gumbel",
    "weibull": "Weibull",
    "von_mises": "VonMises",
    "wishart": "Wishart",
    "cauchy": "Cauchy",
    "gamma": "Gamma",
    "beta": "Beta",
    "laplace": "Laplace",
    "logistic": "Logistic",
    "lognormal": "LogNormal",
    "poisson": "Poisson",
    "uniform": "Uniform",
}
"""Laws by the names that Stan, SciPy, PyMC and papers give them."""

ARGUMENTS = {
    **dict.fromkeys(("mu", "mean", "location"), ("loc", "rate")),
    **dict.fromkeys(("sigma", "sd", "std", "stddev", "b"), ("scale",)),
    **dict.fromkeys(("p", "prob", "theta"), ("probs",)),
    **dict.fromkeys(("logit", "logit_p"), ("logits",)),
    **dict.fromkeys(("lam", "lambda_"), ("rate",)),
    "alpha": ("concentration", "concentration1"),
    "beta": ("rate", "scale", "concentration0"),
    "a": ("concentration",),
    "nu": ("df",),
    **dict.fromkeys(("act", "nonlinearity", "activation_fn", "act_fn"), ("activation",)),
    **dict.fromkeys(("hidden_dims", "hidden_sizes", "widths", "layers", "hiddens"), ("hidden",)),
    **dict.fromkeys(("features", "out_features", "width", "size", "dim"), ("units", "axis")),
    "dim": ("axis",),
}
"""Arguments by the names that PyMC, TensorFlow Probability and papers give them."""

_KINDS = {
    "Bernoulli": "bit",
    "Beta": "unit",
    "Poisson": "count",
    "Uniform": "unit",
    **dict.fromkeys(("Exponential", "Gamma", "HalfCauchy", "HalfNormal", "LogNormal"), "positive"),
    **dict.fromkeys(("Cauchy", "Laplace", "Logistic", "Normal", "StudentT"), "real"),
}
_CONSTRAINTS = {
    "positive": "positive",
    "softplus_positive": "positive",
    "unit_interval": "unit",
}
_STAN_TYPES = {
    **dict.fromkeys(("vector", "row_vector", "matrix", "real"), "real"),
    "int": "count",
    "simplex": "simplex",
    "ordered": "ordered",
    "corr_matrix": "corr",
    "cov_matrix": "cov",
    "cholesky_factor_cov": "tril",
}
_BOUNDS = {
    (None, None): None,
    ("0", None): "positive",
    ("0", "1"): "unit",
}
_NAME = r"(?P<name>(?!(?:critic|energy|guide|net|noise|score)\b)[^\W\d]\w*)"
_STAN_TYPE = (
    r"(?:array\s*\[(?P<outer>[^\]]+)\]\s*)?"
    rf"(?P<type>{'|'.join(_STAN_TYPES)})\b\s*"
    r"(?:<(?P<bounds>[^>]*)>\s*)?(?:\[(?P<inner>[^\]]+)\]\s*)?"
)
_CALL = r"(?:[^\W\d][\w.]*\.)?"

_TRAINING = (
    r".*(\.backward\(\)|\.step\(|\.zero_grad\(|\bSVI\(|\bMCMC\(|\bNUTS\(|\bPredictive\(|"
    r"\boptax\.|\boptim\.|\bTrace_ELBO\(|\.fit\(|\.compile\(|\.train\(\)|\.eval\(\)|\bepochs?\b).*"
)
_KEYS = r".*(\bPRNGKey\(|random\.(key|split|seed)\(|manual_seed\(|set_rng_seed\(|rng_key).*"


def left_out(text: str) -> str | None:
    """What to do with a line about training or random keys, which stand in no program."""
    if re.fullmatch(_KEYS, text):
        return "leave it out: `seed` of `fit` and of queries fixes what is drawn"
    if re.fullmatch(_TRAINING, text):
        return (
            "leave it out: `dgm train` trains, `recipe default { optimizer = adam(1e-3) }` says how"
        )
    return None


def line(text: str) -> str | None:
    """The whole statement in this language; None where it is no statement of elsewhere's."""
    text = text.strip().rstrip(";").rstrip()
    if "\n" in text or len(text) > _LONGEST:
        return None
    for pattern, translate in _LINES:
        if match := re.fullmatch(pattern, text):
            return translate(match)
    return None


_LONGEST = 100


def phrase(text: str, at: int) -> tuple[int, int, str] | None:
    """A part of a statement around the place `at` where it stops to parse: start, end, and ours."""
    for pattern, translate in _PHRASES:
        for match in re.finditer(pattern, text):
            meant = translate(match) if match.start() <= at < match.end() else None
            if meant is not None:
                return match.start(), match.end(), meant
    return None


def stan_type(text: str) -> str | None:
    """`vector<lower=0>[3]` as `positive[3]`; None for what is no type of Stan's, or has no like."""
    match = re.fullmatch(_STAN_TYPE, text.strip() + " ")
    return _type(match) if match else None


def law(text: str) -> str | None:
    """`dist.normal(0, 1)` as `Normal(0, 1)`; None for what is no law of the real line's kinds."""
    text = re.sub(_BEHIND, "", text.strip())
    match = re.fullmatch(rf"{_CALL}(\w+?)(?:_lu?p[dm]f)?\((.*)\)", text)
    if match and (not _balanced(match[2]) or re.search(_MEMBER, match[2])):
        return None
    name = match and LAWS.get(match[1], match[1])
    if match is None or name not in _KINDS:
        return None
    is_open = name == "Uniform" and not re.fullmatch(r"[-\d., ]*", match[2])
    return None if is_open else f"{name}({match[2].strip()})"  # its ends are numbers here


_BEHIND = r"\.(to_event|mask|expand_by)\(\d*\)$"
_MEMBER = r"[^\W\d]\w*\.[^\W\d]\w*\(|\.\w+\("


def _balanced(text: str) -> bool:
    """Whether no bracket closes in a text that was not opened in it."""
    depths = [0]
    for letter in text:
        depths.append(depths[-1] + (letter in "([") - (letter in ")]"))
    return min(depths) == depths[-1] == 0


def halved(law: str, type_: str) -> str:
    """`HalfNormal(s)` for `Normal(0, s)` of a positive variable, whose bound cuts it in Stan."""
    match = re.fullmatch(r"(Normal|Cauchy)\(0,\s*(.*)\)", law)
    return f"Half{match[1]}({match[2]})" if match and type_.startswith("positive") else law


def added(text: str) -> str | None:
    """What to do for `target += normal_lpdf(x | 0, 1)`; None for other sums."""
    match = re.fullmatch(r"target\s*\+=\s*(\w+)_lp[dm]f\(\s*(\w+)\s*\|\s*(.*)\);?", text)
    found = match and law(f"{match[1]}({match[3]})")
    return f"write `~ {found}` behind the declaration of `{match[2]}`" if match and found else None


def kind(law: str) -> str:
    """The kind of what `Normal(0, 1)` draws."""
    name, _, arguments = law.partition("(")
    ends = arguments.rstrip(")").replace(" ", "")
    if name == "Uniform" and ends not in ("", "0,1"):
        return f"interval({', '.join(ends.split(','))})"
    return _KINDS[name]


# ── one kind of line each ────────────────────────────────────────────────────────────────────────


def _declared(match: re.Match[str]) -> str | None:
    """`real<lower=0> sigma` and, with a role before it, `param real sigma`."""
    type_ = _type(match)
    role = match["role"] or ("data" if match["type"] == "int" else "param")
    return type_ and f"{role} {match['name']} : {type_}"


def _type(match: re.Match[str]) -> str | None:
    bounds = dict(re.findall(r"(lower|upper)\s*=\s*([^,\s]+)", match["bounds"] or ""))
    low, high = bounds.get("lower"), bounds.get("upper")
    name, sizes = _STAN_TYPES[match["type"]], [match["outer"], match["inner"]]
    if name == "count":
        ended = "count" if high is None or low not in ("0", None) else f"count({high})"
        name = "bit" if (low, high) == ("0", "1") else ended
    elif name != "real":
        name, sizes = f"{name}({match['inner']})", sizes[:1]
    elif (low, high) in _BOUNDS:
        name = _BOUNDS[low, high] or name
    elif low is None or high is None:
        return None
    else:
        name = f"interval({low}, {high})"
    shape = ", ".join(size for size in sizes if size)
    return f"{name}[{shape}]" if shape else name


def _untyped(match: re.Match[str]) -> str | None:
    """`latent z ~ Normal(0, 1)`: the type that the law's support is."""
    found = law(match["law"])
    return found and f"{match['role']} {match['name']} : {kind(found)} ~ {found}"


def _assigned(match: re.Match[str]) -> str:
    """`real<lower=0> s = 2 * t` and `int K = 3`: what is computed has no written type."""
    density = re.fullmatch(r"(\w+?)_lu?p[dm]f\((\w+)\s*\|\s*(.*)\)", match["value"])
    found = density and law(f"{density[1]}({density[3]})")
    value = f"log_prob({found}, {density[2]})" if density and found else match["value"]
    return f"let {match['name']} = {value}"


def _typed(match: re.Match[str]) -> str | None:
    """`data real<lower=0> x ~ exponential(1)`, with a role and the type before the name."""
    type_, found = _type(match), law(match["law"])
    if type_ is None or found is None:
        return None
    return f"{match['role']} {match['name']} : {type_} ~ {halved(found, type_)}"


def _param(match: re.Match[str]) -> str:
    """`w = numpyro.param("w", 0.5, constraint = constraints.positive)`"""
    kind = _CONSTRAINTS.get(match["constraint"] or "", "real")
    start = match["start"] and f" from {match['start'].rstrip('.')}"
    return f"param {match['quoted']} : {kind}{(start or '') if kind == 'real' else ''}"


def _drawn(match: re.Match[str]) -> str | None:
    """`z = numpyro.sample("z", dist.Normal(0, 1))` and `z ~ normal(0, 1)`."""
    found = law(match["law"])
    role = "data" if match.groupdict().get("observed") or "[" in match["name"] else "latent"
    return found and f"{role} {match['name']} : {kind(found)} ~ {found}"


def _pymc(match: re.Match[str]) -> str | None:
    """`z = pm.Normal("z", mu = 0, sigma = 1)`."""
    found = law(f"{match['law']}({match['arguments']})")
    if found is None:
        return None
    name, _, arguments = found.partition("(")
    if "=" in arguments and kind(found) not in ("real", "bit"):
        return None  # whose arguments PyMC parametrises otherwise
    for ours in re.findall(r"(\w+)\s*=(?!=)", arguments):
        meant = ARGUMENTS.get(ours, (ours,))[0]
        arguments = re.sub(rf"\b{ours}\s*=\s*", f"{meant} = ", arguments)
    role = "data" if match["observed"] else "latent"
    return f"{role} {match['name']} : {kind(found)} ~ {name}({arguments}"


def _let(match: re.Match[str]) -> str | None:
    if re.search(r"[^\W\d]\w*\.[^\W\d]\w*\(", match["value"]):
        return None  # a call of elsewhere's, which has a word of its own
    return f"let {match['name']} = {match['value']}"


def _function(match: re.Match[str]) -> str:
    """`let f = lambda x: x + 1`"""
    return f"let {match['name']}({match['arguments']}) = {match['value']}"


def _loop(match: re.Match[str]) -> str:
    """`for i in range(3):`, and Stan's `for (i in 1:3)`, whose first index is 1."""
    start = match.groupdict().get("start") or "0"
    return f"for {match['name']} in {start.strip()}..{match['stop'].strip()} {{ … }}"


Translate = Callable[[re.Match[str]], str | None]

_SAMPLE = rf"{_CALL}sample\(\s*[\"'](?P<quoted>\w+)[\"']\s*,\s*(?P<law>.*?\))"
_OBSERVED = r"(?P<observed>,\s*(?:obs|observed)\s*=.*)?"
_NUMBER = r"-?\d+(?:\.\d*)?"
_LINES: tuple[tuple[str, Translate], ...] = (
    (rf"(?:(?P<role>data|param|latent|given)\s+)?{_STAN_TYPE}{_NAME}", _declared),
    (rf"{_STAN_TYPE}{_NAME}\s*=\s*(?P<value>[^\"']*)", _assigned),
    (rf"(?P<role>data|param|latent)\s+{_STAN_TYPE}{_NAME}\s*~\s*(?P<law>.*)", _typed),
    (rf"(?P<role>data|latent|param)\s+{_NAME}\s*~\s*(?P<law>.*)", _untyped),
    (
        rf"(?:(?:let\s+)?{_NAME}\s*=\s*)?{_CALL}param\(\s*[\"'](?P<quoted>\w+)[\"']\s*"
        rf"(?:,\s*(?:(?:init_value|init_tensor)\s*=\s*)?(?P<start>{_NUMBER})\s*)?"
        r"(?:,\s*constraint\s*=\s*(?:\w+\.)*(?P<constraint>\w+)\s*)?\)",
        _param,
    ),
    (rf"(?:let\s+)?{_NAME}\s*=\s*{_SAMPLE}{_OBSERVED}\)", _drawn),
    (rf"{_CALL}sample\(\s*[\"']{_NAME}[\"']\s*,\s*(?P<law>.*?\)){_OBSERVED}\)", _drawn),
    (rf"{_NAME}\s*=\s*{_CALL}(?:deterministic|Deterministic)\(.\w+.,\s*(?P<value>.*)\)", _let),
    (
        rf"{_NAME}\s*=\s*{_CALL}(?P<law>\w+)\(\s*[\"']\w+[\"']\s*,\s*"
        rf"(?P<arguments>.*?){_OBSERVED}\)",
        _pymc,
    ),
    (r"(?P<name>[^\W\d]\w*(?:\[\w+\])?)\s*~\s*(?P<law>.*)", _drawn),
    (r"target\s*\+=\s*(?P<value>(?!\s|\w+_lp[dm]f\().*)", lambda m: f"energy -({m['value']})"),
    (rf"let\s+{_NAME}\s*=\s*lambda\s+(?P<arguments>[\w, ]+):\s*(?P<value>.*)", _function),
    (rf"{_NAME}\s*=\s*lambda\s+(?P<arguments>[\w, ]+):\s*(?P<value>.*)", _function),
    (rf"(?:let\s+)?{_NAME}\s*(?:<-|:=)\s*(?P<value>.*)", _let),
    (rf"{_NAME}\s*=\s*(?P<value>[^\"']*)", _let),
    (
        rf"for\s+{_NAME}\s+in\s+range\((?:(?P<start>[^,()]+),\s*)?(?P<stop>[^,()]+)\)\s*:?",
        _loop,
    ),
    (rf"for\s*\(\s*{_NAME}\s+in\s+1\s*:(?P<stop>[^:()]+)\)", _loop),
)


# ── a part of a line each ────────────────────────────────────────────────────────────────────────


def _sampled(match: re.Match[str]) -> str | None:
    """`= numpyro.sample("z", dist.Normal(0, 1))`"""
    found = law(match["law"])
    return found and f"~ {found}"


_PHRASES: tuple[tuple[str, Translate], ...] = (
    (rf"[=~]\s*{_SAMPLE}\s*{_OBSERVED}\)", _sampled),
    (rf"\b{_STAN_TYPE}(?<=[>\]])", _type),
    (r"(\w+)\[([^\[\]]+)\]\[([^\[\]]+)\]", lambda m: f"{m[1]}[{m[2]}, {m[3]}]"),
    (r"\*\*\s*(\w[\w.]*(?:\([^()]*\))?)", lambda m: f"{m[1]}..."),
)
