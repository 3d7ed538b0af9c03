"""From a syntax tree to one model with values for its hyperparameters and a table of its names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dgmlang.compiler import stage_hypers
from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.linking import linked, mentioned
from dgmlang.compiler.modules import Found, Module, idle_imports
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import STATIC
from dgmlang.compiler.types.static import Static, static

Declaration = ast.Variable | ast.Let | ast.Net


@frozen()
class Resolved:
    """One model of a file; `hypers` has a value, or a Dim symbol, for each hyperparameter."""

    model: ast.Model
    hypers: Mapping[str, Any]
    open: tuple[str, ...]
    names: Mapping[str, Declaration]
    models: Mapping[str, Found]
    recipes: tuple[ast.Recipe, ...]


def resolve(
    module: Module, report: Report, settings: Mapping[str, Any], model: str | None = None
) -> Resolved:
    """Pick the model, give its hyperparameters values, and list its names.

    Args:
        module: The root file, with what it may use of others.
        report: Takes DGM0203 to DGM0209.
        settings: Values for hyperparameters, as from `--set` or keywords of `load`.
        model: The model asked for; by default the file's last.
    """
    tree, place = module.tree, module.source.name
    own = {n: found.declaration for n, found in module.own.items()}
    models = {n: d for n, d in own.items() if isinstance(d, ast.Model)}
    if not models:
        report.say(codes.no_model(place))
        report.settle()
    if model is not None and model not in models:
        report.say(codes.no_such_model(model, models, place))
        report.settle()
    chosen = models[model] if model else list(models.values())[-1]
    outer = tuple(s for s in tree.statements if isinstance(s, ast.Recipe))
    inner = tuple(s for s in chosen.body if isinstance(s, ast.Recipe))
    idle_imports(module, mentioned(tree.statements), report)
    return replace(instance(chosen, module, settings, report), recipes=outer + inner)


def instance(
    model: ast.Model, home: Module, settings: Mapping[str, Any], report: Report
) -> Resolved:
    """A model of a file, as one that another model names as a law: its own recipes do not count."""
    texts, chains = stage_hypers.lets(model, settings, report)
    hypers = _hypers(model, settings, texts, report)
    left = tuple(n for n, v in hypers.items() if isinstance(v, Dim) and v.value is None)
    own = {**_names(model, home, report), **chains}
    outside, models = linked(model, home, own, report)
    return Resolved(model, hypers, left, {**own, **outside}, {**home.models, **models}, ())


def _hypers(
    model: ast.Model,
    settings: Mapping[str, Any],
    texts: Mapping[str, str | None],
    report: Report,
) -> dict[str, Any]:
    """The values by name; of nets and stages, which are no values, what is written."""
    known = [h.name for h in model.hypers]
    for name in settings:
        if name not in known:
            place = model.span.source.name
            report.say(codes.unknown_hyperparameter(name, model.name, known, place))
    values: dict[str, Any] = {}
    for hyper in model.hypers:
        if hyper.name in texts:
            values[hyper.name] = texts[hyper.name]
        elif hyper.type.kind not in STATIC:
            report.say(codes.hyperparameter_kind(hyper.type.span, hyper.type.kind))
            values[hyper.name] = None
        else:
            values[hyper.name] = _value(hyper, settings, values, report)
    return values


def _value(
    hyper: ast.Hyper, settings: Mapping[str, Any], values: Mapping[str, Any], report: Report
) -> Any:
    if hyper.name in settings:
        value = _plain(settings[hyper.name])
    elif hyper.default is not None:
        value = static(hyper.default, Static(values, report, words=hyper.type.kind == "name"))
    else:
        return Dim.symbol(hyper.name)
    if not _fits(value, hyper.type):
        wanted = hyper.type.kind + ("[]" if hyper.type.shape is not None else "")
        report.say(codes.wrong_hyperparameter(hyper.span, hyper.name, wanted, repr(value)))
        return None
    return value


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


def _fits(value: Any, wanted: ast.TypeExpr) -> bool:
    if value is None or isinstance(value, Dim):
        return True  # reported already, or open
    if wanted.shape is not None:
        scalar = ast.TypeExpr(wanted.kind, span=wanted.span)
        return isinstance(value, tuple) and all(_fits(v, scalar) for v in value)
    if wanted.kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if wanted.kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, {"bool": bool, "name": str}.get(wanted.kind, object))


def _names(model: ast.Model, home: Module, report: Report) -> dict[str, Declaration]:
    """What the model declares; no name of it may mean something of its file already (DGM0203)."""
    names: dict[str, Declaration] = {}
    spans = {n: span for n, span in home.spans.items() if n not in home.models}
    for hyper in model.hypers:
        if hyper.name in spans:
            report.say(codes.declared_twice(hyper.span, spans[hyper.name], hyper.name))
        spans[hyper.name] = hyper.span
    for declaration, name, span in _declarations(model.body):
        if name in spans:
            report.say(codes.declared_twice(span, spans[name], name))
            continue
        spans[name] = span
        names[name] = declaration
        if isinstance(declaration, ast.Net):
            for ports in (declaration.parameters, declaration.heads):
                _once(ports, report)
    _indices(model.body, spans, report)
    return names


def _once(ports: Sequence[ast.Port], report: Report) -> None:
    """DGM0203 where two parameters of a net, or two heads, have one name."""
    seen: dict[str, Span] = {}
    for port in ports:
        if port.name in seen:
            report.say(codes.declared_twice(port.span, seen[port.name], port.name))
        seen.setdefault(port.name, port.span)


def _indices(body: tuple[ast.Statement, ...], spans: Mapping[str, Any], report: Report) -> None:
    """DGM0203 where a loop's variable has a name that is taken, by a loop around it too."""
    for s in body:
        if isinstance(s, ast.For):
            if s.variable in spans:
                report.say(codes.declared_twice(s.span, spans[s.variable], s.variable))
            _indices(s.body, {**spans, s.variable: s.span}, report)


def _declarations(body: tuple[ast.Statement, ...]) -> Iterator[tuple[Declaration, str, Any]]:
    for s in body:
        if isinstance(s, ast.Variable):
            yield s, s.name, s.name_span
        elif isinstance(s, ast.Net):
            yield s, s.name, s.span
        elif isinstance(s, ast.Let):
            yield from ((s, name, s.span) for name in s.names)
        elif isinstance(s, ast.For):
            yield from _declarations(s.body)
