"""What stands where a law is wanted and is none, in the words of who wrote it (DGM0311)."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.codes import laws as words
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.library import library
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.scope import Scope

FOREIGN = {
    "normal": "Normal",
    "norm": "Normal",
    "gaussian": "Normal",
    "bernoulli": "Bernoulli",
    "categorical": "Categorical",
    "multi_normal": "MultivariateNormal",
    "exponential": "Exponential",
    "DiscretizedLogistic": "quantize(Logistic(loc, scale))",
    "QuantizedDistribution": "quantize(Logistic(loc, scale))",
    "DiscretizedLogisticMixture": "quantize(mixture(weights, Logistic(loc, scale)))",
}
"""What people type who come from Stan or SciPy."""


def not_a_law(node: ast.Expr, scope: Scope) -> None:
    """Says why it is no law, and what may be meant."""
    function = node.function if isinstance(node, ast.Call) else node
    name = function.id if isinstance(function, ast.Name) else function.span.text
    dists = library().space("dist")
    if name in scope.shared.models and name not in scope.shared.declarations:
        said = words.not_a_law(function.span, f"the model `{name}`", f"write `{name}()`")
        scope.report.say(said)
    elif name in FOREIGN:
        scope.report.say(words.not_a_law(function.span, f"`{name}`", f"write `{FOREIGN[name]}`"))
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
