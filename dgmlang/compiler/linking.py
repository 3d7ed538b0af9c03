"""What a model reads of the nets and `let`s that stand outside of models, under names of its own.

They stand in no model, so they are put into each that reads them, as if they were declared there:
a net has one set of parameters a model. What a file brings in has the name that it has there; what
that needs besides, the name of its file in front (`nets.helper`), which no name of a person's is.
They see the hyperparameters of the model, and no other name of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePath
from typing import Any

from dgmlang.compiler.diagnostics.codes import imports as codes
from dgmlang.compiler.modules import Found, Module
from dgmlang.compiler.report import Report
from dgmlang.compiler.syntax import ast

Outside = ast.Let | ast.Net


def linked(
    model: ast.Model, home: Module, own: Collection[str], report: Report
) -> tuple[dict[str, Outside], dict[str, Found]]:
    """The declarations outside of models that a model of the file `home` needs (DGM0217).

    With them the models that these name, under names of the model too.

    Args:
        model: The model.
        home: Its file.
        own: The names that the model declares.
        report: Takes what is wrong.
    """
    linking = _Linking(model, home, own, report)
    names = dict.fromkeys(mentioned(model.body))
    linking.take([home.names[n] for n in names if n in home.names and n not in own])
    return linking.found, linking.models


@dataclass(eq=False)
class _Linking:
    model: ast.Model
    home: Module
    own: Collection[str]
    report: Report
    found: dict[str, Outside] = field(default_factory=dict)
    models: dict[str, Found] = field(default_factory=dict)
    _names: dict[tuple[int, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, found in self.home.names.items():
            self._names[_identity(found)] = name

    def take(self, todo: list[Found]) -> None:
        """Put declarations in, and what they need."""
        while todo:
            found = todo.pop(0)
            name = self.name(found)
            if isinstance(found.declaration, ast.Model):
                self.models[name] = found
            elif name not in self.found:
                needs = dict(self._needs(found, found.declaration))
                self._put(found, found.declaration, needs)
                todo.extend(needs.values())

    def _put(self, found: Found, declaration: Outside, needs: Mapping[str, Found]) -> None:
        put = _renamed(declaration, {name: self.name(other) for name, other in needs.items()})
        if isinstance(put, ast.Let):
            names = tuple(self.name(replace(found, name=n)) for n in put.names)
            self.found.update(dict.fromkeys(names, replace(put, names=names)))
        else:
            self.found[self.name(found)] = replace(put, name=self.name(found))

    def name(self, found: Found) -> str:
        """The name of a declaration in the model."""
        key = _identity(found)
        if key not in self._names:
            name = f"{PurePath(found.home.source.name).stem}.{found.name}"
            taken = {*self._names.values()}
            while name in taken:  # two files of one name, in two folders
                name = f"{name}_"
            self._names[key] = name
        return self._names[key]

    def _needs(self, found: Found, declaration: Outside) -> Iterator[tuple[str, Found]]:
        """What a declaration reads of its file; a name that the model declares is none of it."""
        local = _local(declaration)
        for node in _names_in(declaration):
            if node.id in local:
                continue
            if node.id in found.home.names:
                yield node.id, found.home.names[node.id]
            elif node.id in self.own:
                said = codes.read_outside(node.span, node.id, self.model.name)
                self.report.say(said)


def _identity(found: Found) -> tuple[int, str]:
    return id(found.declaration), found.name


def _local(declaration: Outside) -> set[str]:
    """The names that a declaration binds itself."""
    if isinstance(declaration, ast.Net):
        return {port.name for port in declaration.parameters}
    return set(declaration.parameters or ())


def _renamed(declaration: Outside, names: Mapping[str, str]) -> Outside:
    """The declaration with the names that it reads changed."""
    changed = {n: new for n, new in names.items() if n != new}
    return _changed(declaration, changed) if changed else declaration


def _changed(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, ast.Name):
        return replace(node, id=names.get(node.id, node.id))
    if isinstance(node, tuple):
        return tuple(_changed(item, names) for item in node)
    if isinstance(node, ast.Node):
        parts = {f.name: _changed(getattr(node, f.name), names) for f in fields(node)}
        return replace(node, **parts)
    return node


def mentioned(node: object) -> Iterator[str]:
    """Every name that stands somewhere below a piece of syntax."""
    return (name.id for name in _names_in(node))


def _names_in(node: object) -> Iterator[ast.Name]:
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from _names_in(item)
    elif isinstance(node, ast.Node):
        for part in fields(node):
            yield from _names_in(getattr(node, part.name))
