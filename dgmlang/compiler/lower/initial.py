"""First values, drawn with NumPy: each site has a stream of its own.

Nothing compiles, but where a flow starts from the data that run through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.built import UNNAMED, Built
from dgmlang.compiler.lower.checks import blame, has_nan
from dgmlang.compiler.lower.domains import raw_shape, unconstrain
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.lengths import length
from dgmlang.compiler.lower.missing import lacking
from dgmlang.compiler.lower.settling import settled
from dgmlang.compiler.plan.initial import Start, starts
from dgmlang.compiler.program import Variable
from dgmlang.compiler.types.dims import numbers
from dgmlang.objectives.objective import Params, Values

JITTER = 0.01
"""The standard deviation of what breaks symmetries, and of energy couplings."""

ROUNDS = 20
"""Lloyd's iterations after k-means++."""

CANDIDATES = 10_000
"""The most data points that k-means++ looks at."""

Reals = NDArray[np.floating[Any]]


def init(built: Built, seed: int, data: Values | None) -> Params:
    """Parameters as they are stored: params of constrained kinds on the real line.

    `data` holds `shared` givens too, where there are any, which have no axis of examples.
    """
    tree: Params = {}
    for name, start in starts(built.program).items():
        param = built.program.variables[name]
        tree[name] = _param(built, param, start, stream(seed, name), data or {})
    for path, part in _parts(built).items():
        _put(tree, path, part.init(stream(seed, ".".join(path))))
    tree = jax.tree.map(as_stored, tree)
    if data is None:
        return tree
    names = {v.name for v in built.program.having("shared")}
    held = {name: as_stored(array) for name, array in data.items() if name in names}
    rest = {name: array for name, array in data.items() if name not in names}
    found = settled(built, {**tree, **held}, rest, stream(seed, "flows"))
    return {name: found[name] for name in tree}


def stream(seed: int, path: str) -> np.random.Generator:
    """The random numbers of one path, whatever else the program holds."""
    return np.random.default_rng([seed, crc32(path.encode())])


def _parts(built: Built) -> Mapping[tuple[str, ...], Any]:
    every = {**built.layers, **built.bijections}
    stages = {path: every[node] for node, path in built.paths.items()}
    heads = {(net, head or UNNAMED): output for (net, head), output in built.heads.items()}
    return {**stages, **heads, **{(name,): net for name, net in built.outside.items()}}


def _put(tree: Params, path: tuple[str, ...], leaf: Params) -> None:
    if not leaf:
        return
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = leaf


def as_stored(leaf: Any) -> jax.Array:
    """A parameter as a JAX array; reals follow `jax_enable_x64`."""
    floating = np.issubdtype(np.asarray(leaf).dtype, np.floating)
    return jnp.asarray(leaf, jnp.result_type(float) if floating else None)


# ── params ───────────────────────────────────────────────────────────────────────────────────────


def _param(
    built: Built, param: Variable, start: Start, rng: np.random.Generator, data: Values
) -> Reals:
    kind, shape = param.type.kind, numbers(param.type.array_shape)
    if start.rule == "written":
        value = _written(built, param)
        return unconstrain(kind, np.broadcast_to(value, shape))
    seen = None if start.variable is None else _seen(built, start.variable, data)
    if start.rule in FROM_DATA and seen is not None:
        value = FROM_DATA[start.rule](rng, np.asarray(seen, float), shape)
        return unconstrain(kind, value) * start.sign
    return _blind(rng, start.rule, kind, raw_shape(kind, shape))


def _seen(built: Built, name: str, data: Values) -> NDArray[Any] | None:
    """The examples that lack nothing of a variable, or None where there are none.

    Of sequences of varying length, their entries.
    """
    if name not in data:
        return None
    array = np.asarray(data[name])
    of = built.program.variables[name].type
    if of.varying:
        ends = np.asarray(jax.vmap(partial(length, of.kind))(jnp.asarray(array)))
        array = array[np.arange(array.shape[1]) < ends[:, None]]
    if not of.may_miss:
        return array if len(array) else None
    rows = ~np.asarray(lacking(array)).reshape(len(array), -1).any(axis=1)
    return array[rows] if rows.any() else None


def _written(built: Built, param: Variable) -> Reals:
    start = param.start
    assert start is not None

    def run(built: Built) -> Reals:
        return np.asarray(evaluation(built, {}, {}).value(start), float)

    value = run(built)
    fault = blame(built, run) if built.checks and has_nan(value) else None
    if fault is not None:
        raise DgmError(fault.finding())
    return value


def _blind(rng: np.random.Generator, rule: str, kind: Any, shape: tuple[int, ...]) -> Reals:
    """The rules that need no data, and what the others fall back to without any."""
    noise = rng.standard_normal(shape)
    match rule:
        case "matrix":
            return noise / np.sqrt(shape[-2])
        case "locations":
            return noise
        case "hidden" | "visible":
            return np.zeros(shape)
        case "spread" | "positive":
            return unconstrain(kind, np.ones(shape)) + JITTER * noise
    return JITTER * noise


def locations(rng: np.random.Generator, data: Reals, shape: tuple[int, ...]) -> Reals:
    """K centres of the data: k-means++, then Lloyd's iterations.

    Each next point is drawn with probability proportional to its squared distance from the
    nearest one so far.
    Source: Arthur & Vassilvitskii 2007, sec. 2.2.
    """
    points = data.reshape(-1, int(np.prod(shape[1:])))
    if len(points) > CANDIDATES:
        points = points[rng.choice(len(points), CANDIDATES, replace=False)]
    chosen = [points[rng.integers(len(points))]]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < shape[0]:
        nearest = np.minimum(nearest, ((points - chosen[-1]) ** 2).sum(axis=1))
        spread = nearest.sum()
        chances = nearest / spread if spread > 0 else None
        chosen.append(points[rng.choice(len(points), p=chances)])
    return _lloyd(points, np.stack(chosen)).reshape(shape)


def _lloyd(points: Reals, centres: Reals) -> Reals:
    """The centres [K, d] moved to the means of the points [n, d] nearest to them, again and again.

    A centre that is nearest to none stays.
    """
    for _ in range(ROUNDS):
        distances = ((points**2).sum(1)[:, None] - 2 * points @ centres.T) + (centres**2).sum(1)
        owner = np.eye(len(centres))[distances.argmin(axis=1)]
        counts = owner.sum(axis=0)[:, None]
        centres = np.where(counts > 0, owner.T @ points / np.maximum(counts, 1), centres)
    return centres


def spread(rng: np.random.Generator, data: Reals, shape: tuple[int, ...]) -> Reals:
    """The data's standard deviation, for each of the K alike; 1 where the data do not vary."""
    deviation = data.reshape(-1, *shape[1:]).std(axis=0)
    return np.broadcast_to(np.where(deviation > 0, deviation, 1.0), shape)


def visible(rng: np.random.Generator, data: Reals, shape: tuple[int, ...]) -> Reals:
    """Biases at which independent sites have the data's means, each smoothed by two more data.

    log-odds for bits; half of them for spins, whose two values are 2 apart.
    """
    spins = data.min() < 0
    ones = ((data + 1) / 2 if spins else data).sum(axis=0)
    odds = np.log(ones + 1) - np.log(len(data) - ones + 1)
    return odds / 2 if spins else odds


FROM_DATA: Mapping[str, Callable[[np.random.Generator, Reals, tuple[int, ...]], Reals]] = {
    "locations": locations,
    "spread": spread,
    "visible": visible,
}
"""The rules that look at the training data: (stream, data [n, …], shape) → value."""
