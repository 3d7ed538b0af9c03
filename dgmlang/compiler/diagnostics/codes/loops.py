"""DGM036x: loops and the variables that they index."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label, instead
from dgmlang.compiler.source import Span


def target(span: Span, name: str, wanted: str, loop: Span | None) -> Diagnostic:
    """A variable that is not indexed by all loops around it, in order; `wanted` is how it is."""
    labels = (Label(span, f"Expected `{wanted}`; found `{span.text}`"),)
    why = "outside a loop a declaration has no index"
    if loop is not None:
        labels += (Label(loop, "in this loop"),)
        why = f"`{name}` has one entry for each turn of every loop around it, outermost first"
    help, fixes = f"write `{wanted}`", instead(span, wanted)
    return Diagnostic("DGM0360", "indices of a target", labels, (why,), help, fixes=fixes)


def stray(span: Span, what: str) -> Diagnostic:
    """A statement that has one meaning for the whole model, inside a loop."""
    label = Label(span, f"{what} belongs to the whole model, and a loop repeats what is in it")
    help = "declare it before the loop"
    return Diagnostic("DGM0361", "statement in a loop", (label,), help=help)


def given_of_a_length(span: Span, name: str, over: str, type_: str) -> Diagnostic:
    """A given as long as other data: `over` has no length yet where it is drawn, and givens do."""
    label = Label(span, f"`{name}` would be as long as `{over}`, which is drawn given `{name}`")
    help = f"declare `given {name} : {type_}` before the loop, and loop over `0..len({name})`"
    return Diagnostic("DGM0361", "statement in a loop", (label,), help=help)


def start(span: Span, found: str) -> Diagnostic:
    """A range that does not begin at 0."""
    label = Label(span, f"Expected 0; found `{found}`")
    why = "entry t of a variable is its entry t everywhere, so every loop counts from 0"
    fixes = instead(span, "0")
    return Diagnostic("DGM0362", "start of a loop", (label,), (why,), "write `0..`", fixes=fixes)


def empty(span: Span, stop: int) -> Diagnostic:
    """A loop with no turn."""
    label = Label(span, f"0..{stop} holds no index")
    return Diagnostic("DGM0363", "empty loop", (label,), help="let the loop run to 1 at least")


def outside(span: Span, at: str, why: str, help: str) -> Diagnostic:
    """An index that leaves the array: `s[t-1]` at t = 0."""
    label = Label(span, f"`{span.text}` leaves the array at {at}")
    return Diagnostic("DGM0364", "index out of the loop", (label,), (why,), help)


def before_the_axis(span: Span, name: str, first: str, guard: str) -> Diagnostic:
    """An index that is below 0 at the loop's first turn."""
    help = _guarded(guard)
    return outside(span, f"{name} = {first}", "the first entry has index 0", help)


def past_the_axis(
    span: Span, name: str, last: str, ends: tuple[str, str], guard: str | None
) -> Diagnostic:
    """An index past the end; `ends` are those of the axis and of the loop, `guard` keeps it in."""
    axis, stop = ends
    why = f"the axis has {axis} entries, and here {name} runs to {last}"
    help = f"loop over `0..{axis}`, or give the axis {stop} entries"
    return outside(span, f"{name} = {last}", why, _guarded(guard) if guard else help)


def _guarded(guard: str) -> str:
    return f"guard it: `… if {guard} else …`"


def not_past(span: Span, name: str, readable: tuple[str, ...]) -> Diagnostic:
    """A read that is neither this turn nor an earlier one, of a variable of the same loop."""
    shown = ", ".join(f"`{r}`" for r in readable)
    return Diagnostic(
        "DGM0365",
        "read beyond the past",
        (Label(span, f"`{name}` is drawn in this loop, and this may not be drawn yet"),),
        (f"inside its loop {shown} may be read",),
        f"read {shown}, or move the statement behind the loop",
    )


