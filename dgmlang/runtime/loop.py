"""Training: many steps in a compiled call; between calls, what a person sees and keeps.

Calls end where something is due (a record, a look at held-out data, the end) and otherwise about
four times a second. Records, held-out losses and parameters do not depend on where calls end, so a
run that was interrupted goes on to the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import isfinite
from time import monotonic
from typing import Any

import jax

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.objectives.objective import Params, Values
from dgmlang.runtime import checkpoint, keys
from dgmlang.runtime.checkpoint import Run
from dgmlang.runtime.heap import give_back
from dgmlang.runtime.interrupts import Interrupts
from dgmlang.runtime.keys import Purpose
from dgmlang.runtime.metrics import Log, Record, records
from dgmlang.runtime.outcome import Interrupted as Interrupted
from dgmlang.runtime.outcome import NotFinite as NotFinite
from dgmlang.runtime.outcome import Result as Result
from dgmlang.runtime.outlet import Outlet as Outlet
from dgmlang.runtime.pace import Pace
from dgmlang.runtime.settings import Settings
from dgmlang.runtime.step import Carry, Configuration, Given
from dgmlang.runtime.trainer import Trainer, sample, trainer

COPY_SECONDS = 2.0
"""How much work is run again, carefully, to find the step where a value was not finite."""

RAN_OUT = "no more batches"


def train(
    config: Configuration,
    params: Params,
    data: Values,
    settings: Settings,
    *,
    states: Any = (),
    valid: Values | None = None,
    outlet: Outlet | None = None,
    resume: Run | None = None,
    total: float | None = None,
    chunks: Iterator[Values] | None = None,
) -> Result:
    """Train to `settings.steps`.

    Args:
        config: the compiled part (`configure`); equal ones share compiled programs.
        params: initial values, left as they are.
        data: arrays with a leading axis of examples, as checked against the program.
        settings: lengths and rhythms.
        states: what the preparation was fitted to.
        valid: held-out data, not yet prepared.
        outlet: where traces go.
        resume: a run of the same program, data and settings to go on with.
        total: what the examples weigh together; None where each weighs one.
        chunks: the data of each step, where they come one after the other; `data` are then those
            that companions and the objective's first state may look at.

    Raises:
        NotFinite: a loss or gradient was not finite (DGM0709).
        Interrupted: Ctrl-C (DGM0710), after the checkpoint was written.
    """
    if chunks is not None:
        data = next(chunks, data)
        chunks = chain([data], chunks)
    given = Given(data, states, keys.root(settings.seed))
    fit = _Fit(trainer(config), given, settings, outlet or Outlet(), valid, chunks)
    return fit.run(params, resume, total)


class _Fit:
    """One fit under way."""

    def __init__(
        self,
        compiled: Trainer,
        given: Given,
        settings: Settings,
        outlet: Outlet,
        valid: Values | None,
        chunks: Iterator[Values] | None,
    ) -> None:
        self.objective = objective = compiled.config.objective
        self.trainer, self.given, self.settings, self.outlet = compiled, given, settings, outlet
        self.chunks = chunks
        self.held_out: Values | None = None
        self.seen: Values = {}
        if valid is not None and (objective.validate or objective.watch):
            self.held_out = compiled.prepared(given, jax.device_put(valid))
        if self.held_out is not None and objective.watch:
            self.seen = compiled.prepared(given, sample(given.data))
        if settings.patience is not None and (valid is None or objective.validate is None):
            raise DgmError(codes.no_validation(objective.name, objective.quantity))
        self.history: list[Record] = []
        self.step = 0
        self.recorded = 0
        self.best: Params | None = None
        self.valid: float | None = None
        self.stale = 0

    def run(self, params: Params, resume: Run | None, total: float | None) -> Result:
        """The whole fit, the display and the signal handler put back whatever happens."""
        folder = self.outlet.folder
        self.origin = (params, resume, total)
        self.carry = self._begun()
        if resume is not None:
            self._recall(resume)
        self.kept: Carry | None = None  # until there is one, `_begun` makes the first state again
        self.kept_at = monotonic()
        self._write()
        self.log = Log(folder, self.history) if folder else None
        self.outlet.progress.start(self.step, self.settings.steps)
        try:
            with Interrupts() as interrupts:
                reason = self._loop(interrupts)
        finally:
            self.outlet.progress.stop()
        return self._result(reason)

    def _loop(self, interrupts: Interrupts) -> str:
        pace, careful = Pace(), self.chunks is not None  # steps on chunks cannot be run again
        if self.step < self.settings.steps:
            self._compile()
        coming = self._coming(self.step)
        while self.step < self.settings.steps:
            if self.chunks is not None:
                if coming is None:
                    self._save()
                    return RAN_OUT
                self.given = self.given._replace(data=coming)
            stop = self._next_stop(pace.count)
            with pace.measure(stop - self.step):
                self.carry = self.trainer.advance(self.carry, self.given, stop, careful=careful)
                coming = self._coming(stop)  # made while the device computes
                failed = int(self.carry.failed) >= 0
            if failed:
                self._fail()
            self.step = stop
            with interrupts.caught():
                self._attend()
            if interrupts.asked:
                self._interrupt()
            if self.settings.patience is not None and self.stale >= self.settings.patience:
                self._save()
                return "no better on held-out data"
        self._save()
        return "all steps done"

    def _compile(self) -> None:
        """Compile the step, where memory peaks; so the data go to the device only then."""
        give_back()
        self.trainer.compile(self.carry, self.given, careful=self.chunks is not None)
        give_back()
        self.given = self.given._replace(data=jax.tree.map(jax.numpy.asarray, self.given.data))

    def _coming(self, done: int) -> Values | None:
        """The next chunk; what was learned is kept where it cannot be had."""
        try:
            return None if self.chunks is None else next(self.chunks, None)
        except Exception:
            self.step = done
            self._save()
            raise

    def _next_stop(self, count: int) -> int:
        if self.chunks is not None:
            return self.step + 1
        rhythms = [self.settings.record_every]
        if self.held_out is not None:
            rhythms.append(self.settings.validate_every)
        due = min(self.step - self.step % every + every for every in rhythms)
        return min(self.step + count, due, self.settings.steps)

    # ── between calls ────────────────────────────────────────────────────────────────────────────

    def _attend(self) -> None:
        """What is due at this step, in the order that leaves most if it is interrupted."""
        last = self.step == self.settings.steps
        values = self._means()
        looked = self.held_out is not None and (
            last or self.step % self.settings.validate_every == 0
        )
        if looked and self.objective.validate:
            values |= {"valid": self._look()}
        if looked:
            values |= self._watched()
        if looked or last or self.step % self.settings.record_every == 0:
            self._record(Record(self.step, values))
        else:
            self.outlet.progress.show(self.step, values)
        if monotonic() - self.kept_at > COPY_SECONDS:
            self._keep()
        if self.outlet.folder and monotonic() - self.saved_at > self.outlet.save_seconds:
            self._save()

    def _means(self) -> dict[str, float]:
        sums = jax.device_get(self.carry.sums)
        return {name: float(total) / (self.step - self.recorded) for name, total in sums.items()}

    def _record(self, record: Record) -> None:
        self.carry = self.carry._replace(sums=jax.tree.map(jax.numpy.zeros_like, self.carry.sums))
        self.recorded = self.step
        self.history.append(record)
        if self.log:
            self.log.add(record)
        self.outlet.progress.show(self.step, record.values)
        for callback in self.outlet.callbacks:
            callback(record)

    def _look(self) -> float:
        """The held-out loss of the averaged parameters, where there are any; keeps the best."""
        assert self.held_out is not None
        params = self.carry.average or self.carry.params
        value = float(self.trainer.validate(params, self.given, self.held_out))
        if isfinite(value) and (self.valid is None or value < self.valid):
            self._sound_or_fail()
            self.best, self.valid, self.stale = self.trainer.copy(params), value, 0
        else:
            self.stale += 1
        return value

    def _watched(self) -> dict[str, float]:
        """What the objective's monitors say, of which none decides anything."""
        if self.objective.watch is None or self.held_out is None:
            return {}
        params, key = (
            self.carry.average or self.carry.params,
            keys.purpose(self.given.key, Purpose.VALIDATE),
        )
        found = self.objective.watch(params, self.seen, sample(self.held_out), key)
        return {name: float(value) for name, value in found.items()}

    def _keep(self) -> None:
        """A copy to fall back on, once it is known to be good."""
        self._sound_or_fail()
        self.kept = None  # the old copy's memory goes before the new one's comes
        self.kept, self.kept_at = self.trainer.copy(self.carry), monotonic()

    def _sound_or_fail(self) -> None:
        if not self.trainer.sound(self.carry):
            self._fail()

    # ── ends ─────────────────────────────────────────────────────────────────────────────────────

    def _fail(self) -> None:
        """Run again from the last copy, carefully, to the update that must not be applied."""
        if self.chunks is None:
            until = int(self.carry.step)
            good = self._begun() if self.kept is None else self.kept
            self.carry = self.trainer.advance(good, self.given, until, careful=True)
        self.step = int(self.carry.step)
        found = self._finding(int(self.carry.failed))
        self.carry = self.carry._replace(failed=jax.numpy.int32(-1))
        self._write()
        raise NotFinite(found, self._result("loss not finite"))

    def _finding(self, failed: int) -> Diagnostic:
        """What went wrong in the loss of player number `failed`, −1 where that is not known."""
        players, outlet = self.trainer.config.objective.players, self.outlet
        player, site = None, None
        if failed >= 0:
            batch, key = self.trainer.failed_batch(self.carry, self.given)
            params, state = self.carry.params, self.carry.state
            fault = outlet.blame(failed, params, state, batch, key) if outlet.blame else None
            if fault is not None:
                why = codes.stopped_at(self.step, self._place())
                return fault.finding(why)
            player = players[failed].name if len(players) > 1 else None
            site = outlet.locate(params, batch, key) if outlet.locate else None
        return codes.not_finite(self.step, player, site, self._place())

    def _interrupt(self) -> None:
        self._save()
        raise Interrupted(codes.interrupted(self.step, self._place()), self._result("interrupted"))

    def _place(self) -> str | None:
        return str(self.outlet.folder) if self.outlet.folder else None

    def _result(self, reason: str) -> Result:
        average = self.carry.average or None
        history = tuple(self.history)
        return Result(self.carry.params, self.best, average, history, self.step, self.valid, reason)

    # ── the run folder ───────────────────────────────────────────────────────────────────────────

    def _save(self) -> None:
        self._sound_or_fail()
        self._write()

    def _write(self) -> None:
        self.saved_at = monotonic()
        if self.outlet.folder is None:
            return
        training = {
            "step": self.step, "recorded": self.recorded, "valid": self.valid, "stale": self.stale,
            "history": [[record.step, dict(record.values)] for record in self.history],
        }  # fmt: skip
        parts = {
            "last": self.carry.params, "best": self.best or {}, "ema": self.carry.average,
            "moments": self.carry.optimizers, "state": self.carry.state, "sums": self.carry.sums,
            **self.outlet.parts,
        }  # fmt: skip
        checkpoint.save(self.outlet.folder, self.outlet.header, training, parts)

    def _recall(self, run: Run) -> None:
        """What a resumed run knew beside the state of its loop."""
        training, best = run.training, run.parts["best"]
        self.step, self.recorded = training["step"], training["recorded"]
        self.valid, self.stale = training["valid"], training["stale"]
        self.history = list(records(training))
        self.best = checkpoint.restore(self.carry.params, best, str(run.path)) if best else None

    def _begun(self) -> Carry:
        """The state of the loop that this fit began with: the first one, or the resumed run's."""
        params, run, total = self.origin
        carry = self.trainer.begin(params, self.given, total)
        if run is None:
            return carry

        def part(name: str, template: Any) -> Any:
            return checkpoint.restore(template, run.parts[name], str(run.path))

        step = run.training["step"]
        return Carry(
            part("last", carry.params), part("moments", carry.optimizers),
            part("state", carry.state), part("ema", carry.average),
            self.trainer.order(self.given, step), jax.numpy.int32(step),
            part("sums", carry.sums), carry.failed,
        )  # fmt: skip
