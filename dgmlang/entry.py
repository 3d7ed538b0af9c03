"""The ways in: a program, a run folder, a built-in data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import read
from dgmlang.model import Model, compiled

if TYPE_CHECKING:
    import numpy as np

    from dgmlang.fitted import Fitted


def load(path: str | Path, *, model: str | None = None, **hypers: Any) -> Model:
    """The model of a `.dgm` file; of a run folder the `Fitted` that `restore` gives.

    Args:
        path: The file, or the folder.
        model: Which of its models; by default the last.
        **hypers: Values for hyperparameters, lists for `int[]`; and for each `extern net` an
            Equinox module, a pair (init, apply) or a function of one example.

    Raises:
        DgmError: With every mistake in the program; DGM0210 for a folder that is no run.
    """
    if Path(path).is_dir():
        if model is not None or not (Path(path) / "run.json").is_file():
            raise DgmError(codes.folder_as_program(str(path)))
        return cast("Model", restore(path, **hypers))
    return compiled(read(path), hypers, model)


def restore(folder: str | Path, **nets: Any) -> Fitted:
    """The fitted model of a run folder. Nothing in it is run: its program is compiled again.

    Args:
        folder: The run folder.
        **nets: What the program's `extern net`s are; their weights come from the folder.

    Raises:
        DgmError: DGM0601 to DGM0604, DGM0607 where the folder is none, damaged or newer.
    """
    from dgmlang.runtime.runs import restore

    return restore(Path(folder), nets)


def data(name: str, n: int | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    """A built-in data set as arrays by name: `x`, and `y` where there are labels.

    Args:
        name: `digits`, `iris`, `moons`, `checkerboard`, `rings`, `8gaussians`, …
        n: How many examples, for those that are made.
        seed: Of the examples that are made.
    """
    from dgmlang.compiler.diagnostics.codes import reading
    from dgmlang.runtime import builtin

    if name not in builtin.NAMES:
        raise DgmError(reading.unknown_dataset(name, builtin.NAMES))
    return builtin.dataset(name, seed=seed, **({} if n is None else {"n": n}))
