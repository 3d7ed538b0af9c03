"""The public names and their signatures: a change here is a change that users see."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dgmlang as dgm

GOLDEN = Path(__file__).parents[1] / "golden" / "surface.txt"


def surface() -> Iterator[str]:
    names = [name for name in dir(dgm) if not name.startswith("_")] + [
        "Estimator",
        "Fitted",
        "Result",
    ]
    for name in sorted(set(names)):
        value = getattr(dgm, name)
        if inspect.ismodule(value) or name in ("TYPE_CHECKING", "Any", "annotations"):
            continue
        if inspect.isclass(value):
            yield f"class {name}"
            yield from sorted(members(value))
        else:
            yield f"{name}{inspect.signature(value)}"
    for room in ("objectives", "samplers"):
        for name in dir(getattr(dgm, room)):
            yield f"{room}.{name}{inspect.signature(getattr(getattr(dgm, room), name))}"


def members(value: type) -> Iterator[str]:
    """What our own classes define: its, and those that it builds on."""
    ours = (kind for kind in value.__mro__ if kind.__module__.startswith("dgmlang"))
    for name in dict.fromkeys(name for kind in ours for name in vars(kind)):
        if name.startswith("_"):
            continue
        member = getattr(value, name, None)
        if inspect.isfunction(member):
            yield f"  {name}{inspect.signature(member)}"
        elif isinstance(member, property) or hasattr(member, "func"):
            yield f"  {name}"
    fields: dict[str, Any] = getattr(value, "__dataclass_fields__", {})
    yield from (f"  {name}" for name in fields if not name.startswith("_"))


def test_surface(golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN, "\n".join(surface()) + "\n")


def test_everything_public_is_documented() -> None:
    for value in (dgm.load, dgm.parse, dgm.restore, dgm.data, dgm.Model, dgm.Fitted, dgm.Result):
        assert value.__doc__
    for kind in (dgm.Model, dgm.Fitted, dgm.Result):
        for name, member in vars(kind).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                assert member.__doc__, f"{kind.__name__}.{name}"
