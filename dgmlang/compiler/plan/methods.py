"""Objectives and samplers as people write them: `iwae(k = 8)`, held against the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from dgmlang.compiler.derive.classes import classified
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import plan as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic, Label
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern, Parameter, library
from dgmlang.compiler.plan.conditions import idle
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.plan.plan import Plan, missing_companions, takes_data
from dgmlang.compiler.plan.sums import is_sum, terms
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse_expression
from dgmlang.compiler.types.calls import bind_arguments, place
from dgmlang.compiler.types.static import Static, static


@frozen()
class Method:
    """A named method with all its settings; `str` gives it back as people write it.

    Settings that have their default are left out. `sites` are the samplers of what has its own.
    """

    kind: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    sites: Mapping[str, Method] = field(default_factory=dict)

    @property
    def terms(self) -> tuple[tuple[float, Method], ...]:
        """Itself, as the one term of a sum."""
        return ((1.0, self),)

    @property
    def arguments(self) -> dict[str, Any]:
        """What its implementation is made with."""
        return {**self.settings, **({"sites": self.sites} if self.sites else {})}

    def __str__(self) -> str:
        extern = library().externs[self.kind][self.name]
        usual = {p.name: default(p) for p in extern.parameters}
        told = {k: v for k, v in self.settings.items() if usual.get(k) != v}
        sites = (f"{name}: {own}" for name, own in self.sites.items())
        shown = ", ".join([*sites, *(f"{key} = {_shown(value)}" for key, value in told.items())])
        return f"{self.name}({shown})" if shown else self.name


@frozen()
class Sum:
    """A weighted sum of objectives; `str` gives it back as people write it, brackets gone."""

    terms: tuple[tuple[float, Method], ...]

    def __str__(self) -> str:
        text = ""
        for weight, method in self.terms:
            sign = (" - " if text else "-") if weight < 0 else (" + " if text else "")
            text += sign + weighed(abs(weight), str(method))
        return text


def weighed(weight: float, text: str) -> str:
    """A term of a sum: `0.1 * gan`."""
    return text if weight == 1 else f"{repr(weight).removesuffix('.0')} * {text}"


Chosen = Method | Sum
"""What trains a model: an objective, or a weighted sum of some."""


def require_built(plan: Plan) -> None:
    """Raise DGM0291 where the program names a part that has no implementation yet."""
    parts = [(part.span, part.kind, part.name) for part in plan.facts.unbuilt]
    if parts:
        raise DgmError(name_codes.planned(parts))


Written = str | Expression | ast.Expr
"""A method as a caller's text, or where a recipe names it."""


def objective(plan: Plan, written: Written | None) -> Chosen:
    """The objective that is written, or the default (DGM0412 to DGM0417, DGM0436).

    Of a sum every term is judged, and each that is refused is named.
    """
    if not plan.facts.flags["learned"]:
        found = codes.nothing_to_learn(plan.program.span.source.name)
        raise DgmError(_located(found, written))
    written = written or plan.default_objective or "mle"
    node = written if isinstance(written, ast.Expr) else _read("objective", str(written))
    if not is_sum(node):
        return _method(plan, "objective", written)
    try:
        return _sum(plan, terms(node, plan.program.span.source.name), located=node is written)
    except DgmError as error:
        raise DgmError(
            [d if d.labels else _located(d, written) for d in error.diagnostics]
        ) from None


def _sum(plan: Plan, parts: Sequence[tuple[float, ast.Expr]], *, located: bool) -> Sum:
    found: list[tuple[float, Method]] = []
    refused: list[Diagnostic] = []
    for weight, term in parts:
        written = term if located else Expression(term.span.text)
        try:
            method = _method(plan, "objective", written)
            if _alone(method, plan):
                place = plan.program.span.source.name
                raise DgmError(_located(codes.no_term(str(method), place), written))
            found.append((weight, method))
        except DgmError as error:
            refused += error.diagnostics
    if refused:
        raise DgmError(refused)
    return Sum(tuple(found))


def _alone(method: Method, plan: Plan) -> bool:
    """Whether a method sets params in a way of its own, or does with a setting."""
    special = plan.objectives[method.name].settings
    held = any(method.settings.get(key) == value for key, value in special)
    return held or library().space("objective")[method.name].has("alone")


