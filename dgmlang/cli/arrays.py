"""Arrays of several variables: into a file, or onto the terminal."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


def out(parser: argparse.ArgumentParser) -> None:
    """`--out FILE.npz`."""
    parser.add_argument(
        "--out",
        type=npz,
        metavar="FILE.npz",
        help="where the arrays go, one a variable; its folder is made",
    )


def told(found: Mapping[str, Any], file: Path | None) -> None:
    """Write arrays where a file is named, with the folders that this makes; else print them."""
    if file is None:
        show(found)
        return
    made = absent(file)
    write(file, found)
    if made:
        print(f"made {', '.join(map(str, made))}")


def by_name(fit: Any, found: Any) -> dict[str, Any]:
    """What a query gives, by variable: of a model with one data variable it is the bare array."""
    if isinstance(found, Mapping):
        return dict(found)
    return {fit.model.plan.program.having("data")[0].name: found}


def npz(text: str) -> Path:
    """The name of an archive of arrays."""
    if not text.endswith(".npz"):
        raise argparse.ArgumentTypeError(f"Expected a name that ends in .npz; found `{text}`")
    return Path(text)


def absent(*files: Path | None) -> list[Path]:
    """The folders of files that are not there yet; writing makes them."""
    folders = dict.fromkeys(file.parent for file in files if file is not None)
    return [folder for folder in folders if not folder.exists()]


def write(out: Path, drawn: Mapping[str, np.ndarray]) -> None:
    """Write an archive, whole or not at all (DGM0605), and say what is in it."""
    from dgmlang.runtime.checkpoint import put

    put(out, lambda file: _archive(file, drawn))
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in drawn.items())
    print(f"{out}: {shapes}")


def _archive(file: IO[bytes], drawn: Mapping[str, np.ndarray]) -> None:
    """As `numpy.savez`, which takes no array of the name `file`."""
    from zipfile import ZipFile

    from numpy.lib.format import write_array

    with ZipFile(file, "w") as archive:
        for name, array in drawn.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                write_array(entry, array, allow_pickle=False)


def show(drawn: Mapping[str, np.ndarray]) -> None:
    """Print each array below its name and shape."""
    import numpy as np

    for name, array in drawn.items():
        print(f"{name} {list(array.shape)}")
        print(np.array2string(array, precision=4, suppress_small=True, threshold=2000))
