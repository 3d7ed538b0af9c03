"""What only the whole program shows: cycles, declarations that nothing reads, laws that clash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.program import ComputedLaw, EnergyLaw, Program
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.causality import check_causality
from dgmlang.compiler.types.scope import Shared
from dgmlang.compiler.walk import arguments, parents, reads


def once(body: Sequence[ast.Statement], recipes: Sequence[ast.Recipe], report: Report) -> None:
    """DGM0203 where something that a model has once, or a recipe's name, stands twice."""
    seen: dict[str, Span] = {}
    for statement in (*body, *recipes):
        name = _title(statement)
        if name is None or seen.setdefault(name, statement.span) is statement.span:
            continue
        report.say(name_codes.declared_twice(statement.span, seen[name], name))


def _title(statement: ast.Statement) -> str | None:
    match statement:
        case ast.Companion():
            return statement.role
        case ast.Critic():
            return "critic"
        case ast.Score():
            return f"score {statement.variable}"
        case ast.Recipe():
            return f"recipe {statement.name}"
    return None


def settle(program: Program, report: Report) -> None:
    """The rules that hold between declarations."""
    for variable in program.variables.values():
        if variable.law is not None:
            check_causality(variable.law, program.nets, report)
    _acyclic(program, report)
    _data_from_data(program, report)
    _energies(program, report)
    _guide(program, report)


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
    if name in done:
        return
    for parent in parents(program.variables[name].law):
        if parent != name:
            _visit(parent, (*path, name), program, done, report)
    done.add(name)


def _data_from_data(program: Program, report: Report) -> None:
    for v in program.having("data"):
        if isinstance(v.law, ComputedLaw):
            above = [n for n in parents(v.law) if program.variables[n].role == "data"]
            if above:
                report.say(codes.computed_from_data(v.span, v.name))


def _energies(program: Program, report: Report) -> None:
    """Each energy shapes some law; directed laws beside energies are not built."""
    energetic = {v.name for v in program.variables.values() if isinstance(v.law, EnergyLaw)}
    for energy in program.energies:
        if not set(reads(energy)) & energetic:
            report.say(codes.idle_energy(energy.span))
    directed = [v for v in program.having("data", "latent") if v.name not in energetic]
    if energetic and directed:
        report.say(name_codes.not_built(directed[0].span, "directed laws beside an energy"))


def _guide(program: Program, report: Report) -> None:
    """A guide's laws read latents that the guide draws too."""
    if program.guide is None:
        return
    for law in program.guide.laws.values():
        for name, place in reads(*arguments(law)).items():
            if program.variables[name].role == "latent" and name not in program.guide.laws:
                report.say(codes.guide_reads_latent(place.span, name))


def idle_declarations(
    program: Program, shared: Shared, hypers: Set[str], model: ast.Model
) -> Iterator[Diagnostic]:
    """DGM0292 for each hyperparameter, net, name, param or given that nothing reads."""
    read = shared.used | set(reads(*program.energies))
    for hyper in model.hypers:
        if hyper.name not in hypers | shared.used:
            yield name_codes.idle(hyper.span, "hyperparameter", hyper.name)
    for name, declaration in shared.declarations.items():
        if name in read:
            continue
        if isinstance(declaration, ast.Net):
            yield name_codes.idle(declaration.span, "net", name)
        elif isinstance(declaration, ast.Let):
            yield name_codes.idle(declaration.span, "name", name)
        elif declaration.role in ("param", "given"):
            yield name_codes.idle(declaration.name_span, declaration.role, name)
