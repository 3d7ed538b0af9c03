"""Laws: distributions of the library, laws pushed through bijections, mixtures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dgmlang.compiler.diagnostics.codes import calls as call_codes
from dgmlang.compiler.diagnostics.codes import laws as words
from dgmlang.compiler.diagnostics.codes import nested as nested_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import (
    Binned,
    Chain,
    Expr,
    Law,
    Literal,
    Mixture,
    Named,
    Pushed,
    Quantized,
    Read,
    Stage,
    Variable,
    WithinBin,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types import lets
from dgmlang.compiler.types.calls import bind_arguments, group_of, place
from dgmlang.compiler.types.chosen import chosen
from dgmlang.compiler.types.declared import bind, instantiate
from dgmlang.compiler.types.dims import Dim, Shape, broadcast, show
from dgmlang.compiler.types.ends import symbols, with_end
from dgmlang.compiler.types.expressions import expression, head, value
from dgmlang.compiler.types.kinds import ANY, REAL, UNIT, Kind, Type, within
from dgmlang.compiler.types.law_arguments import along, axes, bounds, most, numbers_last, taken
from dgmlang.compiler.types.literals import as_array, told
from dgmlang.compiler.types.looped import at_turn, bring, put, turns, whole_type
from dgmlang.compiler.types.loops import decided
from dgmlang.compiler.types.models import model_law
from dgmlang.compiler.types.no_law import not_a_law
from dgmlang.compiler.types.scope import Record, Scope, Wrong
from dgmlang.compiler.types.stages import bijective, chain, unroll


def law(node: ast.Expr, target: Type, declared_at: Span, scope: Scope) -> Law | None:
    """The law that `node` writes for a variable of type `target`; None where it is wrong."""
    if isinstance(node, ast.Pipe):
        return _pushed(node, target, declared_at, scope)
    if (let := lets.law_named_by(node, scope)) is not None:
        return _instance(node, let, target, declared_at, scope)
    if isinstance(node, ast.Conditional) and (truth := decided(node.test, scope)) is not None:
        return law(node.then if truth else node.otherwise, target, declared_at, scope)
    if isinstance(node, ast.Conditional):
        return chosen(node, target, declared_at, scope)
    if not isinstance(node, ast.Call) or not isinstance(node.function, ast.Name):
        return not_a_law(node, scope)
    if node.block is not None:
        scope.report.say(codes.stray_block(node.block.span, node.function.id))
        return None
    name = node.function.id
    if name == "mixture":
        return _mixture(node, target, declared_at, scope)
    if name == "quantize":
        return _quantized(node, target, declared_at, scope)
    if name in scope.shared.models:
        of_model = model_law(node, name, target, scope)
        if of_model is None or not _supports(of_model, target, declared_at, scope):
            return None
        return _shaped(of_model, target, scope)
    externs = library().space("dist")
    if name not in externs:
        return not_a_law(node, scope)
    named = _named(node, externs[name], target, scope)
    return named if named and _supports(named, target, declared_at, scope) else None


def _instance(
    node: ast.Expr, let: ast.Let, target: Type, declared_at: Span, scope: Scope
) -> Law | None:
    """What a `let` names, put in; all its uses have one set of parameters, under its name."""
    inner, name = lets.arguments(node, let, scope), let.names[0]
    with scope.shared.elaborating(name, node.span) as fresh:
        if inner is None or not fresh:
            return None
        around = scope.around or scope.ranges
        inner = inner.within(owner=(name,), kept=None, instance=True, enclosed=not scope.own)
        inner = inner.within(around=around)
        inner.afresh()
        return law(let.value, target, declared_at, inner)


def _shaped(found: Law, target: Type, scope: Scope) -> Law | None:
    """The law of a model, where the model's variable has the shape that is wanted."""
    if found.type.array_shape == target.array_shape:
        return found
    shapes = show(target.array_shape), show(found.type.array_shape)
    scope.report.say(codes.shape_mismatch(found.span, *shapes))
    return None


# ── named distributions ──────────────────────────────────────────────────────────────────────────


def _named(
    node: ast.Call, extern: Extern, target: Type, scope: Scope, over: Shape | None = None
) -> Named | None:
    arguments = spread(node.arguments, scope)
    if arguments is None:
        return None
    bound = bind_arguments(extern, [a for a, _ in arguments], node.span, scope.report)
    if bound is None:
        return None
    fixed = bounds(extern, bound, node, scope)
    if fixed is None:
        return None
    ready = {a.name: e for a, e in arguments if e is not None} | fixed
    values = {n: ready[n] if n in ready else value(a.value, scope) for n, a in bound.items()}
    values |= fixed
    for parameter in group_of(extern, values):
        if parameter.name not in values and parameter.default is not None:
            values[parameter.name] = value(parameter.default, scope)
    if any(isinstance(e, Wrong) for e in values.values()):
        return None
    values = with_end(extern, values, target.kind, scope)
    return _fitted(node, extern, values, most(extern, bound, scope), target, scope, over)


