"""Lossless coding: round trips are exact, and as long as the model's own code length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import dgmlang as dgm

pytest.importorskip("constriction")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GOLDEN = Path(__file__).parents[1] / "golden" / "queries"
MIXED = """model Mixed {
  given c : bit
  param w : real[3]
  net f(x: grey(5)[4, 4], y: cat(3)) -> (logits: real[4, 4, 5]) =
    x |> pixelcnn(channels = 4, layers = 2, kernel = 3, condition = y |> embed(4))
  data y : cat(3)        ~ Categorical(softmax(w * c))
  data s : bit[2]        ~ Bernoulli(logits = 0.5 * c)
  data x : grey(5)[4, 4] ~ Categorical(f(past(x), y)...)
}"""


def perturbed(model: dgm.Model) -> dgm.Fitted:
    rng = np.random.default_rng(0)
    raw = jax.tree.map(lambda a: rng.normal(size=np.shape(a)) * 0.7, model.init(0))
    return model.with_params(model.lowered.constrain(raw))


def test_a_round_trip_within_one_percent_of_the_code_length() -> None:
    fit = perturbed(dgm.load(EXAMPLES / "made.dgm", d=64, hidden=[32]))
    x = fit.sample(4000)
    code = fit.compress(x)
    bits = -float(fit.log_prob(x).value.astype(float).sum()) / np.log(2)
    assert bits > 1e5
    assert abs(8 * len(code) / bits - 1) < 0.01
    np.testing.assert_array_equal(fit.decompress(code), x)
    # The twin: another model's conditionals take more bits.
    other = perturbed(dgm.load(EXAMPLES / "made.dgm", d=64, hidden=[16]))
    assert 8 * len(other.compress(x)) / bits > 1.01


def test_several_variables_and_givens() -> None:
    fit = perturbed(dgm.parse(MIXED))
    given = {"c": np.array([0.0, 1.0, 1.0] * 20)}
    data: dict[str, Any] = dict(fit.sample(60, given=given))
    code = fit.compress({**data, **given})
    found = fit.decompress(code, given=given)
    for name, array in data.items():
        np.testing.assert_array_equal(found[name], array)
    bits = -float(fit.log_prob({**data, **given}).value.sum()) / np.log(2)
    assert 8 * len(code) < 1.01 * bits + 200


@pytest.mark.parametrize(
    ("damage", "said"), [("cut", "DGM0881"), ("changed", "DGM0883"), ("other", "DGM0882")]
)
def test_a_code_that_does_not_fit_is_noticed(
    damage: str, said: str, golden: Callable[[Path, str], None]
) -> None:
    fit = perturbed(dgm.load(EXAMPLES / "made.dgm", d=8, hidden=[4]))
    code = fit.compress(fit.sample(50))
    if damage == "cut":
        code = code[:10]
    elif damage == "changed":
        code = code[:24] + bytes([code[24] ^ 1]) + code[25:]
    else:
        fit = dgm.load(EXAMPLES / "made.dgm", d=8, hidden=[4]).with_params({})
    with pytest.raises(dgm.DgmError, match=said) as caught:
        fit.decompress(code)
    golden(GOLDEN / f"decompressing_{damage}.txt", f"{caught.value}\n")
