"""What adversarial objectives share: who owns which parameters, and the critic over a batch."""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array

from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import Call, Expr, Program, Read, Through
from dgmlang.compiler.walk import arguments, walk
from dgmlang.objectives.batch import keyed, per_example
from dgmlang.objectives.objective import Params, Values

CRITIC = "critic"


def critics(lowered: Lowered) -> Callable[[str], bool]:
    """`owns` of the critic: its head, its layers, and nets and params that it alone uses."""
    program = lowered.program
    if program.critic is None:
        return CRITIC.__eq__
    laws = (v.law for v in program.having("data", "latent") if v.law is not None)
    model = _owners(program, *(expr for law in laws for expr in arguments(law)))
    own = (_owners(program, program.critic.value) - model) | {CRITIC}
    return own.__contains__


def _owners(program: Program, *roots: Expr) -> frozenset[str]:
    """The top-level parameter names that expressions use, through nets as well."""
    found: set[str] = set()
    for node in walk(*roots):
        match node:
            case Call(call=call) if call.net not in found:
                found |= {call.net} | _owners(program, program.nets[call.net].body)
            case Through(chain=chain):
                found |= set(chain.owner[:1])
            case Read(name=name):
                found.add(name)
    return frozenset(found)


def fakes(lowered: Lowered, params: Params, key: Array, batch: Values) -> Values:
    """A draw for each example, under its givens; other variables are drawn afresh."""
    givens = {v.name: batch[v.name] for v in lowered.program.having("given")}
    if givens:
        return {**givens, **keyed(lowered.draw)(params, key, givens)}
    keys = jax.random.split(key, next(iter(batch.values())).shape[0])
    return jax.vmap(lambda key: lowered.draw(params, key, {}))(keys)


def criticise(lowered: Lowered, params: Params, batch: Values) -> Array:
    """The critic's value [n] of each example."""
    return per_example(lowered.critic)(params, batch)
