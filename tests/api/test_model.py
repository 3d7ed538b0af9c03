"""Models and fits as a person at a Python prompt uses them."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

import dgmlang as dgm
from dgmlang.evaluate.result import Result
from dgmlang.runtime.loop import NotFinite

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = {"latents": 3, "hidden": [16]}

GAUSSIAN = """
model Gaussian(d: int) {
  param loc   : real[d]
  param scale : positive[d]
  data x : real[d] ~ Normal(loc, scale)
}
"""

REGRESSION = """
model Regression(d: int) {
  given x : real[d]
  param w : real[d]
  param s : positive
  data y : real ~ Normal(w @ x, s)
}
"""


@pytest.fixture(scope="module")
def vae() -> dgm.Fitted:
    model = dgm.load(EXAMPLES / "vae.dgm", **TINY)
    return model.fit({"x": dgm.data("digits")["x"][:256]}, steps=20, valid=0.25)


def rows(n: int = 200, d: int = 3) -> np.ndarray:
    scale = np.arange(1.0, d + 1)
    return np.random.default_rng(0).normal(1.0, scale, (n, d)).astype(np.float32)


# ── data in ──────────────────────────────────────────────────────────────────────────────────────


def test_arrays_frames_and_jax_arrays_are_the_same_data() -> None:
    model, data = dgm.parse(GAUSSIAN), rows()
    forms = [data, data.tolist(), {"x": data}, pd.DataFrame(data, columns=list("abc"))]
    forms.append(jax.numpy.asarray(data))
    found = [model.fit(form, steps=20).params["loc"] for form in forms]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_open_dimensions_come_from_the_data() -> None:
    model = dgm.parse(GAUSSIAN)
    assert model.open == ("d",)
    fitted = model.fit(rows(d=5), steps=5)
    assert fitted.model.hypers["d"] == 5
    assert model.open == ("d",)


def test_several_variables_come_by_name() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2)).astype(np.float32)
    y = x @ np.array([2.0, -1.0]) + 0.1 * rng.normal(size=500)
    model = dgm.parse(REGRESSION)
    fitted = model.fit({"x": x, "y": y}, steps=1500, optimizer="adam(learning_rate = 0.03)")
    exact = np.linalg.lstsq(x, y, rcond=None)[0]
    # The optimum of this likelihood is the least-squares solution; batches leave SGD noise.
    np.testing.assert_allclose(fitted.params["w"], exact, atol=0.02)
    drawn = fitted.sample(4, given={"x": [1.0, 0.0]})
    assert np.shape(drawn) == (4,)


# ── queries ──────────────────────────────────────────────────────────────────────────────────────


def test_a_gaussian_is_fitted_to_its_moments() -> None:
    data = rows(400)
    fitted = dgm.parse(GAUSSIAN).fit(
        data, steps=1500, batch=400, optimizer="adam(learning_rate = 0.03)"
    )
    np.testing.assert_allclose(fitted.params["loc"], data.mean(0), atol=1e-2)
    np.testing.assert_allclose(fitted.params["scale"], data.std(0), rtol=1e-2)


def test_results_say_what_they_are(vae: dgm.Fitted) -> None:
    data = dgm.data("digits")["x"][:8]
    bound = vae.log_prob(data)
    assert isinstance(bound, Result)
    assert bound.kind == "bound"
    assert bound.shape == (8,)
    assert "elbo" in bound.method
    assert np.asarray(vae.log_prob(data, method="iwae(k = 64)")).shape == (8,)
    assert vae.sample(3).shape == (3, 8, 8)
    assert vae.posterior(data)["z"].shape == (8, 3)
    assert vae.reconstruct(data).shape == (8, 8, 8)


def test_the_same_seed_gives_the_same_draws(vae: dgm.Fitted) -> None:
    np.testing.assert_array_equal(vae.sample(4, seed=1), vae.sample(4, seed=1))
    assert not np.array_equal(vae.sample(4, seed=1), vae.sample(4, seed=2))


def test_which_parameters(vae: dgm.Fitted) -> None:
    assert vae.which == "best"
    assert vae.using("last").which == "last"
    with pytest.raises(dgm.DgmError, match="DGM0803"):
        vae.using("lats")


def test_paths_are_the_programs_names(vae: dgm.Fitted) -> None:
    kernel = vae.params["decoder"]["mlp"]["0"]["kernel"]
    assert kernel.shape == (3, 16)
    assert set(vae.params) == {"decoder", "encoder"}


# ── pure functions ───────────────────────────────────────────────────────────────────────────────


def test_pure_functions_are_jax_functions() -> None:
    model = dgm.load(EXAMPLES / "gmm.dgm", K=3, d=2)
    data = jax.numpy.asarray(rows(64, 2))
    params = model.init(0, {"x": data})
    each = jax.jit(jax.vmap(lambda x: model.log_prob(params, {"x": x})))(data)
    assert each.shape == (64,)
    gradient = jax.grad(lambda p: model.loss(p, {"x": data}, jax.random.key(0)))(params)
    assert jax.tree.structure(gradient) == jax.tree.structure(params)
    np.testing.assert_allclose(
        model.loss(params, {"x": data}, jax.random.key(0)), -each.mean(), rtol=1e-5
    )
    drawn = jax.vmap(lambda key: model.draw(params, key))(jax.random.split(jax.random.key(1), 5))
    assert drawn["x"].shape == (5, 2)
    assert drawn["k"].shape == (5,)


def test_log_prob_without_a_density_says_why() -> None:
    model = dgm.load(EXAMPLES / "vae.dgm", side=4, **TINY)
    with pytest.raises(dgm.DgmError, match="DGM0412"):
        model.log_prob({}, {})


# ── training ─────────────────────────────────────────────────────────────────────────────────────


def test_a_second_fit_of_the_same_shapes_compiles_nothing() -> None:
    model, data = dgm.load(EXAMPLES / "vae.dgm", **TINY), dgm.data("digits")["x"]
    traces: list[int] = []
    for seed in (0, 1):
        fitted = model.fit({"x": data[:256]}, steps=20, seed=seed)
        traces.append(total_traces())
        assert fitted.step == 20
    assert traces[0] == traces[1]


def total_traces() -> int:
    """How often any trainer's step was traced so far."""
    import gc

    from dgmlang.runtime.trainer import Trainer

    return sum(o.traces for o in gc.get_objects() if isinstance(o, Trainer))


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    model, data = dgm.load(EXAMPLES / "vae.dgm", **TINY), {"x": dgm.data("digits")["x"][:256]}
    whole = model.fit(data, steps=60, valid=0.25, out=tmp_path / "whole")

    def stop(record: object) -> None:
        if getattr(record, "step", 0) >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(data, steps=60, valid=0.25, out=tmp_path / "half", callbacks=[stop])
    resumed = model.fit(data, resume=tmp_path / "half")
    assert resumed.step == whole.step == 60
    assert [r.step for r in resumed.history] == [r.step for r in whole.history]
    for name in whole.kept:
        jax.tree.map(np.testing.assert_array_equal, whole.kept[name], resumed.kept[name])


