"""`frozen` makes what `dataclass(frozen=True)` makes, but for the refusal of assignment."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import pytest

from dgmlang.compiler.frozen import frozen


@frozen(kw_only=True)
class Base:
    place: int = field(default=0, compare=False, repr=False)


@frozen()
class Pair(Base):
    left: int
    right: tuple[int, ...] = ()


@frozen()
class Other(Base):
    left: int
    right: tuple[int, ...] = ()


@frozen(eq=False)
class Single:
    value: int


@dataclass(frozen=True)
class Plain:
    left: int
    right: tuple[int, ...] = ()


def test_equal_fields_are_equal_values_of_one_class() -> None:
    assert Pair(1, (2,), place=3) == Pair(1, (2,), place=4), "place takes no part"
    assert Pair(1, (2,)) != Pair(1, (3,))
    assert Pair(1) != Other(1)
    assert len({Pair(1), Pair(1, place=9), Pair(2)}) == 2


def test_without_eq_a_value_equals_itself_alone() -> None:
    one = Single(1)
    assert one == one
    assert one != Single(1)
    assert len({one, Single(1)}) == 2


def test_an_unhashable_field_is_unhashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Pair([]))  # pyright: ignore[reportArgumentType]


def test_it_reads_as_a_dataclass_does() -> None:
    assert repr(Pair(1, place=3)) == repr(Plain(1)).replace("Plain", "Pair")
    assert replace(Pair(1), left=2) == Pair(2)
    assert [entry.name for entry in fields(Pair)] == ["place", "left", "right"]
    match Pair(1, (2,)):
        case Pair(left, right):
            assert (left, right) == (1, (2,))
