"""Laws: how variables arise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern
from dgmlang.compiler.program.expressions import Expr, Loop
from dgmlang.compiler.program.stages import Chain
from dgmlang.compiler.source import Span
from dgmlang.compiler.types.dims import Dim
from dgmlang.compiler.types.kinds import Type

if TYPE_CHECKING:
    from dgmlang.compiler.program.model import Program


@frozen(eq=False, kw_only=True)
class Law:
    """The law of one variable; `type` is what it yields."""

    type: Type
    span: Span = field(repr=False)


@frozen(eq=False)
class Named(Law):
    """A distribution of the library. Arguments of lower rank repeat over `type.shape`."""

    extern: Extern
    arguments: Mapping[str, Expr]


@frozen(eq=False)
class Pushed(Law):
    """A law pushed through bijections."""

    base: Law
    chain: Chain


@frozen(eq=False)
class Mixture(Law):
    """`mixture(weights, component)`: the component axis stands before the law's own axes."""

    weights: Expr
    component: Law


@frozen(eq=False)
class Chosen(Law):
    """`then if test else otherwise`, with a test that is known when it runs.

    The test has the first axes of the law: each of their indices has a law of its own.
    """

    test: Expr
    then: Law
    otherwise: Law


@frozen(eq=False)
class ComputedLaw(Law):
    """`x : T = value`. Where `chain` is set, value is that chain of bijections of `latent`."""

    value: Expr
    latent: str | None
    chain: Chain | None


@frozen(eq=False)
class Piece:
    """The law of one entry, at the indices of one range, [start, stop), of each loop."""

    ranges: tuple[tuple[Dim, Dim], ...]
    law: Law


@frozen(eq=False)
class Repeated(Law):
    """The law of a variable that is declared in loops, entry by entry; loops stand outer first.

    The pieces cover the loops' indices, each index once: conditions on loop variables alone are
    decided when the program is checked, so each piece has none of them left.
    """

    loops: tuple[Loop, ...]
    pieces: tuple[Piece, ...]


@frozen(eq=False)
class Quantized(Law):
    """The bin [k/K, (k+1)/K) of a draw, exact by its cdf; the outer bins take the tails."""

    base: Named | Mixture


@frozen(eq=False)
class Binned(Law):
    """The bin k of a latent in (0, 1), entry by entry: it is certain."""

    latent: Expr


@frozen(eq=False)
class WithinBin(Law):
    """Within the bin that a variable is: the guide of the latent of `quantize`.

    `place` is the law of where, from 0 to 1; None: uniform, the guide that is built.
    """

    variable: Expr
    levels: Dim
    place: Law | None = None


@frozen(eq=False)
class Marginal(Law):
    """The law of a model's data variable where the model is no variable's: its latents are gone.

    `program` is that model, what it learns under the names which that has here; `learned` reads
    its params. `givens` are what stands for its givens, by their names.
    """

    program: Program
    givens: Mapping[str, Expr]
    learned: tuple[Expr, ...]


@frozen(eq=False)
class EnergyLaw(Law):
    """The variable belongs to the density that the program's energies define together."""


@frozen(eq=False)
class ScoreLaw(Law):
    """`score x [at t under process] = value`; without a process `process` is None."""

    value: Expr
    time: str | None
    process: Process | None


@frozen(eq=False)
class Process:
    """A forward noising process with its settings."""

    extern: Extern
    settings: Mapping[str, Any]
