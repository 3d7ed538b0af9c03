"""Programs with autoregressive nets: over all states they sum to one, and draws have that law."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

import dgmlang as dgm

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DRAWS = 4000

SMALL: dict[str, tuple[dict[str, Any], tuple[int, ...], int]] = {
    "char_rnn": ({"V": 3, "T": 3, "width": 4}, (3,), 3),
    "char_transformer": ({"V": 3, "T": 3, "width": 4, "layers": 1, "heads": 2}, (3,), 3),
    "nade": ({"d": 4, "hidden": 3}, (4,), 2),
    "wavenet": ({"K": 3, "T": 3, "channels": 4}, (3,), 3),
    "pixelcnn": ({"K": 2, "side": 2, "classes": 2}, (2, 2), 2),
    "colourise": ({"K": 2, "side": 1}, (1, 1, 3), 2),
}
GIVEN = {"pixelcnn": {"y": 1}, "colourise": {"g": np.ones((1, 1, 1), np.int32)}}


def program(name: str) -> tuple[dgm.Model, Any]:
    """The example at a small size, its parameters moved away from where they start."""
    model = dgm.load(EXAMPLES / f"{name}.dgm", **SMALL[name][0])
    rng = np.random.default_rng(7)
    start = model.init(0)
    return model, jax.tree.map(lambda leaf: leaf + 0.5 * rng.normal(size=np.shape(leaf)), start)


def table(name: str, model: dgm.Model, params: Any) -> np.ndarray:
    """The probability of every state, the last entry fastest."""
    _, shape, levels = SMALL[name]
    states = np.array(list(product(range(levels), repeat=int(np.prod(shape)))), np.int32)
    given = GIVEN.get(name, {})

    def one(x: Any) -> Any:
        return model.log_prob(params, {"x": x.reshape(shape), **given})

    return np.exp(np.asarray(jax.vmap(one)(jnp.asarray(states)), float))


@pytest.mark.parametrize("name", SMALL)
def test_the_law_sums_to_one_and_draws_have_it(name: str) -> None:
    model, params = program(name)
    probabilities = table(name, model, params)
    assert abs(probabilities.sum() - 1) < 1e-5
    _, shape, levels = SMALL[name]

    def draw(key: Any) -> Any:
        return model.draw(params, key, GIVEN.get(name, {}))["x"].reshape(-1)

    drawn = np.asarray(jax.vmap(draw)(jax.random.split(jax.random.key(3), DRAWS)))
    codes = drawn.astype(int) @ levels ** np.arange(int(np.prod(shape)))[::-1]
    counts = np.bincount(codes, minlength=len(probabilities))
    # Pearson's test at the level of five standard errors; shuffled states are far from the law.
    assert pearson(counts, probabilities) > 5.7e-7
    assert pearson(counts, np.roll(probabilities, 1)) < 5.7e-7


def pearson(counts: np.ndarray, probabilities: np.ndarray) -> float:
    """The p-value of counts under a law, rare states taken together."""
    expected = counts.sum() * probabilities / probabilities.sum()
    rare = expected < 5
    seen = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    return float(chi2.sf(((seen - wanted) ** 2 / wanted).sum(), len(seen) - 1))
