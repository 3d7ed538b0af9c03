"""Distillation: the reverse KL of known laws, its floor, one pass a draw, and who cannot teach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import objective

MEAN, SCALE = np.array([1.0, -2.0]), np.array([0.5, 1.5])
TEACHER = """model T {
  param m : real[2]
  param s : positive[2]
  data x : real[2] ~ Normal(m, s)
}"""
STUDENT = "model S { data x : real[2] ~ Normal(0, 1) |> repeat(2) { iaf(made([4])) |> reverse } }"
BITS = "model D { param p : real[2]\n data x : bit[2] ~ Bernoulli(logits = p) }"
DRAWS = np.zeros((512, 2), np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A teacher that is known in closed form."""
    path = tmp_path_factory.mktemp("runs") / "teacher"
    dgm.parse(TEACHER).with_params({"m": MEAN, "s": SCALE}).save(path)
    return path


def of(text: str, folder: Path) -> Any:
    model = dgm.parse(text)
    return model, model.objective(objective(model.plan, f'distill(teacher = "{folder}")'))


def losses(model: Any, found: Any, params: Any, n: int) -> np.ndarray:
    batch = {"x": jnp.zeros((n, 2))}
    return np.asarray(jax.jit(found.validate)(params, batch, jax.random.key(0)))


def test_the_loss_is_the_divergence_of_two_gaussians(folder: Path) -> None:
    """The student starts at N(0, 1): KL = Σ log s + (1 + m²)/(2 s²) − ½."""
    model, found = of(STUDENT, folder)
    params = model.lowered.init(0, None)
    each = losses(model, found, params, 20_000)
    expected = float(np.sum(np.log(SCALE) + (1 + MEAN**2) / (2 * SCALE**2) - 0.5))
    error = each.std() / np.sqrt(len(each))
    assert abs(each.mean() - expected) < 5 * error
    swapped = float(np.sum(-np.log(SCALE) + (SCALE**2 + MEAN**2) / 2 - 0.5))
    assert abs(each.mean() - swapped) > 5 * error  # the forward KL is another number


@pytest.mark.parametrize("text", [STUDENT, """model S {
  latent z : real[2] ~ Normal(0, 1)
  data x : real[2] = z |> scale |> iaf(made([4]))
}"""])  # fmt: skip
def test_a_draw_brings_the_density_that_is_read_back(text: str, folder: Path) -> None:
    model, _ = of(text, folder)
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda a: jnp.asarray(a + 0.3 * rng.normal(size=a.shape), jnp.float32),
        model.lowered.init(0, None),
    )
    drawn, density = model.lowered.draw_with_density(params, jax.random.key(1), {})
    again = model.lowered.log_prob(params, {"x": drawn["x"]})
    np.testing.assert_allclose(density, again, rtol=1e-4)


def test_a_step_of_the_student_is_one_pass(folder: Path) -> None:
    """Drawn and scored without a scan over entries: the only ones are over its two copies."""
    model, found = of(STUDENT, folder)
    params, batch = model.lowered.init(0, None), {"x": jnp.zeros((3, 2))}
    jaxpr = str(jax.make_jaxpr(found.validate)(params, batch, jax.random.key(0)))
    assert jaxpr.count("scan[") == 1


def test_the_loss_falls_to_its_floor(folder: Path) -> None:
    """The student holds the teacher, so the KL ends at 0, from some 3.8 nats."""
    model, _ = of(STUDENT, folder)
    fit = model.fit(DRAWS, objective=f'distill(teacher = "{folder}")', steps=600, batch=128,
                    optimizer="adam(learning_rate = 0.02)", seed=0)  # fmt: skip
    _, found = of(STUDENT, folder)
    assert losses(model, found, fit.raw, 4000).mean() < 0.1
    draws = np.asarray(fit.sample(4000, seed=1))
    np.testing.assert_allclose(draws.mean(0), MEAN, atol=0.4)


def test_a_recipe_names_the_run_folder(folder: Path) -> None:
    setting = f'objective = distill(teacher = "{folder}"); steps = 2'
    model = dgm.parse(f"{STUDENT}\nrecipe default {{ {setting} }}")
    assert str(folder) in str(model.fit(DRAWS, batch=32).method)
    with pytest.raises(DgmError, match="leave out the quotes"):
        dgm.parse('model S { data x : real ~ Normal(0, 1)\nrecipe default { objective = "mle" } }')


def test_the_objective_is_written_back_with_its_quotes(folder: Path) -> None:
    plan = dgm.parse(STUDENT).plan
    assert str(objective(plan, 'distill(teacher = "runs/a b")')) == 'distill(teacher = "runs/a b")'


@pytest.mark.parametrize(
    ("teacher", "data", "says"),
    [
        (BITS, "p", "finite"),
        ("model L { param m : real[3]\n data x : real[3] ~ Normal(m, 1) }", "m", r"x\[3\]"),
        ("model O { param m : real[2]\n data y : real[2] ~ Normal(m, 1) }", "m", r"y\[2\]"),
    ],
)  # fmt: skip
def test_who_cannot_teach(tmp_path: Path, teacher: str, data: str, says: str) -> None:
    size = 3 if "real[3]" in teacher else 2
    dgm.parse(teacher).with_params({data: np.zeros(size)}).save(tmp_path / "run")
    with pytest.raises(DgmError, match="DGM0827") as caught:
        of(STUDENT, tmp_path / "run")
    assert re.search(says, str(caught.value))


@pytest.mark.parametrize(
    ("prepare", "shift", "says"),
    [
        (None, 0.0, "it saw `standardize.x.`, and the student sees `x` as it is"),
        ("standardize(x)", 1.0, "fitted to other data"),
        ("standardize(x)", 0.0, None),
    ],
)
def test_teacher_and_student_are_prepared_alike(
    tmp_path: Path, prepare: str | None, shift: float, says: str | None
) -> None:
    """Else the student would learn the teacher's density on another scale, without a word."""
    x = np.random.default_rng(0).normal(size=(40, 2))
    dgm.parse(TEACHER).fit(x, prepare="x = standardize(x)", steps=1).save(tmp_path / "run")
    words = f'distill(teacher = "{tmp_path / "run"}")'
    how: Any = {} if prepare is None else {"prepare": f"x = {prepare}"}

    def train() -> Any:
        return dgm.parse(STUDENT).fit(x + shift, objective=words, steps=1, **how)

    if says is None:
        train()
    else:
        with pytest.raises(DgmError, match=rf"(?s)DGM0827.*{says}"):
            train()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DgmError, match="DGM06"):
        of(STUDENT, tmp_path / "none")
