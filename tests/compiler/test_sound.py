"""Programs on which a careless analysis would be wrong, each held against enumeration."""

from __future__ import annotations

from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm

pytestmark = pytest.mark.usefixtures("x64")


def energies(model: dgm.Model, levels: tuple[int, ...] = (-1, 1)) -> tuple[np.ndarray, np.ndarray]:
    """Every state of the only variable, and its energy."""
    (variable,) = model.plan.program.having("data")
    shape = tuple(d.value or 1 for d in variable.type.array_shape)
    states = np.array(list(product(levels, repeat=int(np.prod(shape))))).reshape(-1, *shape)
    params = model.lowered.init(0, None)
    states = states.astype(float)
    found = jax.vmap(lambda s: model.lowered.energy(params, {variable.name: s}))(states)
    return states, np.asarray(found)


def kernel(model: dgm.Model, states: np.ndarray, block: Any) -> np.ndarray:
    """The exact transition matrix of one block update, where its log-odds come by one gradient."""
    (variable,) = model.plan.program.having("data")
    params = model.lowered.init(0, None)
    keys = jax.random.split(jax.random.key(0), 4000)
    update = jax.jit(
        jax.vmap(model.lowered.update, in_axes=(None, 0, None, None)), static_argnums=3
    )
    codes = {s.tobytes(): i for i, s in enumerate(states)}
    rows = np.zeros((len(states), len(states)))
    for i, s in enumerate(states):
        drawn = np.asarray(
            update(params, keys, {variable.name: jnp.asarray(s)}, block)[variable.name]
        )
        for d in drawn:
            rows[i, codes[d.astype(float).tobytes()]] += 1 / len(keys)
    return rows


SMALL = {
    "matrix product": "data s : spin[2, 2]\n energy -0.3 * sum(s @ s)",
    "division": "data s : spin[4]\n energy sum(1 / (3 + s + shift(s, 1, axis = 0)))",
    "power": "data s : spin[4]\n energy sum((s + shift(s, 1, axis = 0)) ** 2) / 4",
    "product of sums": "data s : spin[3]\n energy sum(s) * sum(s * shift(s, 1, axis = 0)) / 3",
}


@pytest.mark.parametrize("name", SMALL)
def test_gibbs_blocks_leave_the_law_invariant(name: str) -> None:
    model = dgm.parse(f"model M {{ {SMALL[name]} }}")
    states, found = energies(model)
    law = np.exp(-found) / np.exp(-found).sum()
    for block in model.plan.facts.blocks:
        after = law @ kernel(model, states, block)
        # Each row is a frequency of 4000 draws; the sum over rows weighs them by the law.
        assert np.abs(after - law).max() < 5 * 0.5 / np.sqrt(4000)


ROWS = {
    "three rows in one term": "data s : spin[3, 2]\n"
    " energy -sum(tanh(s + shift(s, 1, axis = 0) + shift(s, 2, axis = 0) + 0.5))",
    "three of four rows": "data s : spin[4, 2]\n"
    " energy -sum(tanh(s + shift(s, 1, axis = 0) + shift(s, 2, axis = 0) + 0.5))",
    "neighbours": "data s : spin[4, 2]\n energy -sum(tanh(s + shift(s, 1, axis = 0) + 0.5))",
    "columns": "data s : spin[2, 5]\n energy -sum(tanh(s + shift(s, 1, axis = 1) + 0.5))",
}


@pytest.mark.parametrize("name", ROWS)
def test_normalisers_are_exact(name: str) -> None:
    model = dgm.parse(f"model M {{ {ROWS[name]} }}")
    truth = np.log(np.exp(-energies(model)[1]).sum())
    assert abs(float(model.with_params({}).log_normalizer()) - truth) < 1e-10


@pytest.mark.parametrize(
    ("energy", "legal"),
    [
        ("sum(x ** 2)", True),
        ("sum(sqrt(x ** 2))", False),
        ("sum((x ** 2) ** 0.5)", False),
        ("sum(sqrt(x ** 2 + 1))", True),
        ("-log_prob(Laplace(0, 1), x)", False),
        ("-log_prob(Normal(0, 1), x)", True),
        ("sum(x ** 2) * abs(a)", True),
        ("sum(abs(x))", False),
    ],
)
def test_kinks_are_seen(energy: str, legal: bool) -> None:
    plan = dgm.parse(
        f"model M {{ param a : real\n data x : real[2]\n energy {energy} + a * 0 }}"
    ).plan
    assert plan.objectives["sm"].legal is legal


def test_chains_stay_in_the_kind() -> None:
    """Samplers move on the reals behind the kind; the chains of a training have no such map."""
    model = dgm.parse("model M { param a : positive\n data x : positive[1]\n energy a * sum(x) }")
    assert not model.plan.objectives["pcd"].legal
    fit = model.with_params({"a": 2.0})
    drawn = np.asarray(fit.sample(50, sampler="mala(steps = 20, warmup = 20)"))
    assert np.all(drawn > 0)


def test_stages_outside_nets_learn() -> None:
    for power, default in (2, "mle"), (4, "pcd"):
        energy = f"sum(x |> dense(1)) + sum(x ** {power})"
        plan = dgm.parse(f"model M {{ data x : real[2]\n energy {energy} }}").plan
        assert plan.default_objective == default
    plan = dgm.parse("model M { data x : positive[2] ~ Normal(0, 1) |> exp }").plan
    assert plan.default_objective is None


def test_a_guide_that_leaves_a_latent_out_is_said() -> None:
    model = dgm.parse(
        "model M(T: int = 3) { param w : real\n latent z : real ~ Normal(0, 1)\n"
        " for t in 0..len(x) <= T { latent u[t] : real ~ Laplace(z, 1)\n"
        " data x[t] : real ~ Normal(w * u[t], 1) }\n guide { z ~ Normal(w, 1) } }"
    )
    with pytest.raises(dgm.DgmError, match="DGM0417"):
        model.fit([[0.0], [1.0, 2.0]], steps=1)
