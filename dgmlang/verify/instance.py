"""A small instance of a model: small enough to enumerate or to integrate over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.methods import objective
from dgmlang.compiler.program import Variable
from dgmlang.model import Model, bound_to
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.samplers.initial import chain_variables
from dgmlang.verify.levels import with_levels
from dgmlang.verify.nodes import FEW_DIMS, MOST_DIMS, fits

SIZES = (4, 3, 2)
"""What whole-number hyperparameters are cut to, the first that can be tested completely."""

LEVELS = (4, 2)
"""The levels of a byte where with 256 no size can be tested completely."""

JITTER = 0.5
"""How far stored parameters are moved, so that no start near zero or the identity hides a mistake.

Matrices move less the more inputs they sum over, so that nets stay of the order of one.
"""


@dataclass(frozen=True, eq=False)
class Instance:
    """A model whose dimensions are numbers, with parameters and one example's givens.

    Attributes:
        params: Initial parameters, moved at random.
        given: A value for each given, noise of its kind.
    """

    model: Model
    seed: int
    params: Params
    given: Values

    @property
    def lowered(self) -> Lowered:
        """The model as functions of arrays."""
        return self.model.lowered

    def key(self, purpose: str) -> Array:
        """The source of randomness of one purpose."""
        return key_of(self.seed, purpose)

    def log_prob(self, values: Values) -> Array:
        """The log density of one example's data at the instance's parameters and givens."""
        return self.lowered.log_prob(self.params, {**self.given, **values})

    def marginal_log_prob(self, values: Values) -> Array:
        """The same of what chains move, the finite data beside it summed out."""
        return self.lowered.chained.log_prob(self.params, {**self.given, **values})

    def objective(self, name: str, **how: Any) -> Objective:
        """An objective with its default settings, equations solved as the model or `how` says."""
        return bound_to(objective(self.model.plan, name), self.lowered.solved(**how))

    def examples(self, count: int) -> Values:
        """Values of the data, [count, …]: noise of their kinds, which needs no sampler."""
        data = {v.name: v for v in self.variables("data")}
        keys = jax.random.split(self.key("examples"), count)
        return jax.vmap(lambda key: chain_variables(data, key))(keys)

    def variables(self, *roles: str) -> tuple[Variable, ...]:
        """The variables of these roles."""
        return self.lowered.program.having(*roles)


def key_of(seed: int, purpose: str) -> Array:
    """A key for one purpose, the same in every process."""
    return jax.random.fold_in(jax.random.key(seed), crc32(purpose.encode()))


def instance(model: Model, seed: int) -> Instance:
    """A model without open dimensions at random parameters and givens."""
    program = model.plan.program
    givens, shared = ({v.name: v for v in program.having(r)} for r in ("given", "shared"))
    params = _moved(model.lowered.init(seed, None), seed)
    params |= chain_variables(shared, key_of(seed, "shared"))
    return Instance(model, seed, params, chain_variables(givens, key_of(seed, "givens")))


def _moved(params: Params, seed: int) -> Params:
    """The parameters beside themselves; by NumPy, which compiles nothing for each shape."""
    rng = np.random.default_rng(seed)

    def moved(leaf: Array) -> Array:
        shape = jnp.shape(leaf)
        noise = _width(shape) * rng.standard_normal(shape)
        return jnp.asarray(np.asarray(leaf) + noise, jnp.result_type(float))

    return jax.tree.map(moved, params)


def _width(shape: tuple[int, ...]) -> float:
    return JITTER / max(shape[0], 1) ** 0.5 if len(shape) > 1 else JITTER


def small(model: Model, asked: Mapping[str, Any], seed: int) -> Instance:
    """The largest of a few small instances that can be tested completely.

    Hyperparameters that the caller set stay as they are. Bytes lose levels where nothing else does.

    Raises:
        DgmError: What the compiler says of the last instance, where none is well formed.
    """
    found, refused = _well_formed(model, asked)
    if not found:
        assert refused is not None
        raise refused
    last = found[-1]
    found += [m for levels in LEVELS for m in _of_levels(model, levels, asked)]
    testable = (m for most in (FEW_DIMS, MOST_DIMS) for m in found if _testable(m, most))
    return instance(next(testable, last), seed)


def _well_formed(model: Model, asked: Mapping[str, Any]) -> tuple[list[Model], DgmError | None]:
    """The model at the sizes at which it compiles, and what was said of the last other."""
    found: list[Model] = []
    refused: DgmError | None = None
    for cut in _cuts(model, asked):
        try:
            found.append(model.with_hypers(**cut))
        except DgmError as error:
            refused = error
    return found, refused


def _of_levels(model: Model, levels: int, asked: Mapping[str, Any]) -> list[Model]:
    try:
        fewer = with_levels(model, levels)
    except DgmError:
        return []  # a number of levels is then written elsewhere too
    return [] if fewer is None else _well_formed(fewer, asked)[0]


def _cuts(model: Model, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    free = {name: value for name, value in model.hypers.items() if name not in asked}
    for size in SIZES:
        cut = {name: _cut(value, size, name in model.open) for name, value in free.items()}
        yield {name: value for name, value in cut.items() if value is not None}


def _cut(value: Any, size: int, is_open: bool) -> Any:
    """A smaller value for a whole number or a list of them, None for what stays."""
    if is_open:
        return size
    if isinstance(value, int) and not isinstance(value, bool):
        return min(value, size)
    if isinstance(value, tuple) and value:
        return tuple(_cut(v, size, False) for v in value)
    return None


def _testable(model: Model, most: int) -> bool:
    if model.open:
        return False
    program = model.plan.program
    return fits(program.having("data", "latent"), most) or (
        fits(program.having("data"), most) and fits(program.having("latent"), most)
    )
