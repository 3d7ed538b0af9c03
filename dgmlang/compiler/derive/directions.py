"""What is known of the bijections of a program: their Jacobians, and what each direction costs."""

from __future__ import annotations

from collections.abc import Iterator

from dgmlang.compiler.derive.divergence import estimates
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import Chain, ComputedLaw, Program, Pushed, Stage, choices
from dgmlang.compiler.types.dims import size
from dgmlang.compiler.walk import entries


@frozen()
class Direction:
    """One bijection in the law of `variable`: `density` goes towards the base, `draw` from it.

    `jacobian` is a word of the library's, or empty where nothing is known.
    """

    variable: str
    stage: str
    jacobian: str
    density: str
    draw: str


def directions(program: Program) -> tuple[Direction, ...]:
    """Every kind of bijection that a variable's law is pushed through, once, from base to data."""
    found: dict[tuple[str, str], Direction] = {}
    for variable in program.variables.values():
        for law in entries(variable.law):
            if isinstance(law, Pushed | ComputedLaw) and law.chain is not None:
                for stage in _inner(law.chain):
                    found.setdefault((variable.name, stage.extern.name), _of(variable.name, stage))
    return tuple(found.values())


def _inner(chain: Chain) -> Iterator[Stage]:
    """The bijections themselves, in place of the blocks that hold them."""
    for stage in chain.stages:
        if stage.body is None:
            yield stage
        else:
            yield from _inner(stage.body)


def _of(variable: str, stage: Stage) -> Direction:
    extern = stage.extern
    jacobian = "".join(extern.argument("jacobian"))
    if extern.has("vector_field"):
        return Direction(variable, extern.name, jacobian, *_solves(stage))
    return Direction(variable, extern.name, jacobian, *(_cost(way) for way in ways(stage)))


def _solves(stage: Stage) -> tuple[str, str]:
    """What a density and a draw take of a flow by a vector field."""
    told, entries = stage.settings, size(stage.source.array_shape)
    steps = f"at rtol {told['rtol']:g}" if told["steps"] is None else f"in {told['steps']} steps"
    draw = f"an ODE by {told['solver']} {steps}"
    products, kind = (told["probes"] or 1, "estimated") if estimates(stage) else (entries, "exact")
    divergence = (
        f"{kind} divergence: {products} product{'s' * (str(products) != '1')} an evaluation"
    )
    return f"{draw} with its {divergence}", draw


def ways(stage: Stage) -> tuple[frozenset[str], frozenset[str]]:
    """What the directions towards the base and from it take beyond one pass.

    `sequential`: a step an entry; `iterative`: there is no formula. What the stage does to each
    entry, by a setting, counts too.
    """
    named = (stage.extern, *choices(stage))
    density, draw = (
        frozenset(way for extern in named for way in extern.argument(name)) - {"direct"}
        for name in ("inverse", "forward")
    )
    return density, draw


def _cost(way: frozenset[str]) -> str:
    steps = "a step an entry" if "sequential" in way else "one pass"
    if "iterative" not in way:
        return steps
    return "an iteration" if steps == "one pass" else f"{steps}, each an iteration"
