"""Flows of pictures: what the lint follows is what the flow does."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dgmlang as dgm
from dgmlang.bijections.bijection import push
from dgmlang.compiler.lint.untouched import unchanged
from dgmlang.compiler.lower.built import at
from dgmlang.compiler.walk import chains
from tests.compiler.test_lint import PICTURES

FOLLOWED = [(chain, size) for chain, size, _ in PICTURES if "conv1x1" not in chain]


@pytest.mark.parametrize(("chain", "size"), FOLLOWED)
def test_untouched_entries_are_those_that_the_flow_leaves(chain: str, size: str) -> None:
    """Entries of a random base that stand unchanged, somewhere, behind the flow."""
    model = dgm.parse(f"model M {{ data x : real[{size}] ~ Normal(0, 1) |> {chain} }}")
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda a: rng.normal(size=np.shape(a)).astype("f"), model.init(0))
    law = next(iter(chains(model.plan.program)))
    x = rng.normal(size=tuple(int(n) for n in size.split(","))).astype("f")
    y = jnp.asarray(x)
    for stage in law.stages:
        built = model.lowered.built
        own = at(params, built.paths[id(stage)])
        y = push(built.bijections[id(stage)].transform(own), y)[0]
    left = np.flatnonzero(np.isin(x.ravel(), np.asarray(y).ravel()))
    assert left.tolist() == unchanged(law, x.size)
