"""Finite latents summed out one after the other, against all their joint states."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmlang.compiler.derive.elimination import RULE
from dgmlang.compiler.lower.eliminate import eliminated, elimination_of, states
from dgmlang.samplers.target import holding
from tests.lower.loops import model
from tests.lower.statistics import frequencies_match

pytestmark = pytest.mark.usefixtures("x64")


def network(parents: list[list[int]]) -> str:
    """A program of bits z0, z1, … with a real x below the last of them."""
    lines = ["param w : real[64]"]
    for i, above in enumerate(parents):
        terms = [f"w[{i}]", *(f"w[{(i * 7 + j * 3) % 64}] * (2 * z{j} - 1)" for j in above)]
        lines.append(f"latent z{i} : bit ~ Bernoulli(logits = {' + '.join(terms)})")
    last = len(parents) - 1
    lines.append(f"data x : real ~ Normal(w[9] * z{last} + z0, 1)")
    return "model Net {\n" + "\n".join(lines) + "\n}"


def tree(count: int) -> list[list[int]]:
    return [[(i - 1) // 2] if i else [] for i in range(count)]


# ── tables alone ─────────────────────────────────────────────────────────────────────────────────


SIZES = {"a": 2, "b": 3, "c": 1, "d": 2}


@st.composite
def factors(draw):
    """An order of some variables, and log tables over subsets of them."""
    scopes = draw(st.lists(st.sets(st.sampled_from("abcd"), min_size=1, max_size=3), max_size=6))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    every = [draw(st.permutations(sorted(scope))) for scope in [*scopes, *map(set, "abcd")]]
    tables = [(tuple(names), rng.normal(size=[SIZES[n] for n in names])) for names in every]
    return draw(st.permutations("abcd")), tables


@settings(max_examples=10, deadline=None, database=None)
@given(factors())
def test_tables_in_any_order_sum_to_all_joint_states(found) -> None:
    order, tables = found
    total = np.zeros(tuple(SIZES.values()))
    for scope, table in tables:
        at = np.transpose(table, np.argsort([list(SIZES).index(n) for n in scope]))
        total += at.reshape([size if n in scope else 1 for n, size in SIZES.items()])
    scopes, arrays = zip(*tables, strict=True)
    value = jax.jit(lambda arrays: eliminated(zip(scopes, arrays, strict=True), order)[0])(arrays)
    assert float(value) == pytest.approx(np.log(np.sum(np.exp(total))), abs=1e-9)


# ── programs ─────────────────────────────────────────────────────────────────────────────────────

WOVEN = [[], [0], [0, 1], [1], [2, 3], [4, 0]]
"""Six variables of four levels with loops among them: 4⁶ is more than are summed at once."""


def woven_text() -> str:
    lines = ["param w : real[6, 4, 4, 4]"]
    for i, above in enumerate(WOVEN):
        read = "".join(f"[z{j}]" for j in above)
        free = "[0]" * (2 - len(above))
        lines.append(f"latent z{i} : cat(4) ~ Categorical(softmax(w[{i}]{read}{free}))")
    lines.append("data x : real ~ Normal(w[0, z5, z3, 1], 1)")
    return "model Net {\n" + "\n".join(lines) + "\n}"


@pytest.fixture(scope="module")
def woven():
    with jax.enable_x64(True):
        found = model(woven_text())
        params = {"w": jnp.asarray(np.random.default_rng(0).normal(size=(6, 4, 4, 4)))}
        values = {"x": jnp.asarray(0.7)}
        every = states([found.program.variables[f"z{i}"] for i in range(len(WOVEN))])
        joint = jax.jit(jax.vmap(lambda z: found.log_joint(params, {**values, **z})))(every)
    return found, params, values, every, np.asarray(joint)


def test_a_network_agrees_with_enumeration(woven) -> None:
    found, params, values, every, joint = woven
    assert {r.rule for r in found.facts.removed} == {RULE}
    assert found.facts.removed[0].states < 2**11 < len(joint)
    truth = np.logaddexp.reduce(joint)
    assert float(jax.jit(found.log_prob)(params, values)) == pytest.approx(truth, abs=1e-9)
    posterior = jax.jit(found.turn_marginals)(params, values)
    for name, levels in posterior.items():
        wanted = np.bincount(np.asarray(every[name]), np.exp(joint - truth))
        assert np.asarray(levels) == pytest.approx(wanted, abs=1e-9)
    turned = {"w": params["w"][::-1]}
    assert abs(float(jax.jit(found.log_prob)(turned, values)) - truth) > 1e-3  # it has power


def test_the_gradient_is_that_of_all_states(woven) -> None:
    found, params, values, every, _ = woven

    def enumerated(params):
        joint = jax.vmap(lambda z: found.log_joint(params, {**values, **z}))(every)
        return jax.scipy.special.logsumexp(joint)

    slope = jax.jit(jax.grad(lambda p: found.log_prob(p, values)))(params)["w"]
    assert np.asarray(slope) == pytest.approx(
        np.asarray(jax.jit(jax.grad(enumerated))(params)["w"]), abs=1e-9
    )


def test_draws_and_the_highest_state(woven) -> None:
    found, params, values, every, joint = woven
    best = jax.jit(found.most_likely)(params, values)
    top = {name: array[np.argmax(joint)] for name, array in every.items()}
    assert {n: int(v) for n, v in best.items()} == {n: int(v) for n, v in top.items()}
    keys = jax.random.split(jax.random.key(1), 4000)
    drawn = jax.jit(jax.vmap(lambda key: found.eliminated_draw(params, key, values)))(keys)

    # Three that meet: their joint law, not only each one's.
    def code(of):
        return sum(np.asarray(of[f"z{i}"]).astype(int) << 2 * n for n, i in enumerate((0, 3, 5)))

    chances = np.bincount(code(every), weights=np.exp(joint - np.logaddexp.reduce(joint)))
    counts = np.bincount(code(drawn), minlength=64)
    assert frequencies_match(counts, chances)
    assert not frequencies_match(counts, chances[::-1])


def test_a_tree_of_thirty_bits_is_cheap() -> None:
    """2³⁰ joint states, and four entries for each bit but the first."""
    found = model(network(tree(30)))
    assert [r.rule for r in found.facts.removed] == [RULE] * 30
    assert found.facts.removed[0].states < 500
    assert found.facts.density.value == "exact"


def test_too_wide_a_network_is_refused_with_its_cost() -> None:
    parents = [*([] for _ in range(22)), list(range(22))]
    found = model(network(parents))
    assert not found.facts.removed
    cost = sum(2**n for n in range(1, 24)) + 2**23 + 2 * 22 + 4  # cliques, and the laws' tables
    assert f"all take {cost} table entries (budget 1048576)" in found.facts.bounded[0].witness.text


def test_what_is_given_is_not_summed(woven) -> None:
    """With one of them held, the others' sum is that of the states that agree."""
    found, params, values, every, joint = woven
    held = holding(found, {"z4": jnp.asarray(1)})
    value = jax.jit(held.log_prob)(params, {**values, "z4": jnp.asarray(1)})
    wanted = np.logaddexp.reduce(joint[np.asarray(every["z4"]) == 1])
    assert float(value) == pytest.approx(wanted, abs=1e-9)
    assert elimination_of(held.facts.removed) is not None
