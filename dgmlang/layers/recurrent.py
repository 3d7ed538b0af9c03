"""Layers with a state that runs along the first axis, and the one scan that they share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from dgmlang.layers.follow import Stepped
from dgmlang.layers.layer import Params, Shape, draw_kernel


class Cell(Protocol):
    """One turn: from the state and what enters at a place to the next state.

    What enters is the input's product with the kernel, taken for all places at once: it is the
    only part that need not wait for its turn.
    """

    @property
    def gates(self) -> int:
        """How many affine maps of the input one unit needs."""
        ...

    def start(self, blank: Array) -> Any:
        """The state before the first place, of zeros like `blank`."""
        ...

    def turn(self, params: Params, state: Any, entering: Array) -> Any:
        """The state after a place; `entering` has shape [gates, units]."""
        ...

    def output(self, state: Any) -> Array:
        """What the layer shows of a state, [units]."""
        ...

    def bias(self, units: int) -> NDArray[np.float32]:
        """Initial biases, [gates, units]."""
        ...


@dataclass(frozen=True)
class Recurrent:
    """`cell` along the first axis of [T, n]: [T, width].

    Both ways, half of the units (the smaller half of an odd number) run from the front, and the
    others from the end.
    """

    cell: Cell
    length: int
    n: int
    width: int
    both_ways: bool

    @property
    def target(self) -> Shape:
        return (self.length, self.width)

    @property
    def directions(self) -> dict[str, int]:
        """How many units run each way."""
        half = self.width // 2
        if self.both_ways:
            return {"forwards": half, "backwards": self.width - half}
        return {"forwards": self.width}

    def init(self, rng: np.random.Generator) -> Params:
        ways = {way: self._init(rng, units) for way, units in self.directions.items()}
        return ways if self.both_ways else ways["forwards"]

    def __call__(self, params: Params, x: Array, length: Array | None = None) -> Array:
        """Where a sequence has a `length`, what runs from the end starts there."""
        if not self.both_ways:
            return self._run(params, x)
        ends = self.length if length is None else length
        ways = [self._run(params["forwards"], x), self._run(params["backwards"], x, ends)]
        return jnp.concatenate(ways, axis=-1)

    def stepped(self, params: Params) -> Stepped | None:
        """The cell row by row."""
        if self.both_ways:
            return None
        gates, units = params["bias"].shape

        def turn(state: Any, _: Array, row: Array) -> tuple[Array, Any]:
            entering = (row @ params["kernel"]).reshape(gates, units) + params["bias"]
            state = self.cell.turn(params, state, entering)
            return self.cell.output(state), state

        blank = jnp.zeros(units, params["bias"].dtype)
        return Stepped(self.cell.start(blank), jnp.arange(self.length), turn)

    def _init(self, rng: np.random.Generator, units: int) -> Params:
        gates = self.cell.gates
        kernels = [draw_kernel(rng, self.n, units) for _ in range(gates)]
        states = [_orthogonal(rng, units) for _ in range(gates)]
        return {
            "kernel": np.concatenate(kernels, axis=1),
            "recurrent": np.concatenate(states, axis=1),
            "bias": self.cell.bias(units),
        }

    def _run(self, params: Params, x: Array, end: Array | int | None = None) -> Array:
        """From the front, or from an end: until there the state is that of the start."""
        gates, units = params["bias"].shape
        entering = x @ params["kernel"] + params["bias"].reshape(1, -1)

        rows = entering.reshape(-1, gates, units)
        start = self.cell.start(jnp.zeros(units, rows.dtype))

        def turn(state: Any, row: Array) -> tuple[Any, Array]:
            state = self.cell.turn(params, state, row)
            return state, self.cell.output(state)

        def before_end(state: Any, step: tuple[Array, Array]) -> tuple[Any, Array]:
            row, there = step
            moved = self.cell.turn(params, state, row)
            state = jax.tree.map(partial(jnp.where, there), moved, start)
            return state, self.cell.output(state)

        if end is None:
            return jax.lax.scan(turn, start, rows)[1]
        if isinstance(end, int):
            return jax.lax.scan(turn, start, rows, reverse=True)[1]
        return jax.lax.scan(before_end, start, (rows, jnp.arange(len(x)) < end), reverse=True)[1]


def from_state(params: Params, h: Array) -> Array:
    """The product of h with the recurrent kernel, [gates, units]."""
    return (h @ params["recurrent"]).reshape(-1, len(h))


def _orthogonal(rng: np.random.Generator, units: int) -> NDArray[np.float32]:
    """A random orthogonal matrix, which keeps what a state holds as long as it is linear."""
    q, r = np.linalg.qr(rng.standard_normal((units, units)))
    return (q * np.where(np.diag(r) < 0, -1, 1)).astype(np.float32)
