"""Where learning starts: which rule gives each param, net and flow its first value.

The values themselves are drawn by `lower/initial.py`; `explain` prints the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import (
    Apply,
    Chain,
    ComputedLaw,
    EnergyLaw,
    Expr,
    Law,
    Literal,
    LogProb,
    Net,
    Outside,
    Program,
    Pushed,
    Read,
    Variable,
)
from dgmlang.compiler.types.picked import picked
from dgmlang.compiler.walk import expressions, marginals, stages, walk


@frozen()
class Start:
    """A rule of the table, the data variable that it looks at, and the sign it takes it with.

    Rules: `written`, `simplex`, `locations`, `spread`, `visible`, `hidden`, `coupling`, `matrix`,
    `positive`, `unit`, `small`, `standard`.
    """

    rule: str
    variable: str | None = None
    sign: int = 1


WORDS = {
    "written": "as written after `from`",
    "simplex": "near uniform, with jitter",
    "locations": "k-means++ on {}",
    "spread": "the standard deviation of {}",
    "visible": "log-odds of the means of {}",
    "hidden": "0",
    "coupling": "N(0, 0.01²)",
    "matrix": "N(0, 1/fan-in)",
    "positive": "near 1, with jitter",
    "unit": "near 1/2, with jitter",
    "small": "N(0, 0.01²)",
    "scattered": "N(0, 1)",
    "standard": "near the simplest value of its kind, with jitter",
}
"""What each rule is called where people read it."""

BLIND = {"locations": "scattered", "spread": "positive", "visible": "hidden"}
"""What stands for a rule that looks at data where there are none to look at."""


def initial_rules(program: Program, facts: Facts) -> Mapping[str, str]:
    """What each param, net and flow starts from, in words, in the order of the program."""
    rules = {name: _words(start) for name, start in starts(program).items()}
    rules |= {net.name: _net(net) for net in program.nets.values()}
    rules |= {v.name: _flow(chain, v.name in settling(program)) for v, chain in _chains(program)}
    if program.critic is not None:
        rules["critic"] = "kernels N(0, 1/fan-in), biases 0"
    return rules


def _net(net: Net) -> str:
    if isinstance(net.body, Outside):
        return "as Python passes it"
    return "kernels N(0, 1/fan-in), biases 0"


def starts(program: Program) -> Mapping[str, Start]:
    """The rule of each param."""
    biases = dict(_biases(program))
    indexed = {**dict(_indexed(program)), **dict(_of_models(program))}
    energetic = {n.name for e in program.energies for n in walk(e) if isinstance(n, Read)}
    found: dict[str, Start] = {}
    for param in program.having("param"):
        if param.start is not None:
            found[param.name] = Start("written")
        elif param.name in indexed:
            found[param.name] = indexed[param.name]
        elif param.name in biases:
            found[param.name] = biases[param.name]
        else:
            found[param.name] = Start(_by_kind(param, param.name in energetic))
    return found


def _of_models(program: Program) -> Iterator[tuple[str, Start]]:
    """The params of models that stand as laws without their latents, as those start them.

    A rule that looks at the model's data looks at what the law is of here, where it is data.
    """
    for of, whole in _laws(program):
        for model in marginals(whole):
            for name, start in starts(model.program).items():
                looks = start.variable is not None and start.rule != "hidden"
                yield name, replace(start, variable=of) if looks else start


def _laws(program: Program) -> Iterator[tuple[str | None, Law]]:
    """Laws that stand for variables or in expressions, each with the data that it is of."""
    data = {v.name for v in program.having("data")}
    guide = {} if program.guide is None else program.guide.laws
    own = {v.name: v.law for v in program.variables.values() if v.law is not None}
    for laws in (own, guide, program.noise):
        yield from ((name if name in data else None, law) for name, law in laws.items())
    for node in expressions(program):
        if isinstance(node, LogProb):
            at = node.value.name if isinstance(node.value, Read) else None
            yield at if at in data else None, node.law


def _by_kind(param: Variable, in_energy: bool) -> str:
    kind = param.type.kind.name
    if kind != "real":
        return kind if kind in ("simplex", "positive", "unit") else "standard"
    if in_energy:
        return "coupling"
    return "matrix" if len(param.type.shape) >= 2 else "small"


def _words(start: Start) -> str:
    rule = start.rule if start.variable else BLIND.get(start.rule, start.rule)
    return WORDS[rule].format(start.variable)


# ── flows ────────────────────────────────────────────────────────────────────────────────────────


def settling(program: Program) -> Mapping[str, Chain]:
    """The flows with stages that start from data, by the variable that enters them at `fit`.

    Of a latent, the guide has draws.
    """
    guided = program.guide.laws if program.guide else {}
    return {
        variable.name: chain
        for variable, chain in _chains(program)
        if (variable.role == "data" or variable.name in guided) and any(_from_data(chain))
    }


def _chains(program: Program) -> Iterator[tuple[Variable, Chain]]:
    """The variables whose law is pushed through bijections."""
    for variable in program.variables.values():
        if isinstance(variable.law, Pushed | ComputedLaw) and variable.law.chain is not None:
            yield variable, variable.law.chain


def _from_data(chain: Chain) -> Iterator[str]:
    return (stage.extern.name for stage in stages(chain) if stage.extern.has("from_data"))


def _flow(chain: Chain, settled: bool) -> str:
    """Where a flow starts, and which of its stages start elsewhere."""
    turned = (stage.extern.name for stage in stages(chain) if stage.extern.has("starts_at_random"))
    words = [f"{name} at a random rotation" for name in dict.fromkeys(turned)]
    words += [f"{name} from the data" for name in dict.fromkeys(_from_data(chain)) if settled]
    return "; ".join(["near the identity", *words])


# ── locations and scales that a finite latent picks ──────────────────────────────────────────────


def _indexed(program: Program) -> Iterator[tuple[str, Start]]:
    """Params that a finite latent picks as whole arguments of the law of real data.

    By kind: a real one is a location, a positive one a scale.
    """
    for data in program.having("data"):
        if data.type.kind.name != "real":
            continue
        for name in picked(program, data.law):
            param = program.variables[name]
            shape = param.type.shape[1:]
            rule = {"real": "locations", "positive": "spread"}.get(param.type.kind.name)
            fits = not shape or data.type.shape[-len(shape) :] == shape
            if rule and param.type.shape and fits:
                yield name, Start(rule, data.name)


# ── biases of an energy ──────────────────────────────────────────────────────────────────────────


def _biases(program: Program) -> Iterator[tuple[str, Start]]:
    """Params that stand in an energy as b · x with one finite variable x of their own shape."""
    for energy in program.energies:
        for sign, term in _terms(energy, 1):
            sign, factors = _factors(term, sign)
            reads = [f for f in factors if isinstance(f, Read)]
            if len(reads) != len(factors) or len(reads) != 2:
                continue
            yield from _bias(program, sign, *(program.variables[r.name] for r in reads))


def _bias(
    program: Program, sign: int, one: Variable, other: Variable
) -> Iterator[tuple[str, Start]]:
    param, variable = (one, other) if one.role == "param" else (other, one)
    if param.role != "param" or not isinstance(variable.law, EnergyLaw):
        return
    if param.type.array_shape != variable.type.array_shape or not variable.type.shape:
        return
    if variable.type.kind.two_valued:
        data = variable.role == "data"
        yield param.name, Start("visible", variable.name, -sign) if data else Start("hidden")


def _terms(expr: Expr, sign: int) -> Iterator[tuple[int, Expr]]:
    """The summands of an expression with their signs."""
    if isinstance(expr, Apply) and expr.extern.name in ("add", "subtract"):
        left, right = expr.args
        yield from _terms(left, sign)
        yield from _terms(right, sign if expr.extern.name == "add" else -sign)
    elif isinstance(expr, Apply) and expr.extern.name == "negative":
        yield from _terms(expr.args[0], -sign)
    else:
        yield sign, expr


def _factors(expr: Expr, sign: int) -> tuple[int, list[Expr]]:
    """What a product, contracted or summed up, multiplies, with the sign of the whole."""
    match expr:
        case Apply(args=(one,)) if expr.extern.name == "negative":
            return _factors(one, -sign)
        case Apply(args=(one,)) if expr.extern.name == "sum":
            return _factors(one, sign)
        case Apply(args=(left, right)) if expr.extern.has("multilinear") and not isinstance(
            left, Literal
        ):
            sign, before = _factors(left, sign)
            sign, after = _factors(right, sign)
            return sign, [*before, *after]
    return sign, [expr]
