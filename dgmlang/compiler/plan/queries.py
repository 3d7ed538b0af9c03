"""What can be asked of a model: the kind of each answer, what it costs, or why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from dgmlang.compiler.derive.capabilities import energy_variables, summed
from dgmlang.compiler.derive.facts import Facet
from dgmlang.compiler.derive.remove import states
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.plan import answers
from dgmlang.compiler.plan import query_costs as costs
from dgmlang.compiler.plan.completed import completions, gaussian, predictions
from dgmlang.compiler.plan.costs import Cost
from dgmlang.compiler.plan.plan import Plan
from dgmlang.compiler.source import Span

NONE = "unavailable"
OPEN = "exact or estimate"
"""The kind of an answer where the sizes that are still open decide."""

SUMMED_APART = 16
"""log₂ of the joint states that a divergence sums over."""


@frozen()
class Query:
    """`kind` is exact, model, bound, estimate, unnormalised (bound), (approximate) draws.

    Or it is `unavailable`, for the reason `why`, which the line `span` shows. Where answers about
    single variables differ, `of` has the kind of each, and `kind` is the weakest of them.
    """

    name: str
    kind: str
    cost: Cost = field(default_factory=Cost)
    why: str = ""
    span: Span | None = None
    of: Mapping[str, str] = field(default_factory=dict)

    @property
    def available(self) -> bool:
        return self.kind != NONE

    def json(self) -> dict[str, Any]:
        """As `explain --json` has it."""
        if not self.available:
            span = None if self.span is None else str(self.span)
            return {"kind": self.kind, "cost": "", "why": self.why, "span": span}
        each = {"of": dict(self.of)} if self.of else {}
        return {"kind": self.kind, "cost": str(self.cost), **self.cost.json(), **each}


NO_DATA = "the model has no data"


def queries(plan: Plan) -> tuple[Query, ...]:
    """Every query that there is: what this model answers to it."""
    return tuple(query for rule in RULES for query in rule(plan))


def _unavailable(name: str, why: str, span: Span | None = None) -> Query:
    return Query(name, NONE, why=why, span=span)


def _lacking(name: str, facet: Facet) -> Query:
    """Unavailable for what holds a facet down: a line of the program, or that there is no data."""
    if not facet.witnesses:
        return _unavailable(name, NO_DATA)
    witness = facet.witnesses[0]
    return _unavailable(name, witness.text, witness.span)


# ── draws ────────────────────────────────────────────────────────────────────────────────────────


def _draws(plan: Plan) -> Iterator[Query]:
    kind, cost = costs.of_sample(plan)
    yield Query("sample", kind, cost)
    yield Query("draws", kind, cost)


def _reconstruct(plan: Plan) -> Iterator[Query]:
    if plan.program.guide is None:
        yield _unavailable("reconstruct", "the model has no guide to draw latents from")
        return
    drawn = costs.directed(plan)
    nets = Counter(drawn.nets) + Counter(costs.of_guide(plan).nets)
    note = "a draw of the guide, then of the data"
    yield Query("reconstruct", "draws", replace(drawn, nets=dict(nets), note=note))


# ── densities ────────────────────────────────────────────────────────────────────────────────────


def _log_prob(plan: Plan) -> Iterator[Query]:
    for name in ("log_prob", "bits_per_dim"):
        yield _density(plan, name)


def _density(plan: Plan, name: str) -> Query:
    """The default way to log p, and what it gives."""
    way = next(iter(answers.ways_to_log_prob(plan)), None)
    once = costs.of_parts(plan, [], costs.found_in(plan), steps=None)
    match way:
        case None:
            return _without_density(plan, name)
        case "ode":
            return Query(name, "estimate", replace(once, note="one ODE with its divergence"))
        case "vlb":
            return Query(name, "bound", replace(once, note="one evaluation a step of `vlb`"))
        case "meanfield":
            unknown = plan.facts.normaliser.value == "unknown"
            cost = replace(costs.of_energies(plan), note="30 sweeps of means")
            return Query(name, "unnormalised bound" if unknown else "bound", cost)
        case "elbo":
            unknown = plan.facts.normaliser.value == "unknown"
            return Query(name, "unnormalised bound" if unknown else "bound", costs.of_bound(plan))
    exact = "bound" if answers.dequantised(plan.program) else "exact"
    kinds = {"hutchinson": "estimate", "exact": exact}
    kind = "unnormalised" if answers.hidden(plan.facts) else kinds[way]
    return Query(name, kind, costs.of_density(plan))


def _without_density(plan: Plan, name: str) -> Query:
    found = _lacking(name, plan.facts.density)
    if plan.facts.density.value == "bound":
        return replace(found, why=f"{found.why}, and no guide with a density bounds it")
    return found


def _log_normalizer(plan: Plan) -> Iterator[Query]:
    facts, name = plan.facts, "log_normalizer"
    odd = [v for v in energy_variables(plan.program) if not _has_base(v.type.kind)]
    if not facts.flags["energy"]:
        yield _unavailable(name, "no data have an energy")
    elif facts.gaussian is not None:
        yield Query(name, "exact", Cost(note="one Cholesky factor"))
    elif facts.summation is not None:
        yield Query(name, "exact", Cost(note=summed(facts.summation)))
    elif odd:
        why = f"{odd[0].name} is {odd[0].type.kind}: annealing starts from finite and real sites"
        yield _unavailable(name, why, odd[0].span)
    else:
        yield Query(name, "estimate", Cost(note="annealed importance sampling"))


def _has_base(kind: Any) -> bool:
    return kind.space == "finite" or kind.name == "real"


def _energy(plan: Plan) -> Iterator[Query]:
    if plan.facts.density.value == "exact":
        yield Query("energy", "exact", costs.of_density(plan))
    else:
        yield _lacking("energy", plan.facts.density)


def _score(plan: Plan) -> Iterator[Query]:
    facet = plan.facts.score
    if facet.value == "none":
        names = ("score", "denoise", "denoising_risk")
        yield from (_lacking(name, facet) for name in names)
        return
    exact = facet.value == "exact"
    cost = costs.of_gradient(plan) if exact else costs.of_energies(plan)
    yield Query("score", facet.value, cost)
    yield Query("denoise", "model", cost)
    traced = replace(cost, note="the score and its exact divergence")
    yield Query("denoising_risk", "estimate", traced)


def _codes(plan: Plan) -> Iterator[Query]:
    for name in ("encode", "decode"):
        if plan.facts.flags["continuous_process"]:
            once = costs.of_parts(plan, [], costs.found_in(plan), steps=None)
            yield Query(name, "model", replace(once, note="one ODE"))
        else:
            yield _unavailable(name, "the model has no score under a continuous process")


# ── what is not known ────────────────────────────────────────────────────────────────────────────


def _posterior(plan: Plan) -> Iterator[Query]:
    of = answers.posterior_kinds(plan.program, plan.facts)
    if not of:
        latents = plan.program.having("latent")
        why = "no rule and no guide gives a latent" if latents else "the model has no latent"
        yield _unavailable("posterior", why)
        return
    guided = bool(plan.facts.bounded)
    cost = costs.of_guide(plan) if guided else costs.of_density(plan)
    kinds = set(of.values())
    yield Query("posterior", "draws" if "draws" in kinds else "exact", cost,
                of=of if len(kinds) > 1 else {})  # fmt: skip


def _mode(plan: Plan) -> Iterator[Query]:
    """The most likely state of an energy's variables, or of latents given the data."""
    program, facts = plan.program, plan.facts
    if not facts.flags["energy"]:
        name = answers.unmaximised(program, facts)
        if name is None:
            cost = replace(costs.of_density(plan), note="max in place of sum")
            yield Query("mode", "exact", cost)
        else:
            why = f"{name} would have to be searched: no sum over it turns into a maximum"
            yield _unavailable("mode", why, program.variables[name].span)
        return
    looked_at = answers.searched(program, facts)
    if facts.gaussian is not None:
        yield Query("mode", "exact", Cost(note="mean of a Gaussian"))
    elif looked_at is not None:
        yield Query("mode", "exact", Cost(note=f"{looked_at:,} states looked at"))
    else:
        yield Query("mode", OPEN if program.open else "estimate", Cost(note="annealing"))


