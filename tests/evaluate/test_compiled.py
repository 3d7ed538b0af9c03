"""A query that is asked again with arrays of the same shape compiles nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import dgmlang as dgm

FLOW = """model Flow {
  data x : real[2] ~ Normal(0, 1) |> ode(mlp([4]), solver = Euler, steps = 2)
}"""
WIDE = FLOW.replace("real[2]", "real[33]")
CHAIN = """model Chain {
  param a : simplex(2)[2]
  param b : unit[2]
  for t in 0..3 {
    latent z[t] : cat(2) ~ Categorical(uniform(2) if t == 0 else a[z[t-1]])
    data   x[t] : bit ~ Bernoulli(b[z[t]])
  }
}"""
RING = """model Ring {
  param w : real
  given u : real
  data x : spin[4]
  energy -w * sum(x * shift(x, 1, axis = 0)) - u * sum(x)
}"""


def asked(text: str) -> tuple[dgm.Fitted, np.ndarray]:
    fitted = dgm.parse(text).with_params({})
    shape = fitted.model.plan.program.variables["x"].type.array_shape
    return fitted, np.zeros((3, *(int(str(d)) for d in shape)), np.float32)


QUERIES: dict[str, tuple[str, Callable[[dgm.Fitted, Any], Any]]] = {
    "log_prob": (FLOW, lambda fit, x: fit.log_prob(x)),
    "score": (FLOW, lambda fit, x: fit.score(x)),
    "hutchinson": (WIDE, lambda fit, x: fit.log_prob(x, method="hutchinson(probes = 2)")),
    "mode": (CHAIN, lambda fit, x: fit.mode(given={"x": x.astype(np.int32)})),
    "exact": (RING, lambda fit, x: fit.log_normalizer(given={"u": x[:, 0]})),
    "ais": (
        RING,
        lambda fit, x: fit.log_normalizer(
            given={"u": x[:, 0]}, method="ais(temperatures = 3, chains = 2)"
        ),
    ),
}


def compiled(run: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> list[str]:
    """The names of what is compiled along the way."""
    caplog.clear()
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        run()
    return [r.getMessage() for r in caplog.records if "Finished XLA compilation" in r.getMessage()]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asked_again_compiles_nothing(name: str, caplog: pytest.LogCaptureFixture) -> None:
    text, query = QUERIES[name]
    fitted, x = asked(text)
    assert compiled(lambda: query(fitted, x), caplog)
    query(fitted, x)  # what NumPy's side compiles by shapes of results
    assert compiled(lambda: query(fitted, x + 0), caplog) == []