def require_weights(plan: Plan, method: Chosen) -> None:
    """Raise DGM0431 where an objective, or a term of it, cannot weigh examples."""
    externs = library().space("objective")
    for name in (m.name for _, m in method.terms if not externs[m.name].has("sample_weight")):
        ready = [v.name for v in plan.objectives.values() if v.legal and v.built]
        able = [name for name in ready if externs[name].has("sample_weight")]
        place = plan.program.span.source.name
        raise DgmError(codes.takes_no_weights(name, able, place))


def sampler(plan: Plan, written: Written | None) -> Method:
    """The sampler that is written, or the default recipe's, or the plan's."""
    recipe = plan.program.recipes.get("default")
    usual = recipe.settings.get("sampler") if recipe else None
    return _method(plan, "sampler", written or usual or plan.default_sampler)


def _method(plan: Plan, kind: str, written: Written) -> Method:
    place = plan.program.span.source.name
    name, arguments, node = parsed(kind, written, place)
    externs = library().space(kind)
    if name not in externs:
        found = codes.unknown_method(kind, name, externs, place, node.span)
        raise DgmError(_located(found, written))
    found = _refusal(plan, externs[name], arguments, place)
    if found is not None:
        raise DgmError(_located(found, written))
    own = tuple(a for a in arguments if not a.site)
    settings = settings_of(externs[name], own, node.span)
    _require_read(plan, externs[name], own, place, written)
    _require_class(plan, externs[name], settings, written)
    return Method(kind, name, settings, _sites(plan, externs[name], arguments, node, place))


def _require_read(
    plan: Plan, extern: Extern, arguments: tuple[ast.Argument, ...], place: str, written: Written
) -> None:
    """Raise DGM0435 for a setting that this model does not read: `applies(name, condition)`."""
    unread = idle(extern, plan.facts)
    bound = bind_arguments(extern, arguments, plan.program.span, Report()) or {}
    for name in (name for name in bound if name in unread):
        raise DgmError(
            _located(codes.idle_setting(extern.name, name, unread[name], place), written)
        )


def _require_class(
    plan: Plan, extern: Extern, settings: Mapping[str, Any], written: Written
) -> None:
    """Raise DGM0437 for a setting that must name a class among the data, and names none."""
    for setting in extern.argument("class"):
        known = classified(plan.program, plan.facts.marginal.value)
        if settings[setting] not in known:
            place = plan.program.span.source.name
            found = codes.no_class(extern.name, settings[setting], known, place)
            raise DgmError(_located(found, written))


def _sites(
    plan: Plan, extern: Extern, arguments: tuple[ast.Argument, ...], node: ast.Expr, place: str
) -> dict[str, Method]:
    """The samplers of latents that need one of their own, those that are left out by default."""
    inner = plan.inner if extern.has("sites") else None
    needed = () if inner is None else tuple(v.name for v in inner.program.having("data"))
    written = {str(a.name): a.value for a in arguments if a.site}
    for name in (n for n in written if n not in needed):
        known = ", ".join(f"`{n}`" for n in needed) or "none"
        why = f"`{name}` needs no sampler of its own; of the latents here do: {known}"
        raise DgmError(codes.bad_method(extern.kind, node.span.text, why, place))
    if inner is None:
        return {}
    # One law may be of several latents; what one of them names draws all.
    joint = next(iter(written.values()), None)
    return {n: _method(inner, "sampler", joint or inner.default_sampler) for n in needed}


def _located(found: Diagnostic, written: Written | None) -> Diagnostic:
    """A finding about a method that a program names, at that place."""
    if not isinstance(written, ast.Expr):
        return replace(found, fixes=())
    return replace(found, labels=(Label(written.span), *found.labels), place=None)


def _refusal(
    plan: Plan, extern: Extern, arguments: tuple[ast.Argument, ...], place: str
) -> Diagnostic | None:
    """Why a method cannot be used, or None."""
    objective = extern.kind == "objective"
    verdicts = plan.objectives if objective else plan.samplers
    default = plan.default_objective if objective else plan.default_sampler
    verdict = verdicts[extern.name]
    ready = [way for v in verdicts.values() if v.built for way in v.ways]
    asked = {(str(a.name), a.value.span.text) for a in arguments}
    special = [failed for setting, failed in verdict.settings.items() if setting in asked]
    failed = special[0] if special else verdict.unmet
    if failed is not None:
        return codes.illegal(extern.kind, extern.name, failed, ready, default, place)
    for companion in missing_companions(extern, plan.facts):
        return codes.missing_companion(extern.name, companion, place)
    if not takes_data(extern, plan.facts):
        return codes.takes_no_missing(extern.kind, extern.name, ready, place)
    return None if verdict.built else codes.unbuilt_method(extern.kind, extern.name, ready, place)