def _predict(plan: Plan) -> Iterator[Query]:
    if plan.program.open:
        yield Query("predict", OPEN, Cost(note="by the sizes that are open"))
        return
    found = predictions(plan)
    kinds = {name: way.kind for name, way in found.items()}
    yield _of_variables("predict", found, ("exact", "estimate", NONE), kinds)


def _impute(plan: Plan) -> Iterator[Query]:
    if plan.program.open:
        yield Query(
            "impute", "approximate draws", Cost(note="or exact, by the sizes that are open")
        )
        return
    found = completions(plan)
    kinds = {name: way.kind for name, way in found.items()}
    yield _of_variables("impute", found, ("draws", "approximate draws", NONE), kinds)


def _of_variables(
    name: str, found: Mapping[str, Any], order: tuple[str, ...], kinds: Mapping[str, str]
) -> Query:
    """One row for several variables: the weakest kind that there is, and how each goes."""
    if not found:
        return _unavailable(name, NO_DATA)
    if all(kind == NONE for kind in kinds.values()):
        first = next(iter(found.values()))
        return _unavailable(name, first.how, first.span)
    alike = len({(way.kind, way.how) for way in found.values()}) == 1
    one = len(set(kinds.values())) == 1
    words = {
        n: f"{n}: {way.how}" if one else f"{n} {way.kind}, {way.how}" for n, way in found.items()
    }
    told = "; ".join(words.values())
    note = next(iter(found.values())).how if alike else told
    weakest = max(kinds.values(), key=order.index)
    return Query(name, weakest, Cost(None, note=note), of={} if one else dict(kinds))


