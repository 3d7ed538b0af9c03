"""Models as laws: `z ~ RealNVP(d = 2, layers = 6)`, and what of the model comes along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dgmlang.compiler import stage_hypers
from dgmlang.compiler.diagnostics.codes import calls as call_codes
from dgmlang.compiler.diagnostics.codes import laws as words
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.modules import Module
from dgmlang.compiler.program import (
    Chosen,
    ComputedLaw,
    Expr,
    Law,
    Marginal,
    Mixture,
    Named,
    Program,
    Pushed,
    Read,
    Variable,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.resolve import instance
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import place
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.expressions import optional_value
from dgmlang.compiler.types.invoke import accepted
from dgmlang.compiler.types.kinds import Type
from dgmlang.compiler.types.looped import bring, counters, put, turns, whole_type
from dgmlang.compiler.types.renamed import Renaming
from dgmlang.compiler.types.scope import Range, Scope
from dgmlang.compiler.types.static import static
from dgmlang.compiler.walk import laws, past, reads


def model_law(node: ast.Call, name: str, target: Type, scope: Scope) -> Law | None:
    """The law of a model's only data variable; what else the model has is added to the program.

    Where the law stands for no variable of its own (in a guide, in `log_prob`), the model may
    have params and nets, and no latents or energies.
    """
    found = scope.shared.models[name]
    model = found.declaration
    assert isinstance(model, ast.Model)
    data, givens = of_role(model, "data"), of_role(model, "given")
    if len(data) != 1:
        scope.report.say(words.not_one_variable(node.span, name, [v.name for v in data]))
        return None
    hypers = [h.name for h in model.hypers]
    given_names = [v.name for v in givens]
    bound = place(name, given_names, [*given_names, *hypers], node.arguments, scope.report)
    if bound is None:
        return None
    settings = {
        h.name: _setting(h, bound[h.name].value, scope) for h in model.hypers if h.name in bound
    }
    settings = {**_sizes(model, data[0], target), **settings}
    inner = _checked(model, found.home, settings, node.span, scope)
    if inner is None:
        return None
    values = _givens(node, name, inner, bound, scope)
    return None if values is None else _placed(node, name, inner, values, scope)


def _setting(hyper: ast.Hyper, node: ast.Expr, scope: Scope) -> Any:
    """A hyperparameter's value; of a net or a stage the chain, which reads no name of here."""
    if hyper.type.kind in stage_hypers.KINDS:
        return stage_hypers.closed(node, scope.statics)
    return static(node, scope.static)


def of_role(model: ast.Model, role: str) -> list[ast.Variable]:
    """The model's variables of a role."""
    return [s for s, _ in _declared(model.body, ()) if s.role == role]


InLoops = tuple[ast.Variable, tuple[ast.For, ...]]


def _declared(body: Iterable[ast.Statement], around: tuple[ast.For, ...]) -> Iterator[InLoops]:
    """The declarations of a model with the loops around them."""
    for s in body:
        if isinstance(s, ast.Variable):
            yield s, around
        elif isinstance(s, ast.For):
            yield from _declared(s.body, (*around, s))


def _sizes(model: ast.Model, data: ast.Variable, target: Type) -> dict[str, Any]:
    """Hyperparameters that are an axis of the data alone, from the shape that is wanted."""
    loops = next(around for s, around in _declared(model.body, ()) if s is data)
    axes = [*(loop.stop for loop in loops), *((data.type.shape or ()) if data.type else ())]
    names = {h.name for h in model.hypers}
    if len(axes) != len(target.shape):
        return {}
    pairs = zip(axes, target.shape, strict=True)
    return {a.id: _plain(d) for a, d in pairs if isinstance(a, ast.Name) and a.id in names}


def _plain(dim: Dim) -> int | Dim:
    return dim if dim.value is None else dim.value


def _checked(
    model: ast.Model, home: Module, settings: Mapping[str, Any], span: Span, scope: Scope
) -> Program | None:
    """The model with these hyperparameters as a program; its own mistakes are said once."""
    from dgmlang.compiler.types.check import check

    shared = scope.shared
    place = next((i for i, above in enumerate(shared.above) if above is model), None)
    if place is not None:
        names = tuple(above.name for above in shared.above[place:])
        scope.report.say(name_codes.cycle(span, names))
        return None
    plain = {n: _plain(v) if isinstance(v, Dim) else v for n, v in settings.items()}
    missing = [h.name for h in model.hypers if h.default is None and h.name not in plain]
    for name in missing:
        wanted = f"{model.name}({', '.join(h.name for h in model.hypers)})"
        scope.report.say(call_codes.missing_argument(span, model.name, name, wanted))
    if missing or any(v is None for v in plain.values()):
        return None
    report = Report()
    found = check(instance(model, home, plain, report), report, (*shared.above, model))
    for diagnostic in report.found:
        if diagnostic.severity == "error":
            scope.report.say(diagnostic)
    return found


def _givens(
    node: ast.Call, name: str, inner: Program, bound: Mapping[str, ast.Argument], scope: Scope
) -> dict[str, Expr] | None:
    values: dict[str, Expr] = {}
    givens = inner.having("given", "shared")
    for given in givens:
        if given.name not in bound:
            wanted = f"{name}({', '.join(v.name for v in givens)})"
            scope.report.say(call_codes.missing_argument(node.span, name, given.name, wanted))
            return None
        offered = optional_value(bound[given.name].value, scope)
        taken = accepted(offered, given.type, f"`{given.name}` of `{name}`", scope)
        if taken is None or (given.role == "shared" and _of_examples(taken, given, scope)):
            return None
        values[given.name] = taken
    return values


