"""`explain`: what the plan holds, for people and for programs. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from dgmlang.compiler.derive.directions import directions
from dgmlang.compiler.derive.facts import Block, Facet, Facts, Part
from dgmlang.compiler.derive.weights import has_own, learns
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import library
from dgmlang.compiler.plan.initial import initial_rules
from dgmlang.compiler.plan.plan import Plan, Verdict
from dgmlang.compiler.plan.queries import Query, queries
from dgmlang.compiler.plan.recipes import recipe
from dgmlang.compiler.program import Chain, LogProb, Program
from dgmlang.compiler.source import Span
from dgmlang.compiler.walk import entries, pushing, stages, walk

FACETS = ("density", "normaliser", "score", "smooth", "draw", "space")


@frozen(eq=False)
class Explanation:
    """`str` gives the text for people, `json` the object for programs."""

    plan: Plan

    def __str__(self) -> str:
        return "\n".join(_lines(self.plan))

    def summary(self) -> str:
        """The opening lines alone: what there is one of per example, and what one of in all."""
        return "\n".join(_opening(self.plan))

    def json(self) -> dict[str, Any]:
        """One object; LANGUAGE.md, section 6, lists its keys."""
        plan, facts = self.plan, self.plan.facts
        return {
            "model": plan.program.name,
            "hyperparameters": {n: _plain(v) for n, v in plan.program.hypers.items()},
            "parameters": facts.parameters,
            "givens": [v.name for v in plan.program.having("given", "shared")],
            **{name: getattr(facts, name).value for name in FACETS},
            "density": printed_density(facts),
            "removed": [{"variable": r.variable, "rule": r.rule} for r in facts.removed],
            "bounded": [b.variable for b in facts.bounded],
            "gradient": {b.variable: b.gradient for b in facts.bounded},
            "blocks": [_block_json(b) for b in facts.blocks],
            "bijections": [vars(d) for d in directions(plan.program)],
            "default_objective": plan.default_objective,
            "objectives": {n: _verdict_json(v) for n, v in plan.objectives.items()},
            "default_sampler": plan.default_sampler,
            "samplers": {n: _verdict_json(v) for n, v in plan.samplers.items()},
            "queries": {q.name: q.json() for q in queries(plan)},
            "built": list(plan.companions),
            "not_built": [{"name": p.name, "span": str(p.span)} for p in facts.unbuilt],
        }


def printed_density(facts: Facts) -> str:
    """`exact` with an unknown normaliser prints as `unnormalised`."""
    hidden = facts.density.value == "exact" and facts.normaliser.value == "unknown"
    return "unnormalised" if hidden else facts.density.value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, int | float | str | bool) else None


def _block_json(block: Block) -> dict[str, Any]:
    where = [_where(p) if block.together else "one site after the other" for p in block.parts]
    sites = sum(p.sites for p in block.parts)
    return {"variables": list(block.variables), "where": where, "sites": sites}


def _where(part: Part) -> str:
    """The sites of a part, in words or by their index."""
    if part.modulus == 1:
        return "all"
    if part.lines:
        return f"colour {part.residue + 1} of {part.modulus}"
    return f"{_form(part.weights)} mod {part.modulus} = {part.residue}"


def _form(weights: Iterable[int]) -> str:
    names = ("i", "j", "k", "l")
    terms = [n if w == 1 else f"{w}{n}" for n, w in zip(names, weights, strict=False) if w]
    return " + ".join(terms) or "0"


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    unmet = verdict.unmet
    return {
        "legal": verdict.legal,
        "built": verdict.built,
        "why": unmet.why if unmet else "",
        "unmet": unmet.condition if unmet else "",
        "span": str(unmet.span) if unmet and unmet.span else None,
    }


# ── for people ───────────────────────────────────────────────────────────────────────────────────


def _lines(plan: Plan) -> Iterator[str]:
    yield from _opening(plan)
    yield ""
    yield from _capabilities(plan.facts)
    yield from _latents(plan.facts)
    yield from _bijections(plan.program)
    yield from _loops(plan.facts)
    yield from _blocks(plan.facts)
    yield from _chains(plan.facts)
    yield from _methods("objectives", plan.objectives, plan.default_objective)
    yield from _methods("samplers", plan.samplers, plan.default_sampler)
    yield from _queries(plan)
    yield from _training(plan)


def _opening(plan: Plan) -> Iterator[str]:
    program = plan.program
    hypers = ", ".join(f"{n} = {_hyper(v)}" for n, v in program.hypers.items())
    yield f"{program.name}({hypers})" if hypers else program.name
    yield from _whose(plan)


def _hyper(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_hyper(v) for v in value) + "]"
    return str(value) if isinstance(value, int | float | str) else "open"


def _whose(plan: Plan) -> Iterator[str]:
    program = plan.program
    one = [
        f"{v.name} ({v.role}{', may be missing' * v.type.may_miss})"
        for v in program.having("data", "latent", "given")
    ]
    every = [f"{v.name} (given)" for v in program.having("shared")]
    every += [v.name for v in program.having("param")] + list(program.nets)
    every += dict.fromkeys(_learned_chains(program))
    every += ["the critic"] * (program.critic is not None)
    every += [
        f"the noise of {name}"
        for name, law in program.noise.items()
        if learns(law, program) and not any(chain.owner[0] in every for chain in pushing(law))
    ]
    yield f"  one per example: {', '.join(one)}"
    count = f" ({plan.facts.parameters:,} numbers)" if plan.facts.parameters else ""
    yield f"  one for the data set: {', '.join(every) or 'nothing'}{count}"
    if plan.facts.unbuilt:
        parts = ", ".join(f"{p.name}{_at(p.span)}" for p in plan.facts.unbuilt)
        yield f"  not built yet: {parts}; this program checks, and cannot be trained yet"
    if program.open:
        yield f"  open until the data or `--set` give them: {', '.join(program.open)}"


def _learned_chains(program: Program) -> Iterator[str]:
    """The chains with parameters outside of nets: whose they are, or the name that they share."""
    for v in program.having("data", "latent"):
        for chain in (c for law in entries(v.law) for c in pushing(law)):
            if _learns(chain):
                own = chain.owner[0] in program.variables
                yield f"the chain of {v.name}" if own else chain.owner[0]
    for node in walk(*program.energies):
        if isinstance(node, LogProb):
            yield from (chain.owner[0] for chain in pushing(node.law) if _learns(chain))


def _learns(chain: Chain | None) -> bool:
    """Whether some stage of a chain has parameters of its own."""
    return chain is not None and any(map(has_own, stages(chain)))


def _capabilities(facts: Facts) -> Iterator[str]:
    yield "capabilities"
    for name in FACETS:
        facet: Facet = getattr(facts, name)
        value = printed_density(facts) if name == "density" else facet.value
        witness = (
            f"  {facet.witnesses[0].text}{_at(facet.witnesses[0].span)}" if facet.witnesses else ""
        )
        yield f"  {name:<12}{value:<13}{witness}".rstrip()


def _latents(facts: Facts) -> Iterator[str]:
    if facts.removed or facts.bounded:
        yield "latents"
    for r in facts.removed:
        yield f"  {r.variable + ' ':<12}removed by {r.rule}: {r.witness.text}"
    for b in facts.bounded:
        yield f"  {b.variable + ' ':<12}bounded, gradient {b.gradient}: {b.witness.text}"


def _bijections(program: Program) -> Iterator[str]:
    found = directions(program)
    if found:
        yield "bijections"
    shown = ""
    for one in found:
        variable = "" if one.variable == shown else one.variable
        shown = one.variable
        jacobian = f"{one.jacobian} Jacobian; " if one.jacobian else ""
        both = f"density {one.density}, draw {one.draw}"
        cost = f"{one.density} each way" if one.density == one.draw else both
        yield f"  {variable:<12}{one.stage}: {jacobian}{cost}"


def _loops(facts: Facts) -> Iterator[str]:
    if facts.runs:
        yield "loops"
    for run in facts.runs:
        ways = " of ".join(run.ways)
        yield f"  {', '.join(run.variables):<12}{ways}: {run.witness.text}{_at(run.witness.span)}"


def _blocks(facts: Facts) -> Iterator[str]:
    if facts.blocks:
        yield "gibbs blocks"
    for number, block in enumerate(facts.blocks, 1):
        sites = sum(part.sites for part in block.parts)
        if block.together:
            shown = (p.variable if p.modulus == 1 else f"{p.variable} where {_where(p)}"
                     for p in block.parts)  # fmt: skip
            yield f"  {number:<12}{', '.join(shown)} ({sites} sites), conditionals {block.rule}"
        else:
            yield f"  {number:<12}{block.witness.text} ({sites} sites)"


def _chains(facts: Facts) -> Iterator[str]:
    if facts.in_chains:
        yield "chains"
    for r in facts.in_chains:
        yield f"  {r.variable:<12}{r.witness.text}"


def _methods(title: str, verdicts: Mapping[str, Verdict], default: str | None) -> Iterator[str]:
    legal = [v for v in verdicts.values() if v.legal]
    ready = [text for v in verdicts.values() if v.built for text in _ways(v, default)]
    later = [_marked(v, default) for v in legal if not v.built]
    yield title
    yield f"  legal       {', '.join(ready) or 'none'}"
    if default is not None and default not in verdicts:
        yield f"  default     {default}"
    if later:
        yield f"  not built   {', '.join(later)}"
    for why, names in _refused(verdicts).items():
        yield f"  not legal   {', '.join(names)}"
        yield f"              {why}"


def _ways(verdict: Verdict, default: str | None) -> tuple[str, ...]:
    return (_marked(verdict, default),) if verdict.legal else verdict.ways


def _marked(verdict: Verdict, default: str | None) -> str:
    """The name, with what a person must know before choosing it."""
    marks = ["default"] * (verdict.name == default) + ["biased"] * verdict.biased
    return f"{verdict.name} ({', '.join(marks)})" if marks else verdict.name


def _refused(verdicts: Mapping[str, Verdict]) -> dict[str, list[str]]:
    """The refused by reason, since one line of a program often rules many out."""
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts.values():
        if verdict.unmet is not None:
            reason = verdict.unmet.why + _at(verdict.unmet.span)
            reasons.setdefault(reason, []).append(verdict.name)
    return reasons


def _queries(plan: Plan) -> Iterator[str]:
    yield "queries"
    found = queries(plan)
    alike = [(said, [q.name for q in group]) for said, group in groupby(found, _said) if said]
    wide = max(len(", ".join(names)) for _, names in alike)
    for said, names in alike:
        yield f"  {', '.join(names):<{wide}}  {said}"
    reasons: dict[str, list[str]] = {}
    for query in (q for q in found if not q.available):
        reasons.setdefault(query.why + _at(query.span), []).append(query.name)
    for why, names in reasons.items():
        yield f"  not here    {', '.join(names)}"
        yield f"              {why}"


def _said(query: Query) -> str:
    return f"{query.kind}, {query.cost}" if query.available else ""


def _training(plan: Plan) -> Iterator[str]:
    if plan.default_objective is None:
        return
    yield "training"
    chosen = library().space("objective")[plan.default_objective]
    if chosen.has("samples"):
        settings = (f"{p.name} = {p.default.span.text}" for p in chosen.parameters if p.default)
        yield f"  chains      {', '.join(settings)}"
        yield "  starts      within (-2, 2) on the reals behind each kind"
    else:
        yield f"  recipe      {recipe(plan.default_objective)}"
        for name, rule in initial_rules(plan.program, plan.facts).items():
            yield f"  {name + ' ':<12}starts: {rule}"
    guide = plan.program.guide
    for name in guide.built if guide else ():
        assert guide is not None
        yield f"  guide       built: {name} ~ {guide.laws[name].span.text}"
    if plan.companions:
        yield f"  built       {', '.join(plan.companions)}: the program does not write it"


def _at(span: Span | None) -> str:
    """Where something stands; with its file where that is not the program's own."""
    if span is None or span.source.name.startswith("stdlib"):
        return ""
    return f" (line {span.line})" if span.source.main else f" ({span.source.name}:{span.line})"
