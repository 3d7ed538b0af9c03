"""`fit`: data and settings in, a fitted model out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.diagnostics.codes import runs as run_codes
from dgmlang.compiler.diagnostics.codes import streams as stream_codes
from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.checks import Fault, Unsettled
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan import recipes
from dgmlang.compiler.plan.initial import settling, starts
from dgmlang.compiler.plan.methods import Chosen, require_built, require_weights
from dgmlang.compiler.plan.methods import objective as named_objective
from dgmlang.compiler.program import RECIPE_KEYS, Recipe
from dgmlang.compiler.syntax import ast
from dgmlang.fitted import Fitted
from dgmlang.model import Model, bound_to, compiled
from dgmlang.objectives.objective import Params, State, Values
from dgmlang.posterior.fit import require_used, sampled, samples, with_law
from dgmlang.reading import read
from dgmlang.request import Request, as_before, remembered
from dgmlang.runtime import checkpoint, loop, paths, runs, written
from dgmlang.runtime.columns import Columns
from dgmlang.runtime.data import Dataset
from dgmlang.runtime.devices import computed_on
from dgmlang.runtime.events import events
from dgmlang.runtime.inlet import Inlet, brought
from dgmlang.runtime.intake import Intake, share, take_in, take_more
from dgmlang.runtime.locate import locate
from dgmlang.runtime.loop import Outlet, Result
from dgmlang.runtime.metrics import records
from dgmlang.runtime.progress import shown_by
from dgmlang.runtime.settings import Settings, configure
from dgmlang.runtime.shared import SHARED, checked
from dgmlang.runtime.sources import difference
from dgmlang.runtime.stream import Stream, streams, taking
from dgmlang.runtime.weights import entry_of


def fit(model: Model, data: Any, request: Request) -> Fitted:
    """Train a model; `Model.fit` is the way in."""
    with computed_on(request.device):
        return _fit(model, data, request)


def _fit(model: Model, data: Any, request: Request) -> Fitted:
    resumed = None if request.resume is None else runs.read(Path(request.resume))
    if resumed is not None:
        if "moments" not in resumed[0].parts:
            raise DgmError(codes.only_saved(str(request.resume)))
        request = as_before(request, resumed[1])
        model = _same_program(model, resumed[1])
    model = model.with_precision("float32" if request.precision is None else request.precision)
    recipe, wanted = _wanted(model, request)
    prepare = written.preparations(request.prepare, recipe)
    stream = Stream(data, vars(request)) if streams(data) else None
    data = data if stream is None else stream.first
    data, named = read(
        model.plan.program, data, request, stream, None if resumed is None else resumed[0]
    )
    data, held = _divided(data, request)
    weights = data.weights
    intake = take_in(brought(model.plan.program), data, prepare, request.seed)
    model, arrays, shared = _instance(model, intake, request)
    intake = intake.of(brought(model.plan.program))
    method = _method(model, wanted, request)
    model.objective(method).prepared(intake.preparation, intake.states)
    if samples(method) and stream is not None:
        raise DgmError(stream_codes.not_for_batches(f"objective = {method}"))
    if samples(method):
        return sampled(model, method, intake, shared, named, request)
    if wanted.get("patience") is not None and held is None:
        raise DgmError(codes.no_validation(str(method), model.objective(method).quantity))
    if held is not None and model.objective(method).rows is not None:
        raise DgmError(codes.none_held_out(str(method)))
    valid = _held_out(model, held, intake, named, request)
    if stream is not None:
        if model.objective(method).rows is not None:
            raise DgmError(stream_codes.no_rows(str(method)))
        wanted = stream.settings(wanted, data.count)
    settings = _settings(wanted, request, method, len(next(iter(arrays.values()))))
    _require_all(method, settings, len(next(iter(arrays.values()))), streamed=stream is not None)
    params = {**_initial(model, {**arrays, **shared}, intake, request), **shared}
    chunks, total = None, None if weights is None else float(weights.sum())
    if stream is not None:
        total = stream.total(data.count, bool(model.plan.program.priors))
        draws = sum(player.steps for player in model.objective(method).players)
        take = taking(brought(model.plan.program), intake, request.seed)
        chunks = stream.chunks(take, draws)
    intake = replace(intake, arrays={}, prepared={})  # so that nothing holds them while it trains
    told = {**remembered(settings, wanted, request), "streamed": stream is not None}
    head = runs.header(model, str(method), prepare, told, named)
    arrays |= _on_device(entry_of(weights))
    config = configure(
        model.objective(method), params, arrays, settings, _recipe(method),
        intake.preparation if intake.preparation.chains else None, shared,
    )  # fmt: skip
    inlet = Inlet(intake.preparation, intake.states, request.seed, named, shared)
    build = partial(_fitted, model, method, inlet, request)
    run = None if resumed is None else resumed[0]
    before = () if run is None else records(run.training)
    try:
        with events(request.log_dir, request.out, before) as writers:
            request = replace(request, callbacks=(*request.callbacks, *writers))
            result = loop.train(
                config, params, arrays, settings, states=intake.states, valid=valid,
                outlet=_outlet(model, method, head, inlet, request), resume=run,
                total=total, chunks=chunks,
            )  # fmt: skip
    except (loop.NotFinite, loop.Interrupted) as stopped:
        stopped.fitted = build(stopped.result)
        raise
    if result.reason == loop.RAN_OUT and request.notes is not None:
        request.notes(stream_codes.ran_out(result.step, settings.steps))
    _tell_of_collapse(result, request)
    return build(result)


def _wanted(model: Model, request: Request) -> tuple[Recipe | None, dict[str, Any]]:
    """The recipe, and its settings with the caller's on top; a refusal comes before any work."""
    if request.steps is not None and request.epochs is not None:
        raise DgmError(codes.two_lengths())
    recipe = written.recipe(model.plan.program, request.recipe)
    wanted = written.merged(recipe, {k: getattr(request, k) for k in RECIPE_KEYS if k != "sampler"})
    require_built(model.plan)
    if not model.open:
        _method(model, wanted, request)
    return recipe, wanted


