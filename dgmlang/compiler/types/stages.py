"""Chains of layers and bijections: `value |> stage |> stage { block }`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dgmlang.compiler.diagnostics.codes import calls as call_codes
from dgmlang.compiler.diagnostics.codes import fields as field_codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import Chain, Expr, Stage
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types import foreign, lets, library_chains
from dgmlang.compiler.types.calls import bind_arguments
from dgmlang.compiler.types.conditions import handed_on
from dgmlang.compiler.types.declared import bind, instantiate
from dgmlang.compiler.types.dims import Dim, show
from dgmlang.compiler.types.greys import as_number
from dgmlang.compiler.types.kinds import REAL, Kind, Type, offers
from dgmlang.compiler.types.net_uses import shared_by_levels
from dgmlang.compiler.types.pictures import halvings, nested, picture_wanted, squeezed
from dgmlang.compiler.types.scope import Scope, Wrong
from dgmlang.compiler.types.settings import settings_of


def unroll(node: ast.Expr) -> tuple[ast.Expr, tuple[ast.Expr, ...]]:
    """`a |> b |> c` as (a, (b, c))."""
    stages: list[ast.Expr] = []
    while isinstance(node, ast.Pipe):
        stages.append(node.stage)
        node = node.value
    return node, tuple(reversed(stages))


def chain(nodes: Sequence[ast.Expr], source: Type, scope: Scope) -> Chain | None:
    """The stages applied to a value of type `source`; None, with a message, where one is wrong."""
    stages: list[Stage] = []
    current = source
    for node in nodes:
        found = _put_in(node, current, scope)
        if found is None:
            return None
        stages.extend(found)
        current = found[-1].target
    return Chain(tuple(stages), scope.owner, source, current)


def bijective(chain: Chain) -> bool:
    """Whether every stage is a bijection, those in blocks included; conditioners need not be."""
    return all(
        stage.extern.kind == "bijection" and (stage.body is None or bijective(stage.body))
        for stage in chain.stages
    )


def _put_in(node: ast.Expr, source: Type, scope: Scope) -> tuple[Stage, ...] | None:
    """One stage, or those that a `let` or the library names; each use has parameters of its own."""
    let = lets.named_by(node, scope)
    known = None if let is not None else library_chains.chain_named_by(node)
    if known is not None:
        return _meant(node, known, source, scope)
    if let is None:
        stage = _stage(node, source, scope)
        return None if stage is None else (stage,)
    inner = lets.arguments(node, let, scope)
    first, rest = unroll(let.value)
    with scope.shared.elaborating(let.names[0], node.span) as fresh:
        found = chain((first, *rest), source, inner) if fresh and inner else None
    return None if found is None else found.stages


def _meant(node: ast.Expr, known: Extern, source: Type, scope: Scope) -> tuple[Stage, ...] | None:
    """The stages that a name of the library stands for (DGM0316)."""
    wanted = known.source
    if wanted is not None and bind(wanted, source, {}) is None:
        said = codes.stage_input(node.span, known.name, wanted.span.text, str(source))
        scope.report.say(said)
        return None
    put = library_chains.put_in(node, known, source, scope)
    if put is None:
        return None
    first, rest = unroll(put[0])
    found = chain((first, *rest), source, put[1])
    return None if found is None else found.stages


def _stage(node: ast.Expr, source: Type, scope: Scope) -> Stage | None:
    function = node.function if isinstance(node, ast.Call) else node
    extern = _extern(node, function, scope)
    if extern is None:
        return None
    block = node.block if isinstance(node, ast.Call) else None
    if not _block_fits(extern, block, node.span, scope):
        return None
    arguments = node.arguments if isinstance(node, ast.Call) else ()
    bound = bind_arguments(extern, arguments, node.span, scope.report)
    if bound is None:
        return None
    place = scope.place(extern.name, node.span)
    inner = scope.within(owner=(*scope.owner, place))
    inputs = _inputs(extern, bound, scope)
    settings = settings_of(extern, bound, inputs or {}, source, node.span, inner)
    if settings is None or inputs is None:
        return None
    held = handed_on(extern, settings, inputs, bound, scope)
    if held is None:
        return None
    settings, inputs = held
    wanted = picture_wanted(extern, source, settings) or _parts_wanted(extern, source, settings)
    if wanted is not None:
        scope.report.say(codes.stage_input(node.span, extern.name, wanted, str(source)))
        return None
    body = None if block is None else _body(extern, block, squeezed(extern, source), inner)
    if block is not None and (body is None or not _halves(extern, settings, body, scope)):
        return None
    target = body.target if body else _target(extern, source, settings, node, scope)
    if target is None:
        return None
    target = source if extern.has("squeezes") else target
    first = scope.shared.sources.setdefault((*scope.owner, place), source)
    if first.array_shape != source.array_shape:
        shapes = show(first.array_shape), show(source.array_shape)
        scope.report.say(codes.two_shapes(node.span, extern.name, *shapes))
        return None
    return Stage(extern, place, settings, inputs, body, source, target, node.span)


def _block_fits(extern: Extern, block: ast.Expr | None, span: Span, scope: Scope) -> bool:
    """Whether a block stands where the stage takes one, and only there (DGM0351, DGM0352)."""
    if block is not None and not extern.has("block"):
        scope.report.say(codes.stray_block(block.span, extern.name))
        return False
    if block is None and extern.has("block"):
        scope.report.say(codes.missing_block(span, extern.name))
        return False
    return True


def _halves(extern: Extern, settings: dict[str, Any], body: Chain, scope: Scope) -> bool:
    """Whether what the block halves and shares suits the last level too (DGM0316, DGM0389)."""
    found = nested(body, max(halvings(extern, settings) - 1, 0))
    if found is not None:
        stage, wanted = found
        scope.report.say(
            codes.stage_input(stage.span, stage.extern.name, wanted, str(stage.source))
        )
        return False
    shared = shared_by_levels(body) if halvings(extern, settings) > 1 else None
    if shared is not None:
        scope.report.say(field_codes.at_levels(shared.value.span, shared.net))
    return shared is None


def _bracketed(function: ast.Expr, externs: Mapping[str, Extern]) -> str | None:
    """`mlp([8])` for `mlp[8]`: what was meant by a stage with an index."""
    if not isinstance(function, ast.Index) or not isinstance(function.value, ast.Name):
        return None
    name, first = function.value.id, next(iter(function.items), None)
    parameters = externs[name].groups[0] if name in externs else ()
    if not parameters or first is None:
        return None
    inner = function.span.text.removeprefix(name).strip()
    return f"{name}({inner if parameters[0].type.shape is not None else inner[1:-1]})"


def _extern(node: ast.Expr, function: ast.Expr, scope: Scope) -> Extern | None:
    externs = library_chains.stages()
    meant = foreign.stages(node) or _bracketed(function, externs)
    if not isinstance(function, ast.Name):
        scope.report.say(
            call_codes.not_a_function(function.span, function.span.text, node.span, meant)
        )
        return None
    if function.id not in externs:
        if function.id in scope.shared.declarations:
            found = f"the value `{function.id}`"
            scope.report.say(codes.kind_mismatch(function.span, "a stage", found, "this place"))
        elif scope.shared.hypers.get(function.id, function) is None:
            pass  # its declaration was refused
        elif (activation := foreign.activation(function.id)) in library().space("activation"):
            said = name_codes.activation_as_stage(function.span, function.id, activation)
            scope.report.say(said)
        elif function.id.startswith(foreign.TRAINED_ONLY):
            scope.report.say(name_codes.layer_of_training(function.span, function.id))
        elif meant:
            name, whole = function.id, node.span
            found = name_codes.spelt_otherwise(function.span, "stage", name, whole, meant)
            scope.report.say(found)
        else:
            found = name_codes.unknown_builtin(function.span, "stage", function.id, externs)
            scope.report.say(found)
        return None
    return externs[function.id]


def _inputs(extern: Extern, bound: dict[str, ast.Argument], scope: Scope) -> dict[str, Expr] | None:
    from dgmlang.compiler.types.expressions import value

    names = [p.name for p in extern.groups[0] if not p.static and p.name in bound]
    inputs = {name: value(bound[name].value, scope) for name in names}
    wanted = {p.name: p.type for p in extern.parameters}
    at = {n: bound[n].value.span for n in names}
    fits = [_input_fits(extern, wanted[n], e, (n, at[n]), scope) for n, e in inputs.items()]
    numbers = {n: e if wanted[n].kind == "cat" else as_number(e) for n, e in inputs.items()}
    return numbers if all(fits) else None


def _input_fits(
    extern: Extern, wanted: ast.TypeExpr, found: Expr, place: tuple[str, Span], scope: Scope
) -> bool:
    """Whether a run-time argument, of this name and place, is what the stage declares."""
    if isinstance(found, Wrong):
        return False
    name, span = place
    kind, offered = Kind(wanted.kind), found.type.kind
    array = wanted.kind == "real" and offered.inner != ()
    if not array and offers(offered, kind) is False:
        help = "pass `one_hot(…)`, or put `|> embed(16)` behind it" if offered.levels else None
        where = f"`{name}` of `{extern.name}`"
        scope.report.say(codes.kind_mismatch(span, kind.name, str(offered), where, help))
        return False
    if bind(wanted, found.type, {}) == ():
        return True
    scope.report.say(codes.shape_mismatch(span, wanted.span.text, str(found.type)))
    return False


def _body(extern: Extern, block: ast.Expr, source: Type, scope: Scope) -> Chain | None:
    """The block as a chain; it keeps the shape, since it follows itself (DGM0353)."""
    first, rest = unroll(block)
    found = chain((first, *rest), source, scope)
    if found is None or found.target.array_shape == source.array_shape:
        return found
    shapes = show(source.array_shape), show(found.target.array_shape)
    scope.report.say(codes.block_shape(block.span, extern.name, *shapes))
    return None


def _parts_wanted(extern: Extern, source: Type, settings: dict[str, Any]) -> str | None:
    """What a stage wants that cuts rows into equal parts, `divides(heads)`; None where it can."""
    named = extern.argument("divides")
    length = source.array_shape[-1].value if named and source.array_shape else None
    if length is None or length % max(settings[named[0]], 1) == 0:
        return None
    return f"rows that can be cut into {settings[named[0]]} equal parts (`{named[0]}`)"


# ── types ────────────────────────────────────────────────────────────────────────────────────────


def _takes(extern: Extern, wanted: Kind, source: Type) -> bool:
    """Whether a stage takes this kind; a bijection only what lies in its domain for certain."""
    if wanted.name in ("any", "cat"):
        return True
    if wanted.name == "real" and source.kind.inner and extern.kind == "layer":
        return True  # a simplex or a matrix enters as the array that it is
    offered = offers(source.kind, wanted)
    classes = source.kind.name == "cat" and wanted.name == "real"
    return offered is True or (offered is None and extern.kind == "layer" and not classes)


def _target(
    extern: Extern, source: Type, settings: dict[str, Any], node: ast.Expr, scope: Scope
) -> Type | None:
    if source.may_miss and not (extern.source and extern.source.optional):
        scope.report.say(codes.may_be_absent(node.span, f"the input of {extern.name}", str(source)))
        return None
    if extern.source is None or extern.type is None:
        return source
    dims: dict[str, Dim] = {}
    leading = bind(extern.source, source, dims)
    kind = extern.source.kind
    if leading is None or not _takes(extern, Kind(kind), source):
        wanted = extern.source.span.text
        scope.report.say(codes.stage_input(node.span, extern.name, wanted, str(source)))
        return None
    static_values = {k: v for k, v in settings.items() if isinstance(v, int | float | tuple | Dim)}
    result = instantiate(extern.type, dims, static_values, scope.static, source.array_shape)
    kept = REAL if source.kind.inner else source.kind
    own = kept if result.kind.name == "any" else result.kind
    return Type(own, leading + result.shape)
