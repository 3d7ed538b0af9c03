"""Draws given some entries of the data, for a Gaussian pair whose conditional is known."""

from __future__ import annotations

import numpy as np
import pytest

import dgmlang as dgm
from tests.objectives.models import within

pytestmark = pytest.mark.usefixtures("x64")
N = 4000
PAIR = """model Pair(rho: float = 0.8) {
  let kept(t) = rho * signal_level(t) ** 2
  data x : real[2]
  score x at t under vp = -(x - kept(t) * shift(x, 1, axis = 0)) / (1 - kept(t) ** 2)
}"""
"""N(0, [[1, ρ], [ρ, 1]]): given the first entry y, the second is N(ρ y, 1 − ρ²)."""
Y = 1.5


def drawn(sampler: str, rho: float = 0.8) -> tuple[np.ndarray, str]:
    fit = dgm.parse(PAIR, rho=rho).with_params({})
    x = fit.sample(N, given={"x": [Y, np.nan]}, sampler=sampler)
    assert (np.asarray(x)[:, 0] == Y).all()
    return np.asarray(x)[:, 1], x.method


def test_guided_sampling_is_nearer_to_the_conditional_than_replacement() -> None:
    found, method = drawn("ddim(steps = 200, eta = 1)")
    replaced, other = drawn("ddim(steps = 200, eta = 1, filling = replacement)")
    truth = 0.8 * Y
    assert "guided posterior sampling: approximate" in method
    assert "replacement: approximate" in other
    assert abs(found.mean() - truth) < abs(replaced.mean() - truth)
    assert abs(found.mean() - truth) < 0.1
    # Neither is the unconditional law.
    assert abs(replaced.mean()) > 0.5
    assert found.var() < 0.6
    assert replaced.var() < 0.8


@pytest.mark.parametrize("sampler", ["sde(steps = 200)", "ode", "pc(steps = 200)"])
def test_every_sampler_holds_what_is_given(sampler: str) -> None:
    """Independent entries keep their law: what is given says nothing of them."""
    found, _ = drawn(sampler, rho=0.0)
    assert within(found, 0.0)
    assert within(found**2, 1.0)


def test_all_given_is_all_kept_and_none_given_is_a_draw() -> None:
    fit = dgm.parse(PAIR).with_params({})
    kept = fit.sample(2, given={"x": [0.5, -0.5]}, sampler="ddim(steps = 5)")
    assert (np.asarray(kept) == [0.5, -0.5]).all()
    nothing = fit.sample(N, given={"x": [np.nan, np.nan]}, sampler="ddim(steps = 100, eta = 1)")
    assert within(np.asarray(nothing).prod(1), 0.8)
    with pytest.raises(dgm.DgmError) as refused:
        fit.sample(2, sampler="ddim(filling = replacement)")
    assert refused.value.diagnostics[0].code == "DGM0435"
