"""What Python passes for an `extern net`: an Equinox module, an (init, apply) pair, a function.

Its weights become a branch of the parameters, named by their attributes (`unet.layers.0.weight`),
so that they are trained, frozen, saved and restored as all others are. It sees one example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import outside as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Net, Outside, Program
from dgmlang.compiler.types.dims import numbers, show
from dgmlang.layers.layer import Params

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class OutsideNet:
    """One of them, as functions of a branch of the parameters.

    Attributes:
        start: The first weights; `rng` is for pairs alone, whose weights are not made yet.
        apply: The value at weights and arguments.
    """

    start: Callable[[np.random.Generator], Any]
    apply: Callable[..., Any]
    weights: Any

    def init(self, rng: np.random.Generator) -> Params:
        """The weights as nested dictionaries of arrays."""
        return _branch(self.start(rng))

    def __call__(self, params: Params, *args: Any) -> Any:
        return self.apply(_tree(self.weights, params), *map(jnp.asarray, args))


def passed(program: Program, given: Mapping[str, Any]) -> dict[str, OutsideNet]:
    """The nets of a program that Python passes, each held against its signature (DGM0440, 0442)."""
    found: dict[str, OutsideNet] = {}
    for net in program.nets.values():
        if not isinstance(net.body, Outside):
            continue
        if net.name not in given:
            raise DgmError(codes.not_passed(net.span, net.name))
        try:
            found[net.name] = _outside(net, given[net.name])
            _fits(net, found[net.name])
        except DgmError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            raise DgmError(codes.does_not_fit(net.span, net.name, f"it raised {why}")) from error
    return found


def _outside(net: Net, given: Any) -> OutsideNet:
    if isinstance(given, type):
        raise DgmError(codes.does_not_fit(net.span, net.name, f"{given.__name__} is a class"))
    if isinstance(given, eqx.Module):
        return _module(net, given)
    if isinstance(given, Sequence):
        return _pair(net, *given)
    more = _switches(given)
    return OutsideNet(lambda rng: {}, lambda weights, *args: given(*args, **more), {})


def _module(net: Net, module: Any) -> OutsideNet:
    """Equinox: inexact arrays are the weights, and start as they are."""
    held = jax.tree.leaves(module, is_leaf=lambda leaf: isinstance(leaf, eqx.nn.StateIndex))
    if any(isinstance(leaf, eqx.nn.StateIndex) for leaf in held):
        why = "it has a state, as batch norm has, and a density has none"
        raise DgmError(codes.does_not_fit(net.span, net.name, why))
    weights, rest = eqx.partition(eqx.nn.inference_mode(module), eqx.is_inexact_array)
    more = _switches(type(module).__call__)

    def apply(weights: Any, *args: Array) -> Any:
        return eqx.combine(weights, rest)(*args, **more)

    return OutsideNet(lambda rng: weights, apply, weights)


def _pair(net: Net, init: Callable[..., Any], apply: Callable[..., Any]) -> OutsideNet:
    """(init, apply), as of Flax: `init(key)` or `init(key, x, …)`, and `apply(weights, x, …)`."""
    alone = len(signature(init).parameters) == 1
    args = () if alone else tuple(map(jnp.zeros, _shapes(net)))

    def start(rng: np.random.Generator) -> Any:
        return init(jax.random.key(int(rng.integers(2**31))), *args)

    weights = jax.eval_shape(init, jax.random.key(0), *args)
    more = _switches(apply)
    return OutsideNet(start, lambda weights, *args: apply(weights, *args, **more), weights)


def _switches(function: Callable[..., Any]) -> dict[str, Any]:
    """`key=` and `inference=` where a signature has them: dropout is off, a density is no draw."""
    known = signature(function).parameters
    switches = {"inference": True, "key": jax.random.key(0)}
    return {name: value for name, value in switches.items() if name in known}


def _shapes(net: Net) -> list[Shape]:
    return [numbers(type_.array_shape) for type_ in net.parameters.values()]


def _fits(net: Net, found: OutsideNet) -> None:
    """DGM0442 where what comes out is not what the heads say; nothing is computed."""
    args = [jax.ShapeDtypeStruct(shape, jnp.result_type(float)) for shape in _shapes(net)]
    value = jax.eval_shape(lambda weights, *args: found.apply(weights, *args), found.weights, *args)
    wanted = {head.name: show(head.type.array_shape) for head in net.heads}
    if net.record and not isinstance(value, Mapping):
        why = f"it yields one value, where a dictionary with {', '.join(wanted)} is wanted"
        raise DgmError(codes.does_not_fit(net.span, net.name, why))
    offered = value if isinstance(value, Mapping) else {"": value}
    if set(offered) != set(wanted):
        why = f"it yields {', '.join(map(str, offered))}, where {', '.join(wanted)} are wanted"
        raise DgmError(codes.does_not_fit(net.span, net.name, why))
    for name, head in ((n, getattr(h, "shape", None)) for n, h in offered.items()):
        shape = "no array" if head is None else f"[{', '.join(map(str, head))}]"
        if shape != wanted[name]:
            what = f"`{name}`" if name else "its value"
            why = f"{what} is {shape}, where {wanted[name]} is wanted"
            raise DgmError(codes.does_not_fit(net.span, net.name, why))


# ── weights as a branch of the parameters ────────────────────────────────────────────────────────


def _names(path: Sequence[Any]) -> list[str]:
    keys = (getattr(p, "name", getattr(p, "key", getattr(p, "idx", None))) for p in path)
    return [str(key) for key in keys]


def _branch(weights: Any) -> Params:
    branch: Params = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(weights):
        *above, last = _names(path) or ["weights"]
        inner = branch
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = np.asarray(leaf)
    return branch


def _tree(weights: Any, branch: Params) -> Any:
    """The branch in the form that the net itself has for its weights."""

    def leaf(path: Sequence[Any], _old: Any) -> Any:
        found: Any = branch
        for name in _names(path) or ["weights"]:
            found = found[name]
        return found

    return jax.tree_util.tree_map_with_path(leaf, weights)
