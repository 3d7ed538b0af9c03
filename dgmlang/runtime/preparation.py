"""`prepare x = 2 * dequantize(x) - 1` as a chain of steps: fitted once, applied to each batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, log, prod
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import data as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.preparation import Applied, applied
from dgmlang.compiler.program import Variable
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.objectives.objective import Values
from dgmlang.prepare.step import Fitted, Range, Step
from dgmlang.registry import implementation
from dgmlang.runtime.behind import end_of, ended, infinite, over, with_marks
from dgmlang.runtime.blocks import Blocks
from dgmlang.runtime.places import entry
from dgmlang.runtime.wholes import near

States = dict[str, tuple[Fitted, ...]]
"""What the steps of each variable were fitted to."""


@dataclass(frozen=True)
class Affine(Step):
    """scale · x + offset: arithmetic with numbers."""

    scale: float = 1.0
    offset: float = 0.0
    invertible: ClassVar[bool] = True

    def apply(self, x: Array, fitted: Fitted, key: Array) -> Array:
        return self.scale * x + self.offset

    def invert(self, x: Array, fitted: Fitted) -> Array:
        return (x - self.offset) / self.scale

    def log_det(self, fitted: Fitted, shape: tuple[int, ...]) -> Array:
        return jnp.float32(prod(shape) * log(abs(self.scale)))


@dataclass(frozen=True)
class Link:
    """A step and the text that asked for it."""

    step: Step
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Chain:
    """The steps of one variable, the first to be applied first; `whole`: the result is integers.

    What comes out has a kind, by which its `end` is marked where the variable is of varying length:
    each turn is then prepared as an example is of others, and what is behind an end is no turn.
    `text` is the expression as written, for run folders.
    """

    name: str
    links: tuple[Link, ...]
    whole: bool
    discrete: bool
    end: float | None
    text: str = field(compare=False, repr=False)

    @property
    def varying(self) -> bool:
        """Whether examples differ in their lengths."""
        return self.end is not None


@dataclass(frozen=True)
class Preparation:
    """The chains of a program. Equal ones compile to the same; what was fitted is an argument."""

    chains: tuple[Chain, ...] = ()

    def fit(self, arrays: Mapping[str, np.ndarray], key: Array) -> States:
        """Fit each step to what the steps before it make of the training data.

        Raises:
            DgmError: a step met a value that it cannot take (DGM0524).
        """
        return {chain.name: _fit(chain, arrays[chain.name], None, key) for chain in self.chains}

    def frozen(
        self, states: States, arrays: Mapping[str, np.ndarray], key: Array
    ) -> dict[str, Blocks]:
        """All of the data as `apply` makes them, random steps drawn once.

        Where integers are due they are numbers yet, so that a fraction is found and a missing
        value is one.
        """

        def block(name: str, rows: slice) -> np.ndarray:
            part = {name: arrays[name][rows]}
            return np.asarray(_numbers(self, states, part, block_key(key, rows))[name])

        chained = [chain.name for chain in self.chains if chain.name in arrays]
        return {name: Blocks(len(arrays[name]), partial(block, name)) for name in chained}

    def check(
        self, states: States, arrays: Mapping[str, np.ndarray], key: Array, place: str
    ) -> None:
        """Hold later data against what was fitted.

        Raises:
            DgmError: an example has another shape than the training data's (DGM0512), or a value
                that a step cannot take (DGM0524).
        """
        for chain in self.chains:
            if chain.name in arrays:
                _fit(chain, arrays[chain.name], states[chain.name], key, place)

    def apply(self, states: States, values: Values, key: Array) -> Values:
        """The values with the prepared variables exchanged; random steps draw from the key."""
        prepared = self.numbers(states, values, key)
        whole = [chain for chain in self.chains if chain.whole and chain.name in values]
        return {
            **prepared,
            **{chain.name: with_marks(prepared[chain.name], chain.end) for chain in whole},
        }

    def numbers(self, states: States, values: Values, key: Array) -> Values:
        """As `apply`, in floating point, NaN where a value is missing."""
        prepared = dict(values)
        before = 0
        for chain in self.chains:
            if chain.name in values:
                passed = partial(_applied, chain, states, key=key, before=before)
                x = _of_turns(chain, passed, _number(values[chain.name]))
                prepared[chain.name] = near(x) if chain.whole else x
            before += len(chain.links)  # so that a step's key is its own, whichever data are there
        return prepared

    def invert(self, states: States, values: Values) -> Values:
        """Draws on the scale of the data, as far back as steps are invertible."""
        given = dict(values)
        for chain in self.chains:
            if chain.name in values:
                undone = partial(_undone, chain, states)
                given[chain.name] = _of_turns(
                    chain, undone, infinite(values[chain.name], chain.end if chain.whole else None)
                )
        return given

    def of(self, variables: Sequence[Variable]) -> Preparation:
        """The same for variables whose numbers of levels are known by now."""
        ends = {variable.name: end_of(variable) for variable in variables}
        return Preparation(tuple(replace(c, end=ends[c.name]) for c in self.chains))

    def given(self, states: States, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that an example of a variable comes in, of the one that the model sees."""
        for chain in (chain for chain in self.chains if chain.name == name):
            for link, fitted in reversed(_zip(chain, states)):
                shape = link.step.given(fitted, shape)
        return shape

    def bounds(self, names: Collection[str]) -> bool:
        """Whether a density of these variables, as prepared, only bounds that of the data."""
        own = (chain for chain in self.chains if chain.name in names)
        return any(link.step.bounds for chain in own for link in chain.links)

    def log_det(self, states: States, values: Values) -> Array:
        """The log-determinant of one example, from prepared values [n, …]; [n] where turns vary.

        log |∂ prepared / ∂ given|, from the last step backwards to the first that has none. Levels
        have probabilities, which no scale changes: neither of discrete variables, nor before noise
        fills the bins of what is to have a density.
        """
        total = jnp.zeros(())
        for chain in self.chains:
            if chain.name in values and not chain.discrete:
                x = values[chain.name]
                turns = jnp.sum(~ended(x, 2), axis=1) if chain.varying else 1
                total += turns * _log_det(chain, states, x.shape[1 + chain.varying :])
        return total