def _same_program(model: Model, head: runs.Header) -> Model:
    """The model with the run's hyperparameters (DGM0608 where it is of another program)."""
    if other := difference(model.source, head.program):
        raise DgmError(run_codes.other_program(*other))
    hypers = {n: tuple(v) if isinstance(v, list) else v for n, v in head.hypers.items()}
    return compiled(model.source, {**hypers, **model.settings, **model.nets}, model.chosen)


def _method(model: Model, wanted: Mapping[str, Any], request: Request) -> Chosen:
    method = named_objective(model.plan, wanted.get("objective"))
    if request.sample_weight is not None:
        require_weights(model.plan, method)
    if samples(method):
        require_used(method, request, wanted)
    return method


# ── data ─────────────────────────────────────────────────────────────────────────────────────────


def _instance(
    model: Model, intake: Intake, request: Request
) -> tuple[Model, dict[str, Any], Values]:
    """The model with open dimensions from the data, and the data held against it, on the host.

    Last what the examples share, on the device.
    """
    variables = (*brought(model.plan.program), *model.plan.program.having("shared"))
    found, notes = intake.solve(variables, model.open)
    model = model.with_hypers(**found)
    arrays, warnings = intake.checked(brought(model.plan.program))
    shared = checked(model.plan.program.having("shared"), intake.shared, intake.place)
    tell = request.notes
    if tell is not None:
        for note in (*notes, *warnings):
            tell(note)
    return model, dict(arrays), _on_device(shared)


def _divided(data: Dataset, request: Request) -> tuple[Dataset, Any]:
    """Training and held-out data; a share is drawn before anything is fitted to the rest."""
    if isinstance(request.valid, float | int):
        return share(data, float(request.valid), request.seed)
    return data, request.valid


def _held_out(
    model: Model, held: Any, intake: Intake, named: Columns, request: Request
) -> Values | None:
    if held is None:
        return None
    variables = brought(model.plan.program)
    held = named.read(held, variables)
    more = take_more(variables, held, intake.preparation, intake.states, request.seed)
    weights = held.weights
    return _on_device({**more.checked(variables)[0], **entry_of(weights)})


def _on_device(arrays: Mapping[str, Any]) -> Values:
    return {name: jnp.asarray(array) for name, array in arrays.items()}


# ── settings ─────────────────────────────────────────────────────────────────────────────────────


def _recipe(method: Chosen) -> recipes.Recipe:
    return recipes.recipe(*(term.name for _, term in method.terms))


