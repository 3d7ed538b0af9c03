"""Is the data's law a base that one vector field carries, with nothing else to learn?"""

from __future__ import annotations

from dgmlang.compiler.derive.weights import applied, has_own
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import Call, Law, Program, Pushed, Stage
from dgmlang.compiler.walk import arguments, pushing, reads, stages, walk


@frozen(eq=False)
class FieldFlow:
    """`variable ~ base |> before |> field |> behind`."""

    variable: str
    base: Law
    before: tuple[Stage, ...]
    field: Stage
    behind: tuple[Stage, ...]


def field_flow(program: Program) -> FieldFlow | None:
    """The parts of such a law; None where the model is anything else."""
    data = program.having("data")
    if len(data) != 1 or program.latents or not isinstance(data[0].law, Pushed):
        return None
    law = data[0].law
    places = [i for i, s in enumerate(law.chain.stages) if s.extern.has("vector_field")]
    if len(places) != 1:
        return None
    place, every = places[0], law.chain.stages
    others = (*every[:place], *every[place + 1 :])
    inner = [stage for other in others for stage in stages_of(other)]
    if any(has_own(s) or s.extern.has("vector_field") for s in inner) or _learns(law.base, program):
        return None
    return FieldFlow(data[0].name, law.base, every[:place], every[place], every[place + 1 :])


def stages_of(stage: Stage) -> list[Stage]:
    """A stage and those of its block."""
    return [stage, *(stages(stage.body) if stage.body is not None else ())]


def _learns(base: Law, program: Program) -> bool:
    """Whether a base has parameters, by whatever way."""
    nodes = list(walk(*arguments(base)))
    learned = {v.name for v in program.having("param")}
    chains = [*(chain for node in nodes for chain in applied(node)), *pushing(base)]
    own = any(has_own(s) for chain in chains for s in stages(chain))
    return (
        own or any(isinstance(node, Call) for node in nodes) or bool(learned & reads(*nodes).keys())
    )
