"""What `derive` finds out about a program: facts with the rules and lines that they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.source import Span


@frozen()
class Witness:
    """Why something holds: the rule's name, a clause for people, and the lines that show it."""

    rule: str
    text: str
    span: Span = field(repr=False, compare=False)


@frozen()
class Facet:
    """One capability: `value` is a word of the facet's, `witnesses` are what holds it down."""

    value: str
    witnesses: tuple[Witness, ...] = ()

    def __str__(self) -> str:
        return self.value


@frozen()
class Turns:
    """How latents of loops go jointly, turn by turn: finite ones by sums, `gaussian` by integrals.

    `readers` are the variables whose laws they stand in, their own among them. Along loop number
    `axis` these read up to `lag` turns back; with 0 every turn of every loop is summed alone.
    """

    variables: tuple[str, ...]
    readers: tuple[str, ...]
    axis: int
    lag: int
    gaussian: bool = False


@frozen()
class Elimination:
    """How finite latents are summed out one after the other.

    `scopes` has for each law that reads some of them, or is the law of one, which those are;
    `entries` is how many table entries are looked at.
    """

    order: tuple[str, ...]
    scopes: Mapping[str, tuple[str, ...]] = field(compare=False)
    entries: int


@frozen()
class Removal:
    """A latent that goes exactly: by `sum`, `free energy`, `change of variables`, `forward`, …

    `states` is the number of joint states, or with `turns` or an `elimination` of table entries,
    that a sum runs over, 0 elsewhere.
    """

    variable: str
    rule: str
    witness: Witness
    states: int = 0
    turns: Turns | None = None
    elimination: Elimination | None = None

    @property
    def summed(self) -> bool:
        """Whether a sum over its own values takes it, and none over turns."""
        return self.elimination is not None or (self.rule == "sum" and self.turns is None)

    @property
    def over_states(self) -> bool:
        """Whether a sum takes it, over its own values or over those of a turn."""
        return self.summed or (self.turns is not None and not self.turns.gaussian)


@frozen()
class Bounded:
    """A latent left to a bound, and how gradients pass through its draw.

    `rigid`: why no draw of a finite one can be relaxed, a clause; None where one can.
    """

    variable: str
    gradient: str
    witness: Witness
    rigid: str | None = None


SINGLE_SITE = "single site"
"""The rule of a block whose sites are drawn one after the other."""


@frozen()
class Part:
    """The sites of one variable that a Gibbs block updates.

    Index tuple i is in the part where (Σ_axis weights[axis] · i[axis]) mod modulus == residue;
    modulus 1 means all sites. Where `lines` has a table for each axis, lines[axis][i[axis]] stands
    in the place of weights[axis] · i[axis].
    """

    variable: str
    weights: tuple[int, ...]
    modulus: int
    residue: int
    sites: int
    lines: tuple[tuple[int, ...], ...] = ()


@frozen()
class Block:
    """Sites that are independent given all others, so that one update draws them together.

    `rule`: `multilinear` (log-odds are minus one gradient), `differences`, or `gaussian`; or
    `single site`, of sites that may all interact and are drawn one after the other.
    """

    parts: tuple[Part, ...]
    rule: str
    witness: Witness

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(part.variable for part in self.parts)

    @property
    def together(self) -> bool:
        """Whether all sites are drawn at once."""
        return self.rule != SINGLE_SITE

    @property
    def turns(self) -> int:
        """How many draws one after the other an update takes."""
        return 1 if self.together else sum(part.sites for part in self.parts)


@frozen()
class Summation:
    """How the normaliser of an energy is summed exactly.

    By `states`: over all joint states, those of the block number `removed` (None: of none) in
    closed form. By `rows`: a variable whose sites interact with the next row along `axis` at most,
    as the trace of a product of transfer matrices. `entries` is how many numbers are looked at.
    """

    rule: str
    entries: int
    removed: int | None = None
    variable: str = ""
    axis: int = 0


@frozen()
class Run:
    """How variables of loops are drawn: `ways` has `plate`, `chain` or `prefix` for each loop.

    `steps` is how many draws must follow each other, None while a dimension is open.
    """

    variables: tuple[str, ...]
    ways: tuple[str, ...]
    steps: int | None
    witness: Witness


@frozen()
class Unbuilt:
    """A part of the library that the program names and that no implementation is bound to yet."""

    kind: str
    name: str
    span: Span = field(repr=False, compare=False)


@frozen()
class Facts:
    """Everything derived from one program, nothing decided.

    `marginal` is what `density` would be without the guide, and `marginalised` what then goes.
    `in_chains` are data of an energy that chains sum out besides; `gaussian` is why the variables
    of the energies are jointly Gaussian, None where they are not.
    """

    density: Facet
    marginal: Facet
    normaliser: Facet
    score: Facet
    smooth: Facet
    draw: Facet
    space: Facet
    pathwise: Facet
    removed: tuple[Removal, ...]
    marginalised: tuple[Removal, ...]
    bounded: tuple[Bounded, ...]
    blocks: tuple[Block, ...]
    summation: Summation | None
    gaussian: Witness | None
    in_chains: tuple[Removal, ...]
    flags: Mapping[str, Any]
    parameters: int | None
    runs: tuple[Run, ...]
    unbuilt: tuple[Unbuilt, ...]
