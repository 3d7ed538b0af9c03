"""Nets: functions with parameters of their own, and the maps from a body to its heads."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.diagnostics.codes import laws as law_codes
from dgmlang.compiler.diagnostics.codes import types as codes
from dgmlang.compiler.program import Expr, Head, Law, Local, Net, Outside, Through
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.declared import declared
from dgmlang.compiler.types.dims import Shape, show
from dgmlang.compiler.types.greys import as_number
from dgmlang.compiler.types.kinds import ANY, REAL, Type
from dgmlang.compiler.types.scope import Scope, Wrong, wrong
from dgmlang.compiler.walk import arguments, reads


def signature_of(net: ast.Net, scope: Scope) -> tuple[dict[str, Type], dict[str, Type]]:
    """The types of a net's parameters and heads as declared; an unnamed head is ''."""
    ports = {p.name: declared(p.type, scope.static) for p in net.parameters}
    heads = {h.name: declared(h.type, scope.static) for h in net.heads}
    return ports, heads


def elaborate(net: ast.Net, scope: Scope) -> Net | None:
    """A net with its body typed and its heads mapped (DGM0315)."""
    prior = None if net.prior is None else _prior(net, net.prior, scope)
    if net.prior is not None and prior is None:
        return None
    ports, heads = signature_of(net, scope)
    spans = {p.name: p.span for p in net.parameters}
    inner: Mapping[str, Expr] = {
        n: wrong(spans[n]) if t.kind == ANY else Local(n, type=t, span=spans[n])
        for n, t in ports.items()
    }
    if net.body is None:
        return _outside(net, ports, heads, inner)
    body = _body(net.body, scope.within(locals=inner, variables=False, owner=(net.name,)))
    if isinstance(body, Wrong) or _sees_variables(body, scope):
        return None
    mapped = [_head(net, body, name, t, scope) for name, t in heads.items()]
    found = tuple(h for h in mapped if h is not None)
    whole = len(found) == len(mapped)
    return Net(net.name, ports, body, found, net.span, prior) if whole else None


def _prior(net: ast.Net, node: ast.Expr, scope: Scope) -> Law | None:
    """The law of each weight; it reads params at most."""
    from dgmlang.compiler.types.laws import law

    found = law(node, Type(REAL), node.span, scope.within(owner=(net.name, "prior")))
    if found is not None and found.type.kind != REAL:
        support = str(found.type.kind)
        help = "weights are any reals, as in `~ Normal(0, 1)`"
        said = node.span, node.span.text, support, net.span, "real", help
        scope.report.say(law_codes.support_mismatch(*said))
        return None
    read = () if found is None else arguments(found)
    return None if any(_sees_variables(e, scope) for e in read) else found


def _outside(
    net: ast.Net, ports: dict[str, Type], heads: dict[str, Type], inner: Mapping[str, Expr]
) -> Net:
    """A net that Python passes: its body is unknown, and its heads are taken as they come."""
    whole = next(iter(heads.values()))
    body = Outside(net.name, tuple(inner.values()), net.smooth, type=whole, span=net.span)
    found = [Head(n, t, len(t.array_shape), direct=True) for n, t in heads.items()]
    return Net(net.name, ports, body, tuple(found), net.span)


def _body(node: ast.Expr, scope: Scope) -> Expr:
    from dgmlang.compiler.types.expressions import value

    return as_number(value(node, scope))


def _sees_variables(body: Expr, scope: Scope) -> bool:
    """DGM0341 where a `let` brings a variable into the body."""
    declared = scope.shared.declarations
    for name, place in reads(body).items():
        known = declared.get(name)
        if name in scope.looped or (isinstance(known, ast.Variable) and known.of_examples):
            scope.report.say(law_codes.variable_in_net(place.span, name))
            return True
    return False


def masked(body: Expr) -> bool:
    """Whether the body ends in a causal stage that brings its own head."""
    return isinstance(body, Through) and body.chain.stages[-1].extern.has("masked_head")


def _head(net: ast.Net, body: Expr, name: str, wanted: Type, scope: Scope) -> Head | None:
    if net.raw:
        if body.type.array_shape == wanted.array_shape:
            return Head(name, wanted, len(body.type.array_shape), direct=True)
        found = codes.shape_mismatch(
            body.span, show(wanted.array_shape), show(body.type.array_shape)
        )
        scope.report.say(found)
        return None
    if masked(body):
        return _masked_head(body, name, wanted, scope)
    prefix = _prefix(body.type.array_shape, wanted.array_shape)
    if prefix is None:
        shapes = show(body.type.array_shape), show(wanted.array_shape)
        scope.report.say(codes.head_shape(body.span, shapes[0], name, shapes[1]))
        return None
    return Head(name, wanted, prefix)


def _masked_head(body: Expr, name: str, wanted: Type, scope: Scope) -> Head | None:
    assert isinstance(body, Through)
    sites = body.chain.stages[-1].source.array_shape
    if wanted.array_shape[: len(sites)] == sites:
        return Head(name, wanted, len(sites), masked=True)
    shape = show(wanted.array_shape)
    scope.report.say(codes.head_shape(body.span, f"{show(sites)} sites", name, shape))
    return None


def _prefix(body: Shape, wanted: Shape) -> int | None:
    """How many leading axes the head keeps, by the rule of LANGUAGE.md, "Heads"."""
    leading = body[:-1]
    if wanted[: len(leading)] == leading:
        return len(leading)
    return 0 if len(body) <= 1 else None