def _of_examples(taken: Expr, given: Variable, scope: Scope) -> bool:
    """DGM0342 where what stands for a `shared` given reads what each example has one of."""
    for read, found in reads(taken).items():
        declared = scope.shared.declarations.get(read)
        if isinstance(declared, ast.Variable) and declared.of_examples:
            said = found.span, given.name, read, given.span
            scope.report.say(words.prior_of_an_example(*said))
            return True
    return False


def _placed(
    node: ast.Call, name: str, inner: Program, givens: Mapping[str, Expr], scope: Scope
) -> Law | None:
    (data,) = inner.having("data")
    own = scope.own and not _of_all(scope)
    here = scope.own or scope.instance
    owner = scope.owner if here else (*scope.owner, scope.place(name, node.span))
    if not _one_size(node, owner, inner, scope):
        return None
    local = frozenset(v.name for v in inner.having("latent", "state"))
    renamed = Renaming(owner, data.name, scope.law_of or data.name, givens, local)
    law, ranges = _alone(inner, data), turns(scope)
    if law is not None and not (past(law) and (ranges or not own)):
        _learned(inner, renamed, scope)
        return replace(renamed(law), span=node.span)
    apart = ranges and (inner.energies or any(past(law) for law in laws(inner)))
    if not own or apart:
        return _marginal(node, inner, givens, renamed, scope)
    if ranges:
        renamed = _in_turns(inner, data, renamed, ranges, node.span, scope)
    _learned(inner, renamed, scope)
    _brought(inner, renamed, ranges, scope)
    return None if data.law is None else replace(renamed(data.law), span=node.span)


def _learned(inner: Program, renamed: Renaming, scope: Scope) -> None:
    """Put the params and nets of a model into the program."""
    shared = scope.shared
    params = (renamed.variable(v) for v in inner.having("param"))
    shared.inlined.update((param.name, param) for param in params)
    shared.inlined_nets.update((renamed.name(n), renamed(net)) for n, net in inner.nets.items())


def _brought(inner: Program, renamed: Renaming, ranges: Sequence[Range], scope: Scope) -> None:
    """Put what each example has one of into the program: latents, states, and their guides."""
    shared = scope.shared
    guided = {} if inner.guide is None else inner.guide.laws
    for v in inner.having("latent", "state"):
        found, whole = renamed.variable(v), renamed.turned.get(v.name, v.type)
        bring(shared.inlined, replace(found, type=whole), ranges)
        if v.name in guided:
            put(shared.inlined_guide, found.name, renamed(guided[v.name]), ranges, whole)
    shared.inlined_energies.extend(renamed(inner.energies))


def _in_turns(
    inner: Program,
    data: Variable,
    renamed: Renaming,
    ranges: Sequence[Range],
    span: Span,
    scope: Scope,
) -> Renaming:
    """The renaming of a model of which each turn of the loops around has one."""
    local = inner.having("latent", "state")
    turned = {v.name: whole_type(v.type, ranges) for v in local}
    known = scope.shared.values[renamed.target]
    assert isinstance(known, Read)
    turned[data.name] = known.type
    return replace(renamed, turned=turned, turn=counters(ranges, span), _done={})


def _of_all(scope: Scope) -> bool:
    """Whether the law is of a param, so that what each example has one of can be none of it."""
    declared = scope.shared.declarations.get(scope.law_of or "")
    return isinstance(declared, ast.Variable) and declared.role == "param"


def _marginal(
    node: ast.Call, inner: Program, givens: Mapping[str, Expr], renamed: Renaming, scope: Scope
) -> Law:
    """The model as a law whose latents are gone; of the program it is a part by what it learns."""
    whole = renamed.program(inner)
    _learned(inner, renamed, scope)
    params = whole.having("param")
    learned = tuple(Read(v.name, type=v.type, span=node.span) for v in params)
    (data,) = whole.having("data")
    return Marginal(whole, givens, learned, type=data.type.present, span=node.span)


def _one_size(node: ast.Call, owner: tuple[str, ...], inner: Program, scope: Scope) -> bool:
    """Whether all uses of an instance that a `let` names have the same sizes (DGM0371).

    What a call leaves open is taken from where the law stands.
    """
    first = scope.shared.sizes.setdefault(owner, inner.hypers)
    for name, held in inner.hypers.items():
        if held != first[name]:
            found = (f"{name} = {first[name]}", f"{name} = {held}")
            scope.report.say(words.two_sizes(node.span, ".".join(owner), *found))
            return False
    return True


def _alone(inner: Program, data: Variable) -> Law | None:
    """The law of the data where it is one of its own: drawn, or a flow of the only latent."""
    latents, law = inner.having("latent"), data.law
    if not latents and isinstance(law, Named | Mixture | Pushed | Chosen):
        return law
    if len(latents) != 1 or not isinstance(law, ComputedLaw) or law.chain is None:
        return None
    base = latents[0].law
    if not isinstance(base, Named | Mixture | Pushed | Chosen) or law.latent != latents[0].name:
        return None
    return Pushed(base, law.chain, type=data.type, span=data.span)
