"""Chains of a continuous energy, held fixed, reach its law: modes, their weights, their widths."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.objectives import replay
from dgmlang.objectives.contrast import Chains
from tests.objectives.models import arrays, model, within

pytestmark = pytest.mark.usefixtures("x64")
HEAVY, WIDTH, N = 0.8, 0.3, 4000

MODES = """model Modes {
  data x : real
  energy -log(0.2 * exp(-(x + 2) ** 2 / 0.18) + 0.8 * exp(-(x - 2) ** 2 / 0.18))
}"""
"""0.2 N(−2, 0.09) + 0.8 N(2, 0.09)."""


def ended(times: int, jumps: bool) -> np.ndarray:
    """Chains [N] that began as a Gaussian around 0, after so many steps of five transitions."""
    moves = Chains(model(MODES), 1, 0.1)
    rng = np.random.default_rng(0)
    data = arrays(x=rng.choice([-2.0, 2.0], N) + WIDTH * rng.normal(size=N))
    state = replay.begin(jax.random.key(0), moves, data, data, 0.1, N)
    if not jumps:
        # Noise from far outside is always refused.
        state["loc"] = {"x": jnp.asarray(50.0)}
    advance = jax.jit(partial(replay.advance, moves=moves, k=5))
    for i in range(times):
        state, _ = advance(jax.random.key(i + 1), {}, state=state)
    _, facts = advance(jax.random.key(0), {}, state=state)
    assert 0.4 < float(facts["acceptance"]) < 0.75
    return np.asarray(state["chains"]["x"])


def test_chains_reach_the_law():
    x = ended(300, jumps=True)
    right = x > 0
    assert within(right[:, None], np.array([HEAVY]))
    offset = np.where(right, x - 2, x + 2)
    assert within((offset**2)[:, None], np.array([WIDTH**2]))


def test_chains_that_cannot_jump_keep_the_weights_of_their_start():
    """The twin."""
    assert not within((ended(300, jumps=False) > 0)[:, None], np.array([HEAVY]))
