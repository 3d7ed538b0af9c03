"""Expressions of a program, and its nets, at the parameters of a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import expression
from dgmlang.compiler.program import Call, ComputedLaw, Expr, Net, NetCall, Program, Read, Variable
from dgmlang.compiler.walk import behind, reads
from dgmlang.evaluate.result import Result
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.draws import each
from dgmlang.runtime.blocks import Blocks
from dgmlang.runtime.conform import conform, storable
from dgmlang.runtime.sequences import marked, sequences

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


def value(fitted: Fitted, text: str, given: Mapping[str, Any]) -> Any:
    """The expression for each example, or once where it reads no variable of examples."""
    model = fitted.model
    program = model.plan.program
    heads = expression(model.source, model.settings, model.chosen, program, text)
    needed = _needed(program, reads(*heads.values()), given)
    for name in given:
        if name not in needed:
            raise DgmError(codes.unknown_choice("variable", name, needed or ("none",)))
    missing = [name for name in needed if name not in given]
    if missing:
        raise DgmError(codes.missing_values(missing, text))
    variables = [program.variables[name] for name in given]
    return _evaluated(fitted, heads, fitted.inlet.prepared(variables, given) if given else {}, text)


class Nets:
    """The nets of a fitted model as functions of arrays with a leading axis of examples."""

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted

    def __dir__(self) -> list[str]:
        return list(self._fitted.model.plan.program.nets)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        nets = self._fitted.model.plan.program.nets
        if name not in nets:
            raise AttributeError(f"no net is called `{name}`; there are {', '.join(nets)}")
        return lambda *arrays: _called(self._fitted, nets[name], arrays)


def _called(fitted: Fitted, net: Net, arrays: tuple[Any, ...]) -> Any:
    """One call of a net; it takes arrays as the model sees them (DGM0512, DGM0816)."""
    ports = net.parameters
    if len(arrays) != len(ports):
        raise DgmError(codes.wrong_arguments(net.name, ports, len(arrays)))
    held: Values = {}
    args: dict[str, Expr] = {}
    givens: dict[str, Variable] = {}
    for (name, type_), array in zip(ports.items(), arrays, strict=True):
        port = Variable("given", name, type_, None, None, net.span)
        found = _as_given(port, array, f"nets.{net.name}")
        conform([port], {name: Blocks.of(found)}, f"nets.{net.name}")
        # No name of a program has a space, so that an argument hides no variable.
        hidden = f"argument {name}"
        held[hidden] = jnp.asarray(storable(port, found, False))
        args[name] = Read(hidden, type=type_, span=net.span)
        givens[hidden] = replace(port, name=hidden)
    call = NetCall(net.name, args)
    heads = {h.name: Call(call, h.name, type=h.type, span=net.span) for h in net.heads}
    return _evaluated(fitted, heads, held, net.name, givens)


def _as_given(port: Variable, array: Any, place: str) -> np.ndarray:
    """An argument of a net as an array, the ends of sequences marked."""
    found, lengths = sequences(array) or (np.asarray(array), None)
    return marked(port, found, lengths, place) if port.type.varying else found


def _evaluated(
    fitted: Fitted,
    heads: Mapping[str, Expr],
    values: Values,
    method: str,
    more: Mapping[str, Variable] | None = None,
) -> Any:
    """The expressions for each example; `more` are givens that the program does not have."""
    lowered = fitted.model.lowered.beside(more) if more else fitted.model.lowered
    several = fitted._drawn_params

    def at(params: Params) -> Values:
        def one(values: Values) -> Values:
            found = {n: lowered.evaluate(params, expr, values) for n, expr in heads.items()}
            return {name: jnp.asarray(array) for name, array in found.items()}

        return (jax.vmap(one) if values else one)(values)

    found = at(fitted.raw) if several is None else each(at, several)
    kind = "exact" if several is None else "draws"
    results = {name: Result(array, kind, None, method) for name, array in found.items()}
    return results.get("", results)


def _needed(program: Program, names: Mapping[str, Expr], given: Mapping[str, Any]) -> list[str]:
    """The variables of examples that a value rests on, through those that are computed."""
    found: list[str] = []
    for name in names:
        variable = program.variables[name]
        computed = isinstance(variable.law, ComputedLaw) or variable.role == "state"
        if name not in given and computed:
            found += _needed(program, behind(variable.law, program), given)
        elif variable.of_examples:
            found.append(name)
    return list(dict.fromkeys(found))
