"""Expressions become arrays: a memoising interpreter of the program's graph, under JAX's trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from dgmlang.compiler.library import Extern
from dgmlang.compiler.lower.axes import reorder, same_rank
from dgmlang.compiler.lower.branches import choose
from dgmlang.compiler.lower.built import UNNAMED, Built, at
from dgmlang.compiler.lower.checks import checked
from dgmlang.compiler.lower.domains import constrain
from dgmlang.compiler.lower.fields import declared
from dgmlang.compiler.lower.laws import encode, log_density, transform
from dgmlang.compiler.lower.lengths import entries, filled
from dgmlang.compiler.lower.missing import lacking, mask
from dgmlang.compiler.lower.stages import run_time
from dgmlang.compiler.program import (
    Apply,
    Call,
    Chain,
    Checked,
    Choose,
    ComputedLaw,
    Counter,
    Expr,
    Index,
    Literal,
    Local,
    LogProb,
    NetCall,
    Outside,
    Past,
    Read,
    SliceItem,
    Stack,
    Stage,
    Through,
)
from dgmlang.compiler.types.dependence import Component
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.indexing import ragged
from dgmlang.compiler.types.lengths import Seen
from dgmlang.compiler.types.lengths import length as owner_of
from dgmlang.compiler.walk import reads, walk
from dgmlang.layers.layer import Params
from dgmlang.registry import implementation


@dataclass(eq=False)
class Evaluation:
    """The values of expressions at given parameters and variables; each node is computed once.

    It lives inside one trace: a function that JAX maps, scans or differentiates makes its own.
    Variables may be added to `values`; one that has been read must not change. `drawn` holds, by
    the id of a law, a value that was drawn from it and the log density there. `owners`: whose
    length each of a net's arguments has. `open`: variables that are being drawn, so that their ends
    are not known. `rows`: nodes whose value is one entry's, which nothing here can compute.
    """

    built: Built
    params: Params
    values: dict[str, Any]
    local: Mapping[str, ArrayLike] = field(default_factory=dict)
    turns: Mapping[int, ArrayLike] = field(default_factory=dict)
    heads: Mapping[int, tuple[Array, int]] = field(default_factory=dict)
    drawn: dict[int, tuple[Array, Array]] = field(default_factory=dict)
    owners: Mapping[str, str | None] = field(default_factory=dict)
    open: Set[str] = frozenset()
    rows: Set[int] = frozenset()
    _memo: dict[Any, Any] = field(default_factory=dict)

    def turn(
        self,
        turns: Mapping[int, ArrayLike],
        known: Mapping[int, Any],
        heads: Mapping[int, tuple[Array, int]],
    ) -> Evaluation:
        """An evaluation at one turn of loops: their indices by the id of the loop.

        `known` are values of nodes; `heads` what is read at the turn, with how many items of the
        index that has taken.
        """
        return replace(self, turns=turns, heads=heads, _memo=dict(known))

    def injected(self, known: Mapping[int, Any]) -> Evaluation:
        """The same place with the values of some nodes replaced."""
        return replace(self, rows=frozenset(known), _memo={**self._memo, **known})

    def with_values(self, values: Mapping[str, Any]) -> Evaluation:
        """The same with more variables, nothing computed yet."""
        return replace(self, values={**self.values, **values}, _memo={})

    def beside(
        self, values: Mapping[str, Any], heads: Mapping[int, tuple[Array, int]], again: Set[int]
    ) -> Evaluation:
        """The same with other values of variables, and of reads at a turn, for nodes in `again`."""
        again = again - self.rows
        memo = {key: value for key, value in self._memo.items() if key not in again}
        values = {**self.values, **values}
        return replace(self, values=values, heads={**self.heads, **heads}, _memo=memo)

    def value(self, expr: Expr) -> Any:
        """The array (or plain number) of an expression."""
        if id(expr) not in self._memo:
            self._memo[id(expr)] = self._compute(expr)
        return self._memo[id(expr)]

    def inputs(self, stage: Stage, value: Callable[[Expr], Any] | None = None) -> dict[str, Any]:
        """The run-time arguments of a stage; `value` gives those of expressions, as `self` does."""
        return run_time(stage, value or self.value, partial(declared, self), self.built.solving)

    def _compute(self, expr: Expr) -> Any:
        match expr:
            case Literal(value=value):
                return jnp.asarray(value) if isinstance(value, tuple) else value
            case Read(name=name):
                value = self._read(name)
                ends = expr.type.varying and name not in self.open
                return filled(expr.type.kind, value) if ends else value
            case Local(name=name):
                return self.local[name]
            case Counter(loop=loop, offset=offset):
                return self.turns[id(loop)] + offset
            case Past():
                return self._past(expr)
            case Apply():
                return self._apply(expr)
            case Checked(value=value):
                return checked(expr, self.value(value), self.built.watch)
            case Index():
                return self._index(expr)
            case Stack(items=items):
                return jnp.stack([jnp.asarray(self.value(item)) for item in items])
            case Choose():
                return choose(expr, self)
            case Call(call=call, head=head):
                return self._once((id(call), head), lambda: self._head(call, head))
            case Through(value=value, chain=chain):
                return through(self, chain, jnp.asarray(self.value(value)), self._owner(value))
            case Outside(net=net, args=args):
                branch = at(self.params, (net,))
                return self.built.outside[net](branch, *(self.value(arg) for arg in args))
            case LogProb(law=law, value=value):
                return log_density(law, self.value(value), self)
        raise TypeError(f"{type(expr).__name__} has no value")

    def _once(self, key: Any, compute: Any) -> Any:
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    def _read(self, name: str) -> ArrayLike:
        """A variable as given; else computed by its law, or recovered from what it became."""
        if name in self.values:
            return self.values[name]
        if name in self.built.encoded and self.built.encoded[name] in self.values:
            return encode(self, name)
        if name in self.built.state_parts:
            part = self.built.state_parts[name]
            return self._once(part.variables, lambda: self._states(part))[name]
        law = self.built.program.variables[name].law
        if isinstance(law, ComputedLaw):
            return self.value(law.value)
        raise KeyError(f"no value for {name}")

    def _states(self, part: Component) -> Mapping[str, Any]:
        """The states of one component at all turns, outside of any loop."""
        from dgmlang.compiler.lower.chains import draw_in_loops

        laws = {name: self.built.law(name) for name in part.variables}
        outside = replace(self, turns={}, heads={}, _memo={})
        return draw_in_loops(part, laws, {}, outside)

    def _past(self, expr: Past) -> ArrayLike:
        """The variable; where no stage is strict, shifted by one place of the order, 0 first."""
        value = self.values[expr.variable]
        if expr.type.varying and expr.variable not in self.open:
            value = filled(expr.type.kind, value)
        if id(expr) not in self.built.shifted:
            return value
        sites = int(np.prod(numbers(expr.type.shape)))
        order = self.built.orders.get(id(expr), np.arange(sites))
        ordered = reorder(value, order).reshape(sites, -1)
        before = jnp.concatenate([jnp.zeros_like(ordered[:1]), ordered[:-1]])
        return reorder(before.reshape(jnp.shape(value)), np.argsort(order))

    def _apply(self, expr: Apply) -> ArrayLike:
        extern = expr.extern
        args = self._ragged_product(expr) or [self.value(arg) for arg in expr.args]
        if extern.has("entrywise"):
            args = same_rank(*args)
        more = self._noising(extern) if extern.has("in_process") else {}
        if extern.has("presence"):
            more = {"seen": self._seen(expr.args[0])}
        return implementation("fn", extern.name)(*args, **expr.settings, **more)

    def _seen(self, expr: Expr) -> Array:
        """Where an example holds a value; what a guide has filled in since is not among it."""
        gone = self.values.get(mask(expr.name)) if isinstance(expr, Read) else None
        return ~(lacking(self.value(expr)) if gone is None else gone)

    def _noising(self, extern: Extern) -> dict[str, Any]:
        """The process, and the noisy variable for functions that read it: `in_process(x)`."""
        assert self.built.score is not None
        noisy = {"x": self.values[self.built.score[0]]} if extern.argument("in_process") else {}
        return {"process": self.built.process, **noisy}

    def _index(self, expr: Index, *, masked: bool = True) -> Array:
        if id(expr) in self.heads:
            base, taken = self.heads[id(expr)]
        else:
            base, taken = jnp.asarray(self.value(expr.value)), 0
        items = list(expr.items[taken:])
        for place, item in enumerate(items):
            if isinstance(item, SliceItem) and isinstance(item.stop, Counter):
                axis = sum(i is not None for i in items[:place])
                base = self._ended(base, axis, item.stop, masked=masked)
                items[place] = SliceItem(None, None)
        return base[tuple(self._item(i) for i in items)] if items else base

    def _ended(self, base: Array, axis: int, stop: Counter, *, masked: bool) -> Array:
        """An array up to the longest end that a loop gives it, 0 from its own end on."""
        longest = max(numbers((stop.loop.stop,))[0] - 1 + stop.offset, 0)
        base = jax.lax.slice_in_dim(base, 0, longest, axis=axis)
        if not masked:
            return base
        inside = jnp.arange(longest) < self.value(stop)
        others = [a for a in range(base.ndim) if a != axis]
        return jnp.where(jnp.expand_dims(inside, others), base, 0)

    def _ragged_product(self, expr: Apply) -> list[Any] | None:
        """The factors of `W[t, :t] @ x[:t]`: one of them is ended, the param if there is one.

        So the mask is laid once over what all examples share, not over each example.
        """
        ended = [isinstance(a, Index) and ragged(a.type) for a in expr.args]
        if not (expr.extern.has("contraction") and all(ended)):
            return None
        shared = [self._shared(arg) for arg in expr.args]
        first = 1 if shared[1] and not shared[0] else 0
        return [
            self._index(arg, masked=place == first)
            for place, arg in enumerate(expr.args)
            if isinstance(arg, Index)
        ]

    def _shared(self, expr: Expr) -> bool:
        variables = self.built.program.variables
        return not any(variables[name].of_examples for name in reads(expr))

    def _item(self, item: Expr | SliceItem | None) -> Any:
        if isinstance(item, SliceItem):
            assert not isinstance(item.stop, Counter)
            return slice(item.start, item.stop)
        if item is None or isinstance(item, Literal):
            return None if item is None else item.value
        return jnp.asarray(self.value(item)).astype(jnp.int32)

    def _head(self, call: NetCall, head: str) -> Array:
        """One head of a call; in a random order of the past, put back into the order of sites."""
        output = self.built.heads.get((call.net, head))
        features = self.features(call)
        if isinstance(features, Mapping):
            features = features[head]
        branch = at(self.params, (call.net, head or UNNAMED))
        value = features if output is None else output(branch, features)
        order = self._order(call)
        return value if order is None else reorder(value, np.argsort(order))

    def features(self, call: NetCall) -> Array | Mapping[str, Array]:
        """What the heads of a call read."""
        return self._once(id(call), lambda: self._body(call))

    def _body(self, call: NetCall) -> Array | Mapping[str, Array]:
        order = self._order(call)
        args = {name: self.value(arg) for name, arg in call.args.items()}
        if order is not None:
            args |= {n: reorder(args[n], order) for n, arg in call.args.items() if _pasts(arg)}
        owners = self.owners_of(call)
        inside = Evaluation(self.built, self.params, self.values, args, owners=owners)
        found = inside.value(self.built.program.nets[call.net].body)
        return found if isinstance(found, Mapping) else jnp.asarray(found)

    def owners_of(self, call: NetCall) -> dict[str, str | None]:
        """Whose length each argument of a call has."""
        return {name: self._owner(arg) for name, arg in call.args.items()}

    def _owner(self, expr: Expr) -> str | None:
        """Whose length an expression has."""
        return owner_of(expr, Seen(self.built.lengths, self.built.program.nets, self.owners))

    def lengths(self, stage: Stage, owner: str | None) -> dict[str, Array]:
        """Where the input of a stage ends, and each of its arguments, if the stage asks."""
        if not stage.extern.has("lengths"):
            return {}
        named = {"": owner, **{f"{name}_": self._owner(e) for name, e in stage.inputs.items()}}
        return {f"{n}length": entries(self, o) for n, o in named.items() if o is not None}

    def _order(self, call: NetCall) -> np.ndarray | None:
        """The order in which the call sees the past, None where it is the raster or no past."""
        pasts = [past for arg in call.args.values() for past in _pasts(arg)]
        return self.built.orders.get(id(pasts[0])) if pasts else None


def evaluation(
    built: Built, params: Params, values: Mapping[str, ArrayLike], **local: ArrayLike
) -> Evaluation:
    """An evaluation at parameters as they are stored and values of variables."""
    return Evaluation(built, params, {**constrained(built, params), **values}, local)


def constrained(built: Built, params: Params) -> Params:
    """The declared params on their kinds' own scale, and the `shared` givens, which are on it."""
    return {
        v.name: constrain(v.type.kind, params[v.name]) if v.role == "param" else params[v.name]
        for v in built.program.having("param", "shared")
        if v.name in params
    }


def through(inside: Evaluation, chain: Chain, x: Array, owner: str | None = None) -> Array:
    """`x |> stages`: layers are applied, bijections pushed from base to data.

    `owner`: the variable whose length the first axis has, if it varies.
    """
    for stage in chain.stages:
        if stage.extern.kind == "bijection":
            x = jnp.asarray(transform(stage, inside)(x))
        else:
            params = at(inside.params, inside.built.paths[id(stage)])
            ends = inside.lengths(stage, owner)
            x = inside.built.layers[id(stage)](params, x, **inside.inputs(stage), **ends)
    return x


def _pasts(expr: Expr) -> list[Past]:
    return [node for node in walk(expr) if isinstance(node, Past)]
