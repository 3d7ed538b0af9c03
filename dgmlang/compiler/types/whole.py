"""What only the whole program shows: cycles, declarations that nothing reads, laws that clash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from dgmlang.compiler.diagnostics.codes import companions as companion_codes
from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.program import ComputedLaw, EnergyLaw, Program
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.causality import check_causality
from dgmlang.compiler.types.dependence import Circular, components
from dgmlang.compiler.types.lengths import check_lengths
from dgmlang.compiler.types.picked import check_starts
from dgmlang.compiler.types.presence import check_presence, unguarded
from dgmlang.compiler.types.scope import Shared
from dgmlang.compiler.types.stuck import check_stuck
from dgmlang.compiler.walk import arguments, behind, reads


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
        check_causality(variable, program.nets, report)
    check_lengths(program, report)
    check_presence(program, report)
    _acyclic(program, report)
    _data_from_data(program, report)
    _priors(program, report)
    check_starts(program, report)
    check_stuck(program, report)
    _chains(program, report)
    _energies(program, report)
    _guide(program, report)


def _acyclic(program: Program, report: Report) -> None:
    """DGM0207 where variables read each other, and no loop puts one before the other."""
    laws = {v.name: v.law for v in program.variables.values() if v.law is not None}
    try:
        components(laws)
    except Circular as circle:
        report.say(name_codes.cycle(program.variables[circle.names[0]].span, circle.names))


def _data_from_data(program: Program, report: Report) -> None:
    for v in program.having("data"):
        if isinstance(v.law, ComputedLaw):
            above = [n for n in behind(v.law, program) if program.variables[n].role == "data"]
            if above:
                report.say(law_codes.computed_from_data(v.span, v.name))


def _priors(program: Program, report: Report) -> None:
    """DGM0342 where the prior of a param, one for all examples, reads a value of one example."""
    for v in program.having("param"):
        read = {} if v.law is None else reads(*arguments(v.law))
        for name, place in read.items():
            if program.variables[name].role in ("data", "latent", "given", "state"):
                report.say(law_codes.prior_of_an_example(place.span, v.name, name, v.span))


def _energies(program: Program, report: Report) -> None:
    """Each energy shapes some law, and each law by an energy has one."""
    energetic = {v.name for v in program.variables.values() if isinstance(v.law, EnergyLaw)}
    mentioned = set(reads(*program.energies))
    for energy in program.energies:
        if not set(reads(energy)) & energetic:
            report.say(law_codes.idle_energy(energy.span))
    for v in program.having("data", "latent"):
        if v.name in energetic - mentioned:
            report.say(law_codes.no_law(v.span, v.role, v.name))


def _chains(program: Program, report: Report) -> None:
    """A latent that bijections turn into data: once, and with no guide, as its code is known."""
    encoded: dict[str, Span] = {}
    for v in program.having("data"):
        latent = v.law.latent if isinstance(v.law, ComputedLaw) and v.law.chain else None
        if latent is None:
            continue
        if latent in encoded:
            report.say(law_codes.encoded_twice(v.span, encoded[latent], latent))
        encoded[latent] = v.span
        if program.guide is not None and latent in program.guide.laws:
            report.say(companion_codes.guide_of_code(program.guide.laws[latent].span, latent))


def _guide(program: Program, report: Report) -> None:
    """A guide's laws read latents that the guide draws too, and none of them itself."""
    if program.guide is None:
        return
    states = {v.name: v.law for v in program.having("state") if v.law is not None}
    try:
        components({**program.guide.laws, **states})
    except Circular as circle:
        first = {**states, **program.guide.laws}[circle.names[0]]
        report.say(name_codes.cycle(first.span, circle.names))
    for law in program.guide.laws.values():
        for name, place in behind(law, program).items():
            variable = program.variables[name]
            if name in program.guide.laws:
                continue
            if variable.role == "latent":
                brought = place.span.source is not program.span.source
                at = variable.law.span if brought and variable.law else place.span
                report.say(companion_codes.guide_reads_latent(at, name, brought=brought))
            elif variable.role == "data" and variable.type.may_miss:
                if not unguarded(name, law, program):
                    continue
                report.say(companion_codes.guide_reads_missing(place.span, name))


def _unlinked(name: str, program: Program) -> bool:
    """Whether a latent stands alone: what it is drawn from reads nothing of an example either."""
    variable = program.variables.get(name)
    if variable is None or variable.role != "latent" or variable.law is None:
        return False
    return not any(program.variables[n].of_examples for n in reads(*arguments(variable.law)))


def idle_declarations(
    program: Program, shared: Shared, hypers: Set[str], model: ast.Model
) -> Iterator[Diagnostic]:
    """DGM0292 for what nothing reads: a net, a name, a param, a given, a lone latent …"""
    read = shared.used | set(reads(*program.energies))
    for hyper in model.hypers:
        if hyper.name not in hypers | shared.used:
            yield name_codes.idle(hyper.span, "hyperparameter", hyper.name)
    own = {hyper.name for hyper in model.hypers}
    for name, declaration in shared.declarations.items():
        if name in read | own or not declaration.span.inside(model.span):
            continue
        if isinstance(declaration, ast.Net):
            yield name_codes.idle(declaration.span, "net", name)
        elif isinstance(declaration, ast.Let):
            yield name_codes.idle(declaration.span, "name", name)
        elif declaration.role in ("param", "given") or _unlinked(name, program):
            yield name_codes.idle(declaration.name_span, declaration.role, name)