def _settings(wanted: Mapping[str, Any], request: Request, method: Chosen, count: int) -> Settings:
    recipe = _recipe(method)
    base = Settings.of(recipe, count)
    batch = wanted.get("batch", base.batch)
    steps = wanted.get("steps")
    if steps is None and "epochs" in wanted:
        steps = max(1, round(wanted["epochs"] * max(1, count // batch)))
    steps = base.steps if steps is None else steps
    asked = wanted.get("optimizer")
    return Settings(
        steps=steps,
        batch=batch,
        seed=request.seed,
        optimizer=_optimizers(asked, steps),
        average=wanted.get("average", base.average),
        patience=wanted.get("patience"),
        freeze=tuple(request.freeze),
    )


def _optimizers(asked: Any, steps: int) -> Any:
    """What is asked for, for all players or by player, with what is written read."""
    if isinstance(asked, Mapping):
        return {player: _optimizers(one, steps) for player, one in asked.items()}
    return written.optimizer(asked, steps) if isinstance(asked, str | ast.Expr) else asked


def _require_all(method: Chosen, settings: Settings, count: int, *, streamed: bool) -> None:
    """DGM0730 where a step that must see all of the data would see some."""
    if _recipe(method).batch is not None:
        return
    if streamed:
        raise DgmError(codes.all_the_data(str(method), "the data come in chunks"))
    if settings.batch < count:
        raise DgmError(codes.all_the_data(str(method), f"a batch has {settings.batch} of {count}"))


def _initial(model: Model, arrays: Values, intake: Intake, request: Request) -> Params:
    """First parameters: by the table, then what `init` gives (a run folder, or arrays by path)."""
    chains = {chain.name for chain in intake.preparation.chains}
    program = model.plan.program
    looked_at = {start.variable for start in starts(program).values()}
    if settling(program):
        looked_at |= {variable.name for variable in brought(program)}
    seen = {
        n: intake.prepared[n].whole() if n in chains else a
        for n, a in arrays.items()
        if n in looked_at
    }
    first = model.init(request.seed, seen if request.resume is None else None)
    if request.init is None:
        return first
    if isinstance(request.init, str | Path | Fitted):
        other = request.init
        if not isinstance(other, Fitted):
            other = runs.restore(Path(other), model.nets)
        return checkpoint.restore(first, paths.named(_own(other.raw, first)), "init")
    return _with_values(model, first, dict(request.init))


def _own(params: Params, first: Params) -> Params:
    return {name: params[name] for name in first if name in params}


def _with_values(model: Model, first: Params, given: Mapping[str, Any]) -> Params:
    """Arrays by path on the user's scale (DGM0704 for a path that is none)."""
    shown = model.lowered.constrain(first)
    paths.chosen(shown, given)
    leaves = paths.named(shown)
    changed = {
        path: np.broadcast_to(np.asarray(value, leaf.dtype), leaf.shape)
        for pattern, value in given.items()
        for path, leaf in leaves.items()
        if paths.matches(path, pattern)
    }
    return model.lowered.unconstrain(paths.replace(shown, changed))


def _tell_of_collapse(result: Result, request: Request) -> None:
    """DGM0728 where draws that an adversary judged are nearly all alike in the end."""
    last = result.history[-1].values if result.history else {}
    spread = [value for name, value in last.items() if name.rpartition(".")[2] == "diversity"]
    if request.notes is not None and spread and min(spread) < codes.COLLAPSED:
        request.notes(codes.collapsed(min(spread)))


# ── what comes out ───────────────────────────────────────────────────────────────────────────────


def _blame(
    model: Model,
    method: Chosen,
    player: int,
    params: Params,
    state: State,
    batch: Values,
    key: jax.Array,
) -> Fault | Unsettled | None:
    def loss(lowered: Lowered) -> jax.Array:
        players = bound_to(method, lowered).players
        return jax.jit(players[player].loss)(params, state, batch, key)[0]

    return model.lowered.fault(loss)


def _outlet(
    model: Model, method: Chosen, head: runs.Header, inlet: Inlet, request: Request
) -> Outlet:
    folder = None if request.out is None else Path(request.out)
    if folder is not None and request.resume is None:
        checkpoint.claim(folder, replace=request.replace)
    return Outlet(
        folder,
        head.as_json(),
        shown_by(request.progress),
        request.callbacks,
        partial(locate, model.lowered),
        partial(_blame, model, method),
        parts={"prepare": inlet.states, SHARED: inlet.shared},
    )


def _fitted(model: Model, method: Chosen, inlet: Inlet, request: Request, result: Result) -> Fitted:
    kept = {"best": result.best, "ema": result.average, "last": result.last}
    own = {
        name: {n: t for n, t in tree.items() if n not in inlet.shared}
        for name, tree in kept.items()
        if tree is not None
    }
    trees = {name: jax.tree.map(jnp.asarray, tree) for name, tree in own.items()}
    folder = None if request.out is None else Path(request.out)
    trees, used, drawn = with_law(model, method, trees, result.chosen[0], request.seed)
    return Fitted(model, trees, used, inlet, method, result.history, result.step, folder, drawn)