def block_key(key: Array, rows: slice) -> Array:
    """The key of a block of rows, where all of the data are prepared once."""
    return jax.random.fold_in(key, rows.start)


def parse(prepare: Mapping[str, ast.Expr], variables: Sequence[Variable]) -> Preparation:
    """The preparation that a recipe's or a command line's expressions say.

    Raises:
        DgmError: DGM0520 to DGM0523.
    """
    known = {variable.name: variable for variable in variables}
    chains = []
    for name, expression in prepare.items():
        links = tuple(map(_link, applied(name, expression, variables)))
        kind = known[name].type.kind
        whole = kind.name in ("cat", "grey", "count", "byte")
        discrete = kind.space != "continuous"
        end = end_of(known[name])
        chains.append(Chain(name, links, whole, discrete, end, expression.span.text))
    return Preparation(tuple(chains))


def _link(step: Applied) -> Link:
    kind = Affine if step.name is None else implementation("prepare", step.name)
    return Link(kind(**step.settings), step.span)


# ── on arrays ────────────────────────────────────────────────────────────────────────────────────


def _applied(chain: Chain, states: States, x: Array, key: Array, before: int) -> Array:
    """The chain on a batch; `before` it, so many steps of other chains have had their keys."""
    for count, (link, fitted) in enumerate(_zip(chain, states)):
        x = link.step.apply(x, fitted, jax.random.fold_in(key, before + count))
    return x


def _undone(chain: Chain, states: States, x: Array) -> Array:
    for link, fitted in _invertible(chain, states):
        x = link.step.invert(x, fitted)
    return x


def _of_turns(chain: Chain, of_examples: Callable[[Array], Array], x: Array) -> Array:
    """A batch through a chain; of varying length turn by turn, the marks behind the ends kept."""
    if not chain.varying:
        return of_examples(x)
    rows = x.reshape(-1, *x.shape[2:])
    behind = ended(rows, 1)
    found = of_examples(jnp.where(over(behind, rows), jnp.nan, rows))
    found = jnp.where(over(behind, found), jnp.inf, found)
    return found.reshape(*x.shape[:2], *found.shape[1:])


_numbers = jax.jit(Preparation.numbers, static_argnums=0)


def _fit(
    chain: Chain,
    array: np.ndarray,
    states: tuple[Fitted, ...] | None,
    key: Array,
    place: str = "",
) -> tuple[Fitted, ...]:
    found: tuple[Fitted, ...] = ()
    if chain.varying:
        array = np.where(np.isposinf(array), np.nan, array).reshape(-1, *array.shape[2:])
    for count, link in enumerate(chain.links):
        x = _before(chain.links[:count], found, array, key)
        _within(chain.name, link, x)
        fitted = link.step.fit(x) if states is None else states[count]
        expected = link.step.example(fitted)
        if expected is not None and expected != x.shape[1:]:
            shapes = (list(expected), x.shape[1:])
            raise DgmError(codes.other_shape(link.span, chain.name, *shapes, place))
        found = (*found, fitted)
    return found


def _before(
    links: Sequence[Link], fitted: Sequence[Fitted], array: np.ndarray, key: Array
) -> Blocks:
    """What the steps so far make of the array."""
    steps = tuple(link.step for link in links)

    def block(rows: slice) -> np.ndarray:
        return np.asarray(_passed(steps, array[rows], tuple(fitted), key, rows.start))

    return Blocks(len(array), block) if links else Blocks.of(array)


@partial(jax.jit, static_argnums=0)
def _passed(
    steps: tuple[Step, ...], x: Array, fitted: tuple[Fitted, ...], key: Array, start: int
) -> Array:
    x = _number(x)
    for count, (step, state) in enumerate(zip(steps, fitted, strict=True)):
        own = jax.random.fold_in(jax.random.fold_in(key, count), start)
        x = step.apply(x, state, own)
    return x


def _within(name: str, link: Link, x: Blocks) -> None:
    takes: Range | None = link.step.takes
    if takes is None:
        return
    if any(takes.leaves_out(block).any() for block in x):
        whole = x.whole()
        value, at = entry(name, whole, takes.leaves_out(whole))
        low, high = float(np.nanmin(whole)), float(np.nanmax(whole))
        text = takes.below if low < takes.low else takes.advice
        advice = text.format(name=name, largest=high, shift=ceil(-low))
        step = type(link.step).__name__.lower()
        raise DgmError(codes.not_prepared(link.span, step, takes.words, value, at, advice))


def _number(x: Any) -> Array:
    """The array in floating point, whatever it was stored in."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(float)


def _log_det(chain: Chain, states: States, shape: tuple[int, ...]) -> Array:
    total = jnp.zeros(())
    for link, fitted in reversed(_zip(chain, states)):
        term = link.step.log_det(fitted, shape)
        if term is None:
            break
        total += term
        if link.step.bounds:
            break
    return total


def _zip(chain: Chain, states: States) -> list[tuple[Link, Fitted]]:
    return list(zip(chain.links, states[chain.name], strict=True))


def _invertible(chain: Chain, states: States) -> Iterator[tuple[Link, Fitted]]:
    """The steps from the last backwards, up to the first that cannot be undone."""
    for link, fitted in reversed(_zip(chain, states)):
        if not link.step.invertible:
            return
        yield link, fitted
