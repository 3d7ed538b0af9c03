"""`dgm.objectives.elbo(samples = 4)`: the text of a recipe, built in Python.

The constructors are made from the externs, so what has an extern has one, with its signature and
its documentation. Nothing here imports JAX.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.plan.methods import default, settings_of
from dgmlang.compiler.syntax import ast

_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "name": str}


class Constructors(ModuleType):
    """A package whose attributes are the constructors of the externs of its `KIND`.

    The files of the package are named after the same externs. The import system binds each of them
    to the package once it is imported; that binding is left out, so that a name means the same
    before and after. `from dgmlang.objectives.elbo import …` does not need it.
    """

    KIND: str

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        known = library().space(self.KIND)
        if name in known:
            return constructor(known[name])
        near = None if name.startswith("_") else suggest(name, known)
        hint = f"; did you mean `{near}`?" if near else ""
        raise AttributeError(f"there is no {self.KIND} `{name}`{hint}", name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted(library().space(self.KIND))


@cache
def constructor(extern: Extern) -> Callable[..., Expression]:
    """The function that writes a call of an extern; it refuses what the compiler would refuse."""

    def construct(*positional: Any, **named: Any) -> Expression:
        known = {p.name for p in extern.parameters}
        sites = {n for n in named if extern.has("sites") and n not in known}
        parts = [*map(_text, positional)]
        parts += [f"{n}: {v}" if n in sites else f"{n} = {_text(v)}" for n, v in named.items()]
        written = Expression(f"{extern.name}({', '.join(parts)})" if parts else extern.name)
        if isinstance(written.tree, ast.Call):
            own = tuple(a for a in written.tree.arguments if not a.site)
            settings_of(extern, own, written.tree.span)
        return written

    construct.__name__ = construct.__qualname__ = extern.name
    construct.__doc__ = extern.doc
    construct.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [_parameter(p.name, p.type.kind, default(p)) for p in extern.parameters],
        return_annotation="Expression",
    )
    return construct


def _parameter(name: str, kind: str, usual: Any) -> inspect.Parameter:
    empty = inspect.Parameter.empty
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=empty if usual is None else usual,
        annotation=_TYPES.get(kind, empty),
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
