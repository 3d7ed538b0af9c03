"""Objectives and samplers as people write them: `iwae(k = 8)`, held against the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.plan.plan import Plan, missing_companions
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse_expression
from dgmlang.compiler.types.calls import bind_arguments
from dgmlang.compiler.types.static import Static, static


@dataclass(frozen=True)
class Method:
    """A named method with all its settings; `str` gives it back as people write it."""

    kind: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.settings:
            return self.name
        shown = (f"{key} = {_shown(value)}" for key, value in self.settings.items())
        return f"{self.name}({', '.join(shown)})"


def objective(plan: Plan, text: str | None) -> Method:
    """The objective that `text` names, or the default (DGM0412 to DGM0417)."""
    if not plan.facts.flags["learned"]:
        raise DgmError(codes.nothing_to_learn(plan.program.span.source.name))
    return _method(plan, "objective", text or plan.default_objective or "mle")


def sampler(plan: Plan, text: str | None) -> Method:
    """The sampler that `text` names, or the default."""
    return _method(plan, "sampler", text or plan.default_sampler)


def _method(plan: Plan, kind: str, text: str) -> Method:
    place = plan.program.span.source.name
    name, arguments, node = parsed(kind, text, place)
    externs = library().space(kind)
    if name not in externs:
        raise DgmError(codes.unknown_method(kind, name, externs, place))
    found = _refusal(plan, externs[name], place)
    if found is not None:
        raise DgmError(found)
    return Method(kind, name, _settings(externs[name], arguments, node))


def _refusal(plan: Plan, extern: Extern, place: str) -> Diagnostic | None:
    """Why a method cannot be used, or None."""
    objective = extern.kind == "objective"
    verdicts = plan.objectives if objective else plan.samplers
    default = plan.default_objective if objective else plan.default_sampler
    verdict = verdicts[extern.name]
    ready = [v.name for v in verdicts.values() if v.legal and v.built]
    if not verdict.legal:
        why, span = verdict.why, verdict.span
        return codes.illegal(extern.kind, extern.name, why, span, ready, default, place)
    for companion in missing_companions(extern, plan.facts):
        return codes.missing_companion(extern.name, companion, place)
    return None if verdict.built else codes.unbuilt_method(extern.kind, extern.name, ready, place)


def parsed(kind: str, text: str, place: str) -> tuple[str, tuple[ast.Argument, ...], ast.Expr]:
    """A method expression as name, arguments and tree (DGM0415)."""
    node, found = parse_expression(Source(f"<{kind}>", text))
    if found:
        raise DgmError(found)
    if isinstance(node, ast.Name):
        return node.id, (), node
    if isinstance(node, ast.Call) and isinstance(node.function, ast.Name):
        return node.function.id, node.arguments, node
    what = "write a name, or a name with settings, as `iwae(k = 8)`"
    raise DgmError(codes.bad_method(kind, text, what, place))


def _settings(
    extern: Extern, arguments: tuple[ast.Argument, ...], node: ast.Expr
) -> dict[str, Any]:
    report = Report()
    bound = bind_arguments(extern, arguments, node.span, report) or {}
    values: dict[str, Any] = {}
    for parameter in extern.groups[0]:
        written = bound[parameter.name].value if parameter.name in bound else parameter.default
        scope = Static({}, report, words=parameter.type.kind == "name")
        if written is not None:
            values[parameter.name] = static(written, scope)
            _typed(parameter.type.kind, written, values[parameter.name], extern, report)
    report.settle()
    return values


def static_settings(arguments: tuple[ast.Argument, ...]) -> dict[str, Any]:
    """Keyword settings of a method that has no extern, as plain values."""
    report = Report()
    scope = Static({}, report, words=True)
    found = {str(a.name): static(a.value, scope) for a in arguments}
    report.settle()
    return found


def _typed(kind: str, node: ast.Expr, value: Any, extern: Extern, report: Report) -> None:
    wanted = {"int": int, "float": (int, float), "name": str, "bool": bool}.get(kind, object)
    if not isinstance(value, wanted) or (kind == "int" and isinstance(value, bool)):
        what = f"Expected {kind} in `{extern.name}`; found {node.span.text}"
        report.say(Diagnostic("DGM0415", f"wrong {extern.kind}", (), (what,), place=str(node.span)))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