def test_resuming_takes_the_runs_own_settings_and_program(tmp_path: Path) -> None:
    data = {"x": dgm.data("digits")["x"][:64]}
    dgm.load(EXAMPLES / "vae.dgm", **TINY).fit(data, steps=4, out=tmp_path / "run")
    again = dgm.load(EXAMPLES / "vae.dgm").fit(data, steps=6, resume=tmp_path / "run")
    assert (again.step, again.model.hypers["latents"]) == (6, 3)
    with pytest.raises(dgm.DgmError, match="DGM0608"):
        dgm.parse(GAUSSIAN).fit(rows(), resume=tmp_path / "run")


def test_held_out_arrays_are_asked_for_again(tmp_path: Path) -> None:
    model, data = dgm.parse(GAUSSIAN), rows(64)
    whole = model.fit(data, steps=40, valid=rows(16), out=tmp_path / "whole")
    model.fit(data, steps=20, valid=rows(16), out=tmp_path / "half")
    with pytest.raises(dgm.DgmError, match="DGM0714"):
        model.fit(data, steps=40, resume=tmp_path / "half")
    again = model.fit(data, resume=tmp_path / "whole", valid=rows(16))
    assert again.step == whole.step


def test_inputs_are_prepared_and_have_no_density() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(100.0, 10.0, (400, 1))
    y = 50 + 0.2 * (x[:, 0] - 100) + rng.normal(0.0, 0.5, 400)
    standard = {"x": "standardize(x)", "y": "standardize(y)"}
    fitted = dgm.parse(REGRESSION).fit(
        {"x": x, "y": y}, prepare=standard, steps=800, optimizer="adam(learning_rate = 0.03)"
    )
    drawn = fitted.sample(2000, given={"x": [120.0]})
    # The line through the data is known to about 0.05 there; the mean's error is 0.5/√2000.
    assert abs(drawn.mean() - 54.0) < 0.3
    from scipy.stats import norm

    exact = norm.logpdf(y, 50 + 0.2 * (x[:, 0] - 100), 0.5).mean()
    assert abs(float(fitted.log_prob({"x": x, "y": y}).mean()) - exact) < 0.05


