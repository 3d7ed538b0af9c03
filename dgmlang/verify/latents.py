"""Were latents removed exactly: p(x) against the sum of the joint density over their states."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from dgmlang.compiler.lower.missing import absent
from dgmlang.objectives.objective import Values
from dgmlang.verify.densities import ROUNDING
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.instance import Instance
from dgmlang.verify.nodes import fits, nodes

EXAMPLES = 16
"""Examples at which the two are compared."""


def latents(instance: Instance) -> Iterator[Finding | Untested]:
    """One test of all latents that were summed, in closed form or by their states."""
    facts = instance.lowered.facts
    if facts.bounded or not facts.removed:
        return
    removed = [instance.lowered.program.variables[r.variable] for r in facts.removed]
    finite = [v for v in removed if v.type.kind.space == "finite"]
    names = ", ".join(v.name for v in finite)
    if not finite or len(finite) < len(removed):
        return  # a change of variables is tested with its bijections, a closed form by its mass
    if not fits(finite):
        yield Untested(f"removal of {names}", "it has too many states to enumerate")
        return
    over = nodes(finite, {}, instance.key("states"))
    examples = instance.examples(EXAMPLES)
    lacking = {v.name: absent(v) for v in finite if v.role == "data"}

    def joint(values: Values) -> jax.Array:
        at = {**instance.given, **values}
        return over.each(lambda z: instance.lowered.log_joint(instance.params, {**at, **z}))[0]

    each = jax.lax.map(joint, examples)
    claimed = jax.vmap(lambda values: instance.log_prob({**values, **lacking}))(examples)
    summed = jax.nn.logsumexp(each, axis=1)
    rest = jax.nn.logsumexp(jnp.sort(each, axis=1)[:, :-1], axis=1)
    rules = " and ".join(dict.fromkeys(r.rule for r in facts.removed))
    yield Finding(
        f"removal of {names}",
        f"log p by {rules} is the log of the sum over states",
        f"all {each.shape[1]:,} states, {EXAMPLES} examples",
        float(jnp.max(jnp.abs(claimed - summed))),
        ROUNDING * (1.0 + float(jnp.max(jnp.abs(summed)))),
        "the most likely state left out",
        float(jnp.max(jnp.abs(rest - summed))),
    )