def spread(
    arguments: Sequence[ast.Argument], scope: Scope
) -> list[tuple[ast.Argument, Expr | None]] | None:
    """Arguments with `f(x)...` replaced by the record's heads as keywords."""
    result: list[tuple[ast.Argument, Expr | None]] = []
    for argument in arguments:
        if not argument.spread:
            result.append((argument, None))
            continue
        record = expression(argument.value, scope)
        if isinstance(record, Wrong):
            return None
        if not isinstance(record, Record):
            scope.report.say(codes.not_a_record(argument.span, "...", ()))
            return None
        for name in record.heads:
            keyword = ast.Argument(argument.value, name, span=argument.span)
            result.append((keyword, head(record, name, argument.span)))
    return result


def _fitted(
    node: ast.Call,
    extern: Extern,
    values: dict[str, Expr],
    sizes: dict[str, Dim],
    target: Type,
    scope: Scope,
    over: Shape | None,
) -> Named | None:
    dims: dict[str, Dim] = {}
    leading: Shape = ()
    for parameter in numbers_last(extern, values):
        arg = values[parameter.name]
        whole = parameter.name in sizes
        arg = arg if whole else taken(extern, parameter.type, parameter.name, arg, scope)
        if arg is None:
            return None
        shape = target.shape if over is None else over
        arg = along(arg, parameter.type, {**axes(extern, target, shape), **dims}, scope)
        values[parameter.name] = arg
        rest = bind(parameter.type, arg.type, dims)
        joined = None if rest is None else broadcast(leading, rest)
        if joined is None:
            wanted, given = parameter.type.span.text, arg.type
            shown = str(given) if given.array_shape else "a number"
            scope.report.say(codes.shape_mismatch(arg.span, wanted, shown))
            return None
        leading = joined
    assert extern.type is not None
    static = {p.name for p in extern.parameters if p.static}
    ends = {n: v.value for n, v in values.items() if n in static and isinstance(v, Literal)}
    one = instantiate(extern.type, dims, ends | sizes, scope.static)
    found = Type(one.kind, leading + one.shape)
    whole = target.shape if over is None else over
    if broadcast(found.shape, whole) != whole:
        scope.report.say(codes.shape_mismatch(node.span, show(whole), show(found.shape)))
        return None
    return Named(extern, values, type=Type(one.kind, whole), span=node.span)


def _supports(found: Law, target: Type, declared_at: Span, scope: Scope) -> bool:
    support, kind = found.type.kind, symbols(target.kind, scope)
    levels = {support.name, kind.name} <= LEVELS and None is not support.levels == kind.levels
    if kind.name == "any" or support == kind or levels or within(support, kind):
        return True
    name = found.extern.name if isinstance(found, Named) else "the law"
    help = _SUPPORT_HELP.get((support.name, kind.name))
    mismatch = words.support_mismatch(found.span, name, str(support), declared_at, str(kind), help)
    scope.report.say(mismatch)
    return False


LEVELS = frozenset({"cat", "grey", "count"})
"""Kinds whose values are whole numbers from 0, so that a law of one is a law of another."""

_SUPPORT_HELP = {
    ("real", "positive"): "use `LogNormal(…)`, or push it through `|> exp`",
    ("real", "unit"): "use `Beta(…)`, or push it through `|> sigmoid`",
    ("real", "grey"): "a density of integers needs `quantize(…)`",
    ("real", "cat"): "use `Categorical(…)`",
    ("real", "bit"): "use `Bernoulli(…)`",
    ("real", "count"): "use `Poisson(…)`, `NegativeBinomial2(…)` or `Binomial(…)`",
    ("bit", "real"): "declare the variable `bit`, or use `Normal(…)`",
    ("bit", "spin"): "spins take their law from an `energy`",
    ("cat", "real"): "declare the variable `cat(K)`",
}

# ── composed laws ────────────────────────────────────────────────────────────────────────────────


def _pushed(node: ast.Pipe, target: Type, declared_at: Span, scope: Scope) -> Pushed | None:
    first, stages = unroll(node)
    base = law(first, Type(REAL, target.shape), first.span, scope)
    source = Type(REAL if base is None else base.type.kind, target.shape)
    found = None if base is None else bijections(stages, source, scope)
    if base is None or found is None:
        return None
    result = Pushed(base, found, type=Type(found.target.kind, target.shape), span=node.span)
    if found.target.shape != target.shape:
        shapes = show(target.shape), show(found.target.shape)
        scope.report.say(codes.shape_mismatch(node.span, *shapes))
        return None
    return result if _supports(result, target, declared_at, scope) else None


