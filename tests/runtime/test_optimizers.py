"""Optimisers by name, recipes, and what is said of words that Optax does not have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.library import library
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan import optimizers as planned
from dgmlang.compiler.plan.optimizers import choice
from dgmlang.compiler.plan.recipes import Recipe, recipe
from dgmlang.compiler.source import Source, Span
from dgmlang.runtime import written
from dgmlang.runtime.optimizers import build, by_recipe, signatures
from dgmlang.runtime.settings import Settings, configure
from tests.runtime import small
from tests.runtime.programs import expression

GOLDEN = Path(__file__).parent.parent / "golden" / "training"
VALUES = {"steps": 100}


def moves(optimizer: optax.GradientTransformation, count: int = 30) -> list[float]:
    """Where a parameter of gradient 1 goes."""
    params: Any = jnp.zeros(())
    path: list[float] = []
    state = optimizer.init(params)
    for _ in range(count):
        change, state = optimizer.update(jnp.ones(()), state, params)
        params = optax.apply_updates(params, change)
        path.append(float(params))
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sgd", optax.sgd(0.5)),
        ("sgd(0.1)", optax.sgd(0.1)),
        ("adam(learning_rate = 1e-2, b1 = 0.5)", optax.adam(1e-2, b1=0.5)),
        (
            "sgd(cosine_decay_schedule(0.1, steps))",
            optax.sgd(optax.cosine_decay_schedule(0.1, 100)),
        ),
        ("sgd(linear_schedule(0, 1, steps / 10))", optax.sgd(optax.linear_schedule(0, 1, 10))),
    ],
)
def test_a_text_is_optax(text: str, expected: optax.GradientTransformation) -> None:
    made = build(choice(expression(text), VALUES), 0.5)
    assert np.allclose(moves(made), moves(expected))


def test_the_front_end_knows_the_optax_that_is_installed() -> None:
    """`python -m dgmlang.runtime.optimizers` writes the table."""
    assert planned.signatures() == signatures()


def test_equal_texts_are_one_object() -> None:
    first, second = (choice(expression(t), VALUES) for t in ("adam(1e-3)", "adam( 1e-3 )"))
    assert build(first, 0.5) is build(second, 0.5)
    assert build(first, 0.5) is not build(choice(expression("adam(1e-2)"), VALUES), 0.5)
    assert by_recipe(recipe("mle"), 100) is by_recipe(recipe("mle"), 100)


def test_a_recipe_warms_up_clips_and_decays() -> None:
    plan = Recipe("sgd", rate=1.0, warmup=10, clip=0.5, steps=100)
    steps = -np.diff([0.0, *moves(by_recipe(plan, 100), 100)])
    assert np.allclose(steps[:11], 0.5 * np.arange(11) / 10)
    assert np.allclose(steps[10:], 0.5 * 0.5 * (1 + np.cos(np.pi * np.arange(90) / 90)), atol=1e-6)


@pytest.mark.parametrize("name", [*library().space("objective"), "something"])
def test_every_recipe_builds_and_prints(name: str) -> None:
    plan = recipe(name)
    assert str(plan).startswith(f"{plan.optimizer}(learning_rate = ")
    assert np.all(np.isfinite(moves(by_recipe(plan, 50), 50)))


def test_the_callers_epochs_count_more_than_the_recipes_steps() -> None:
    plan = compile_text("model M { param m : real\n data x : real ~ Normal(m)\n" + STEPS)
    merged = written.merged(plan.program.recipes["default"], {"epochs": 2, "steps": None})
    assert merged == {"epochs": 2, "batch": 8}


STEPS = "recipe default { steps = 100; batch = 8 }\n}"


def test_an_optax_object_is_taken_as_it_is() -> None:
    own = optax.sgd(0.1)
    settings = replace(Settings(5, 8), optimizer={"model": own})
    config = configure(small.NOISY, small.params(), small.data(), settings, small.RECIPE)
    assert config.optimizers == (own,)


TEXTS = {
    "unknown_optimizer": "adm(1e-3)",
    "unknown_schedule": "adam(cosine_schedule(1e-3, 10))",
    "unknown_argument": "adam(learning_rte = 1e-3)",
    "missing_argument": "adam(cosine_decay_schedule(1e-3))",
    "too_many_arguments": "fromage(1, 2, 3, 4, 5, 6, 7, 8)",
    "not_an_optimizer": "1e-3",
    "unknown_name": "adam(rate)",
}


@pytest.mark.parametrize("name", TEXTS)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(DgmError) as raised:
        build(choice(expression(TEXTS[name]), VALUES), 1e-3)
    golden(GOLDEN / f"{name}.txt", str(raised.value) + "\n")


SAID = {
    "batch_too_large": codes.batch_too_large(128, 100),
    "all_the_data": codes.all_the_data("em", "the data come in chunks"),
    "not_positive": codes.not_positive("batch", 0),
    "nothing_frozen": codes.nothing_frozen("decodr", ["decoder.kernel: [2, 3]", "w: []"]),
    "nothing_moves": codes.nothing_moves("critic"),
    "no_validation": codes.no_validation("pcd", "contrastive difference, not a likelihood"),
    "not_finite": codes.not_finite(812, "critic", "`x` (gan.dgm:9:3)", "runs/gan"),
    "not_finite_unsaved": codes.not_finite(812, None, None, None),
    "two_lengths": codes.two_lengths(),
    "no_device": codes.no_device("cuda:3", ["cpu:0", "gpu:0"]),
    "unknown_precision": codes.no_precision("float16", ["float32", "bfloat16", "float64"]),
    "doubles_are_off": codes.no_doubles(),
    "precision_changed": codes.precision_changed("runs/vae", "bfloat16"),
    "no_event_writer": codes.no_event_writer(),
    "held_out_missing": codes.held_out_missing("runs/vae"),
    "only_saved": codes.only_saved("runs/vae"),
    "weights_changed": codes.weights_changed("runs/vae", True),
    "weights_added": codes.weights_changed("runs/vae", False),
    "out_of_range": codes.out_of_range(
        Span(Source("vae.dgm", "data x : real ~ Normal(m, s)"), 26, 27),
        "positive",
        "`scale` of Normal",
        -0.3,
        1.2,
        False,
        codes.stopped_at(812, "runs/vae"),
    ),
    "interrupted": codes.interrupted(812, "runs/vae"),
    "interrupted_unsaved": codes.interrupted(812, None),
}


@pytest.mark.parametrize("name", SAID)
def test_words(name: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"{name}.txt", render(SAID[name]) + "\n")


def test_every_code_has_a_case() -> None:
    used = "".join(path.read_text() for path in GOLDEN.glob("*.txt"))
    source = Path(codes.__file__).read_text()
    declared = {f"DGM07{n:02d}" for n in range(100) if f'"DGM07{n:02d}"' in source}
    assert {code for code in declared if code not in used} == set()
