"""Models as laws: `z ~ RealNVP(d = 2, layers = 6)`, and what of the model comes along."""

from __future__ import annotations

from collections.abc import Mapping
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
    Mixture,
    Named,
    Program,
    Pushed,
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
from dgmlang.compiler.types.renamed import Renaming
from dgmlang.compiler.types.scope import Scope
from dgmlang.compiler.types.static import static
from dgmlang.compiler.walk import reads


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
    return [s for s in model.body if isinstance(s, ast.Variable) and s.role == role]


def _sizes(model: ast.Model, data: ast.Variable, target: Type) -> dict[str, Any]:
    """Hyperparameters that are an axis of the data alone, from the shape that is wanted."""
    axes = (data.type.shape or ()) if data.type else ()
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
    own = scope.own
    here = own or scope.instance
    owner = scope.owner if here else (*scope.owner, scope.place(name, node.span))
    if not _one_size(node, owner, inner, scope):
        return None
    local = frozenset(v.name for v in inner.having("latent"))
    renamed = Renaming(owner, data.name, scope.law_of or data.name, givens, local)
    law = _alone(inner, data)
    if law is None and not own:
        what = f"the latents or energies of `{name}` here"
        scope.report.say(name_codes.not_built(node.span, what))
        return None
    if law is None and scope.ranges:
        # They would be one for all turns, where each turn draws its own.
        what = f"the latents or energies of `{name}` in a loop"
        scope.report.say(name_codes.not_built(node.span, what))
        return None
    latents = inner.having("latent") if law is None else ()
    shared = scope.shared
    for variable in (*inner.having("param"), *latents):
        shared.inlined[renamed.name(variable.name)] = _variable(variable, renamed)
    for net in inner.nets.values():
        shared.inlined_nets[renamed.name(net.name)] = renamed(net)
    if law is None:
        shared.inlined_energies.extend(renamed(inner.energies))
        guided = {} if inner.guide is None else inner.guide.laws
        shared.inlined_guide.update({renamed.name(n): renamed(q) for n, q in guided.items()})
    law = data.law if law is None else law
    return None if law is None else replace(renamed(law), span=node.span)


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


def _variable(variable: Variable, renamed: Renaming) -> Variable:
    name = renamed.name(variable.name)
    return replace(variable, name=name, law=renamed(variable.law), start=renamed(variable.start))


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
