"""DGM0540 to DGM0545: givens with one value for the data set, and levels that a fit did not see."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def missing(span: Span, name: str) -> Diagnostic:
    """No value for a `shared` given."""
    label = Label(span, f"nothing called `{name}` was given")
    help = f'pass `given = {{"{name}": …}}`, or the array `{name}` among the data'
    return Diagnostic("DGM0540", "missing shared value", (label,), (), help)


def changed(span: Span, name: str) -> Diagnostic:
    """Later data that bring another value than the fit was given."""
    label = Label(span, f"the fit was given other numbers for `{name}`")
    why = ("one value serves the whole data set, and the params were learned with it",)
    help = f"leave `{name}` out, or ask `fit.holding({name} = …)`, which has the new one"
    return Diagnostic("DGM0541", "another shared value", (label,), why, help)


def in_batches(span: Span, name: str) -> Diagnostic:
    """A batch of a stream that brings a `shared` given along."""
    label = Label(span, f"a batch brings `{name}`, which is one for the data set")
    help = f'take `{name}` out of the batches, and pass `given = {{"{name}": …}}`'
    return Diagnostic("DGM0542", "shared value in a batch", (label,), (), help)


def unseen(span: Span, name: str, level: int, levels: int) -> Diagnostic:
    """A level of a given that the fit had no params for."""
    label = Label(span, f"`{name}` has levels 0 to {levels - 1} in the fit; found {level}")
    help = 'pass `new_levels = "prior"`, which draws the params of new levels from their priors'
    return Diagnostic("DGM0543", "unseen level", (label,), (), help)


def no_row(span: Span, name: str, level: int, rows: int, size: str) -> Diagnostic:
    """A new level of which a `shared` given says nothing."""
    label = Label(span, f"`{name}` has {rows} rows, and level {level} of `{size}` is new")
    help = f"give `{name}` with a row for each new level, behind those of the fit"
    return Diagnostic("DGM0544", "no row for a level", (label,), (), help)


def cannot_grow(span: Span, name: str, size: str, why: str) -> Diagnostic:
    """A parameter that has entries for each level, and no law to draw those of new ones from."""
    label = Label(span, f"`{name}` has entries for each level of `{size}`, and {why}")
    help = f"give it a prior entry by entry, as `param {name} : real[{size}] ~ Normal(μ, τ)`"
    return Diagnostic("DGM0545", "no law for new levels", (label,), (), help)
