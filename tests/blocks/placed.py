"""Every bijection of the standard library, at the places where it can stand, as small programs.

Programs are made from the `extern` lines alone, so that a bijection, a mask or a transform is under
test as soon as it is declared and built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import dgmlang as dgm
from dgmlang.compiler.library import Extern, Parameter, library
from dgmlang.compiler.lower.built import at
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.program import Stage
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.types.calls import optional
from dgmlang.compiler.walk import chains
from dgmlang.solvers.solving import Solving
from dgmlang.verify.instance import Instance, instance
from tests.blocks.conformance import UNITS

Shape = tuple[int, ...]

VECTORS: tuple[Shape, ...] = ((4,), (1,), (2, 2, 3))
ARRAYS: tuple[Shape, ...] = ((5,), (1,), (2, 3, 2))
PICTURES: tuple[Shape, ...] = ((2, 3, 2),)
BLOCK = "{ scale |> coupling(mlp([4])) |> reverse }"
PICTURE_BLOCK = "{ actnorm |> coupling(conv_net(4), mask = channel) |> conv1x1 }"
BASES = {"unit": "Uniform()"}
"""The laws of what a bijection takes, where it does not take all of the reals."""


@dataclass(frozen=True)
class Placed:
    """One stage in a program of its own; `given`: it is conditioned on c."""

    extern: Extern
    stage: str
    shape: Shape
    given: bool = False

    def __str__(self) -> str:
        return f"{self.stage} of {list(self.shape)}"

    @property
    def source(self) -> str:
        """The kind that the stage takes."""
        assert self.extern.source is not None
        return "unit" if self.extern.source.kind == "unit" else "real"

    @property
    def program(self) -> str:
        """The stage's law of a variable x, as text."""
        assert self.extern.type is not None
        kind = self.extern.type.span.text.split("[")[0]
        for name in self.extern.argument("ascending"):
            kind = kind.replace(name, f"{_end(self.extern, name)}")
        given = "  given c : real[2]\n" if self.given else ""
        axes = ", ".join(map(str, self.shape))
        law = f"{BASES.get(self.source, 'Normal(0, 1)')} |> {self.stage}"
        target = "real" if kind == "any" else kind
        return f"model M {{\n{given}  data x : {target}[{axes}] ~ {law}\n}}"

    @cached_property
    def instance(self) -> Instance:
        """The program at parameters away from where they start."""
        return instance(dgm.parse(self.program), 0)

    def transform(self, params: Any, given: Any) -> Any:
        """The bijection at these parameters and givens."""
        built, stage = self.instance.lowered.built, self._stage
        forward = replace(built, solving=Solving(how="forward"))
        inputs = evaluation(forward, self.instance.params, {}).inputs(stage, lambda _: given["c"])
        own = at(params, built.paths[id(stage)])
        return built.bijections[id(stage)].transform(own, **inputs)

    @property
    def tolerance(self) -> float:
        """What a solve may be off, in units of the precision: 20 times its relative tolerance."""
        return 20 * self._stage.settings.get("rtol", 0.0) / UNITS

    @property
    def parameters(self) -> Any:
        """The parameters of the stage."""
        return at(self.instance.params, self.instance.lowered.built.paths[id(self._stage)])

    @property
    def _stage(self) -> Stage:
        return next(iter(chains(self.instance.lowered.program))).stages[0]


def placed() -> Iterator[Placed]:
    """All that there is to test."""
    for extern in library().space("bijection").values():
        if not extern.has("planned"):
            yield from _of(extern)


def _of(extern: Extern) -> Iterator[Placed]:
    wanted = (p for p in extern.parameters if p.static and not optional(p))
    arguments = [_argument(extern, p) for p in wanted]
    if extern.has("split"):
        yield from _couplings(extern)
        return
    if extern.has("vector_field"):  # with equal steps, of which there are as many for XLA too
        solved = [*arguments, "steps = 12"]
        yield Placed(extern, _call(extern, solved), (2, 2))
        yield Placed(extern, _call(extern, [*solved, "condition = c"]), (1,), True)
        return
    block = f" {_block(extern)}" if extern.has("block") else ""
    for own in _with_transforms(extern, arguments):
        shapes = _shapes(extern)
        usual = all("transform =" not in a or a.endswith("affine") for a in own)
        for shape in shapes if usual else shapes[:1]:
            yield Placed(extern, _call(extern, own) + block, shape)
        if _conditioned(extern):
            conditional = _call(extern, [*own, "condition = c"]) + block
            yield Placed(extern, conditional, shapes[0], True)


def _couplings(extern: Extern) -> Iterator[Placed]:
    """Each mask with each transform, conditional and not."""
    mask, net = extern.argument("split")[0], extern.argument("conditioner")[0]
    for held, declared in _choices("mask"):
        pictures = declared.has("pictures")
        for transform, _ in _choices("transform"):
            arguments = [f"transform = {transform}", f"{mask} = {held}"]
            given = [f"{net} = {'conv_net(4)' if pictures else 'mlp([4])'}", *arguments]
            shapes = PICTURES if pictures else ARRAYS
            for shape in shapes if transform == "affine" else shapes[:1]:
                yield Placed(extern, _call(extern, given), shape)
            conditional = _call(extern, [*given, "condition = c"])
            yield Placed(extern, conditional, shapes[0], True)


def _with_transforms(extern: Extern, arguments: list[str]) -> Iterator[list[str]]:
    """The arguments, with each transform where the stage takes one."""
    if "transform" not in (p.name for p in extern.parameters):
        yield arguments
        return
    for transform, _ in _choices("transform"):
        yield [*arguments, f"transform = {transform}"]


def _choices(kind: str) -> Iterator[tuple[str, Extern]]:
    """The built names of a kind, with both values of each setting that is true or false."""
    for name, extern in library().space(kind).items():
        if extern.has("planned"):
            continue
        arguments = [_argument(extern, p) for p in extern.parameters if p.default is None]
        yield _call(extern, arguments), extern
        for p in extern.parameters:
            if p.type.kind == "bool":
                yield f"{name}({p.name} = true)", extern


def _argument(extern: Extern, parameter: Parameter) -> str:
    """A small value of a parameter that has no default."""
    small = {"int": "2", "float": f"{_end(extern, parameter.name)}", "net": "mlp([4])"}
    if parameter.type.kind == "net" and extern.has("causal_conditioner"):
        return f"{parameter.name} = made([8])"
    return f"{parameter.name} = {small[parameter.type.kind]}"


def _end(extern: Extern, name: str) -> float:
    """A number; of parameters that rise from one to the next each is above the last."""
    rising = extern.argument("ascending")
    return 1.5 + (rising.index(name) if name in rising else 0)


def _block(extern: Extern) -> str:
    return PICTURE_BLOCK if extern.has("squeezes") else BLOCK


def _conditioned(extern: Extern) -> bool:
    return any(p.name == "condition" for p in extern.parameters)


def _shapes(extern: Extern) -> tuple[Shape, ...]:
    """Vectors, pictures, and one entry alone, as far as the stage takes them."""
    assert extern.source is not None
    axes = extern.source.shape or ()
    if any(isinstance(a, ast.Name) and a.id == "..." for a in axes):
        return ARRAYS if extern.has("block") else ARRAYS[::2]
    if len(axes) == 3:
        return ((4, 4, 1),) if extern.has("squeezes") else ((3, 2, 2), (1, 1, 1))
    return VECTORS


def _call(extern: Extern, arguments: list[str]) -> str:
    return f"{extern.name}({', '.join(arguments)})" if arguments else extern.name
