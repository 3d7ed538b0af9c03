"""What stands where a law is wanted and is none, in the words of who wrote it (DGM0311)."""

from __future__ import annotations

import re

from dgmlang.compiler.diagnostics.codes import laws as words
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.diagnostics.elsewhere import LAWS
from dgmlang.compiler.library import library
from dgmlang.compiler.linking import mentioned
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.models import of_role
from dgmlang.compiler.types.scope import Scope

FOREIGN = LAWS | {
    "bernoulli_logit": "Bernoulli(logits = …)",
    "categorical_logit": "Categorical(logits = …)",
    "ordered_logistic": "Categorical(logits = …)",
    "std_normal": "Normal(0, 1)",
    "multi_normal_cholesky": "MultivariateNormal",
    "poisson_log": "Poisson(exp(…))",
    "OneHotCategorical": "Categorical",
    "BernoulliLogits": "Bernoulli(logits = …)",
    "BernoulliProbs": "Bernoulli",
    "CategoricalLogits": "Categorical(logits = …)",
    "CategoricalProbs": "Categorical",
    "MixtureSameFamily": "mixture(weights, Normal(loc, scale))",
    "Mixture": "mixture(weights, Normal(loc, scale))",
    "MixtureGeneral": "mixture(weights, Normal(loc, scale))",
    "NormalMixture": "mixture(weights, Normal(loc, scale))",
    "DiscretizedLogistic": "quantize(Logistic(loc, scale))",
    "QuantizedDistribution": "quantize(Logistic(loc, scale))",
    "DiscretizedLogisticMixture": "quantize(mixture(weights, Logistic(loc, scale)))",
}
"""What people type who come from Stan, SciPy, PyMC or TensorFlow Probability."""


_ELSEWHERE = {
    **dict.fromkeys(
        ("Delta", "Deterministic"), "write `=` for what is computed: `data x : real = …`"
    ),
    **dict.fromkeys(
        ("ImproperUniform", "Flat", "HalfFlat"), "leave the law out: `param w : real` has no prior"
    ),
    **dict.fromkeys(
        ("AutoNormal", "AutoDiagonalNormal", "AutoGuide", "AutoDelta", "AutoMultivariateNormal"),
        "leave the `guide` out: one is made from the model",
    ),
    **dict.fromkeys(
        ("TruncatedNormal", "TruncatedDistribution", "Truncated", "LeftTruncatedDistribution"),
        "take a law on the kind itself, as `HalfNormal(1)`, or push one there by `|> exp`",
    ),
}
"""Laws of elsewhere's that stand for something else here."""


def _uncalled(span: Span, name: str, scope: Scope) -> Diagnostic:
    """A model's name where its law is meant."""
    model = scope.shared.models[name].declaration
    assert isinstance(model, ast.Model)
    found = {role: [v.name for v in of_role(model, role)] for role in ("data", "given")}
    if len(found["data"]) != 1:
        return words.not_one_variable(span, name, found["data"])
    call = f"{name}({', '.join(found['given'])})"
    return words.not_a_law(span, f"the model `{name}`", f"write `{call}`")


def not_a_law(node: ast.Expr, scope: Scope) -> None:
    """Says why it is no law, and what may be meant."""
    function = node.function if isinstance(node, ast.Call) else node
    name = function.id if isinstance(function, ast.Name) else function.span.text
    bare = re.sub(r"_lu?p[dm]f$", "", name)
    dists = library().space("dist")
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        inner = function.value.function.span.text.rpartition(".")[2]
        if inner in dists:
            law = f"{inner}{function.value.span.text[len(function.value.function.span.text) :]}"
            said = words.reshaped(node.span, function.name, law)
            scope.report.say(said)
            return
    if name in scope.shared.models and name not in scope.shared.declarations:
        scope.report.say(_uncalled(function.span, name, scope))
    elif help := _ELSEWHERE.get(name.rpartition(".")[2]):
        scope.report.say(words.not_a_law(function.span, f"`{name}`", help))
    elif (meant := FOREIGN.get(bare.rpartition(".")[2])) and name not in scope.known():
        scope.report.say(words.not_a_law(function.span, f"`{name}`", f"write `{meant}`"))
    elif (
        isinstance(node, ast.Call)
        and name not in scope.known()
        and name not in library().space("fn")
    ):
        above = {model.name for model in scope.shared.above}
        models = [model for model in scope.shared.models if model not in above]
        known = [*dists, "mixture", "quantize", *models]
        found = name_codes.unknown_builtin(function.span, "distribution", name, known)
        if name in library().models:
            found = name_codes.not_brought_in(function.span, name)
        scope.report.say(found)
    elif isinstance(node, ast.Binary) and any(name in dists for name in mentioned(node)):
        help = "write `mixture(weights, Normal(locs, scales))`; a sum of draws is a sum of latents"
        scope.report.say(words.not_a_law(node.span, "arithmetic with laws", help))
    else:
        help = "write a law around it, `Normal(…, 1)`, or `=` for a computed variable"
        scope.report.say(words.not_a_law(node.span, "a value", help))
