"""Calls of NumPy, JAX, PyTorch and Flax, as the expressions and stages that say the same here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dgmlang.compiler.library import library
from dgmlang.compiler.syntax import ast

MODULES = frozenset({"np", "jnp", "numpy", "jax", "torch", "tf", "math", "nn", "F"}) | {
    "jax.numpy", "jax.nn", "jax.scipy.special", "nn.functional", "torch.nn", "torch.nn.functional",
    "np.linalg", "jnp.linalg", "torch.linalg", "tf.math", "tf.nn", "flax.linen", "keras.layers",
}  # fmt: skip

CONSTANTS = {"pi": "3.141592653589793", "e": "2.718281828459045"}

_Form = Callable[..., str]

_FORMS: dict[tuple[str, int], _Form] = {
    ("dot", 2): "{} @ {}".format,
    ("matmul", 2): "{} @ {}".format,
    ("mm", 2): "{} @ {}".format,
    ("where", 3): lambda test, then, other: f"{then} if {test} else {other}",
    ("clip", 3): "minimum(maximum({}, {}), {})".format,
    ("clamp", 3): "minimum(maximum({}, {}), {})".format,
    ("square", 1): "{} ** 2".format,
    ("pow", 2): "{} ** {}".format,
    ("norm", 1): "sqrt(sum({} ** 2))".format,
    ("expit", 1): "sigmoid({})".format,
    **{(name, 1): "{}".format for name in ("float", "array", "asarray", "tensor")},
    ("logpdf", 2): "log_prob({}, {})".format,
    ("log_prob", 2): "log_prob({}, {})".format,
}
"""Functions that are spelled otherwise here, by name and number of arguments."""

_ACTIVATIONS = {
    "ReLU": "relu", "relu": "relu", "Tanh": "tanh", "tanh": "tanh", "GELU": "gelu", "gelu": "gelu",
    "SiLU": "swish", "silu": "swish", "Sigmoid": "sigmoid", "sigmoid": "sigmoid", "ELU": "elu",
    "Softplus": "softplus", "softplus": "softplus",
}  # fmt: skip
_LAYERS: dict[tuple[str, int], _Form] = {
    ("Linear", 2): lambda _, units: f"dense({units})",
    ("Linear", 1): "dense({})".format,
    ("Dense", 1): "dense({})".format,
    ("Embedding", 2): lambda _, width: f"embed({width})",
    ("Embed", 2): lambda _, width: f"embed({width})",
    ("GRU", 2): lambda _, width: f"gru({width})",
    ("LSTM", 2): lambda _, width: f"lstm({width})",
    ("Conv2d", 3): lambda _, channels, kernel: f"conv({channels}, kernel = {kernel})",
    ("Flatten", 0): "flatten".format,
}
"""Layers by name and number of arguments; what goes in is known here, so it is not repeated."""


TRAINED_ONLY = (
    "Dropout",
    "dropout",
    "BatchNorm",
    "LayerNorm",
    "GroupNorm",
    "batch_norm",
    "layer_norm",
)
"""Layers that act otherwise in training, or normalise: there are none of them here."""


def activation(name: str) -> str:
    """`ReLU` as `relu`; another name as it is."""
    return _ACTIVATIONS.get(name, name)


def expression(node: ast.Call) -> str | None:
    """`jnp.exp(c)` as `exp(c)`, `y.sum()` as `sum(y)`, `nn.Linear(2, 1)(z)` as `z |> dense(1)`."""
    meant = _expression(node)
    is_operation = (meant is not None and not meant.endswith(")")) or (meant and "|>" in meant)
    return f"({meant})" if is_operation and not _alone(node) else meant


def constant(node: ast.Expr) -> str | None:
    """`np.pi` as its digits."""
    owner, member = _parts(node)
    return CONSTANTS.get(member) if owner in MODULES else None


def _alone(node: ast.Expr) -> bool:
    """Whether a call is the whole of an argument or of a line, so that an operation may stand."""
    text = node.span.source.text
    before, behind = text[: node.span.start].rstrip(" "), text[node.span.end :].lstrip(" ")
    return before[-1:] in ("(", ",", "=") and behind[:1] in (")", ",", "\n", "}", "")


def _joined(node: ast.Call, member: str) -> str | None:
    """`concatenate([a, b])` and `stack([a, b])`, whose arrays stand in a list elsewhere."""
    first = node.arguments[0].value if node.arguments else None
    if member not in (*_JOINS, "stack") or not isinstance(first, ast.Sequence):
        return None
    if member == "stack":
        return first.span.text if len(node.arguments) == 1 else None
    axis = [a.span.text for a in node.arguments[1:] if a.name == "axis"]
    return f"concat({', '.join([item.span.text for item in first.items] + axis)})"


_JOINS = ("concatenate", "concat", "cat", "hstack")


def _expression(node: ast.Call) -> str | None:
    if isinstance(node.function, ast.Call):
        stage, values = stages(node.function), _texts(node)
        inner = node.function.function
        known = library().space("layer", "bijection", "chain")
        if isinstance(inner, ast.Name) and inner.id in known:
            stage = node.function.span.text
        return f"{values[0]} |> {stage}" if stage and len(values) == 1 else None
    owner, member = _parts(node.function)
    if joined := _joined(node, member):
        return joined
    values = _texts(node)
    if isinstance(node.function, ast.Attribute) and owner not in MODULES:
        values = [owner, *values]
    form = _FORMS.get((member, len(values)))
    if form is not None and all(a.name is None for a in node.arguments):
        return form(*values)
    return f"{member}({', '.join(values)})" if owner and member in library().space("fn") else None


def stages(node: ast.Expr) -> str | None:
    """`nn.Linear(2, 1)` as `dense(1)`, `nn.Sequential(…)` as stages behind one another."""
    if not isinstance(node, ast.Call):
        return None
    _, member = _parts(node.function)
    if member == "Sequential":
        items = [a.value for a in node.arguments]
        if len(items) == 1 and isinstance(items[0], ast.Sequence):
            items = list(items[0].items)
        return _sequence(items)
    values = [a.value.span.text for a in node.arguments if a.name not in ("bias", "use_bias")]
    form = _LAYERS.get((member, len(values)))
    return form(*values) if form else None


def _sequence(items: Sequence[ast.Expr]) -> str | None:
    """Stages in a row: a dense layer and the activation behind it are one `mlp`."""
    found: list[str] = []
    for item in items:
        function = item.function if isinstance(item, ast.Call) else item
        activation = _ACTIVATIONS.get(_parts(function)[1])
        if activation is None:
            stage = stages(item)
            if stage is None:
                return None
            found.append(stage)
        elif not found or not found[-1].startswith("dense("):
            return None
        else:
            width = found.pop().removeprefix("dense(").removesuffix(")")
            found.append(f"mlp([{width}], activation = {activation})")
    return " |> ".join(found) or None


def _parts(function: ast.Expr) -> tuple[str, str]:
    """What stands before the last point, and what behind it."""
    if isinstance(function, ast.Attribute):
        return function.value.span.text, function.name
    return "", function.span.text


def _texts(node: ast.Call) -> list[str]:
    return [a.span.text if a.name else _grouped(a.value) for a in node.arguments]


def _grouped(node: ast.Expr) -> str:
    """The text of an operand, in brackets where it is an operation itself."""
    bare = isinstance(node, ast.Number | ast.Name | ast.Attribute | ast.Call | ast.Index)
    return node.span.text if bare else f"({node.span.text})"
