"""Laws whose arguments are entries of params: what `em` maximises in closed form.

A law of an exponential family sees the data through sums of its sufficient statistics. Where its
arguments are whole params, or the entries that params have at the same indices (`loc[k]` and
`scale[k]`), one table of such sums is all that the best values of the params depend on.
Source: Dempster, Laird & Rubin 1977, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.program import (
    Counter,
    Expr,
    Index,
    Law,
    Mixture,
    Named,
    Net,
    Program,
    Read,
)
from dgmlang.compiler.types.dims import Shape
from dgmlang.compiler.types.kinds import own_rank
from dgmlang.compiler.walk import Items, alike_items, arguments, bare, entries, reads, walk

WEIGHTS = "probs"
"""What a mixture's weights are called among the arguments of the law of its component."""


@frozen(eq=False)
class Table:
    """One law, whose statistics are summed for each value of the indices `picks`.

    `family` is the law's line in the library; of a mixture it is that of its component's number.
    `params` are the params that stand as arguments, by argument. Those in `picked` are read at the
    indices, the others whole. Arguments that are not in `params` are constants.
    """

    law: Named | Mixture
    family: Extern
    arguments: Mapping[str, Expr]
    picks: tuple[Expr, ...]
    params: Mapping[str, str]
    picked: frozenset[str]

    @property
    def rank(self) -> int:
        """How many axes of single values the law has."""
        assert self.family.type is not None
        return len(self.shape) - own_rank(self.family.type)

    @property
    def shape(self) -> Shape:
        """The axes of what is drawn; of a mixture those of its weights."""
        law = self.law
        return law.weights.type.shape if isinstance(law, Mixture) else law.type.array_shape

    @property
    def taken(self) -> int:
        """How many leading axes the indices give."""
        return max((len(p.type.array_shape) for p in self.picks), default=0)


@frozen()
class Tabular:
    """The tables of a program, and the params that they alone decide: no others read these."""

    tables: tuple[Table, ...]
    closed: tuple[str, ...]


def tabular(program: Program) -> Tabular:
    """What of a program has an M-step in closed form; its guide does not count."""
    params = [v.name for v in program.having("param")]
    laws = [law for v in program.having("data", "latent") for law in _parts(v.law)]
    known = [t for law in laws if (t := _table(law, params)) is not None]
    roles = {(name, t.family.name, argument) for t in known for argument, name in t.params.items()}
    once = [n for n in params if len([role for role in roles if role[0] == n]) == 1]
    other = {*program.priors, *_read_elsewhere(program, laws, known)}
    closed = tuple(n for n in once if n not in other)
    return Tabular(tuple(t for t in known if set(t.params.values()) & set(closed)), closed)


def _parts(law: Law | None) -> Iterator[Law]:
    """The laws of single entries, and of a mixture its component's as well."""
    for entry in entries(law):
        yield entry
        if isinstance(entry, Mixture):
            yield from _parts(entry.component)


def _table(law: Law, params: Sequence[str]) -> Table | None:
    found = _arguments(law)
    if found is None or not isinstance(law, Named | Mixture):
        return None
    family, given = found
    learned = {name: e for name, e in given.items() if not _constant(e)}
    names = {name: param for name, e in learned.items() if (param := _param(e, params))}
    picking = {name: e for name, e in learned.items() if isinstance(e, Index)}
    picks = _agreed([e.items for e in picking.values()])
    if (
        not learned
        or len(names) < len(learned)
        or picks is None
        or reads(*picks).keys() & {*params}
    ):
        return None
    table = Table(law, family, given, picks, names, frozenset(picking))
    return table if _aligned(table, learned) else None


def _arguments(law: Law) -> tuple[Extern, Mapping[str, Expr]] | None:
    """The family of a law whose statistics the library sums, and the law's arguments."""
    match law:
        case Mixture(weights=weights):
            return library().space("dist")["Categorical"], {WEIGHTS: bare(weights)}
        case Named(extern=extern) if extern.has("sufficient"):
            return extern, {name: bare(e) for name, e in law.arguments.items()}
    return None


def _constant(expr: Expr) -> bool:
    return not reads(expr) and not any(isinstance(node, Counter) for node in walk(expr))


def _param(expr: Expr, params: Sequence[str]) -> str | None:
    """The param that an argument is, whole or at indices."""
    read = bare(expr.value) if isinstance(expr, Index) else expr
    return read.name if isinstance(read, Read) and read.name in params else None


def _agreed(rows: Sequence[Items]) -> tuple[Expr, ...] | None:
    """The indices that all of these are, or None."""
    first = rows[0] if rows else ()
    picks = tuple(item for item in first if isinstance(item, Expr))
    same = all(alike_items(first, other) for other in rows)
    return picks if same and len(picks) == len(first) else None


def _aligned(table: Table, learned: Mapping[str, Expr]) -> bool:
    """Whether a table has one cell for each value of the picks and each entry behind their axes."""
    taken, shape = table.taken, table.shape
    if any(p.type.array_shape not in ((), shape[:taken]) for p in table.picks):
        return False
    whole = (e for name, e in learned.items() if name not in table.picked)
    return not taken or all(len(e.type.shape) <= table.rank - taken for e in whole)


def _read_elsewhere(program: Program, laws: Sequence[Law], known: Sequence[Table]) -> set[str]:
    """What anything but the tables' laws reads."""
    held = {id(t.law) for t in known}
    other = [law for law in laws if id(law) not in held]
    parts = [law.weights for law in other if isinstance(law, Mixture)]
    parts += [e for law in other if not isinstance(law, Mixture) for e in arguments(law)]
    parts += [e for v in program.having("param", "state") if v.law for e in arguments(v.law)]
    parts += [e for net in program.nets.values() for e in (net.body, *_prior(net))]
    return set(reads(*parts, *program.energies))


def _prior(net: Net) -> tuple[Expr, ...]:
    return () if net.prior is None else arguments(net.prior)
