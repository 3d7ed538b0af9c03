"""Both sides of a benchmark do the same mathematics, and its interval is what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import dgmlang as dgm
from benchmarks import flows, hmm, maf, pairs, pictures, vae
from benchmarks.by_hand import maf as hand
from benchmarks.by_hand import vae as by_hand


def test_vae_steps_agree() -> None:
    """At the same parameters, batch and draws, loss and gradient are equal up to rounding."""
    assert vae.difference(pictures.made(by_hand.BATCH)) < 1e-5


def test_another_loss_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power: a scale that is wrong by one part in a thousand is no rounding."""
    right: Callable[..., Any] = by_hand.loss
    monkeypatch.setattr(by_hand, "loss", lambda p, x, noise: right(p, x, 1.001 * noise))
    assert vae.difference(pictures.made(by_hand.BATCH)) > 1e-5


def test_hidden_chains_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """log p of the program and by hand; a table that one side reads the other way is noticed."""
    assert hmm.difference(3, 7, 2) < 1e-5
    weights = hmm.weights

    def turned(known: dict[str, Any], x: Any) -> Any:
        return right({**known, "step": weights(3, seed=1)["step"]}, x)

    right: Callable[..., Any] = hmm.by_hand
    monkeypatch.setattr(hmm, "by_hand", turned)
    assert hmm.difference(3, 7, 2) > 1e-5


@pytest.mark.parametrize("kind", ["maf", "iaf"])
def test_flows_agree(kind: str) -> None:
    """What is drawn by hand has the density by hand that the program says it has."""
    model = dgm.load(flows.EXAMPLES / f"{kind}.dgm", d=8, layers=1).lowered
    params = maf.moved(model.init(0, None))
    z = jax.random.normal(jax.random.key(0), (4, 8))
    x = hand.pushed(params, z, kind)
    wanted = jax.vmap(lambda x: model.log_prob(params, {"x": x}))(x)
    np.testing.assert_allclose(hand.log_prob(params, x, kind), wanted, rtol=1e-4)
    assert np.abs(hand.log_prob(params, 1.01 * x, kind) - wanted).max() > 1e-2


def test_by_hand_learns_over_epochs() -> None:
    """The steps go on through a new order of the data, and lower the loss."""
    run = by_hand.Run(by_hand.init(0), pictures.made(4 * by_hand.BATCH))
    run.steps(5)
    first = float(run.carry.total) / 5
    run.steps(20)
    assert int(run.carry.step) == 25
    assert (float(run.carry.total) - 5 * first) / 20 < first


@pytest.mark.parametrize(("count", "out"), [(6, 0), (15, 3), (25, 7), (100, 39)])
def test_order_statistics_of_the_median(count: int, out: int) -> None:
    """Conover's table of the sign test: how many ordered values lie outside on each side."""
    assert pairs.left_out(count) == out


def test_interval_holds_the_median_as_often_as_it_says() -> None:
    """95 % at least, for a law with a long tail; at most what the coarse binomial adds."""
    ratios = np.random.default_rng(0).lognormal(0.0, 1.0, (2_000, 15))
    found = [pairs.ratio([(1.0, float(r)) for r in row]) for row in ratios]
    held = float(np.mean([r.low <= 1.0 <= r.high for r in found]))
    assert abs(held - 0.9648) < 5 * np.sqrt(0.9648 * 0.0352 / 2_000)


def test_few_pairs_hold_no_interval() -> None:
    with pytest.raises(ValueError, match="at least 15 pairs"):
        pairs.ratio([(1.0, 1.0)] * 14)


def test_pictures_of_another_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="not bytes"):
        pictures.read(tmp_path / "mnist.npz")
    np.savez(tmp_path / "mnist.npz", x_train=pictures.made(2))
    assert pictures.read(tmp_path / "mnist.npz").shape == (2, 28, 28)
