"""`dgm train`: fit a program to data. Every flag is the keyword of `fit` of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dgmlang.cli.options import Data, Program, Seed, Set, assignments
from dgmlang.cli.terminal import say

INTERRUPTED = 130

Objective = Annotated[str | None, typer.Option(help='Such as elbo, or "iwae(k = 8)".')]
Optimizer = Annotated[
    str | None, typer.Option(help='Optax\'s, such as "adam(learning_rate=1e-3)".')
]
Steps = Annotated[int | None, typer.Option(min=1, help="Steps of the optimiser.")]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Passes over the data, instead of --steps.")
]
Batch = Annotated[int | None, typer.Option(min=1, help="Examples in a step.")]
Valid = Annotated[float | None, typer.Option(help="The part of the data held out, such as 0.1.")]
Prepare = Annotated[
    list[str] | None, typer.Option(help='Such as "x = bernoulli(x)"; may be repeated.')
]
Recipe = Annotated[str | None, typer.Option(help="A recipe of the program.")]
Patience = Annotated[
    int | None,
    typer.Option(min=1, help="Stop after so many looks at held-out data without a best."),
]
Freeze = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Parameters that stay; may be repeated.")
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="The run folder to write.")]
Resume = Annotated[Path | None, typer.Option(metavar="DIR", help="A run folder to go on with.")]
Replace = Annotated[bool, typer.Option("--replace", help="Overwrite the run in --out.")]


def train(
    file: Program,
    data: Data,
    set: Set = None,
    objective: Objective = None,
    optimizer: Optimizer = None,
    steps: Steps = None,
    epochs: Epochs = None,
    batch: Batch = None,
    seed: Seed = 0,
    valid: Valid = None,
    prepare: Prepare = None,
    recipe: Recipe = None,
    patience: Patience = None,
    freeze: Freeze = None,
    out: Out = None,
    resume: Resume = None,
    replace: Replace = False,
) -> None:
    """Fit a program to data, and keep the run in a folder."""
    settings = {
        "objective": objective, "optimizer": optimizer, "steps": steps, "epochs": epochs,
        "batch": batch, "valid": valid, "prepare": _prepared(prepare), "recipe": recipe,
        "patience": patience, "freeze": tuple(freeze) if freeze else None, "out": out,
        "resume": resume, "replace": replace or None,
    }  # fmt: skip
    given = {name: value for name, value in settings.items() if value is not None}
    _train(file, data, assignments(set, "--set"), {"seed": seed, **given})


def _train(file: Path, data: str, hypers: dict[str, Any], settings: dict[str, Any]) -> None:
    import dgmlang as dgm

    model = dgm.load(file, **hypers)
    say(model.warnings)
    from dgmlang.runtime.loop import Interrupted

    try:
        fit = model.fit(data, progress=True, **settings)
    except Interrupted as stopped:
        say([stopped.diagnostic])
        raise typer.Exit(INTERRUPTED) from stopped
    print(fit)


def _prepared(texts: list[str] | None) -> dict[str, str] | None:
    if texts is None:
        return None
    parts = [text.partition("=") for text in texts]
    for text, (name, equals, step) in zip(texts, parts, strict=True):
        if not (equals and name.strip() and step.strip()):
            raise typer.BadParameter(f'Expected "x = …"; found `{text}`', param_hint="--prepare")
    return {name.strip(): step.strip() for name, _, step in parts}