def no_length(span: Span, name: str, declared: Span, *, own: bool) -> Diagnostic:
    """`len(x)` of a variable that has one shape, or, of its own loop, no greatest length."""
    if own:
        label, help = f"`{name}` has no greatest length", f"write `0..len({name}) <= T`"
    else:
        label = f"`{name}` has the same length in every example"
        help = f"declare `{name}` with `[<= T]`, or count to its number of entries"
    labels = (Label(span, label), Label(declared, f"`{name}` is declared here"))
    why = "an array has a place for each turn, so a loop over a length knows the greatest"
    return Diagnostic("DGM0376", "no varying length", labels, (why,) if own else (), help)


def ragged_within(span: Span, around: Span) -> Diagnostic:
    """A loop over a length inside another loop."""
    return Diagnostic(
        "DGM0377",
        "length inside a loop",
        (Label(span, "each turn of the loop around it has this length"), Label(around, "this one")),
        ("of a variable's axes the first alone may differ from example to example",),
        "make the loop over the length the outermost one",
    )


def ragged(span: Span, name: str) -> Diagnostic:
    """A slice that a loop variable ends, where its length matters."""
    return Diagnostic(
        "DGM0366",
        "ragged slice",
        (Label(span, "a loop's variable bounds this slice, so its length changes"),),
        ("it may meet a slice of the same end in `@`, or be summed",),
        f"outside a loop `past({name})` stands for all entries before each one",
    )


def unbound(span: Span, name: str) -> Diagnostic:
    """A loop variable where its loop is not."""
    return Diagnostic(
        "DGM0367",
        "loop variable outside",
        (Label(span, f"`{name}` is a variable of a loop that does not reach here"),),
        ("outside its loop a variable is read whole, with the loops' axes in front",),
        "read the whole variable, or move the statement into the loop",
    )


def no_start(span: Span, name: str, index: str) -> Diagnostic:
    """A state of which every turn reads another: nothing says what it begins with."""
    return Diagnostic(
        "DGM0385",
        "state without a start",
        (Label(span, f"every turn of `{name}` reads the state, so nothing says what it is"),),
        ("a state has the type of its first value",),
        f"begin it: `let {name}[{index}] = … if {index} == 0 else …`",
    )


def energy_reads_state(span: Span, name: str) -> Diagnostic:
    """An energy over a state, through which blocks and degrees are not derived."""
    label = Label(span, f"`{name}` is computed turn by turn, and an energy is not seen through it")
    help = "write its value out in the energy, or give the variables laws in the loop"
    return Diagnostic("DGM0386", "state in an energy", (label,), help=help)


def energy(span: Span) -> Diagnostic:
    """An energy that a loop repeats."""
    label = Label(span, "an energy is one number of the whole example, and a loop repeats it")
    help = "write the sum over turns in one, without the loop: `energy -a * sum(x[1:] * x[:-1])`"
    return Diagnostic("DGM0387", "energy in a loop", (label,), help=help)


def past_in_loop(span: Span, name: str, index: str) -> Diagnostic:
    """`past(x)` in a loop, which has its own ways to read what came before."""
    label = Label(
        span, f"`past({name})` is all that comes before an entry, in a law without a loop"
    )
    reads = f"`{name}[{index}-1]` or `sum({name}[:{index}])`"
    help = f"read {reads}, or keep a state: `let h[{index}] = …`"
    return Diagnostic("DGM0388", "past in a loop", (label,), help=help)


def unordered(span: Span, index: str) -> Diagnostic:
    """A condition that divides a loop at a place that depends on open dimensions."""
    label = Label(span, f"where this cuts the loop over `{index}` is not known")
    help = "compare with a number, or with the loop's end less a number"
    return Diagnostic("DGM0368", "undecided condition", (label,), help=help)


def varying_in_loop(span: Span, written: str, over: str | None) -> Diagnostic:
    """A type of varying length for one turn's entry of a loop."""
    kind, _, most = written.partition("[<=")
    kind, most = kind.strip(), most.strip(" ]")
    label = Label(span, f"each turn holds one entry; `{written}` is of varying length")
    why = ("the loop says how long a sequence is; sequences of sequences are not built",)
    help = f"write `{kind}` here"
    if over is not None:
        help += f", and the greatest length in the loop: `0..len({over}) <= {most}`"
    return Diagnostic("DGM0950", "varying length in a loop", (label,), why, help)
