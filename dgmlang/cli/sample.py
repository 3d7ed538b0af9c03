"""`dgm sample`: draw from a run, into a file, a picture, or the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgmlang.cli.options import Run, Seed, assignments

if TYPE_CHECKING:
    import numpy as np

N = Annotated[int, typer.Option("-n", min=1, help="How many.")]
Sampler = Annotated[str | None, typer.Option(help='Such as "gibbs(sweeps = 200)".')]
Given = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="An input's value; may be repeated."),
]
Out = Annotated[Path | None, typer.Option(help="A file to write: .npz, one array a variable.")]
Plot = Annotated[Path | None, typer.Option(help="A picture to write: .png, .pdf, .svg.")]


def sample(
    run: Run,
    n: N = 1,
    sampler: Sampler = None,
    given: Given = None,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
) -> None:
    """Draw from a fitted model."""
    if out is not None and out.suffix != ".npz":
        found = f"Expected a name that ends in .npz; found {out}"
        raise typer.BadParameter(found, param_hint="--out")
    held = assignments(given, "--given")
    import dgmlang as dgm

    fit = dgm.restore(run)
    found = fit.sample(n, given=held or None, sampler=sampler, seed=seed)
    names = [v.name for v in fit.model.plan.program.having("data")]
    drawn: dict[str, Any] = found if isinstance(found, Mapping) else {names[0]: found}
    if out is not None:
        _write(out, drawn)
    if plot is not None:
        _plot(plot, drawn)
    if out is None and plot is None:
        _print(drawn)


def _write(out: Path, drawn: Mapping[str, np.ndarray]) -> None:
    import numpy as np

    from dgmlang.compiler.diagnostics.codes import runs as codes
    from dgmlang.compiler.diagnostics.diagnostic import DgmError
    from dgmlang.runtime.checkpoint import write

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write(out, lambda file: np.savez(file, **dict(drawn)))
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise DgmError(codes.unwritable(str(out), reason)) from error
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in drawn.items())
    print(f"{out}: {shapes}")


def _plot(path: Path, drawn: Mapping[str, np.ndarray]) -> None:
    """One picture a variable; where there are several, each file's name ends in the variable's."""
    from dgmlang.plots.canvas import save
    from dgmlang.plots.samples import samples

    for name, array in drawn.items():
        file = path if len(drawn) == 1 else path.with_stem(f"{path.stem}-{name}")
        save(samples(array, name=name), file)
        print(file)


def _print(drawn: Mapping[str, np.ndarray]) -> None:
    import numpy as np

    for name, array in drawn.items():
        print(f"{name} {list(array.shape)}")
        print(np.array2string(array, precision=4, suppress_small=True, threshold=2000))
