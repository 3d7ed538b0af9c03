"""Shapes of indices and slices, and arrays of one value where a layer wants an array."""

from __future__ import annotations

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_text

GATHER = """model M {{
  param p : simplex(4)
  param A : real[2, 4, 3, 5]
  latent k : cat(4)[7] ~ Categorical(p)
  data x : real[{shape}] ~ Normal(A[{items}], 1)
}}
"""


@pytest.mark.parametrize(
    ("items", "shape"),
    [
        (":, k", (2, 7, 3, 5)),
        (":, k, 0", (2, 7, 5)),
        (":, k, :, 0", (7, 2, 3)),
        ("0, k, 1:", (7, 2, 5)),
    ],
)
def test_gathered_axes_stand_as_in_numpy(items: str, shape: tuple[int, ...]) -> None:
    compile_text(GATHER.format(shape=", ".join(map(str, shape)), items=items))
    swapped = (shape[1], shape[0], *shape[2:])
    with pytest.raises(DgmError):
        compile_text(GATHER.format(shape=", ".join(map(str, swapped)), items=items))


def test_slices_of_an_open_axis() -> None:
    text = "model M(d: int) {\n  data x : real[d]\n  energy sum(x[1:] * x[:-1])\n}\n"
    compile_text(text)
    with pytest.raises(DgmError):
        compile_text(text.replace("[:-1]", "[:-2]"))


def test_a_simplex_enters_a_layer() -> None:
    plan = compile_text(
        "model M {\n  net f(z: simplex(3)) -> real = z |> mlp([8])\n"
        "  given z : simplex(3)\n  data x : real ~ Normal(f(z), 1)\n}\n"
    )
    # Three entries in, eight units, one head: their weights and biases.
    assert plan.facts.parameters == 4 * 8 + 9


@pytest.mark.parametrize(
    ("size", "found"), [("d + 1 if d + 1 > d else 1", "d + 1"), ("3 if h == 2 else 4", "3")]
)
def test_decided_dimensions(size: str, found: str) -> None:
    text = f"model M(d: int, h: int = 2) {{\n  data x : real[{size}] ~ Normal()\n}}\n"
    (axis,) = compile_text(text).program.variables["x"].type.shape
    assert str(axis) == found


def test_a_sum_of_known_sizes_is_a_position() -> None:
    text = "model M(T: int = 3) {\n  param w : real[T]\n  data x : real ~ Normal(w[T - 1], 1)\n}\n"
    compile_text(text)
    with pytest.raises(DgmError, match="DGM0332"):
        compile_text(text.replace("T - 1", "T + 0"))
    with pytest.raises(DgmError, match="DGM0331"):
        compile_text(text.replace("T: int = 3", "T: int"))
