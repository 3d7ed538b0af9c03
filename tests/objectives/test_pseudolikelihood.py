"""Pseudolikelihood against conditionals that are enumerated."""

from __future__ import annotations

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.objectives.pseudolikelihood import by_differences, by_gradient
from dgmlang.registry import implementation
from tests.objectives.models import RBM, arrays, bits, model, rbm_params

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)

LATTICE = """model Lattice {
  param J : real
  param b : real[4]
  data s : spin[4]
  data v : bit[2]
  energy -J * sum(s * shift(s, 1, axis = 0)) - b @ s - J * v[0] * sum(s) - 0.3 * v[0] * v[1]
}"""
COLOURS = """model Colours {
  param a : real[3]
  data c : cat(3)[2]
  energy -sum(a * one_hot(c[0])) - 1.5 * sum(one_hot(c[0]) * one_hot(c[1]))
}"""
# Of degree one in each class by its one-hot, which a slope in the class itself does not show.
COMPARED = """model Compared {
  param J : real
  data c : cat(3)[4]
  energy -J * sum(c == shift(c, 1, axis = 0)) - 0.4 * sum(c == 2)
}"""

MODELS = {
    "lattice": (LATTICE, arrays(J=0.4, b=[0.1, -0.2, 0.3, 0.5]), {"s": (-1, 1), "v": (0, 1)}),
    "rbm": (RBM, rbm_params(), {"v": (0, 1)}),
    "compared": (COMPARED, arrays(J=0.8), {"c": (0, 1, 2)}),
    "colours": (COLOURS, arrays(a=[0.5, -1.0, 0.2]), {"c": (0, 1, 2)}),
}


def states(lowered, levels):
    """All states by variable, and their sites [S, sites] laid end to end."""
    shapes = {n: tuple(d.value for d in lowered.program.variables[n].type.shape) for n in levels}
    sites = [levels[n] for n in levels for _ in range(int(np.prod(shapes[n])))]
    flat = np.array(list(product(*sites)))
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1]
    parts = np.split(flat, ends, axis=1)
    kind = {"c": jnp.int32}
    values = {
        n: jnp.asarray(p.reshape(-1, *shapes[n]), kind.get(n, float))
        for n, p in zip(levels, parts, strict=True)
    }
    return values, flat


def enumerated(lowered, params, levels):
    """−Σᵢ log p(xᵢ | others) of every state, from the whole table; and the law."""
    values, flat = states(lowered, levels)
    law = np.asarray(jax.nn.softmax(jax.vmap(partial(lowered.log_prob, params))(values)))
    found = np.zeros(len(law))
    for site in range(flat.shape[1]):
        others = np.delete(flat, site, axis=1)
        same = (others[:, None] == others[None]).all(-1)
        found -= np.log(law / (same @ law))
    return values, found, law


@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_enumerated(name):
    text, params, levels = MODELS[name]
    lowered = model(text)
    values, truth, law = enumerated(lowered, params, levels)
    objective = implementation("objective", "pseudolikelihood")(lowered)
    found = objective.validate(params, values, KEY)
    assert np.allclose(found, truth)
    # The twin: the likelihood, of which it is not the sum.
    assert not np.allclose(found, -np.log(law))
    loss = objective.players[0].loss(params, {}, values, KEY)[0]
    assert float(loss) == pytest.approx(truth.mean())


def test_the_gradient_gives_what_differences_give():
    text, params, levels = MODELS["lattice"]
    lowered = model(text)
    values, _ = states(lowered, levels)
    density = partial(lowered.log_prob, params)
    slope, apart = (
        jax.vmap(partial(each, lowered, density))(values) for each in (by_gradient, by_differences)
    )
    assert all(np.allclose(slope[name], apart[name]) for name in levels)
    # The twin: a free energy, which is of no degree in its sites.
    rbm, at = model(RBM), {"v": jnp.asarray(bits(4))}
    density = partial(rbm.log_prob, rbm_params())
    slope, apart = (
        jax.vmap(partial(each, rbm, density))(at) for each in (by_gradient, by_differences)
    )
    assert not np.allclose(slope["v"], apart["v"])


@pytest.mark.parametrize("name", MODELS)
def test_its_mean_is_least_at_the_truth(name):
    """E_p[∇ −log pl] = 0 where p is the model itself, by enumeration."""
    text, params, levels = MODELS[name]
    lowered = model(text)
    values, _, law = enumerated(lowered, params, levels)
    each = implementation("objective", "pseudolikelihood")(lowered).validate

    def slope(at):
        found = jax.grad(lambda p: jnp.sum(law * each(p, values, KEY)))(at)
        return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(found))

    assert slope(params) < 1e-10
    assert slope(jax.tree.map(lambda leaf: 1.1 * leaf, params)) > 1e-4
