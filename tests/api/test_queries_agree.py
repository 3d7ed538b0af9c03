"""What `explain` says of each query is what the query does: its kind, or that there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.library import library
from dgmlang.compiler.plan.queries import OPEN, Query, queries
from dgmlang.evaluate.result import Result
from dgmlang.registry import implementation
from dgmlang.verify.instance import instance

EXAMPLES = Path(__file__).parents[2] / "examples"
ABOUT = {
    "using", "holding", "params", "raw", "quantity", "objective", "prepare", "nets", "value",
    "export", "to_arviz", "evaluate", "save",
}  # fmt: skip
"""What a fitted model has besides queries of its law."""

AT_RUN_TIME = {
    "approximate draws": "draws",
    "unnormalised": "exact",
    "unnormalised bound": "bound",
}
"""Kinds that `explain` tells apart, as results call them."""

BITS = """model Bits {
  net f(x: bit[3]) -> (logits: real[3]) = x |> made([4])
  data x : bit[3] ~ Bernoulli(f(past(x))...)
}"""
CLASSES = """model Classes {
  param w : simplex(2)
  param m : real[2, 2]
  latent k : cat(2) ~ Categorical(w)
  data x : real[2] ~ Normal(m[k], 1)
}"""
MACHINE = """model Machine {
  param W : real[3, 2]
  data v : bit[3]
  latent h : bit[2]
  energy -v @ W @ h
}"""
CURVED = """model Curved {
  param a : real
  data x : real[2]
  energy sum(x ** 4) + a * x[0] * x[1]
}"""
HIDDEN = """model Hidden {
  net dec(z: real[2]) -> (logits: real[3]) = z
  net enc(x: bit[3]) -> (loc: real[2], scale: positive[2]) = x
  latent z : real[2] ~ Normal(0, 1)
  data x : bit[3] ~ Bernoulli(dec(z)...)
  guide { z ~ Normal(enc(x)...) }
}"""
PLAYERS = """model Players {
  net G(z: real[2]) -> real[2] = z |> dense(3)
  latent z : real[2] ~ Normal(0, 1)
  data x : real[2] = G(z)
  critic(x) = x |> dense(4)
}"""
LINEAR = """model Linear {
  param w : real[2]
  given c : real
  data x : real[2] ~ Normal(c * w, 1)
}"""
MODELS = {
    BITS: "log_prob predict compress decompress divergence anomaly",
    CLASSES: "posterior mode energy predict",
    MACHINE: "log_prob log_normalizer energy posterior mode divergence",
    CURVED: "log_prob energy score",
    HIDDEN: "log_prob posterior reconstruct",
    PLAYERS: "sample features",
    LINEAR: "log_prob score impute",
}
"""Each model with the queries that are run in every test; the others compile for long."""


def asked(fit: dgm.Fitted, x: Mapping[str, Any]) -> Mapping[str, Callable[[], Any]]:
    """Each query, asked in the plainest way."""
    program = fit.model.plan.program
    given = {v.name: x[v.name] for v in program.having("given")}
    return {
        "sample": lambda: fit.sample(3, given={n: a[:3] for n, a in given.items()}),
        "draws": lambda: fit.draws(3, given={n: a[:3] for n, a in given.items()}),
        "log_prob": lambda: fit.log_prob(x),
        "bits_per_dim": lambda: fit.bits_per_dim(x),
        "log_normalizer": lambda: _normalizer(fit, given),
        "energy": lambda: fit.energy(x),
        "score": lambda: fit.score(x),
        "denoise": lambda: fit.denoise(x, 0.1),
        "denoising_risk": lambda: fit.denoising_risk(x, 0.1),
        "encode": lambda: fit.encode(x),
        "decode": lambda: fit.decode(np.zeros((3, 2)), given=given),
        "posterior": lambda: fit.posterior(x),
        "mode": lambda: fit.mode(x if program.having("latent") and not program.energies else given),
        "reconstruct": lambda: fit.reconstruct(x),
        "compare": lambda: fit.compare(x, examples=8, permutations=2)["energy distance"].value,
        "anomaly": lambda: fit.anomaly(x, reference=x).score,
        "purify": lambda: fit.purify(x, 0.1),
        "features": lambda: fit.features(x),
        "compress": lambda: fit.compress(x),
        "decompress": lambda: fit.decompress(fit.compress(x), given=given),
        "divergence": lambda: dgm.divergence(fit, fit, n=8),
    }


def _normalizer(fit: dgm.Fitted, given: Mapping[str, Any]) -> Result:
    try:
        return fit.log_normalizer(given=given)
    except DgmError:
        return fit.log_normalizer(given=given, method="ais(temperatures = 3, chains = 4)")


def kinds(found: Any) -> dict[str, str | None]:
    """The kind of an answer, or of each variable's; compressing is exact or nothing."""
    if isinstance(found, Mapping):
        return {name: each.kind for name, each in found.items()}
    return {"": getattr(found, "kind", "exact")}


