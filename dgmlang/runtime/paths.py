"""Trees of arrays by the names of their leaves: `decoder.mlp.0.kernel`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import jax
import numpy as np
from jax.tree_util import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError


def named(tree: Any) -> dict[str, Any]:
    """The leaves by path, in the tree's order."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {path_name(path): leaf for path, leaf in leaves}


def path_name(path: Iterable[Any]) -> str:
    """A key path of JAX as a person reads it."""
    return ".".join(map(_part, path))


def steps(path: str, tops: Collection[str]) -> list[str]:
    """The keys of a path. The first is one of the `tops`, which may hold dots, if one fits."""
    top = max((t for t in tops if path == t or path.startswith(f"{t}.")), key=len, default=None)
    if top is None:
        return path.split(".")
    return [top, *path[len(top) + 1 :].split(".")] if path != top else [top]


def replace(tree: Any, leaves: Mapping[str, Any]) -> Any:
    """The tree with some leaves, given by path, exchanged."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaves.get(path_name(path), leaf), tree
    )


def matches(path: str, pattern: str) -> bool:
    """Whether a glob names this leaf or something above it."""
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}.*")


def chosen(tree: Any, patterns: Iterable[str]) -> frozenset[str]:
    """The paths that the globs name; DGM0704 for a glob that names none."""
    paths = tuple(named(tree))
    found: set[str] = set()
    for pattern in patterns:
        hits = {path for path in paths if matches(path, pattern)}
        if not hits:
            raise DgmError(codes.nothing_frozen(pattern, describe(tree)))
        found |= hits
    return frozenset(found)


def describe(tree: Any) -> list[str]:
    """The tree for people: of each leaf its path and its shape."""
    return [f"{path}: {list(np.shape(leaf))}" for path, leaf in named(tree).items()]


def _part(key: Any) -> str:
    match key:
        case DictKey(key=name) | FlattenedIndexKey(key=name):
            return str(name)
        case SequenceKey(idx=index):
            return str(index)
        case GetAttrKey(name=name):
            return name
    raise TypeError(f"a tree with the unknown key {key!r}")
