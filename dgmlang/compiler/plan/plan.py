"""What the compiler decides about a program: what is legal, and why the rest is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dgmlang.compiler.derive.derive import derive
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.derive.inner import inner
from dgmlang.compiler.diagnostics.codes.plan import Unmet
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.plan.conditions import environment, holds, instead, unmet
from dgmlang.compiler.program import Program
from dgmlang.compiler.syntax import ast


@frozen()
class Verdict:
    """Whether one objective or sampler may be used; `unmet` is what rules it out, None where legal.

    `built` is False for a method that this version derives but cannot run yet. A `biased` one does
    not have the model's own gradient or law in the limit of many draws. `settings` have conditions
    of their own, in place of the method's.
    """

    name: str
    built: bool
    biased: bool
    unmet: Unmet | None = None
    settings: Mapping[tuple[str, str], Unmet | None] = field(default_factory=dict)

    @property
    def legal(self) -> bool:
        return self.unmet is None

    @property
    def ways(self) -> tuple[str, ...]:
        """The legal ways to name it, as people write them."""
        if self.legal:
            return (self.name,)
        legal = (setting for setting, failed in self.settings.items() if failed is None)
        return tuple(f"{self.name}({key} = {value})" for key, value in legal)


@frozen(eq=False)
class Plan:
    """A program with what was derived and decided.

    `inner` is the plan of latents by an energy or a score, on their own.
    """

    program: Program
    facts: Facts
    objectives: Mapping[str, Verdict]
    samplers: Mapping[str, Verdict]
    default_objective: str | None
    default_sampler: str
    companions: tuple[str, ...]
    inner: Plan | None = None


def plan(program: Program, facts: Facts) -> Plan:
    """Judge every objective and sampler of the library, and choose the defaults."""
    held = environment(facts)
    alone = inner(program, facts.gaussian is not None)
    below = None if alone is None else plan(alone, derive(alone))
    objectives = {e.name: _judge(e, held, facts) for e in library().space("objective").values()}
    samplers = {e.name: _judge(e, held, facts) for e in library().space("sampler").values()}
    return Plan(
        program,
        facts,
        objectives,
        samplers,
        _objective(objectives, held),
        _sampler(samplers, held, below),
        _companions(program, facts),
        below,
    )


def _judge(extern: Extern, held: Mapping[str, object], facts: Facts) -> Verdict:
    built = (
        not extern.has("planned")
        and takes_data(extern, facts)
        and not (extern.has("chains") and facts.flags["mixed_chain"])
        and not missing_companions(extern, facts)
    )
    failed = None if extern.requires is None else unmet(extern.requires, held, facts)
    settings = instead(extern, held, facts)
    return Verdict(extern.name, built, extern.has("biased"), failed, settings)


def _offered(kind: str, held: Mapping[str, object]) -> list[str]:
    """The methods that offer themselves for such a program, the first choice first."""
    ranked: list[tuple[float, str]] = []
    for extern in library().space(kind).values():
        offer = extern.written.get("default")
        if offer and holds(offer[1], held):
            assert isinstance(offer[0], ast.Number)
            ranked.append((offer[0].value, extern.name))
    return [name for _, name in sorted(ranked)]


def _objective(verdicts: Mapping[str, Verdict], held: Mapping[str, object]) -> str | None:
    """The default; None where there is nothing to learn."""
    legal = (name for name in _offered("objective", held) if verdicts[name].legal)
    return next(legal, None) if held["learned"] else None


def _sampler(
    verdicts: Mapping[str, Verdict], held: Mapping[str, object], inner: Plan | None
) -> str:
    """The default, legal where one is; with latents that have no law to draw from, one for each."""
    if inner is not None:
        sites = (f"{v.name}: {inner.default_sampler}" for v in inner.program.having("data"))
        return f"{_exact()}({', '.join(sites)})"
    offered = _offered("sampler", held)
    return next((n for n in offered if verdicts[n].legal), next(iter(offered), _exact()))


def _exact() -> str:
    """The sampler whose draws are the model's own."""
    return next(e.name for e in library().space("sampler").values() if e.has("exact"))


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
