"""`frozen`: `dataclass(frozen=True)` at a fifth of its cost.

A third of the time of `dgm check` went into the methods that `dataclass` writes and compiles for
each class of the front end: for a frozen one two that refuse assignment, and one each for equality,
hash and repr. Here it writes `__init__` alone; the others are shared by all classes, and it is the
type checker that refuses assignment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(*, eq: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """What makes a class a dataclass whose values are never assigned to.

    Args:
        eq: Whether two of the same fields are equal; otherwise each is equal to itself alone.
        kw_only: Whether its fields are given by name.
    """

    def made(cls: type[T]) -> type[T]:
        shared: dict[str, Any] = {"__repr__": _repr}
        if eq:
            shared |= {"__eq__": _equal, "__hash__": _hash}
        for name, method in shared.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        return dataclass(eq=False, repr=False, kw_only=kw_only)(cls)

    return made


@cache
def _compared(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls) if field.compare)


@cache
def _shown(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls) if field.repr)


def _equal(self: Any, other: object) -> bool:
    if type(self) is not type(other):
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in _compared(type(self)))


def _hash(self: Any) -> int:
    return hash((type(self), *(getattr(self, name) for name in _compared(type(self)))))


def _repr(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in _shown(type(self)))
    return f"{type(self).__qualname__}({values})"
