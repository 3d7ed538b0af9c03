"""From a syntax tree to one model with values for its hyperparameters and a table of its names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from dgmlang.compiler.diagnostics.codes import names as codes
from dgmlang.compiler.library import library
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.static import Static, static

Declaration = ast.Variable | ast.Let | ast.Net


@dataclass(frozen=True)
class Resolved:
    """One model of a file; `hypers` has a value, or a Dim symbol, for each hyperparameter."""

    model: ast.Model
    hypers: Mapping[str, Any]
    open: tuple[str, ...]
    names: Mapping[str, Declaration]
    models: Mapping[str, ast.Model]
    recipes: tuple[ast.Recipe, ...]


def resolve(
    tree: ast.File, report: Report, settings: Mapping[str, Any], model: str | None = None
) -> Resolved:
    """Pick the model, give its hyperparameters values, and list its names.

    Args:
        tree: A parsed file.
        report: Takes DGM0203 to DGM0209.
        settings: Values for hyperparameters, as from `--set` or keywords of `load`.
        model: The model asked for; by default the file's last.
    """
    models = _models(tree, report)
    place = tree.span.source.name
    if not models:
        report.say(codes.no_model(place))
        report.settle()
    if model is not None and model not in models:
        report.say(codes.no_such_model(model, models, place))
        report.settle()
    chosen = models[model] if model else list(models.values())[-1]
    hypers = _hypers(chosen, settings, report)
    outer = tuple(s for s in tree.statements if isinstance(s, ast.Recipe))
    inner = tuple(s for s in chosen.body if isinstance(s, ast.Recipe))
    return Resolved(
        chosen,
        hypers,
        tuple(n for n, v in hypers.items() if isinstance(v, Dim) and v.value is None),
        _names(chosen, report),
        {**_imports(tree, report), **models},
        outer + inner,
    )


def instance(
    model: ast.Model, settings: Mapping[str, Any], models: Mapping[str, ast.Model], report: Report
) -> Resolved:
    """A model that another one names as a law; its own recipes do not count there."""
    hypers = _hypers(model, settings, report)
    left = tuple(n for n, v in hypers.items() if isinstance(v, Dim) and v.value is None)
    return Resolved(model, hypers, left, _names(model, report), models, ())


def _models(tree: ast.File, report: Report) -> dict[str, ast.Model]:
    """The file's models by name (DGM0203); what else a user's file may not hold yet (DGM0290)."""
    found: dict[str, ast.Model] = {}
    for s in tree.statements:
        if isinstance(s, ast.Extern):
            report.say(codes.not_built(s.span, "`extern` statements"))
        elif isinstance(s, ast.Let | ast.Net):
            report.say(codes.not_built(s.span, "declarations outside a model"))
        elif isinstance(s, ast.Model):
            first = found.setdefault(s.name, s)
            if first is not s:
                report.say(codes.declared_twice(s.name_span, first.name_span, s.name))
    if any(isinstance(s, ast.Let | ast.Net) for s in tree.statements):
        report.settle()  # what reads them would be reported as unknown
    return found


def _imports(tree: ast.File, report: Report) -> dict[str, ast.Model]:
    found: dict[str, ast.Model] = {}
    names = set(mentioned(tree.statements))
    for use in (s for s in tree.statements if isinstance(s, ast.Use)):
        if use.path is not None:
            report.say(codes.not_built(use.span, "imports of files"))
            continue
        for name, alias in use.names:
            if name in library().models:
                found[alias] = library().models[name]
                if alias not in names:
                    report.say(codes.idle(use.span, "import", alias))
            else:
                known = library().models
                report.say(codes.unknown_builtin(use.span, "library model", name, known))
    return found


def mentioned(node: object) -> Iterator[str]:
    """Every name that stands somewhere below a piece of syntax."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, tuple):
        for item in node:
            yield from mentioned(item)
    elif isinstance(node, ast.Node):
        for field in fields(node):
            yield from mentioned(getattr(node, field.name))


def _hypers(model: ast.Model, settings: Mapping[str, Any], report: Report) -> dict[str, Any]:
    known = [h.name for h in model.hypers]
    for name in settings:
        if name not in known:
            place = model.span.source.name
            report.say(codes.unknown_hyperparameter(name, model.name, known, place))
    values: dict[str, Any] = {}
    for hyper in model.hypers:
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


def _names(model: ast.Model, report: Report) -> dict[str, Declaration]:
    names: dict[str, Declaration] = {}
    spans = {h.name: h.span for h in model.hypers}
    for declaration, name, span in _declarations(model.body):
        if name in spans:
            report.say(codes.declared_twice(span, spans[name], name))
            continue
        spans[name] = span
        names[name] = declaration
    _indices(model.body, spans, report)
    return names


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