def bijections(nodes: Sequence[ast.Expr], source: Type, scope: Scope) -> Chain | None:
    """A chain in which every stage can be inverted (DGM0317)."""
    found = chain(nodes, source, scope)
    if found is None or bijective(found):
        return found
    layer = next(s for s in inner_stages(found) if s.extern.kind != "bijection")
    scope.report.say(words.not_invertible(layer.span, layer.extern.name))
    return None


def inner_stages(found: Chain) -> Iterator[Stage]:
    """The stages of a chain and of its blocks."""
    for stage in found.stages:
        yield stage
        yield from inner_stages(stage.body) if stage.body else ()


def _quantized(node: ast.Call, target: Type, declared_at: Span, scope: Scope) -> Law | None:
    """`quantize(D)`: bins by D's cdf, or of a latent u ~ D with a uniform guide within its bin."""
    bound = place("quantize", ("D",), ("D",), node.arguments, scope.report)
    if bound is None or "D" not in bound:
        if bound is not None:
            missing = call_codes.missing_argument(node.span, "quantize", "D", "quantize(D)")
            scope.report.say(missing)
        return None
    levels = target.kind.levels
    if levels is None or target.kind.name not in ("grey", "cat"):
        kinds = "grey(K)", declared_at, str(target.kind)
        scope.report.say(words.support_mismatch(node.span, "quantize", *kinds, None))
        return None
    written = bound["D"].value
    if _has_cdf(written):
        base = law(written, Type(ANY, target.shape), declared_at, scope)
        exact = isinstance(base, Named | Mixture)
        return Quantized(base, type=target.present, span=node.span) if exact else None
    return _binned(node, written, target, levels, scope)


def _has_cdf(written: ast.Expr) -> bool:
    """Whether a law's bins are known exactly: a distribution's by its cdf, a mixture's by those."""
    if not isinstance(written, ast.Call) or not isinstance(written.function, ast.Name):
        return False
    if written.function.id == "mixture":
        return any(_has_cdf(a.value) for a in written.arguments)
    extern = library().space("dist").get(written.function.id)
    return extern is not None and extern.has("cdf")


def _binned(
    node: ast.Call, written: ast.Expr, target: Type, levels: Dim, scope: Scope
) -> Law | None:
    own = scope.law_of
    if own is None or not scope.own:
        scope.report.say(nested_codes.bins_elsewhere(node.span, written.span.text))
        return None
    base = law(written, Type(UNIT, target.shape), written.span, scope)
    if base is None:
        return None
    name, shared, ranges, type_ = f"{own}.u", scope.shared, turns(scope), Type(UNIT, target.shape)
    known = shared.values[own]
    assert isinstance(known, Read)
    seen = at_turn(replace(known, span=node.span), target.present, ranges)
    whole = whole_type(type_, ranges)
    bring(shared.inlined, Variable("latent", name, whole, base, None, node.span), ranges)
    within_bin = WithinBin(seen, levels, type=type_, span=node.span)
    put(shared.inlined_guide, name, within_bin, ranges, whole)
    latent = at_turn(Read(name, type=whole, span=node.span), type_, ranges)
    return Binned(latent, type=target.present, span=node.span)


def _mixture(node: ast.Call, target: Type, declared_at: Span, scope: Scope) -> Mixture | None:
    names = ("weights", "D")
    bound = place("mixture", names, names, node.arguments, scope.report)
    if bound is None:
        return None
    if len(bound) != len(names):
        missing = next(n for n in names if n not in bound)
        text = "mixture(weights, D)"
        scope.report.say(call_codes.missing_argument(node.span, "mixture", missing, text))
        return None
    arguments = [bound[n].value for n in names]
    weights = value(arguments[0], scope)
    if isinstance(weights, Wrong):
        return None
    shares = as_array(weights, "simplex", "the weights")
    if shares is None:
        found, help = told(weights, Kind("simplex"))
        scope.report.say(codes.kind_mismatch(weights.span, "simplex", found, "the weights", help))
        return None
    weights = shares
    batch, components = weights.type.shape, weights.type.kind.inner
    entry = target.shape[len(batch) :]
    component = arguments[1]
    externs = library().space("dist")
    name = component.function if isinstance(component, ast.Call) else component
    if (
        not isinstance(component, ast.Call)
        or not isinstance(name, ast.Name)
        or name.id not in externs
    ):
        if isinstance(name, ast.Name) and name.id in {*scope.shared.models, "mixture", "quantize"}:
            scope.report.say(words.not_a_component(component.span, f"`{name.id}`"))
            return None
        return not_a_law(component, scope)
    if target.shape[: len(batch)] != batch:
        scope.report.say(codes.shape_mismatch(node.span, show(target.shape), show(batch)))
        return None
    inner = _named(component, externs[name.id], target, scope, (*batch, *components, *entry))
    if inner is None:
        return None
    result = Mixture(weights, inner, type=Type(inner.type.kind, target.shape), span=node.span)
    return result if _supports(result, target, declared_at, scope) else None