def disagreements(fit: dgm.Fitted, rows: Sequence[Query], names: Collection[str]) -> list[str]:
    """Of the queries by name, and of all that there are said not to be."""
    program = fit.model.plan.program
    x = {**instance(fit.model, 0).examples(20)} | {
        v.name: np.zeros(20) for v in program.having("given")
    }
    calls = {(name, ""): call for name, call in asked(fit, x).items()}
    for v in program.having("data", "latent"):
        rest = {n: a for n, a in x.items() if n != v.name}
        calls["predict", v.name] = partial(fit.predict, v.name, given=rest, draws=2)
    for v in program.having("data"):
        calls["impute", v.name] = partial(fit.impute, x | {v.name: x[v.name] * np.nan})
    known = {row.name: row for row in rows}
    asking = {
        key: call for key, call in calls.items() if key[0] in names or not known[key[0]].available
    }
    return [w for (name, of), call in asking.items() for w in _wrong(known[name], call, of)]


def _wrong(row: Query, call: Callable[[], Any], of: str) -> list[str]:
    try:
        found = kinds(call())
    except DgmError as error:
        codes = [d.code for d in error.diagnostics]
        return [f"{row.name} {of}: {row.kind}, but {codes}"] if row.available else []
    expected = {name: row.of.get(of or name, row.kind) for name in found}
    expected = {name: AT_RUN_TIME.get(kind, kind) for name, kind in expected.items()}
    return [] if found == expected else [f"{row.name} {of}: {expected}, but {found}"]


def parsed(text: str) -> tuple[dgm.Fitted, tuple[Query, ...]]:
    fit = dgm.parse(text).with_params({})
    return fit, queries(fit.model.plan)


@pytest.mark.parametrize("text", MODELS, ids=lambda t: t.split()[1])
def test_a_query_does_what_explain_says(text: str) -> None:
    assert disagreements(*parsed(text), MODELS[text].split()) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", MODELS, ids=lambda t: t.split()[1])
def test_every_query_does_what_explain_says(text: str) -> None:
    fit, rows = parsed(text)
    assert disagreements(fit, rows, [row.name for row in rows]) == []


def test_rows_that_lie_are_caught() -> None:
    fit, rows = parsed(CLASSES)
    lies = {"energy": "estimate", "compress": "exact", "score": "unavailable"}
    told = [replace(row, kind=lies.get(row.name, row.kind)) for row in rows]
    assert [w.split()[0] for w in disagreements(fit, told, lies)] == ["energy", "score", "compress"]


def test_every_query_has_a_row() -> None:
    public = {name for name in dir(dgm.Fitted) if not name.startswith("_")}
    fields = {f.name for f in dataclasses.fields(dgm.Fitted)}
    rows = {row.name for row in parsed(CLASSES)[1]}
    assert rows - {"divergence"} == public - fields - ABOUT


def test_sizes_that_are_open_leave_open_what_they_decide() -> None:
    plan = dgm.load(EXAMPLES / "gmm.dgm").plan
    assert {row.name: row.kind for row in queries(plan)}["predict"] == OPEN
    assert {row.name: row.kind for row in queries(dgm.load(EXAMPLES / "gmm.dgm", d=2).plan)}[
        "predict"
    ] == "exact"


def test_noise_in_bins_makes_a_density_a_bound() -> None:
    prepared = (
        "model P { data x : real ~ Normal(0, 1)\n recipe default { prepare x = dequantize(x) } }"
    )
    rows = {row.name: row for row in queries(dgm.parse(prepared).plan)}
    assert (rows["log_prob"].kind, rows["divergence"].available) == ("bound", False)


def test_what_fills_bins_says_so() -> None:
    for name, extern in library().space("prepare").items():
        assert extern.has("fills_bins") == implementation("prepare", name).bounds


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "predict": ("x",), "decompress": (b"",), "denoise": ([[0.0, 0.0]], 0.1),
    "denoising_risk": ([[0.0, 0.0]], 0.1), "purify": ([[0.0, 0.0]], 0.1),
    "sample": (), "draws": (), "log_normalizer": (), "mode": (),
}  # fmt: skip


def test_every_query_goes_by_the_parameters_that_are_named() -> None:
    fit, rows = parsed(CLASSES)
    for name in (row.name for row in rows if row.name != "divergence"):
        with pytest.raises(DgmError, match="DGM0803"):
            getattr(fit, name)(*ARGUMENTS.get(name, ([[0.0, 0.0]],)), params="lats")


def test_the_parameters_that_are_named_answer() -> None:
    fit, _ = parsed(LINEAR)
    moved = replace(fit, kept={**fit.kept, "ema": {**fit.kept["last"], "w": np.ones(2)}})
    x = {"x": np.zeros((1, 2)), "c": np.ones(1)}
    there, here = (np.asarray(moved.score(x, params=name)) for name in ("ema", "last"))
    assert np.allclose(there, 1.0)
    assert not np.allclose(here, 1.0)
