"""Settings of methods: each once, of its type, and in range."""

from __future__ import annotations

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan.methods import objective
from dgmlang.evaluate.estimators import estimator

PLAN = compile_text(
    """model M {
  net decoder(z: real[2]) -> real[3] = z |> dense(3)
  net encoder(x: real[3]) -> (loc: real[2], scale: positive[2]) = x |> mlp([4])
  latent z : real[2] ~ Normal()
  data x : real[3] ~ Normal(decoder(z), 1)
  guide { z ~ Normal(encoder(x)...) }
}
"""
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("iwae(3, k = 5)", "DGM0350"),
        ("iwae(k = 0)", "DGM0430"),
        ("elbo(samples = -1)", "DGM0430"),
        ("elbo(beta = -0.5)", "DGM0430"),
        ("iwae(k = 2) { reverse }", "DGM0415"),
    ],
)
def test_objectives_refuse(text: str, code: str) -> None:
    with pytest.raises(DgmError) as caught:
        objective(PLAN, text)
    assert [d.code for d in caught.value.diagnostics] == [code]


@pytest.mark.parametrize("text", ["iwae(3)", "elbo(samples = 0)", "elbo(beta = 0)"])
def test_objectives_take_what_is_in_range(text: str) -> None:
    assert str(objective(PLAN, text)).startswith(text.partition("(")[0])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("iwae(k = -1)", "DGM0430"),
        ("elbo(samples = 0)", "DGM0430"),
        ("elbo(samples = foo)", "DGM0421"),
        ("iwae(3, k = 2)", "DGM0350"),
        ("iwae(j = 2)", "DGM0807"),
    ],
)
def test_estimators_refuse(text: str, code: str) -> None:
    with pytest.raises(DgmError) as caught:
        estimator(PLAN, text, lambda: None)
    assert [d.code for d in caught.value.diagnostics] == [code]
