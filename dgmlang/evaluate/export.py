"""Queries as StableHLO, to be run where this library is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.export as jax_export
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import dtype
from dgmlang.compiler.types.dims import numbers
from dgmlang.evaluate.likelihood import log_likelihood
from dgmlang.objectives.objective import Values
from dgmlang.runtime.checkpoint import put
from dgmlang.runtime.inlet import brought

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

QUERIES = ("log_prob", "energy", "score", "sample")


@dataclass(frozen=True)
class Exported:
    """A function of arrays in this order, and what its answer is."""

    call: Callable[..., Any]
    inputs: Mapping[str, tuple[tuple[Any, ...], Any]]
    method: str


def export(fitted: Fitted, path: Path, query: str, batch: int | None) -> None:
    """Write `path`, and `path` with `.json` appended, each whole or not at all.

    The parameters are constants of the computation. Randomness comes in as `key`: the two words
    of `jax.random.key_data`, since typed keys do not outlive a version of JAX.

    Raises:
        DgmError: DGM0605 where the system refuses, DGM0817 where the model has no such query,
            DGM0818 without the package that JAX writes with, DGM0823 where the computation depends
            on how many examples there are and `batch` does not say.
    """
    made = _made(fitted, query, batch)
    if find_spec("flatbuffers") is None:
        raise DgmError(codes.needs_package("export", "flatbuffers", "export"))
    found = _written(fitted, made, query, batch)
    signature = json.dumps(_signature(fitted, query, made, found), indent=2, ensure_ascii=False)
    put(path, lambda out: out.write(found.serialize()))
    put(path.with_name(f"{path.name}.json"), lambda out: out.write(f"{signature}\n".encode()))


def _made(fitted: Fitted, query: str, batch: int | None) -> Exported:
    program, facts = fitted.model.plan.program, fitted.model.plan.facts
    if query not in QUERIES:
        raise DgmError(codes.unknown_choice("query", query, QUERIES))
    dense = ("log_prob", "energy") if facts.density.value == "exact" else ()
    legal = (*dense, *(("score",) if facts.score.value != "none" else ()), "sample")
    if query not in legal:
        why = "only exact densities are exported" if query in QUERIES[:2] else "it has no score"
        raise DgmError(codes.cannot_export(query, why, legal, program.name))
    if query == "sample":
        return _sample(fitted, 1 if batch is None else batch)
    rows = jax_export.symbolic_shape("n")[0] if batch is None else batch
    inputs = {v.name: _spec(v.type, rows) for v in brought(program)}
    return _score(fitted, inputs) if query == "score" else _density(fitted, inputs, query)


def _written(fitted: Fitted, made: Exported, query: str, batch: int | None) -> jax_export.Exported:
    """The computation; DGM0823 where it can only be written for a known number of examples."""
    specs = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in made.inputs.values()]
    try:
        return jax_export.export(jax.jit(made.call))(*specs)
    except (TypeError, ValueError, jax.errors.InconclusiveDimensionOperation) as error:
        if batch is not None or query == "sample":
            raise
        # Shapes that are not known are refused in many ways: what tells is that a known one is not.
        fixed = _made(fitted, query, 2)
        shapes = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in fixed.inputs.values()]
        jax.eval_shape(fixed.call, *shapes)
        raise DgmError(codes.counts_examples(query, fitted.model.name)) from error


def _density(fitted: Fitted, inputs: Mapping[str, Any], query: str) -> Exported:
    def call(*arrays: Array) -> Array:
        values = dict(zip(inputs, arrays, strict=True))
        found = log_likelihood(fitted.model.lowered, fitted.raw, values)
        own = {v.name: values[v.name] for v in fitted.model.plan.program.having("data")}
        shift = fitted.inlet.preparation.log_det(fitted.inlet.states, own)
        return found + shift if query == "log_prob" else -found

    known = query == "log_prob" and fitted.model.plan.facts.normaliser.value != "unknown"
    return Exported(call, inputs, "exact" if known else "exact up to a constant")


def _score(fitted: Fitted, inputs: Mapping[str, Any]) -> Exported:
    lowered = fitted.model.lowered
    timed = lowered.process is not None

    def call(*arrays: Array) -> Values:
        values = dict(zip(inputs, arrays, strict=False))
        t = arrays[-1] if timed else None
        return jax.vmap(lambda v: lowered.score(fitted.raw, v, t))(values)

    time = {"t": ((), jnp.result_type(float))} if timed else {}
    exact = fitted.model.plan.facts.score.value == "exact"
    kind = "exact: gradient of log p" if exact else "model: the score as modelled"
    return Exported(call, {**inputs, **time}, kind)


def _sample(fitted: Fitted, n: int) -> Exported:
    from dgmlang.compiler.plan.methods import sampler

    program, inlet = fitted.model.plan.program, fitted.inlet
    method = sampler(fitted.model.plan, None)
    drawing = fitted._sampler(fitted.model.lowered, method)
    key = jax.random.key_data(jax.random.key(0))
    inputs = {v.name: _spec(v.type, n) for v in program.having("given")}

    def call(words: Array, *arrays: Array) -> Values:
        given = dict(zip(inputs, arrays, strict=True))
        drawn, _ = drawing.draw(fitted.raw, jax.random.wrap_key_data(words), n, given)
        data = {v.name: drawn[v.name] for v in program.having("data")}
        return inlet.preparation.invert(inlet.states, data)

    note = f"draws: {method}" + (f"; {drawing.note}" if drawing.note else "")
    return Exported(call, {"key": (key.shape, key.dtype), **inputs}, note)


def _spec(type_: Any, rows: Any) -> tuple[tuple[Any, ...], Any]:
    """Shape and type of n values as they are on the device."""
    return (rows, *numbers(type_.array_shape)), dtype(type_.kind)


def _signature(fitted: Fitted, query: str, made: Exported, found: Any) -> dict[str, Any]:
    """What a reader of the file has to know, as JSON."""
    leaves = jax.tree_util.tree_flatten_with_path(
        jax.tree.unflatten(found.out_tree, found.out_avals)
    )[0]
    chains = fitted.inlet.preparation.chains
    return {
        "model": fitted.model.name,
        "query": query,
        "kind": made.method,
        "parameters": fitted.which,
        "prepared": {chain.name: chain.text for chain in chains},
        "inputs": [
            {"name": name, **_described(aval)}
            for name, aval in zip(made.inputs, found.in_avals, strict=True)
        ],
        "outputs": [{"name": jax.tree_util.keystr(p), **_described(a)} for p, a in leaves],
        "platforms": list(found.platforms),
        "calling_convention_version": found.calling_convention_version,
        "jax": jax.__version__,
    }


def _described(aval: Any) -> dict[str, Any]:
    shape = [d if isinstance(d, int) else str(d) for d in aval.shape]
    return {"shape": shape, "dtype": str(aval.dtype)}
