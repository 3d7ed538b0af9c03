"""Devices by name: `cpu`, `gpu`, `cuda:1`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax

from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError


def computed_on(chosen: Any) -> AbstractContextManager[Any]:
    """A context in which new arrays and computations are on this device; None changes nothing."""
    return nullcontext() if chosen is None else jax.default_device(device(chosen))


def device(chosen: Any) -> Any:
    """A device by a platform's name, with its number where it is not the first (DGM0716)."""
    if not isinstance(chosen, str):
        return chosen
    platform, colon, number = chosen.strip().lower().partition(":")
    try:
        if platform and (number.isdecimal() or not colon):
            return jax.local_devices(backend=platform)[int(number or 0)]
    except (RuntimeError, IndexError):
        pass
    raise DgmError(codes.no_device(chosen, _present()))


def _present() -> list[str]:
    """All devices by the names that `device` takes."""
    found = {*jax.local_devices(), *jax.local_devices(backend="cpu")}
    return sorted(f"{one.platform}:{one.local_hardware_id or 0}" for one in found)
