"""What stands in which loops: declarations and states, and what their loops run over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeGuard

from dgmlang.compiler.diagnostics.codes import loops as codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.program import Loop
from dgmlang.compiler.source import Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.scope import Scope, wrong
from dgmlang.compiler.types.static import dimension, static

InLoops = tuple[ast.Variable, tuple[Loop, ...]]
"""A declaration with the loops around it, outermost first."""

State = tuple[ast.Let, tuple[Loop, ...]]
"""A state, `let h[t] = e`, with its loops."""


def flatten(body: tuple[ast.Statement, ...], scope: Scope) -> tuple[list[InLoops], list[State]]:
    """Every declared variable and every state; DGM0361 for what no loop may hold."""
    scope.shared.greatest.update(_greatest(body, scope))
    written: list[InLoops] = []
    states: list[State] = []
    for s, around in _flat(body, scope, ()):
        if isinstance(s, ast.Variable):
            written.append((s, around))
        else:
            states.append((s, around))
    return written, states


def looped(*declared: Sequence[InLoops] | Sequence[State]) -> dict[str, tuple[Loop, ...]]:
    """The loops of what is declared in some."""
    every = (item for part in declared for item in part)
    return {_names(s)[0]: around for s, around in every if around}


def _names(s: ast.Variable | ast.Let) -> tuple[str, ...]:
    return (s.name,) if isinstance(s, ast.Variable) else s.names


def _flat(
    body: tuple[ast.Statement, ...], scope: Scope, around: tuple[Loop, ...]
) -> Iterator[InLoops | State]:
    for s in body:
        if isinstance(s, ast.For):
            found = _loop(s, around, scope)
            yield from _flat(s.body, scope, (*around, found)) if found else ()
        elif isinstance(s, ast.Variable):
            if _placed(s, s.name_span, scope, around):
                yield s, around
        elif _is_state(s, around):
            if _placed(s, _name_span(s), scope, around):
                yield s, around
            else:
                scope.shared.values[s.names[0]] = wrong(s.span)
        elif around:
            _refuse(s, scope)


def _is_state(s: ast.Statement, around: tuple[Loop, ...]) -> TypeGuard[ast.Let]:
    if not isinstance(s, ast.Let) or len(s.names) > 1 or s.parameters is not None:
        return False
    return bool(around or s.indices)


def _name_span(s: ast.Let) -> Span:
    start = s.span.start + s.span.text.index(s.names[0], len("let"))
    return replace(s.span, start=start, end=start + len(s.names[0]))


def _loop(s: ast.For, around: tuple[Loop, ...], scope: Scope) -> Loop | None:
    first = static(s.start, scope.static)
    if first is None:
        return None
    if first != 0:
        scope.report.say(codes.start(s.start.span, s.start.span.text))
        return None
    scope.shared.indices.add(s.variable)
    if (name := measured(s.stop)) is not None:
        return _ragged(s, name, around, scope)
    stop = static(s.stop, scope.static)
    if isinstance(stop, int) and not isinstance(stop, bool):
        stop = Dim.of(stop)
    if isinstance(stop, Dim) and stop.value is not None and stop.value < 1:
        scope.report.say(codes.empty(s.stop.span, stop.value))
        return None
    return Loop(s.variable, stop, s.span) if isinstance(stop, Dim) else None


# ── lengths ──────────────────────────────────────────────────────────────────────────────────────


def measured(stop: ast.Expr) -> ast.Name | None:
    """The x of `len(x)` or `len(x) <= T`."""
    match stop:
        case ast.Binary("<=", ast.Call() as call, _):
            return measured(call)
        case ast.Call(ast.Name("len"), (ast.Argument(ast.Name() as name, None, False),), None):
            return name
    return None


def _greatest(body: tuple[ast.Statement, ...], scope: Scope) -> Iterator[tuple[str, Dim]]:
    """The greatest lengths that loops `0..len(x) <= T` say."""
    for s in body:
        if isinstance(s, ast.For):
            name = measured(s.stop)
            if name is not None and isinstance(s.stop, ast.Binary):
                yield name.id, dimension(s.stop.right, scope.static)
            yield from _greatest(s.body, scope)


def _ragged(s: ast.For, over: ast.Name, around: tuple[Loop, ...], scope: Scope) -> Loop | None:
    """A loop over the length that each example has (DGM0376, DGM0377)."""
    name = over.id
    declaration = scope.shared.declarations.get(name)
    if not isinstance(declaration, ast.Variable):
        scope.report.say(name_codes.unknown_name(over.span, name, scope.known()))
        return None
    if around:
        scope.report.say(codes.ragged_within(s.stop.span, around[-1].span))
        return None
    scope.shared.used.add(name)
    stop = scope.shared.greatest.get(name)
    written = declaration.type
    if stop is None and written is not None and written.up_to and written.shape:
        stop = dimension(written.shape[0], scope.static)
    if stop is None:
        own = bool(declaration.indices)
        scope.report.say(codes.no_length(s.stop.span, name, declaration.span, own=own))
        return None
    return Loop(s.variable, stop, s.span, name)


def _placed(s: ast.Variable | ast.Let, at: Span, scope: Scope, around: tuple[Loop, ...]) -> bool:
    """Whether a target has the indices of the loops around it (DGM0360)."""
    if around and isinstance(s, ast.Variable) and not s.of_examples:
        scope.report.say(codes.stray(s.span, "a shared given" if s.shared else "a param"))
        return False
    found = [i.id if isinstance(i, ast.Name) else None for i in s.indices]
    names = [loop.index for loop in around]
    if found == names:
        return True
    name = at.text
    wanted = f"{name}[{', '.join(names)}]" if names else name
    end = s.indices[-1].span.end + 1 if s.indices else at.end
    span = replace(at, end=end)
    scope.report.say(codes.target(span, name, wanted, around[-1].span if around else None))
    return False


def _refuse(s: ast.Statement, scope: Scope) -> None:
    if isinstance(s, ast.Let):
        scope.shared.values.update((name, wrong(s.span)) for name in s.names)
    words = {
        ast.Net: "a net",
        ast.Critic: "a critic",
        ast.Companion: "a companion",
        ast.Let: "a `let` of a function, or of several names,",
        ast.Score: "a score",
    }
    if isinstance(s, ast.Energy):
        scope.report.say(codes.energy(s.span))
    else:
        scope.report.say(codes.stray(s.span, words.get(type(s), "this")))
