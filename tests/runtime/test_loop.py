"""The loop: resume, stops, and what a compiled call may and may not depend on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.objectives.objective import Objective, Player
from dgmlang.runtime import keys
from dgmlang.runtime.checkpoint import load
from dgmlang.runtime.loop import Interrupted, NotFinite, Outlet, train
from dgmlang.runtime.metrics import Record
from dgmlang.runtime.settings import Settings, configure
from dgmlang.runtime.step import Carry, Given
from dgmlang.runtime.trainer import Trainer, trainer
from tests.runtime import small

SETTINGS = Settings(steps=203, batch=24, seed=5, average=0.99, valid_every=40)
HELD_OUT = small.data(30, seed=1)


def raise_at(step: int):
    def callback(record: Record) -> None:
        if record.step == step:
            raise KeyboardInterrupt

    return callback


def test_it_learns() -> None:
    result = small.fit(replace(SETTINGS, steps=400), valid=HELD_OUT)
    first, last = result.history[0], result.history[-1]
    assert last.values["loss"] < 0.05 * first.values["loss"]
    assert set(last.values) == {"loss", "drift", "valid"}
    assert (result.step, result.reason) == (400, "all steps done")
    assert result.chosen == ("best", result.best)


@pytest.mark.parametrize("step", [10, 70, 160])
def test_resume_is_bit_exact(tmp_path: Path, step: int) -> None:
    whole = small.fit(SETTINGS, valid=HELD_OUT)
    folder = tmp_path / "run"
    outlet = Outlet(folder, callbacks=[raise_at(step)])
    with pytest.raises(Interrupted) as stop:
        small.fit(SETTINGS, valid=HELD_OUT, outlet=outlet)
    assert stop.value.result.step == step
    assert str(folder) in stop.value.diagnostic.why[0]
    rest = small.fit(SETTINGS, valid=HELD_OUT, outlet=Outlet(folder), resume=load(folder))
    for part in ("last", "best", "average", "valid"):
        assert small.same(getattr(rest, part), getattr(whole, part)), part
    assert rest.history == whole.history
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert lines == [record.line() for record in whole.history]


def test_resume_sees_a_wrong_seed(tmp_path: Path) -> None:
    """The power twin: with another key after the stop, the numbers are not the same."""
    whole = small.fit(SETTINGS, valid=HELD_OUT)
    with pytest.raises(Interrupted):
        small.fit(SETTINGS, valid=HELD_OUT, outlet=Outlet(tmp_path, callbacks=[raise_at(70)]))
    other = replace(SETTINGS, seed=6)
    rest = small.fit(other, valid=HELD_OUT, outlet=Outlet(tmp_path), resume=load(tmp_path))
    assert not small.same(rest.last, whole.last)


KILLED = """
import sys
from pathlib import Path
from typing import Any
from dgmlang.runtime.loop import Outlet
from tests.runtime import small
from tests.runtime.test_loop import HELD_OUT, KILLED_SETTINGS
tell = lambda record: print(record.step, flush=True)
outlet = Outlet(Path(sys.argv[1]), save_seconds=0.0, callbacks=[tell])
small.fit(KILLED_SETTINGS, valid=HELD_OUT, outlet=outlet)
"""
KILLED_SETTINGS = replace(SETTINGS, steps=10_000, valid_every=500)


def test_a_killed_run_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 2_000:
            pass
        process.kill()
    run = load(folder)
    assert 0 < run.training["step"] < 10_000
    rest = small.fit(KILLED_SETTINGS, valid=HELD_OUT, outlet=Outlet(folder), resume=run)
    whole = small.fit(KILLED_SETTINGS, valid=HELD_OUT)
    assert small.same(rest.last, whole.last)
    assert small.same(rest.best, whole.best)
    assert rest.history == whole.history


def test_control_c_finishes_the_call_and_saves(tmp_path: Path) -> None:
    def press(record: Record) -> None:
        if record.step == 100:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as stop:
        small.fit(SETTINGS, outlet=Outlet(tmp_path, callbacks=[press]))
    assert load(tmp_path).training["step"] == stop.value.result.step == 100
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def listen(events: list[str]) -> None:
    """Write down what JAX traces and compiles from now on."""

    def hear(event: str, duration_secs: float, **kwargs: str | int) -> None:
        events.append(event)

    jax.monitoring.register_event_duration_secs_listener(hear)


def test_a_second_fit_does_not_compile() -> None:
    def run(seed: int) -> None:
        again = replace(SETTINGS, seed=seed)
        config = configure(small.NOISY, small.params(), small.data(), again, small.RECIPE)
        train(config, small.params(), small.data(seed=seed), again, valid=HELD_OUT)

    run(1)
    events: list[str] = []
    listen(events)
    run(2)
    assert [name for name in events if "compile" in name or "trace" in name] == []
    config = configure(small.NOISY, small.params(), small.data(), SETTINGS, small.RECIPE)
    assert trainer(config).traces == 1


def test_the_step_compiles_once_and_before_data_go_to_the_device(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    places: list[type] = []
    compile_step = Trainer.compile

    def watched(self: Trainer, carry: Carry, given: Given, *, careful: bool) -> None:
        places.append(type(given.data["x"]))
        compile_step(self, carry, given, careful=careful)

    monkeypatch.setattr(Trainer, "compile", watched)
    host: Any = {"x": np.asarray(small.data()["x"])}
    config = configure(small.objective(), small.params(), host, SETTINGS, small.RECIPE)
    with jax.log_compiles():
        found = train(config, small.params(), host, SETTINGS)
    finished = [text for text in caplog.messages if "XLA compilation of jit(_advanced)" in text]
    assert places == [np.ndarray]
    assert len(finished) == 1
    assert small.same(found.last, train(config, small.params(), small.data(), SETTINGS).last)


def test_another_objective_is_seen_to_compile() -> None:
    events: list[str] = []
    listen(events)
    small.fit(SETTINGS, what=small.objective())
    assert any("compile" in name for name in events)


def given(count: int = 64) -> Given:
    return Given(small.data(count), (), keys.root(0))


def test_where_calls_end_does_not_matter() -> None:
    config = configure(small.NOISY, small.params(), small.data(), SETTINGS, small.RECIPE)
    compiled = trainer(config)
    one = compiled.advance(compiled.begin(small.params(), given()), given(), 50)
    many = compiled.begin(small.params(), given())
    for stop in (1, 2, 17, 50):
        many = compiled.advance(many, given(), stop)
    assert small.same(one, many)


def test_buffers_are_donated_and_the_callers_kept() -> None:
    config = configure(small.NOISY, small.params(), small.data(), SETTINGS, small.RECIPE)
    compiled, start = trainer(config), jax.tree.map(jnp.asarray, small.params())
    before = compiled.begin(start, given())
    after = compiled.advance(before, given(), 1)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before.params))
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((after, start, given().data)))


def test_an_epoch_shows_each_example_once() -> None:
    """A loss that writes down which rows it saw: 60 of 64 in two epochs of 15 batches of 4."""
    rows = jnp.arange(64)

    def loss(params, state, values, key):
        seen = state["seen"].at[values["x"]].add(1)
        return 0.0 * jnp.sum(params["loc"]), ({"seen": seen}, {})

    what = small.objective(loss, lambda *_: {"seen": jnp.zeros(64, jnp.int32)})
    settings = Settings(steps=15, batch=4)
    values = {"x": rows}
    config = configure(what, small.params(), values, settings, small.RECIPE)
    one = Given({"x": rows[:60]}, (), keys.root(0))
    compiled = trainer(config)
    carry = compiled.advance(compiled.begin(small.params(), one), one, 15)
    assert np.array_equal(carry.state["seen"][:60], np.ones(60))
    first = np.asarray(carry.order)
    carry = compiled.advance(carry, one, 30)
    assert np.array_equal(carry.state["seen"][:60], np.full(60, 2))
    assert not np.array_equal(first, carry.order)


def test_early_stopping_keeps_the_best() -> None:
    """Held-out data far from the training data: what is learned makes it worse at once."""
    away = {"x": jnp.full((10, 2), -3.0)}
    settings = Settings(steps=4000, batch=64, valid_every=5, patience=3, freeze=("net",))
    result = small.fit(settings, valid=away)
    assert result.reason == "no better on held-out data"
    assert result.step == 5 * 4
    values = [record.values["valid"] for record in result.history if "valid" in record.values]
    assert result.valid == min(values) == values[0]
    assert result.best is not None
    assert not small.same(result.best, result.last)
    assert float(jnp.mean(small.error(result.best, away))) == pytest.approx(result.valid, rel=1e-6)


def test_validation_counts_each_example_once() -> None:
    config = configure(small.NOISY, small.params(), small.data(), SETTINGS, small.RECIPE)
    whole = trainer(config).validate(small.params(), given(), HELD_OUT)  # a batch of 24 and 6 more
    assert float(whole) == pytest.approx(float(jnp.mean(small.error(small.params(), HELD_OUT))))


def test_patience_without_held_out_data() -> None:
    with pytest.raises(DgmError) as raised:
        small.fit(replace(SETTINGS, patience=3))
    assert raised.value.diagnostics[0].code == "DGM0708"


def no_loss(params, values):
    """Infinite once the location has come to 0.1."""
    return jnp.mean(small.error(params, values)) / (jnp.max(params["loc"]) < 0.1)


def no_gradient(params, values):
    """Finite, but with the gradient ∞ · 0 from there on."""
    left = jnp.maximum(0.1 - jnp.max(params["loc"]), 0.0)
    return jnp.mean(small.error(params, values)) + 1e-6 * jnp.sqrt(left)


@pytest.mark.parametrize("loss", [no_loss, no_gradient])
def test_not_finite_keeps_the_last_good(tmp_path: Path, loss) -> None:
    what = small.plain(loss)
    outlet = Outlet(tmp_path, locate=lambda params, batch, key: f"x in {batch['x'].shape}")
    with pytest.raises(NotFinite) as raised:
        small.fit(Settings(steps=10_000, batch=24), what=what, outlet=outlet)
    result, (found,) = raised.value.result, raised.value.diagnostics
    run = load(tmp_path)
    assert run.training["step"] == result.step > 3
    where = f"at step {result.step}; the first site that is not finite there is x in (24, 2)"
    assert where in found.why[0]
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(result.last))
    assert float(np.max(result.last["loc"])) >= 0.1  # the next update is the one that failed
    assert np.array_equal(run.parts["last"]["loc"], result.last["loc"])


def test_a_bad_start_stops_at_once() -> None:
    with pytest.raises(NotFinite) as raised:
        small.fit(
            Settings(steps=10, batch=24),
            what=small.plain(lambda p, v: jnp.log(-1.0 - 0 * p["loc"][0])),
        )
    assert raised.value.result.step == 0


def test_players_move_what_they_own_on_batches_of_their_own() -> None:
    def player(name: str, steps: int) -> Player:
        def loss(params, state, values, key):
            seen = {**state, name: state[name] + 1, "rows": state["rows"].at[values["x"]].add(1)}
            return jnp.sum((params[name] - 1.0) ** 2), (seen, {"far": jnp.max(params[name])})

        return Player(name, loss, lambda top: top == name, steps)

    def start(*_):
        return {"critic": 0, "loc": 0, "rows": jnp.zeros(32, jnp.int32)} | {}

    what = Objective(
        "two", "a game", (player("critic", 3), player("loc", 1)),
        lambda key, values: {"critic": jnp.zeros(1)}, start, None, frozen=("net",),
    )  # fmt: skip
    settings, values = Settings(steps=8, batch=1), {"x": jnp.arange(32)}
    result = small.fit(settings, what=what, values=values)
    assert small.same(result.last["net"], small.params()["net"])
    assert set(result.history[-1].values) == {"critic.loss", "critic.far", "loc.loss", "loc.far"}
    compiled = trainer(configure(what, small.params(), values, settings, small.RECIPE))
    one = Given(values, (), keys.root(0))
    carry = compiled.advance(compiled.begin(small.params(), one), one, 8)
    assert (int(carry.state["critic"]), int(carry.state["loc"])) == (24, 8)
    assert np.array_equal(carry.state["rows"], np.ones(32))


def test_freeze_by_glob() -> None:
    result = small.fit(replace(SETTINGS, freeze=("net.*.kernel",)))
    assert small.same(result.last["net"], small.params()["net"])
    assert not np.array_equal(result.last["loc"], small.params()["loc"])
    with pytest.raises(DgmError) as raised:
        small.fit(replace(SETTINGS, freeze=("decoder",)))
    assert "net.0.kernel: [2, 2]" in raised.value.diagnostics[0].why


def test_everything_frozen() -> None:
    with pytest.raises(DgmError) as raised:
        small.fit(replace(SETTINGS, freeze=("*",)))
    assert raised.value.diagnostics[0].code == "DGM0707"


@pytest.mark.parametrize("name", ["steps", "batch", "valid_every", "patience"])
def test_numbers_below_one(name: str) -> None:
    with pytest.raises(DgmError) as raised:
        small.fit(replace(SETTINGS, **{name: 0}))
    assert raised.value.diagnostics[0].code == "DGM0712"


def test_a_batch_too_large() -> None:
    with pytest.raises(DgmError) as raised:
        small.fit(Settings(steps=1, batch=65))
    assert raised.value.diagnostics[0].code == "DGM0705"


def test_average_follows_the_formula() -> None:
    settings = replace(SETTINGS, steps=30, average=0.9)
    config = configure(small.NOISY, small.params(), small.data(), settings, small.RECIPE)
    compiled = trainer(config)
    carry = compiled.begin(small.params(), given())
    expected = small.params()["loc"]
    for step in range(30):
        carry = compiled.advance(carry, given(), step + 1)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * np.asarray(carry.params["loc"])
    assert np.allclose(carry.average["loc"], expected, rtol=1e-5)


def test_checkpoints_between_calls_do_not_change_a_number(tmp_path: Path) -> None:
    few = replace(SETTINGS, steps=40)
    saved = small.fit(few, valid=HELD_OUT, outlet=Outlet(tmp_path, save_seconds=0.0))
    assert small.same(saved.last, small.fit(few, valid=HELD_OUT).last)
