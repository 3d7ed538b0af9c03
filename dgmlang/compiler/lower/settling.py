"""First parameters of flows by the data that run through them, as `actnorm` wants them.

The data enter each chain from their own side and go towards the base; a stage that starts from data
sees what the stages behind it make of them, all of those being set already. What stands there of a
latent is a draw of the guide.
"""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
from jax import Array

from dgmlang.bijections.bijection import settle
from dgmlang.compiler.lower.built import Built, at
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.guide import guide_draw
from dgmlang.compiler.lower.missing import lacking
from dgmlang.compiler.plan.initial import settling
from dgmlang.compiler.program import Stage
from dgmlang.objectives.objective import Params, Values

EXAMPLES = 512
"""How many examples are looked at."""


def settled(built: Built, params: Params, data: Values, rng: np.random.Generator) -> Params:
    """The parameters with the flows that start from data set by some of the examples."""
    flows = settling(built.program)
    wanted = {v.name for v in built.program.having("data", "given")}
    rows = _complete(data) if flows and wanted <= data.keys() else np.arange(0)
    if not len(rows):
        return params
    rows = rng.permutation(rows)[:EXAMPLES]
    some = {name: np.asarray(data[name])[rows] for name in wanted}
    keys = jax.random.split(jax.random.key(int(rng.integers(2**31))), len(rows))
    return _settled(built, params, some, keys)


@partial(jax.jit, static_argnums=0)
def _settled(built: Built, params: Params, data: Values, keys: Array) -> Params:
    values = dict(data)
    if built.program.guide is not None:
        drawn = jax.vmap(lambda key, one: guide_draw(built, params, key, one)[0])
        values |= drawn(keys, data)
    for name, chain in settling(built.program).items():
        ys = values[name]
        for stage in reversed(chain.stages):
            inputs = jax.vmap(partial(_inputs, built, params, stage))(values)
            path = built.paths[id(stage)]
            own, ys = settle(built.bijections[id(stage)], at(params, path), ys, inputs)
            params = _put(params, path, own)
    return params


def _inputs(built: Built, params: Params, stage: Stage, values: Values) -> Values:
    return evaluation(built, params, values).inputs(stage)


def _put(params: Params, path: tuple[str, ...], own: Params) -> Params:
    """The tree with the branch at a path replaced; nothing grows where there was none."""
    if not path:
        return own
    if path[0] not in params:
        return params
    return {**params, path[0]: _put(params[path[0]], path[1:], own)}


def _complete(data: Values) -> np.ndarray:
    """The examples that lack nothing."""
    whole = [
        ~np.asarray(lacking(np.asarray(array))).reshape(len(array), -1).any(axis=1)
        for array in data.values()
    ]
    return np.flatnonzero(np.logical_and.reduce(whole)) if whole else np.arange(0)
