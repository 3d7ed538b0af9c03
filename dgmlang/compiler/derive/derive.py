"""From a program to the facts about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dgmlang.compiler.derive import capabilities as facets
from dgmlang.compiler.derive.blocks import blocks
from dgmlang.compiler.derive.classes import classified
from dgmlang.compiler.derive.definite import gaussian_energy
from dgmlang.compiler.derive.facts import Block, Bounded, Facts
from dgmlang.compiler.derive.field_flow import field_flow
from dgmlang.compiler.derive.inner import inner, undrawn
from dgmlang.compiler.derive.marginal import marginalised_in_chains
from dgmlang.compiler.derive.remove import remove
from dgmlang.compiler.derive.runs import runs
from dgmlang.compiler.derive.smooth import smooth
from dgmlang.compiler.derive.summation import summation
from dgmlang.compiler.derive.unbuilt import unbuilt
from dgmlang.compiler.derive.weights import (
    everywhere,
    has_weights,
    learns,
    parameters,
)
from dgmlang.compiler.program import ComputedLaw, EnergyLaw, Mixture, Program, ScoreLaw, Variable
from dgmlang.compiler.walk import arguments, entries, reads


def derive(program: Program) -> Facts:
    """All facts of a program, each with its witnesses. Decides nothing."""
    removed, bounded = remove(program)
    alone = replace(program, guide=None)
    marginalised, left = remove(alone)
    density, space = facets.density(program, bounded), facets.space(program)
    marginal = facets.density(alone, left)
    gaussian = gaussian_energy(program)
    draw = facets.draw(program, gaussian)
    energetic = facets.energy_variables(program)
    found = blocks(program, energetic)
    in_chains = marginalised_in_chains(program, bounded, found)
    exact_sum = summation(program, energetic, found)
    return Facts(
        density,
        marginal,
        facets.normaliser(program, exact_sum, gaussian),
        facets.score(program, density, space),
        smooth(program),
        draw,
        space,
        facets.pathwise(program, draw),
        removed,
        marginalised,
        bounded,
        found,
        exact_sum,
        gaussian,
        in_chains,
        {
            **_flags(program, bounded, found, gaussian is not None, bool(in_chains)),
            "continuous_latents": all(_moves(program.variables[b.variable]) for b in left),
            "classifies": bool(classified(program, marginal.value)),
        },
        parameters(program),
        runs(program),
        unbuilt(program, gaussian is not None),
    )


def _flags(
    program: Program,
    bounded: Sequence[Bounded],
    found: Sequence[Block],
    gaussian: bool,
    marginal_chain: bool,
) -> dict[str, Any]:
    """Counts and yes-or-no properties that conditions of the library may name."""
    data, latents = program.having("data"), program.latents
    params = program.having("param")
    moved = [v for v in facets.energy_variables(program) if v.type.kind.space == "continuous"]
    finite = [v for v in latents if v.type.kind.space == "finite"]
    sites = program.having("data", "latent")
    mixtures = [v for v in sites if any(isinstance(e, Mixture) for e in entries(v.law))]
    critic = set(program.critic.parameters) if program.critic else set()
    drawn = program.guide.laws if program.guide else {}
    guided = bool(drawn) and not unguided(program, bounded)
    deterministic = any(isinstance(law, ComputedLaw) for law in drawn.values())
    return {
        "latents": len(latents) + len(mixtures),
        "bounded": len(bounded),
        "energy": any(isinstance(v.law, EnergyLaw) for v in data),
        "gaussian_energy": gaussian,
        "directed": all(v.role != "data" for v in undrawn(program, gaussian)),
        **_of_score(next((v.law for v in data if isinstance(v.law, ScoreLaw)), None)),
        "real_data": all(v.type.kind.name == "real" for v in data),
        "conditionals": bool(found),
        "marginal_chain": marginal_chain,
        # A step along the gradient would move a class as if it were a real.
        "mixed_chain": bool(moved)
        and not marginal_chain
        and not program.open
        and not found
        and len(moved) < len(facets.energy_variables(program)),
        "finite_latents": bool(finite or mixtures),
        "priors": bool(program.priors),
        "all_priors": everywhere(program),
        "hierarchical": any(
            program.variables[name].role == "param"
            for law in program.priors.values()
            for name in reads(*arguments(law))
        ),
        "learned": bool(params or program.nets) or has_weights(program),
        "guided": guided,
        "deterministic": deterministic,
        "guide_density": guided and not deterministic,
        "free_support": all(v.type.kind.name == "real" for v in moved),
        "paired": any(v.name in critic for v in program.having("latent")),
        "noise_density": not program.having("given")
        and (bool(program.noise) or all(_has_noise(v) for v in data)),
        "noise_learned": any(learns(law, program) for law in program.noise.values()),
        "ode_flow": field_flow(program) is not None,
        "givens": len(program.having("given")),
        "optional_givens": sum(v.type.optional for v in program.having("given")),
        "weighed": not any(isinstance(v.law, ScoreLaw) for v in latents),
        "inner": inner(program, gaussian) is not None,
        "missing": any(v.type.may_miss for v in data),
    }


def _of_score(score: ScoreLaw | None) -> dict[str, Any]:
    """What conditions may name of the data's law where it is by a score."""
    process = None if score is None else score.process
    return {
        "process": process is not None,
        "continuous_process": process is not None and process.extern.has("continuous"),
        "noise_levels": _levels(score),
        "bare_score": score is not None and process is None,
    }


def _levels(score: ScoreLaw | None) -> int:
    """How many noise levels a process without times between them has; else 0."""
    if score is None or score.process is None or score.process.extern.has("continuous"):
        return 0
    return max(len(v) for v in score.process.settings.values() if isinstance(v, tuple))


def _moves(variable: Variable) -> bool:
    """Whether a chain can move what an exact rule leaves: a latent with a density on the reals."""
    drawn = not any(isinstance(e, EnergyLaw | ScoreLaw) for e in entries(variable.law))
    return variable.role == "latent" and variable.type.kind.space == "continuous" and drawn


def unguided(program: Program, bounded: Sequence[Bounded]) -> tuple[str, ...]:
    """The bounded latents that lack a guide; what is computed from others needs none."""
    drawn = program.guide.laws if program.guide else {}
    laws = {b.variable: program.variables[b.variable].law for b in bounded}
    return tuple(n for n, v in laws.items() if n not in drawn and not isinstance(v, ComputedLaw))


def _has_noise(variable: Variable) -> bool:
    """Whether the library has a noise law for the variable: moment-matched, entry by entry."""
    kind = variable.type.kind
    return not variable.type.varying and (kind.name == "real" or kind.space == "finite")