def parsed(
    kind: str, written: Written, place: str
) -> tuple[str, tuple[ast.Argument, ...], ast.Expr]:
    """A method expression as name, arguments and tree (DGM0415)."""
    node = written if isinstance(written, ast.Expr) else _read(kind, str(written))
    if isinstance(node, ast.Name):
        return node.id, (), node
    if isinstance(node, ast.Call) and isinstance(node.function, ast.Name) and not node.block:
        return node.function.id, node.arguments, node
    what = "write a name, or a name with settings, as `iwae(k = 8)`"
    raise DgmError(_located(codes.bad_method(kind, node.span.text, what, place), written))


def _read(kind: str, text: str) -> ast.Expr:
    sites = kind == "sampler"
    node, found = parse_expression(Source(f"<{kind}>", text), sites=sites, paths=True)
    if found or node is None:
        raise DgmError(found)
    return node


def settings_of(extern: Extern, arguments: tuple[ast.Argument, ...], span: Span) -> dict[str, Any]:
    """All settings of a method, defaults where the arguments leave them; DgmError where wrong."""
    report = Report()
    bound = bind_arguments(extern, arguments, span, report) or {}
    values: dict[str, Any] = {}
    for parameter in extern.groups[0]:
        if parameter.name not in bound:
            values[parameter.name] = default(parameter)
            continue
        written = bound[parameter.name].value
        scope = Static({}, report, words=parameter.type.kind == "name")
        values[parameter.name] = static(written, scope)
        if not _typed(parameter.type.kind, values[parameter.name]):
            wanted, found = parameter.type.kind, written.span.text
            report.say(codes.wrong_setting(written.span, extern.name, wanted, found))
            continue
        _ranged(extern, parameter, values[parameter.name], written.span, report)
    report.settle()
    return values


def _ranged(extern: Extern, parameter: Parameter, found: Any, span: Span, report: Report) -> None:
    """DGM0430 where a setting is below what its type and default allow, or not above 0."""
    name, lowest = parameter.name, _lowest(parameter.type.kind, default(parameter))
    if name in extern.argument("above_zero") and found <= 0:
        report.say(codes.setting_above(span, extern.name, name, default(parameter), found))
    elif lowest is not None and found < lowest:
        report.say(codes.setting_range(span, extern.name, name, lowest, found))


def _lowest(kind: str, usual: Any) -> int | None:
    """1 for a count; 0 for a float, and for a count whose default 0 means automatic."""
    return {"int": 0 if usual == 0 else 1, "float": 0}.get(kind)


def plain_settings(
    name: str,
    usual: Mapping[str, Any],
    arguments: tuple[ast.Argument, ...],
    least: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The settings of a method that has no extern, of the types of their defaults `usual`.

    `least` has what a setting is at least where its type does not say it.
    """
    report = Report()
    bound = place(name, tuple(usual), tuple(usual), arguments, report) or {}
    values: dict[str, Any] = {}
    for key, argument in bound.items():
        kind, span = _KINDS[type(usual[key])], argument.value.span
        values[key] = static(argument.value, Static({}, report, words=True))
        lowest = (least or {}).get(key, _lowest(kind, usual[key]))
        if not _typed(kind, values[key]):
            report.say(codes.wrong_setting(span, name, kind, span.text))
        elif lowest is not None and values[key] < lowest:
            report.say(codes.setting_range(span, name, key, lowest, values[key]))
    report.settle()
    return values


_KINDS = {int: "int", float: "float", str: "name"}


def default(parameter: Parameter) -> Any:
    """The default of a method's parameter, as a plain value."""
    if parameter.default is None:
        return None
    return static(parameter.default, Static({}, Report(), words=True))


def _typed(kind: str, value: Any) -> bool:
    wanted = {"int": int, "float": (int, float), "name": str, "bool": bool}.get(kind, object)
    return isinstance(value, wanted) and (kind == "bool" or not isinstance(value, bool))


def _shown(value: Any) -> str:
    if isinstance(value, str) and not value.isidentifier():
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)
