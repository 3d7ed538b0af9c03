"""Run folders: `run.json` and one `.npz` of arrays by path; nothing is pickled.

ARCHITECTURE.md names Orbax. One process that writes whole arrays needs no more than NumPy's own
format, which any tool reads; Orbax comes with sharded arrays.

A save writes a new array file beside the old one and then renames `run.json`, which names the file
that belongs to it. So a crash at any point leaves the former save whole.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import jax
import numpy as np

from dgmlang.compiler.diagnostics.codes import runs as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.runtime import paths

FORMAT = "dgmlang run"
SCHEMA = 1
RECORD = "run.json"
ARRAYS = ("arrays-a.npz", "arrays-b.npz")


@dataclass(frozen=True)
class Run:
    """A folder as read.

    `header` is what its writer said of the program and the settings, `training` where the training
    stands, `parts` are the trees of arrays, flat, by their names.
    """

    path: Path
    header: Mapping[str, Any]
    training: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, np.ndarray]]

    def tree(self, part: str, tops: Collection[str] = ()) -> dict[str, Any]:
        """One part as nested dictionaries; `tops` are keys of the first that may hold dots."""
        nested: dict[str, Any] = {}
        for path, array in self.parts[part].items():
            *above, name = paths.steps(path, tops)
            place = nested
            for step in above:
                place = place.setdefault(step, {})
            place[name] = array
        return nested


def put(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write one file whole or not at all, its folder made (DGM0605 where the system refuses)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, fill)
    except OSError as error:
        raise DgmError(codes.unwritable(str(path), _reason(error))) from error


def claim(path: Path, *, replace: bool = False) -> None:
    """Make a folder ready for a new run; DGM0606 where something would be lost."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        content = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise DgmError(codes.unwritable(str(path), _reason(error))) from error
    if RECORD in content and not replace:
        raise DgmError(codes.occupied(str(path)))
    if content and RECORD not in content:
        raise DgmError(codes.no_place_for_a_run(str(path), content[0]))


def save(
    path: Path, header: Mapping[str, Any], training: Mapping[str, Any], parts: Mapping[str, Any]
) -> None:
    """Write a run; the former one stays whole until the new one is."""
    arrays = {
        f"{part}/{name}": _plain(leaf)
        for part, tree in parts.items()
        for name, leaf in paths.named(tree).items()
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        file = next(name for name in ARRAYS if name != _current(path))
        write(path / file, lambda out: np.savez(out, allow_pickle=False, **arrays))
        record = {
            "format": FORMAT, "schema": SCHEMA, "arrays": file, "parts": list(parts),
            "header": header, "training": training,
        }  # fmt: skip
        text = json.dumps(record, indent=1, allow_nan=True)
        write(path / RECORD, lambda out: out.write(text.encode()))
        for name in ARRAYS:
            if name != file:
                (path / name).unlink(missing_ok=True)
    except OSError as error:
        raise DgmError(codes.unwritable(str(path), _reason(error))) from error


def load(path: Path) -> Run:
    """Read a run folder; DGM0601 to DGM0604 where that cannot be."""
    record = _record(path)
    file = path / record["arrays"]
    parts: dict[str, dict[str, np.ndarray]] = {part: {} for part in record["parts"]}
    try:
        with file.open("rb") as binary, np.load(binary, allow_pickle=False) as stored:
            for key in stored.files:
                part, _, name = key.partition("/")
                parts[part][name] = stored[key]
    except FileNotFoundError as error:
        raise DgmError(codes.damaged(str(file), "the file is missing")) from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DgmError(codes.damaged(str(file), "the file is cut short or changed")) from error
    return Run(path, record["header"], record["training"], parts)


def restore(template: Any, flat: Mapping[str, np.ndarray], place: str) -> Any:
    """The template's structure with saved leaves; DGM0607 prints both trees where they differ."""
    wanted = paths.named(template)
    shapes = {name: _plain_shape(leaf) for name, leaf in wanted.items()}
    if shapes != {name: array.shape for name, array in flat.items()}:
        raise DgmError(
            codes.other_tree(place, paths.describe(template), paths.describe(dict(flat)))
        )
    return paths.replace(template, {n: _like(flat[n], leaf) for n, leaf in wanted.items()})


def write(path: Path, fill: Callable[[IO[bytes]], Any]) -> None:
    """Write a file whole or not at all: beside it first, flushed to the disk, then renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as out:
            fill(out)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system has folders that can be opened."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _record(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise DgmError(codes.no_run(str(path)))
    try:
        record = json.loads((path / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DgmError(codes.foreign(str(path), f"it has no `{RECORD}`")) from error
    except OSError as error:
        raise DgmError(codes.foreign(str(path), _reason(error))) from error
    except ValueError as error:
        reason = "the file is cut short or changed"
        raise DgmError(codes.damaged(str(path / RECORD), reason)) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise DgmError(codes.foreign(str(path), f"its `{RECORD}` is of another program"))
    if record["schema"] > SCHEMA:
        raise DgmError(codes.newer(str(path), record["schema"], SCHEMA))
    missing = {"arrays", "parts", "header", "training"} - record.keys()
    if missing or record["arrays"] not in ARRAYS:
        raise DgmError(codes.damaged(str(path / RECORD), "entries are missing or changed"))
    return record


def _current(path: Path) -> str | None:
    """The array file that the folder's record names."""
    return _record(path)["arrays"] if (path / RECORD).exists() else None


def _plain(leaf: Any) -> np.ndarray:
    """A leaf as NumPy has it; random keys as their bits."""
    if _is_key(leaf):
        leaf = jax.random.key_data(leaf)
    return np.asarray(jax.device_get(leaf))


def _plain_shape(leaf: Any) -> tuple[int, ...]:
    return jax.eval_shape(jax.random.key_data, leaf).shape if _is_key(leaf) else np.shape(leaf)


def _like(array: np.ndarray, leaf: Any) -> Any:
    if _is_key(leaf):
        return jax.random.wrap_key_data(jax.numpy.asarray(array), impl=jax.random.key_impl(leaf))
    return jax.numpy.array(array, dtype=leaf.dtype)


def _is_key(leaf: Any) -> bool:
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and jax.numpy.issubdtype(dtype, jax.dtypes.prng_key)


def _reason(error: OSError) -> str:
    return (error.strerror or "the system refused").lower()
