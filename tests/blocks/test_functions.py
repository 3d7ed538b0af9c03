"""Functions against NumPy and SciPy, and their gradients where a kink or an edge lies."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from dgmlang.compiler.library import library
from dgmlang.compiler.types.static import geometric
from dgmlang.registry import implementation, implemented

LEFT = np.array([[-1.5, 0.25, 2.0], [0.0, -0.5, 3.0]])
RIGHT = np.array([[0.5, 0.25, -2.0], [1.0, 2.0, 3.0]])
POSITIVE = np.array([0.1, 1.0, 30.0])
BITS = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
VECTORS = np.array([[0.3, -1.0, 2.0], [50.0, 50.0, -50.0]])

ENTRYWISE: dict[str, tuple[tuple[Any, ...], Any]] = {
    "add": ((LEFT, RIGHT), LEFT + RIGHT),
    "subtract": ((LEFT, RIGHT), LEFT - RIGHT),
    "multiply": ((LEFT, RIGHT), LEFT * RIGHT),
    "divide": ((LEFT, RIGHT), LEFT / RIGHT),
    "power": ((np.abs(LEFT), np.abs(RIGHT)), np.abs(LEFT) ** np.abs(RIGHT)),
    "negative": ((LEFT,), -LEFT),
    "equal": ((LEFT, RIGHT), 1.0 * (LEFT == RIGHT)),
    "not_equal": ((LEFT, RIGHT), 1.0 * (LEFT != RIGHT)),
    "less": ((LEFT, RIGHT), 1.0 * (LEFT < RIGHT)),
    "less_equal": ((LEFT, RIGHT), 1.0 * (LEFT <= RIGHT)),
    "greater": ((LEFT, RIGHT), 1.0 * (LEFT > RIGHT)),
    "greater_equal": ((LEFT, RIGHT), 1.0 * (LEFT >= RIGHT)),
    "logical_and": (BITS, np.array([0.0, 0.0, 0.0, 1.0])),
    "logical_or": (BITS, np.array([0.0, 1.0, 1.0, 1.0])),
    "logical_not": (BITS[:1], 1.0 - BITS[0]),
    "exp": ((LEFT,), np.exp(LEFT)),
    "log": ((POSITIVE,), np.log(POSITIVE)),
    "log1p": ((POSITIVE,), np.log1p(POSITIVE)),
    "sqrt": ((POSITIVE,), np.sqrt(POSITIVE)),
    "abs": ((LEFT,), np.abs(LEFT)),
    "tanh": ((LEFT,), np.tanh(LEFT)),
    "sigmoid": ((LEFT,), special.expit(LEFT)),
    "log_sigmoid": ((80 * LEFT,), special.log_expit(80 * LEFT)),
    "softplus": ((80 * LEFT,), np.logaddexp(0, 80 * LEFT)),
    "relu": ((LEFT,), np.maximum(LEFT, 0)),
    "sin": ((LEFT,), np.sin(LEFT)),
    "cos": ((LEFT,), np.cos(LEFT)),
    "maximum": ((LEFT, RIGHT), np.maximum(LEFT, RIGHT)),
    "minimum": ((LEFT, RIGHT), np.minimum(LEFT, RIGHT)),
}

WHOLE: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = [
    ("matmul", (LEFT, RIGHT.T), {}, LEFT @ RIGHT.T),
    ("matmul", (LEFT[0], RIGHT.T), {}, LEFT[0] @ RIGHT.T),
    ("matmul", (LEFT[0], RIGHT[0]), {}, LEFT[0] @ RIGHT[0]),
    ("matmul", (np.stack([LEFT, RIGHT]), RIGHT.T), {}, np.stack([LEFT, RIGHT]) @ RIGHT.T),
    ("sum", (LEFT,), {}, LEFT.sum()),
    ("sum", (LEFT,), {"axis": 0}, LEFT.sum(0)),
    ("mean", (LEFT,), {"axis": -1}, LEFT.mean(-1)),
    ("max", (LEFT,), {"axis": 1}, LEFT.max(1)),
    ("min", (LEFT,), {"axis": None}, LEFT.min()),
    ("logsumexp", (VECTORS,), {"axis": 1}, special.logsumexp(VECTORS, axis=1)),
    ("logsumexp", (VECTORS,), {"axis": None}, special.logsumexp(VECTORS)),
    ("softmax", (VECTORS,), {}, special.softmax(VECTORS, axis=-1)),
    ("one_hot", (np.array([2, 0]),), {"levels": 3}, np.eye(3)[[2, 0]]),
    ("concat", (LEFT, RIGHT), {"axis": 0}, np.concatenate([LEFT, RIGHT])),
    ("concat", (LEFT, RIGHT), {"axis": -1}, np.concatenate([LEFT, RIGHT], -1)),
    ("concat", (LEFT[0], 0.5), {}, np.append(LEFT[0], 0.5)),
    ("shift", (LEFT,), {"k": 1, "axis": 0}, np.roll(LEFT, 1, 0)),
    ("shift", (LEFT,), {"k": -2, "axis": 1}, np.roll(LEFT, -2, 1)),
    ("ones", (), {"n": 3}, np.ones(3)),
    ("zeros", (), {"n": 3}, np.zeros(3)),
    ("geometric", (), {"first": 0.1, "last": 10.0, "n": 3}, np.array([0.1, 1.0, 10.0])),
    ("uniform", (), {"K": 4}, np.full(4, 0.25)),
    ("observed", (LEFT,), {"seen": LEFT > 0, "apart": 2}, 1.0 * (LEFT > 0)),
    ("observed", (LEFT,), {"seen": LEFT > 0, "apart": 0}, np.zeros(())),
    ("observed", (LEFT,), {"seen": LEFT != 0, "apart": 1}, np.array([1.0, 0.0])),
    ("fill", (LEFT, 7), {"seen": LEFT > 0, "apart": 2}, np.where(LEFT > 0, LEFT, 7.0)),
]

IN_PROCESS = {n for n, e in library().externs["fn"].items() if e.has("in_process")}


def test_every_function_is_here() -> None:
    tested = set(ENTRYWISE) | {name for name, *_ in WHOLE}
    assert tested == {name for _, name in implemented("fn")} - IN_PROCESS


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ENTRYWISE)
def test_entry_by_entry_as_numpy(name: str) -> None:
    args, expected = ENTRYWISE[name]
    found = implementation("fn", name)(*map(jnp.asarray, args))
    assert found.dtype == jnp.float64
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("name", ENTRYWISE)
def test_literals_serve_as_arguments(name: str) -> None:
    args, _ = ENTRYWISE[name]
    function = implementation("fn", name)
    np.testing.assert_allclose(function(*[2 for _ in args]), function(*[2.0 for _ in args]))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("name", "args", "settings", "expected"), WHOLE)
def test_whole_arrays_as_numpy(name: str, args: Any, settings: Any, expected: Any) -> None:
    arrays = [jnp.asarray(a) if isinstance(a, np.ndarray) else a for a in args]
    np.testing.assert_allclose(implementation("fn", name)(*arrays, **settings), expected, 1e-14)


@pytest.mark.parametrize(
    ("name", "point", "slope"),
    [
        ("softplus", 0.0, 0.5),
        ("softplus", 200.0, 1.0),
        ("softplus", -200.0, 0.0),
        ("log_sigmoid", 0.0, 0.5),
        ("log_sigmoid", 200.0, 0.0),
        ("log_sigmoid", -200.0, 1.0),
        ("sigmoid", -200.0, 0.0),
        ("abs", 0.0, 0.0),
        ("relu", 0.0, 0.0),
        ("tanh", 50.0, 0.0),
    ],
)
def test_gradients_at_kinks_and_far_out(name: str, point: float, slope: float) -> None:
    np.testing.assert_allclose(jax.grad(implementation("fn", name))(point), slope, atol=1e-12)


@pytest.mark.parametrize(("exponent", "value", "slope"), [(2.0, 9.0, -6.0), (3, -27.0, 27.0)])
def test_whole_powers_of_negative_numbers(exponent: float, value: float, slope: float) -> None:
    found = jax.value_and_grad(lambda x: implementation("fn", "power")(x, exponent))(-3.0)
    np.testing.assert_allclose(found, (value, slope))


def test_whole_powers_have_a_gradient_at_zero() -> None:
    assert jax.grad(lambda x: implementation("fn", "power")(x, 2.0))(0.0) == 0.0
    assert jax.grad(jax.grad(lambda x: implementation("fn", "power")(x, 2.0)))(0.0) == 2.0


def test_a_geometric_row_is_the_same_before_and_while_a_program_runs() -> None:
    found = implementation("fn", "geometric")(first=0.01, last=10.0, n=4)
    np.testing.assert_allclose(found, np.geomspace(0.01, 10, 4), rtol=1e-6)
    np.testing.assert_allclose(geometric(0.01, 10, 4) or (), found, rtol=1e-6)
