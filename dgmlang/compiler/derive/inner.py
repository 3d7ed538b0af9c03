"""The law of latents by an energy or a score, as a program of its own.

Below such latents others are drawn or computed, so that what the latents have among themselves is
a whole model: its data are those latents, and all that a model of data can do, they can.
"""

from __future__ import annotations

from dataclasses import replace

from dgmlang.compiler.program import EnergyLaw, Program, ScoreLaw, Variable

UNDRAWN = EnergyLaw | ScoreLaw


def undrawn(program: Program, gaussian: bool) -> tuple[Variable, ...]:
    """The data and latents that have no law to draw from; a Gaussian energy is one."""
    kinds = ScoreLaw if gaussian else UNDRAWN
    return tuple(v for v in program.having("data", "latent") if isinstance(v.law, kinds))


def inner(program: Program, gaussian: bool) -> Program | None:
    """The program of the latents by an energy or a score; None where the data are, or none is."""
    found = undrawn(program, gaussian)
    if not found or any(v.role == "data" for v in found):
        return None
    kept = {v.name: v for v in program.having("given", "shared", "param")}
    own = {v.name: replace(v, role="data") for v in found}
    variables = {n: own.get(n, v) for n, v in program.variables.items() if n in {**kept, **own}}
    return replace(program, variables=variables, guide=None, critic=None, noise={}, recipes={})


def runs_alone(found: Program) -> bool:
    """Whether such a law can be trained and drawn: energies, or one score under a process."""
    laws = [v.law for v in found.having("data")]
    scores = [law for law in laws if isinstance(law, ScoreLaw)]
    if not scores:
        return True
    process = scores[0].process
    return len(laws) == 1 and process is not None and process.extern.has("continuous")
