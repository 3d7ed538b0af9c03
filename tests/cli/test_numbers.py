"""How a number with its kind is printed."""

from __future__ import annotations

import numpy as np
import pytest

from dgmlang.cli.eval import number, table
from dgmlang.evaluate.result import Result


def result(value: float, error: float | None) -> Result:
    stderr = None if error is None else np.asarray(error)
    return Result(np.asarray(value), "estimate", stderr, "a way")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-22.0187, 0.0039, "-22.019 ± 0.004"),
        (0.496412, 8.8e-5, "0.49641 ± 0.00009"),
        (-1234.5, 12.0, "-1234 ± 12"),
        (-22.0187, None, "-22.02"),
        (0.123456, None, "0.1235"),
        (-22.0187, 0.0, "-22.02"),
        (float("-inf"), 0.1, "-inf"),
    ],
)
def test_a_number_is_printed_to_its_error(value: float, error: float | None, text: str) -> None:
    assert number(result(value, error)) == text


def test_rows_stand_in_columns() -> None:
    lines = table([("a", result(1.0, None)), ("long name", result(-22.5, 0.01))])
    assert lines == [
        "a                      1  estimate: a way",
        "long name  -22.50 ± 0.01  estimate: a way",
    ]
