"""What the compiler decides about a program: what is legal, and why the rest is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.diagnostics.codes.plan import Unmet
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.plan.conditions import environment, unmet
from dgmlang.compiler.program import Program


@dataclass(frozen=True)
class Verdict:
    """Whether one objective or sampler may be used; `unmet` is what rules it out, None where legal.

    `built` is False for a method that this version derives but cannot run yet. A `biased` one does
    not have the model's own gradient or law in the limit of many draws.
    """

    name: str
    built: bool
    biased: bool
    unmet: Unmet | None = None

    @property
    def legal(self) -> bool:
        return self.unmet is None


@dataclass(frozen=True, eq=False)
class Plan:
    """A program with what was derived and decided."""

    program: Program
    facts: Facts
    objectives: Mapping[str, Verdict]
    samplers: Mapping[str, Verdict]
    default_objective: str | None
    default_sampler: str
    companions: tuple[str, ...]


def plan(program: Program, facts: Facts) -> Plan:
    """Judge every objective and sampler of the library, and choose the defaults."""
    held = environment(facts)
    objectives = {e.name: _judge(e, held, facts) for e in library().space("objective").values()}
    samplers = {e.name: _judge(e, held, facts) for e in library().space("sampler").values()}
    return Plan(
        program,
        facts,
        objectives,
        samplers,
        _default_objective(facts, objectives),
        _default_sampler(facts),
        _companions(program, facts),
    )


def _judge(extern: Extern, held: Mapping[str, object], facts: Facts) -> Verdict:
    built = (
        not extern.has("planned")
        and takes_data(extern, facts)
        and not (extern.has("chains") and facts.flags["mixed_chain"])
        and not missing_companions(extern, facts)
    )
    failed = None if extern.requires is None else unmet(extern.requires, held, facts)
    return Verdict(extern.name, built, extern.has("biased"), failed)


def _default_objective(facts: Facts, objectives: Mapping[str, Verdict]) -> str | None:
    """The table of LANGUAGE.md, section 7, first match; None where there is nothing to learn."""
    flags = facts.flags
    if not flags["learned"]:
        return None
    # Persistent chains would each need givens of their own.
    energy = "fce" if flags["noise_learned"] else "cd" if flags["givens"] else "pcd"
    order = (
        ("dsm", flags["process"]),
        ("ssm", flags["bare_score"]),
        (energy, flags["energy"] and not flags["gaussian_energy"]),
        ("nuts", flags["hierarchical"]),
        ("map", flags["priors"] and facts.density.value == "exact"),
        ("mle", facts.density.value == "exact"),
        ("elbo", facts.density.value == "bound"),
        ("bigan", flags["paired"]),
        ("gan", True),
    )
    fitting = (name for name, holds in order if holds and objectives[name].legal)
    return next(fitting, None)


def _default_sampler(facts: Facts) -> str:
    flags = facts.flags
    if flags["process"]:
        return "sde" if flags["continuous_process"] else "annealed_langevin"
    if flags["bare_score"]:
        return "langevin"
    if not flags["energy"] or flags["gaussian_energy"]:
        inner = ", ".join(f"{name}: {sampler}" for name, sampler in flags["inner"])
        return f"ancestral({inner})" if inner else "ancestral"
    return "gibbs" if flags["conditionals"] else "mala"


def takes_data(extern: Extern, facts: Facts) -> bool:
    """Whether a method that is built is so for data that may be missing, where they may."""
    planned, learns = extern.has("planned"), extern.kind == "objective"
    return planned or not learns or not facts.flags["missing"] or extern.has("missing")


def missing_companions(extern: Extern, facts: Facts) -> tuple[str, ...]:
    """Companions that a method needs, the program does not write, and nothing here builds."""
    needs_guide = bool(facts.bounded) and not facts.flags["guided"]
    return tuple(c for c in extern.argument("companion") if c == "guide" and needs_guide)


def _companions(program: Program, facts: Facts) -> tuple[str, ...]:
    """What is built because the program does not write it."""
    built: list[str] = ["guide"] if program.guide and program.guide.built else []
    if facts.pathwise.value == "yes" and program.critic is None:
        built.append("critic")
    hidden = facts.normaliser.value != "one"
    if facts.flags["energy"] and hidden and facts.flags["noise_density"] and not program.noise:
        built.append("noise")
    return tuple(built)
