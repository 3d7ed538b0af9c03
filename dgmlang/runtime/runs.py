"""Run folders as fitted models: what heads them, and the way back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from dgmlang.compiler.diagnostics.codes import runs as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import objective
from dgmlang.compiler.program import Program
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.model import Model, compiled
from dgmlang.posterior.chains import Chains
from dgmlang.runtime import checkpoint, paths
from dgmlang.runtime.checkpoint import Run
from dgmlang.runtime.columns import Columns, columns
from dgmlang.runtime.inlet import Inlet, brought
from dgmlang.runtime.metrics import records
from dgmlang.runtime.preparation import Preparation, parse
from dgmlang.runtime.shared import SHARED
from dgmlang.runtime.sources import packed, unpacked
from dgmlang.runtime.written import preparation

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

CHAINS = ("chains", "latents", "statistics")
"""The parts of a folder that hold draws of the parameters: `Chains`, field by field."""

PACKAGES = ("dgmlang", "jax", "numpyro", "optax", "numpy")


@dataclass(frozen=True)
class Header:
    """What `run.json` says of a run besides its arrays.

    `files` are those of the program, the root first (`source` and `text` are its). `hypers` are the
    values given or found in the data, `prepare` expressions as text, `settings` what a resumed run
    must agree in, `columns` and `labels` are those of tables.
    """

    source: str
    text: str
    model: str | None
    hypers: Mapping[str, Any]
    objective: str
    prepare: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[Mapping[str, Any]] = ()

    @property
    def program(self) -> Source:
        """The program's root file, which uses the files of the run and none on the disk."""
        alone = {"name": self.source, "text": self.text, "uses": {}}
        return unpacked(self.files or [alone])

    def as_json(self) -> dict[str, Any]:
        """The header as plain data, with the versions of what wrote it."""
        return {**asdict(self), "versions": {name: version(name) for name in PACKAGES}}


def header(
    model: Model,
    method: str,
    prepare: Mapping[str, ast.Expr],
    settings: Mapping[str, Any],
    columns: Columns,
) -> Header:
    """The header of a fit of this model."""
    texts = {name: node.span.text for name, node in prepare.items()}
    source = model.source
    return Header(
        source.name, source.text, model.chosen, model.settings, method, texts,
        {**settings, "precision": model.precision},
        columns=columns.names, labels=columns.labels, files=packed(source),
    )  # fmt: skip


def read(path: Path) -> tuple[Run, Header]:
    """A run folder and its header (DGM0601 to DGM0604)."""
    run = checkpoint.load(path)
    try:
        return run, Header(**run.header)
    except TypeError as error:
        raise DgmError(codes.foreign(str(path), f"its header does not fit: {error}")) from None


def restore(path: Path, nets: Mapping[str, Any]) -> Fitted:
    """The fitted model that a run folder holds; its program is compiled again from the sources."""
    from dgmlang.fitted import Fitted
    from dgmlang.kept import ORDER, POSTERIOR
    from dgmlang.posterior.fit import with_law

    run, head = read(path)
    hypers = {n: tuple(v) if isinstance(v, list) else v for n, v in head.hypers.items()}
    model = compiled(head.program, {**hypers, **nets}, head.model)
    model = model.with_precision(head.settings.get("precision", "float32"))
    template = model.lowered.init(0, None)
    shared = jax.tree.map(jnp.asarray, run.tree(SHARED) if SHARED in run.parts else {})
    kept = {name: _params(run, name, template, shared) for name in ORDER if run.parts.get(name)}
    drawn = _chains(run, model.plan.program)
    chains = parse(preparation(head.prepare), brought(model.plan.program))
    seed = int(head.settings.get("seed", 0))
    inlet = Inlet(chains, _states(run, chains), seed, _columns(head), shared)
    history = records(run.training)
    method = objective(model.plan, head.objective) if head.objective else None
    which = next(name for name in ORDER if name in kept)
    if drawn is None:
        kept, which, drawn = with_law(model, method, kept, which, seed)
    else:
        which = POSTERIOR
    step = run.training["step"]
    return Fitted(model, kept, which, inlet, method, history, step, path, drawn)


def _params(run: Run, part: str, template: Any, shared: Collection[str]) -> dict[str, Any]:
    """The model's parameters, held against its shapes; companions (a critic) come along."""
    found = {n: tree for n, tree in run.tree(part, template).items() if n not in shared}
    tree = jax.tree.map(jnp.asarray, found)
    own = {name: tree[name] for name in template if name in tree}
    flat = {n: a for n, a in run.parts[part].items() if paths.steps(n, template)[0] in template}
    checkpoint.restore(template, flat, str(run.path))
    return {**tree, **own}


def _chains(run: Run, program: Program) -> Chains | None:
    """The draws that a run holds of the parameters, in the order of the program."""
    if not run.parts.get(CHAINS[0]):
        return None
    tops = {*program.variables, *program.nets}
    params, latents, statistics = (run.tree(part, tops) for part in CHAINS)
    return Chains({n: params[n] for n in program.priors if n in params}, latents, statistics)


def _columns(head: Header) -> Columns:
    labels = {name: tuple(found) for name, found in head.labels.items()}
    return replace(columns(head.columns), labels=labels)


def _states(run: Run, chains: Preparation) -> dict[str, Any]:
    """What the preparation was fitted to; steps without memory have nothing in the folder."""
    saved = run.tree("prepare") if "prepare" in run.parts else {}
    return {
        chain.name: tuple(
            saved.get(chain.name, {}).get(str(place), {}) for place in range(len(chain.links))
        )
        for chain in chains.chains
    }


def save(fitted: Fitted, path: Path, *, replace: bool) -> None:
    """Write a fitted model as a run folder that `restore` reads; training cannot go on from it."""
    checkpoint.claim(path, replace=replace)
    texts = {chain.name: chain.text for chain in fitted.inlet.preparation.chains}
    model, source = fitted.model, fitted.model.source
    head = Header(
        source.name, source.text, model.chosen, model.settings, fitted.objective, texts,
        {"seed": fitted.inlet.seed, "precision": model.precision},
        columns=fitted.inlet.columns.names,
        labels=fitted.inlet.columns.labels,
        files=packed(source),
    )  # fmt: skip
    training = {
        "step": fitted.step,
        "history": [[record.step, dict(record.values)] for record in fitted.history],
    }
    chains = fitted.chains
    drawn = () if chains is None else (chains.params, chains.latents, chains.statistics)
    held = dict(zip(CHAINS, drawn, strict=False))
    own = {"prepare": fitted.inlet.states, SHARED: fitted.inlet.shared}
    parts = {**fitted.kept, **held, **own}
    checkpoint.save(path, head.as_json(), training, parts)
