"""What stands where a law is wanted and is none, in the words of who wrote it (DGM0311)."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.codes import laws as words
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.elsewhere import LAWS
from dgmlang.compiler.library import library
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.scope import Scope

FOREIGN = LAWS | {
    "bernoulli_logit": "Bernoulli(logits = …)",
    "DiscretizedLogistic": "quantize(Logistic(loc, scale))",
    "QuantizedDistribution": "quantize(Logistic(loc, scale))",
    "DiscretizedLogisticMixture": "quantize(mixture(weights, Logistic(loc, scale)))",
}
"""What people type who come from Stan, SciPy, PyMC or TensorFlow Probability."""


def not_a_law(node: ast.Expr, scope: Scope) -> None:
    """Says why it is no law, and what may be meant."""
    function = node.function if isinstance(node, ast.Call) else node
    name = function.id if isinstance(function, ast.Name) else function.span.text
    dists = library().space("dist")
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        inner = function.value.function.span.text.rpartition(".")[2]
        if inner in dists:
            law = f"{inner}{function.value.span.text[len(function.value.function.span.text) :]}"
            said = words.reshaped(node.span, function.name, law)
            scope.report.say(said)
            return
    if name in scope.shared.models and name not in scope.shared.declarations:
        said = words.not_a_law(function.span, f"the model `{name}`", f"write `{name}()`")
        scope.report.say(said)
    elif (meant := FOREIGN.get(name.rpartition(".")[2])) and name not in scope.known():
        scope.report.say(words.not_a_law(function.span, f"`{name}`", f"write `{meant}`"))
    elif (
        isinstance(node, ast.Call)
        and name not in scope.known()
        and name not in library().space("fn")
    ):
        known = [*dists, "mixture", "quantize", *scope.shared.models]
        scope.report.say(name_codes.unknown_builtin(function.span, "distribution", name, known))
    else:
        help = "write a law around it, `Normal(…, 1)`, or `=` for a computed variable"
        scope.report.say(words.not_a_law(node.span, "a value", help))