# ── data and the model ───────────────────────────────────────────────────────────────────────────


def _compare(plan: Plan) -> Iterator[Query]:
    unlike = answers.incomparable(plan.program)
    if unlike is None:
        cost = costs.of_sample(plan)[1]
        yield Query("compare", "estimate", replace(cost, note=f"500 draws, {cost.way}"))
    else:
        why = f"examples of {unlike.name} may differ in length, or lack entries"
        yield _unavailable("compare", why, unlike.span)


def _anomaly(plan: Plan) -> Iterator[Query]:
    found = _density(plan, "anomaly")
    if found.available:
        among = "data" if plan.program.having("given") else "1000 draws"
        note = f"{found.cost.way}; ranked among {among}"
        found = replace(found, cost=replace(found.cost, note=note))
    yield found


def _purify(plan: Plan) -> Iterator[Query]:
    data = plan.program.having("data")
    other = [v for v in data if not answers.greedily(v, plan.facts)]
    if not other:
        yield Query("purify", "estimate", Cost(None, note="the most likely level, entry by entry"))
    elif plan.facts.score.value == "exact":
        yield Query("purify", "estimate", replace(costs.of_gradient(plan), note="100 gradients"))
    else:
        why = f"{other[0].name} has neither a gradient of log p nor levels in order by its past"
        yield _unavailable("purify", why, other[0].span)


def _features(plan: Plan) -> Iterator[Query]:
    critic = plan.program.critic
    if critic is None and (call := answers.classifying(plan.program)) is not None:
        yield Query("features", "exact", Cost(note=f"one pass of {call.call.net}"))
    elif critic is None:
        yield _unavailable("features", "the program writes no critic")
    elif critic.head.direct:
        yield _unavailable("features", "the critic is a number without layers", critic.span)
    else:
        yield Query("features", "exact", Cost(note="one pass of the critic"))


def _codes_of_data(plan: Plan) -> Iterator[Query]:
    refused = next(answers.uncodable(plan.program), None)
    for name in ("compress", "decompress"):
        if refused is None:
            cost = replace(costs.of_density(plan), steps=None, note="entry by entry")
            yield Query(name, "exact", cost)
        else:
            variable, why = refused
            yield _unavailable(name, f"of {variable.name}: {why}", variable.span)


def _divergence(plan: Plan) -> Iterator[Query]:
    program, facts = plan.program, plan.facts
    why = answers.undiverging(plan, dequantised=answers.dequantised(program))
    if why is not None:
        facet = facts.density if facts.density.value != "exact" else facts.normaliser
        span = facet.witnesses[0].span if facet.witnesses else None
        yield _unavailable("divergence", why, None if program.having("given") else span)
        return
    counts = [states(v) for v in program.having("data")]
    as_is = not answers.prepared(program)
    if (
        as_is
        and all(c is not None for c in counts)
        and sum(c or 0.0 for c in counts) <= SUMMED_APART
    ):
        yield Query("divergence", "exact", Cost(note="a sum over states"))
    elif as_is and program.open and facts.space.value == "finite":
        yield Query("divergence", OPEN, Cost(note="by the sizes that are open"))
    elif as_is and not program.open and gaussian(plan):
        yield Query("divergence", "exact", Cost(note="the KL from another Gaussian"))
    else:
        cost = replace(costs.of_density(plan), note="10,000 draws")
        yield Query("divergence", "estimate", cost)


RULES: tuple[Callable[[Plan], Iterator[Query]], ...] = (
    _draws, _log_prob, _log_normalizer, _energy, _score, _codes, _posterior, _mode, _predict,
    _impute, _reconstruct, _compare, _anomaly, _purify, _features, _codes_of_data, _divergence,
)  # fmt: skip
"""One rule for each query, or for several that stand and fall together."""
