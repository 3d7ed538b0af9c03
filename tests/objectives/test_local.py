"""A posterior for each example, against closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import dgmlang as dgm

ROWS = """model Rows {
  param w : real
  param a : real
  latent z : real ~ Normal(3, 1)
  data x : real ~ Normal(w * z, 1)
  guide { z ~ Normal(a * x, 1) }
}"""


def rows(n: int = 32) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 2.0 * (3.0 + rng.normal(size=n)) + rng.normal(size=n)


def trained(x: np.ndarray, **keywords: object) -> dgm.Fitted:
    model = dgm.parse(ROWS)
    options = {
        "steps": 1500,
        "batch": 8,
        "optimizer": "adam(cosine_decay_schedule(0.05, decay_steps = 1500))",
        "seed": 1,
        **keywords,
    }
    return model.fit(x, objective="elbo(guide = local, samples = 4)", freeze=["w"],
                     init={"w": 2.0}, **options)  # fmt: skip


def gaussians(fit: dgm.Fitted) -> tuple[np.ndarray, np.ndarray]:
    own = fit.raw["q(latents)"]["z"]
    return np.asarray(own["centre"]), np.asarray(own["log_scale"])


@pytest.fixture(scope="module")
def fit() -> dgm.Fitted:
    return trained(rows())


def test_each_example_has_its_own_posterior(fit: dgm.Fitted) -> None:
    """Given x, z is Gaussian of mean (3 + 2 x)/5 and variance 1/5."""
    x = rows()
    centre, spread = gaussians(fit)
    assert np.abs(centre - (3 + 2 * x) / 5).max() < 0.15
    assert np.abs(np.exp(spread) - np.sqrt(0.2)).max() < 0.1
    # The twin: rows that are another example's.
    assert np.abs(centre - (3 + 2 * np.roll(x, 1)) / 5).max() > 0.5


def test_draws_are_in_the_order_of_the_data(fit: dgm.Fitted) -> None:
    every = np.stack([fit.posterior(seed=seed)["z"].value for seed in range(200)])
    centre, spread = gaussians(fit)
    assert every.shape == (200, 32)
    assert np.all(np.abs(every.mean(axis=0) - centre) < 5 * np.exp(spread) / np.sqrt(200))


def test_other_examples_are_refined_or_refused(fit: dgm.Fitted) -> None:
    new = np.array([4.0, 9.0])
    for ask in (fit.posterior, fit.log_prob, fit.reconstruct):
        with pytest.raises(dgm.DgmError) as refused:
            ask(new)
        assert [d.code for d in refused.value.diagnostics] == ["DGM0836"]
    found = fit.log_prob(new, method="elbo(samples = 64, refine = 300)")
    assert np.allclose(found, norm.logpdf(new, 6, np.sqrt(5)), atol=0.02)
    prior = fit.log_prob(new, method="importance(k = 2000, proposal = prior)")
    assert np.allclose(prior, norm.logpdf(new, 6, np.sqrt(5)), atol=0.3)


def test_held_out_numbers_are_of_refined_posteriors(fit: dgm.Fitted) -> None:
    new = np.random.default_rng(1).normal(6, np.sqrt(5), size=20)
    (name, found), *_ = fit.evaluate(new)
    assert name == "log p(x), nats"
    assert "refined in 200 steps" in found.method
    assert abs(float(found) - norm.logpdf(new, 6, np.sqrt(5)).mean()) < 0.1


def test_the_loss_is_the_evidence_where_posteriors_are_right(fit: dgm.Fitted) -> None:
    losses = [record.values["loss"] for record in fit.history][-3:]
    truth = -norm.logpdf(rows(), 6, np.sqrt(5)).mean()
    assert abs(np.mean(losses) - truth) < 0.1


def test_a_run_folder_keeps_them(tmp_path: Path) -> None:
    first = trained(rows(), steps=20, out=tmp_path / "run")
    again = dgm.restore(tmp_path / "run")
    assert np.array_equal(first.posterior()["z"].value, again.posterior()["z"].value)


@pytest.mark.parametrize(
    ("objective", "code"),
    [
        ("elbo(guide = lokal)", "DGM0803"),
        ("elbo(guide = local, beta = 2)", "DGM0435"),
        ("elbo(guide = local, free_bits = 1)", "DGM0435"),
    ],
)
def test_settings_that_do_not_go_with_it(objective: str, code: str) -> None:
    with pytest.raises(dgm.DgmError) as refused:
        dgm.parse(ROWS).fit(rows(), objective=objective, steps=1)
    assert [d.code for d in refused.value.diagnostics] == [code]


def test_examples_that_are_held_out_have_no_posterior() -> None:
    with pytest.raises(dgm.DgmError) as refused:
        dgm.parse(ROWS).fit(rows(), objective="elbo(guide = local)", steps=1, valid=0.25)
    assert [d.code for d in refused.value.diagnostics] == ["DGM0708"]


def test_batches_without_an_end_have_no_rows() -> None:
    with pytest.raises(dgm.DgmError) as refused:
        dgm.parse(ROWS).fit(iter([rows()]), objective="elbo(guide = local)", steps=1)
    assert [d.code for d in refused.value.diagnostics] == ["DGM0719"]
