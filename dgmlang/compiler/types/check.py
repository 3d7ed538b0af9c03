"""From a resolved model to a typed program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import (
    RECIPE_KEYS,
    ComputedLaw,
    Law,
    Net,
    Program,
    Read,
    Recipe,
    Variable,
)
from dgmlang.compiler.report import Report
from dgmlang.compiler.resolve import Resolved
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types import companions, nets
from dgmlang.compiler.types.causality import check_causality
from dgmlang.compiler.types.declared import declared
from dgmlang.compiler.types.expressions import value
from dgmlang.compiler.types.origins import law_of
from dgmlang.compiler.types.scope import Scope, Shared
from dgmlang.compiler.types.static import Static, static
from dgmlang.compiler.walk import parents, reads


class Tracked(dict[str, Any]):
    """The hyperparameters, remembering which were read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)


def check(resolved: Resolved, report: Report) -> Program | None:
    """The typed program, or None where the report holds an error."""
    model = resolved.model
    hypers = Tracked(resolved.hypers)
    types = {h.name: h.type for h in model.hypers}
    shared = Shared(report, hypers, types, resolved.names, resolved.models)
    scope = Scope(shared, {})
    _refuse_unbuilt(model.body, report)
    written = [s for s in model.body if isinstance(s, ast.Variable)]
    declare(written, scope)
    nets_found = _nets(resolved, scope)
    energies = tuple(companions.energy(s, scope) for s in model.body if isinstance(s, ast.Energy))
    scores = {s.variable: s for s in model.body if isinstance(s, ast.Score)}
    variables = {s.name: _variable(s, scores, bool(energies), scope) for s in written}
    guide, noise = companions.guide(model.body, scope), companions.noise(model.body, scope)
    critic = companions.critic(model.body, scope)
    recipes = {r.name: _recipe(r, scope) for r in resolved.recipes}
    if report.failed:
        return None
    program = Program(
        model.name,
        model.doc,
        dict(resolved.hypers),
        resolved.open,
        {n: v for n, v in variables.items() if v is not None},
        nets_found,
        tuple(e for e in energies if e is not None),
        guide,
        critic,
        noise,
        recipes,
        model.span,
    )
    _settle(program, shared, hypers, model)
    return None if report.failed else program


def declare(statements: list[ast.Variable], scope: Scope) -> None:
    """Give every variable its type, so that laws may read them in any order."""
    for s in statements:
        if s.type is None:
            continue  # the parser has said so
        type_ = declared(s.type, scope.static)
        if type_.optional or type_.entry_optional:
            scope.report.say(name_codes.not_built(s.type.span, "variables that may be missing"))
        scope.shared.values[s.name] = Read(s.name, type=type_, span=s.name_span)


def _refuse_unbuilt(body: tuple[ast.Statement, ...], report: Report) -> None:
    for s in body:
        if isinstance(s, ast.For):
            report.say(name_codes.not_built(s.span, "loops"))
        elif isinstance(s, ast.Variable) and s.shared:
            report.say(name_codes.not_built(s.span, "shared givens"))


def _nets(resolved: Resolved, scope: Scope) -> dict[str, Net]:
    written = [d for d in resolved.names.values() if isinstance(d, ast.Net)]
    found = (nets.elaborate(net, scope) for net in written)
    return {net.name: net for net in found if net is not None}


def _variable(
    s: ast.Variable, scores: Mapping[str, ast.Score], energies: bool, scope: Scope
) -> Variable | None:
    known = scope.shared.values.get(s.name)
    if not isinstance(known, Read):
        return None
    start = None if s.start is None else value(s.start, scope)
    law = law_of(s, known.type, scores.get(s.name), energies, scope)
    return Variable(s.role, s.name, known.type, law, start, s.span, s.doc)


def _recipe(recipe: ast.Recipe, scope: Scope) -> Recipe:
    settings: dict[str, Any] = {}
    for s in (s for s in recipe.settings if not s.prepare):
        if s.key not in RECIPE_KEYS:
            scope.report.say(name_codes.unknown_setting(s.span, s.key, RECIPE_KEYS))
        number = isinstance(s.value, ast.Number | ast.Unary)
        held = Static(scope.shared.hypers, scope.report)
        settings[s.key] = static(s.value, held) if number else s.value.span.text
    prepare = {s.key: s.value for s in recipe.settings if s.prepare}
    return Recipe(recipe.name, settings, prepare, recipe.span)


# ── what only the whole program shows ────────────────────────────────────────────────────────────


def _settle(program: Program, shared: Shared, hypers: Tracked, model: ast.Model) -> None:
    for variable in program.variables.values():
        if variable.law is not None:
            check_causality(variable.law, program.nets, shared.report)
    _acyclic(program, shared.report)
    _data_from_data(program, shared.report)
    for role, name, span in _idle(program, shared, hypers, model):
        shared.report.say(name_codes.idle(span, role, name))


def _acyclic(program: Program, report: Report) -> None:
    done: set[str] = set()
    for name in program.variables:
        _visit(name, (), program, done, report)


def _visit(
    name: str, path: tuple[str, ...], program: Program, done: set[str], report: Report
) -> None:
    if name in path:
        report.say(name_codes.cycle(program.variables[name].span, path[path.index(name) :]))
        return
    if name in done or name not in program.variables:
        return
    law: Law | None = program.variables[name].law
    for parent in parents(law):
        if parent != name:
            _visit(parent, (*path, name), program, done, report)
    done.add(name)


def _data_from_data(program: Program, report: Report) -> None:
    for v in program.having("data"):
        if isinstance(v.law, ComputedLaw):
            above = [n for n in parents(v.law) if program.variables[n].role == "data"]
            if above:
                report.say(codes.computed_from_data(v.span, v.name))


def _idle(
    program: Program, shared: Shared, hypers: Tracked, model: ast.Model
) -> Iterator[tuple[str, str, Any]]:
    read = shared.used | set(reads(*program.energies))
    for hyper in model.hypers:
        if hyper.name not in hypers.read | shared.used:
            yield "hyperparameter", hyper.name, hyper.span
    for name, declaration in shared.declarations.items():
        if name in read:
            continue
        if isinstance(declaration, ast.Net):
            yield "net", name, declaration.span
        elif isinstance(declaration, ast.Let):
            yield "name", name, declaration.span
        elif declaration.role in ("param", "given"):
            yield declaration.role, name, declaration.name_span
