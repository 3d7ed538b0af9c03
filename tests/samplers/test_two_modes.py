"""Modes of a fifth and four fifths: what plain Langevin dynamics cannot weigh, and noise can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dgmlang as dgm
from tests.objectives.models import EXAMPLES, within

N = 4000
BARE = """model Bare {
  data x : real
  score x = 5 * (2 * sigmoid(10 * x - log(4)) - 1) - x
}"""
"""The same mixture without noise levels."""


def noisy(sampler: str) -> Any:
    return dgm.load(EXAMPLES / "two_modes.dgm").with_params({}).sample(N, sampler=sampler)


def right_spread(x: np.ndarray) -> bool:
    return within((x - np.sign(x) * 5) ** 2, 1.0)


def test_plain_langevin_keeps_the_weights_of_its_start() -> None:
    x = np.asarray(dgm.parse(BARE).with_params({}).sample(N, sampler="langevin(steps = 2000)"))
    assert (x > 0).mean() > 0.4
    assert right_spread(x)


@pytest.mark.parametrize("sampler", ["annealed_langevin", "ddim(eta = 1)"])
def test_annealing_recovers_them(sampler: str) -> None:
    x = np.asarray(noisy(sampler))
    assert within(x > 0, 0.2)
    assert not within(x > 0, 0.24)
    if sampler == "annealed_langevin":
        assert right_spread(x)
