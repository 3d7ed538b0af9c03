"""Laws that draws alone define: what is drawn together, under which givens, with which gradient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.joint import term
from dgmlang.compiler.program import ComputedLaw
from dgmlang.objectives import adversary
from dgmlang.objectives.objective import Objective, Params, Values
from dgmlang.objectives.variables import only
from dgmlang.samplers.initial import chain_variables
from dgmlang.verify.densities import DRAWS, ERRORS, draws, matches
from dgmlang.verify.directions import DIRECTIONS
from dgmlang.verify.finding import Finding
from dgmlang.verify.instance import Instance
from dgmlang.verify.nodes import fits, mean_and_error, nodes

ROWS = 16
"""Examples of a batch."""

ROUNDING = 1e-4
"""What single precision may do to numbers of order one."""

STEP, STEEP = 1e-4, 1e-6
"""Half the length of a difference in double precision, and what it may be off by, relatively."""

BATCHES, SHARPER = 2**13, 3.0
"""Losses of the critic whose mean is held against its own expression, and how much steeper it is.

A critic that is nearly flat would hardly tell pairs apart.
"""


def implicit(instance: Instance) -> Iterator[Finding]:
    """Tests of a model whose data are computed by what cannot be undone."""
    facts = instance.lowered.facts
    if facts.density.value != "none" or facts.draw.value != "direct":
        return
    drawn = draws(instance)
    yield from latents(instance, drawn)
    yield from computed(instance, drawn)
    if instance.given:
        yield givens(instance)
    objectives = instance.model.plan.objectives
    for name in ("gan", "bigan"):
        if objectives[name].legal and objectives[name].built:
            yield gradient(instance, name)
    if objectives["bigan"].legal and objectives["bigan"].built:
        yield pairs(instance)


def latents(instance: Instance, drawn: Values) -> Iterator[Finding]:
    """The latents have densities, though the data have none."""
    own = [v for v in instance.variables("latent") if not isinstance(v.law, ComputedLaw)]
    if not own or not fits(own):
        return
    names = tuple(v.name for v in own)

    def log_p(values: Values) -> Array:
        built = instance.lowered.built
        inside = evaluation(built, instance.params, {**instance.given, **values})
        return sum((term(name, inside) for name in names), jnp.zeros(()))

    over = nodes(own, only(drawn, names), instance.key("nodes"))
    yield matches(
        f"draws of {', '.join(names)}", own, drawn, over, log_p, over.each(log_p), instance.seed
    )


def computed(instance: Instance, drawn: Values) -> Iterator[Finding]:
    """Data come with the latents that they were computed from."""
    names = tuple(v.name for v in instance.variables("latent"))
    results = [v.name for v in instance.variables("data") if isinstance(v.law, ComputedLaw)]
    keys = jax.random.split(instance.key("again"), DRAWS)

    def again(key: Array, drawn: Values) -> Values:
        return instance.lowered.draw(instance.params, key, {**instance.given, **drawn})

    redrawn = jax.jit(jax.vmap(again))(keys, only(drawn, names))
    for name in results:
        yield Finding(
            f"draws of {name}", "are computed from the latents drawn with them",
            f"{DRAWS:,} draws, computed again", _apart(redrawn[name], drawn[name]), ROUNDING,
            "another draw's latents", _apart(jnp.roll(redrawn[name], 1, axis=0), drawn[name]),
        )  # fmt: skip


def givens(instance: Instance) -> Finding:
    """The draws of a batch, where every second example's givens are others."""
    names = tuple(v.name for v in instance.variables("data"))
    first, second = _rows(instance, "first"), _rows(instance, "second")
    odd = jnp.arange(ROWS) % 2 == 1

    def mixed(a: Array, b: Array) -> Array:
        return jnp.where(odd.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    both = jax.tree.map(mixed, second, first)

    @jax.jit
    def drawn(batch: Values) -> Values:
        key = instance.key("rows")
        return only(adversary.fakes(instance.lowered, instance.params, key, batch), names)

    kept, others = drawn(first), drawn(both)
    off = max(_apart(kept[n][::2], others[n][::2]) for n in names)
    caught = max(_apart(kept[n], drawn(second)[n]) for n in names)
    return Finding(
        f"draws of {', '.join(names)}", "depend on no other example's givens",
        f"a batch of {ROWS}, every second with other givens", off, ROUNDING,
        "the others' givens", caught,
    )  # fmt: skip


def _rows(instance: Instance, purpose: str) -> Values:
    """Data and givens of a batch: noise of their kinds."""
    variables = {v.name: v for v in instance.variables("data", "given")}
    keys = jax.random.split(instance.key(purpose), ROWS)
    return jax.vmap(lambda key: chain_variables(variables, key))(keys)


def gradient(instance: Instance, name: str) -> Finding:
    """What the model is trained along, against differences with common random numbers."""
    objective, batch = instance.objective(name), _rows(instance, "batch")
    model = next(p for p in objective.players if p.name == "model")
    with jax.enable_x64(True):
        batch = {n: _double(v) for n, v in batch.items()}
        params = _with_companions(instance, objective, batch)
        params = jax.tree.map(_double, params)
        moved, unflat = ravel_pytree({n: leaf for n, leaf in params.items() if model.owns(n)})
        ways = jax.random.normal(instance.key("ways"), (DIRECTIONS, moved.size))
        ways = ways / jnp.linalg.norm(ways, axis=1, keepdims=True)

        def loss(point: Array) -> Array:
            at = {**params, **unflat(point)}
            return model.loss(at, {}, batch, instance.key("loss"))[0]

        ahead, behind = (
            jax.jit(lambda points: jax.lax.map(loss, points))(moved[None] + step * ways)
            for step in (STEP, -STEP)
        )
        slopes, found = (ahead - behind) / (2 * STEP), ways @ jax.jit(jax.grad(loss))(moved)
        scale = float(jnp.max(jnp.abs(slopes))) + STEEP
        off, caught = (_apart(s, slopes) / scale for s in (found, 0.5 * found))
    return Finding(
        f"gradient of {name}", "is that of the model's loss",
        f"differences along {DIRECTIONS} directions with the same random numbers", off, STEEP,
        "the gradient half as large", caught,
    )  # fmt: skip


def pairs(instance: Instance) -> Finding:
    """The critic's loss, against its expression at pairs that are put together here."""
    lowered, objective, batch = instance.lowered, instance.objective("bigan"), _rows(instance, "b")
    params = _with_companions(instance, objective, batch)
    names = tuple(v.name for v in instance.variables("latent"))
    critic = adversary.Critic(lowered)
    params = {
        n: jax.tree.map(partial(jnp.multiply, SHARPER), leaf) if critic.owns(n) else leaf
        for n, leaf in params.items()
    }
    player = next(p for p in objective.players if p.name == "critic")

    def losses(key: Array) -> Array:
        return player.loss(params, {}, batch, key)[0]

    def pair(key: Array, values: Values) -> tuple[Array, Array, Array]:
        """The critic's loss at a datum with its code, at a draw, at a draw with others' latents."""
        one, two, three = jax.random.split(key, 3)
        code = lowered.guide_draw(params, one, values)[0]
        known = {n: values[n] for n in instance.given}
        drawn, other = (lowered.draw(params, k, known) for k in (two, three))
        at = ({**values, **code}, {**known, **drawn}, {**known, **drawn, **only(other, names)})
        real, fake, apart = (critic.one(params, v) for v in at)
        return jax.nn.softplus(-real), jax.nn.softplus(fake), jax.nn.softplus(apart)

    def rows(key: Array) -> tuple[Array, Array, Array]:
        return jax.vmap(pair)(jax.random.split(key, ROWS), batch)

    keys = jax.random.split(instance.key("pairs"), BATCHES)
    told = jax.jit(lambda k: jax.lax.map(losses, k, batch_size=64))(keys)
    each = jax.jit(lambda k: jax.lax.map(rows, k, batch_size=64))(keys)
    real, fake, apart = (jnp.mean(part, axis=1) for part in each)
    mean, error = mean_and_error(told)
    right, own = mean_and_error(real + fake)
    allowed = float(ERRORS * jnp.hypot(error, own)) + ROUNDING
    return Finding(
        "bigan", "shows its critic data with their codes and draws with their latents",
        f"{BATCHES * ROWS:,} pairs of each, put together one by one",
        float(jnp.abs(mean - right)), allowed,
        "draws with other draws' latents", float(jnp.abs(mean - jnp.mean(real + apart))),
    )  # fmt: skip


def _with_companions(instance: Instance, objective: Objective, batch: Values) -> Params:
    """The parameters with those of a critic that is built."""
    return {**instance.params, **objective.companions(instance.key("companions"), batch)}


def _double(array: Array) -> Array:
    return jnp.asarray(array, float) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _apart(a: Array, b: Array) -> float:
    return float(jnp.max(jnp.abs(a - b)))