def test_codes_of_a_flow_invert_it() -> None:
    model = dgm.load(EXAMPLES / "realnvp.dgm", layers=2, hidden=[8])
    fitted = model.fit(dgm.data("moons", n=200), steps=20)
    data = dgm.data("moons", n=8)["x"]
    codes = fitted.posterior(data)["z"]
    assert codes.kind == "exact"
    again = fitted.sample(8, given={"z": np.asarray(codes)})
    np.testing.assert_allclose(again, data, atol=1e-4)


def test_saved_and_restored(tmp_path: Path, vae: dgm.Fitted) -> None:
    vae.save(tmp_path / "run")
    again = dgm.restore(tmp_path / "run")
    data = dgm.data("digits")["x"][:8]
    np.testing.assert_array_equal(again.log_prob(data), vae.log_prob(data))
    assert again.objective == vae.objective
    with pytest.raises(dgm.DgmError, match="DGM0606"):
        vae.save(tmp_path / "run")


def test_standardised_data_keep_their_units(tmp_path: Path) -> None:
    data = 100 + 10 * rows(400, 2)
    fitted = dgm.parse(GAUSSIAN).fit(
        data, prepare="x = standardize(x)", steps=800, batch=400, out=tmp_path / "run"
    )
    drawn = fitted.sample(2000)
    error = 5 * data.std(0) / np.sqrt(2000)
    assert np.all(np.abs(drawn.mean(0) - data.mean(0)) < error + 1)
    # log p(x) includes the Jacobian: the closed form on the raw scale.
    from scipy.stats import norm

    exact = norm.logpdf(data[:5], data.mean(0), data.std(0)).sum(1)
    np.testing.assert_allclose(fitted.log_prob(data[:5]), exact, atol=0.05)
    np.testing.assert_array_equal(
        dgm.restore(tmp_path / "run").log_prob(data[:5]), fitted.log_prob(data[:5])
    )


def test_init_and_freeze() -> None:
    model, data = dgm.parse(GAUSSIAN), rows()
    fitted = model.fit(data, steps=20, init={"loc": [5.0, 5.0, 5.0]}, freeze=["loc"])
    np.testing.assert_array_equal(fitted.params["loc"], [5.0, 5.0, 5.0])
    with pytest.raises(dgm.DgmError, match="DGM0706"):
        model.fit(data, steps=20, freeze=["lok"])


def test_a_loss_that_is_not_finite_names_the_site() -> None:
    model = dgm.parse(GAUSSIAN)
    with pytest.raises(NotFinite, match="DGM0709") as caught:
        model.fit(rows(), steps=50, init={"loc": [1e25, 0.0, 0.0]})
    assert "`x` (<text>:5:" in str(caught.value)
    assert caught.value.fitted.params["loc"].shape == (3,)


def test_a_loss_is_pure_under_jit_from_its_first_call() -> None:
    text = """model M {
  param b : real
  latent z : real ~ Normal(0, 1)
  data   x : real ~ Normal(sin(z) + b, 1)
}"""
    model = dgm.parse(text)
    params, batch = model.init(0), {"x": jax.numpy.zeros(2)}
    for _ in range(2):
        again = jax.jit(lambda key: model.loss(params, batch, key))
        assert np.isfinite(again(jax.random.key(0)))
