"""A checked program under other names: how a model becomes a part of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from dgmlang.compiler.library import Extern
from dgmlang.compiler.program import (
    Chain,
    ComputedLaw,
    Expr,
    Index,
    Loop,
    Net,
    NetCall,
    Past,
    Program,
    Read,
    Variable,
)
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.kinds import Type

T = TypeVar("T")


@dataclass(eq=False)
class Renaming:
    """New names for a program's parts. Nodes that were one object stay one object.

    Attributes:
        owner: The parameter path that everything of the program stands under.
        data: The program's data variable, which gets the name `target`.
        givens: What stands for each of its givens.
        latents: Its latents: they stand under the target, whose uses do not share them.
        kept: The names that stay.
        turned: The types, over all turns, of what each turn of the loops around has one of.
        turn: Those loops' variables.
    """

    owner: tuple[str, ...]
    data: str
    target: str
    givens: Mapping[str, Expr]
    latents: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    turned: Mapping[str, Type] = field(default_factory=dict)
    turn: tuple[Expr, ...] = ()
    _done: dict[int, tuple[object, Any]] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """The new name of a variable, a param or a net."""
        if name in self.kept:
            return name
        if name == self.data:
            return self.target
        return f"{self.target}.{name}" if name in self.latents else self._learned(name)

    def _learned(self, name: str) -> str:
        """Where what is learned of a part stands: all uses of one instance share it."""
        return ".".join((*self.owner, name))

    def variable(self, found: Variable) -> Variable:
        """A variable under its new name."""
        name = self.name(found.name)
        return replace(found, name=name, law=self(found.law), start=self(found.start))

    def program(self, inner: Program) -> Program:
        """A program by itself: what it learns is renamed, its other names stay.

        It has neither companions nor recipes.
        """
        kept = frozenset(v.name for v in inner.variables.values() if v.role != "param")
        here = replace(self, givens={}, latents=frozenset(), kept=kept, turned={}, _done={})
        return replace(
            inner,
            variables={here.name(n): here.variable(v) for n, v in inner.variables.items()},
            nets={here.name(n): here(net) for n, net in inner.nets.items()},
            energies=here(inner.energies),
            guide=None,
            critic=None,
            noise={},
            recipes={},
        )

    def __call__(self, node: T) -> T:
        """A law, an expression, a net, or whatever else of them, under the new names."""
        if id(node) not in self._done:
            self._done[id(node)] = node, self._renamed(node)
        return self._done[id(node)][1]

    def _renamed(self, node: Any) -> Any:
        match node:
            case Read(name=name) if name in self.turned:
                return self._at_turn(node, (), node)
            case Index(value=Read(name=name) as read, items=items) if name in self.turned:
                return self._at_turn(read, self(items), node)
            case Read(name=name):
                return self.givens.get(name) or replace(node, name=self.name(name))
            case Past(variable=name):
                return replace(node, variable=self.name(name))
            case tuple():
                return tuple(map(self, node))
            case Mapping():
                return {key: self(value) for key, value in node.items()}
            case Extern() | Span() | Type():
                return node
            case Program():
                return self.program(node)
        if not is_dataclass(node) or isinstance(node, type):
            return node
        return replace(node, **{**self._parts(node), **self._names(node)})

    def _at_turn(self, read: Read, items: tuple[Any, ...], like: Expr) -> Index:
        """What is read of a variable at this turn of the loops around."""
        whole = replace(read, name=self.name(read.name), type=self.turned[read.name])
        return Index(whole, (*self.turn, *items), type=like.type, span=like.span)

    def _parts(self, node: Any) -> dict[str, Any]:
        return {f.name: self(getattr(node, f.name)) for f in fields(node)}

    def _names(self, node: Any) -> dict[str, Any]:
        match node:
            case NetCall(net=net):
                return {"net": self.name(net)}
            case Net(name=name):
                return {"name": self.name(name)}
            case Chain(owner=owner):
                return {"owner": self._path(owner)}
            case ComputedLaw(latent=str() as latent):
                return {"latent": self.name(latent)}
            case Loop(over=str() as over):
                return {"over": self.name(over)}
        return {}

    def _path(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Stages of the data's own law stand at the place itself, all others under their owner."""
        first, *rest = path
        head = self.owner if first == self.data else (self._learned(first),)
        return (*head, *rest)
