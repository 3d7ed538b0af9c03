"""Binds implementations to the externs of the standard library.

`@implements("layer", "dense")` stands above the one implementation of `extern layer dense`; the
folder of a kind is imported when its first implementation is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

FOLDERS = {
    "dist": "distributions",
    "sufficient": "distributions",
    "layer": "layers",
    "activation": "layers",
    "order": "layers",
    "bijection": "bijections",
    "transform": "bijections",
    "mask": "bijections",
    "solver": "solvers",
    "adjoint": "solvers",
    "process": "processes",
    "fn": "functions",
    "objective": "objectives",
    "sampler": "samplers",
    "prepare": "prepare",
}
"""Where the implementations of each kind of extern live, below `dgmlang`."""

_found: dict[tuple[str, str], Any] = {}
_imported: set[str] = set()

T = TypeVar("T")


def implements(kind: str, name: str) -> Callable[[T], T]:
    """A decorator that binds what it decorates to `extern kind name`."""

    def bind(implementation: T) -> T:
        if (kind, name) in _found:
            raise ValueError(f"{kind} {name} has two implementations")
        _found[kind, name] = implementation
        return implementation

    return bind


def implementation(kind: str, name: str) -> Any:
    """What implements `extern kind name`; KeyError where nothing does."""
    _import(FOLDERS[kind])
    return _found[kind, name]


def chosen(kind: str, held: Any) -> tuple[Any, Mapping[str, Any]]:
    """What a setting names, with settings of its own: `relu`, or `checkerboard(odd = true)`."""
    name, settings = (held, {}) if isinstance(held, str) else (held.name, held.settings)
    return implementation(kind, name), settings


def implemented(*kinds: str) -> frozenset[tuple[str, str]]:
    """All (kind, name) of these kinds, or of any kind, that have an implementation."""
    for kind in kinds or FOLDERS:
        _import(FOLDERS[kind])
    return frozenset(key for key in _found if not kinds or key[0] in kinds)


def _import(folder: str) -> None:
    if folder in _imported:
        return
    package = import_module(f"dgmlang.{folder}")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    _imported.add(folder)
