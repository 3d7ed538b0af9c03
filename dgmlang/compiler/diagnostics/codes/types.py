"""DGM03xx: kinds, shapes, heads, laws, causality and companions."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.codes.syntax_help import dotted
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label, respelt
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span

_KINDS_ELSEWHERE = {
    "float": "real",
    "str": "cat(K)",
    **dict.fromkeys(("categorical", "discrete", "category", "class", "onehot", "enum"), "cat(K)"),
    **dict.fromkeys(("binary", "boolean", "bernoulli"), "bit"),
    **dict.fromkeys(("integer", "nat", "poisson"), "count"),
    **dict.fromkeys(("probability", "prob", "fraction"), "unit"),
    **dict.fromkeys(("number", "double", "scalar", "complex"), "real"),
    **dict.fromkeys(("tensor", "array", "vector"), "real[…]"),
    "matrix": "real[…, …]",
}


def unknown_kind(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    """A type whose kind does not exist."""
    known = tuple(known)
    near = _KINDS_ELSEWHERE.get(name)
    near = near or suggest(name, known)
    return Diagnostic(
        "DGM0301",
        "unknown kind",
        (Label(span, f"no kind of value is called `{name}`"),),
        (f"kinds are {', '.join(sorted(known))}",) if not near else (),
        f"write `{near}`" if near else None,
        fixes=respelt(span, name, near),
    )


def kind_arguments(span: Span, wanted: str, meant: str) -> Diagnostic:
    """A kind without the numbers that belong to it, or with brackets that do not."""
    label = Label(span, f"Expected {wanted}; found `{span.text}`")
    help = f"write `{meant}`"
    return Diagnostic("DGM0921", "not this kind's brackets", (label,), help=help)


def static_kind(span: Span, name: str) -> Diagnostic:
    """A compile-time kind on a run-time variable."""
    near = {"int": "count` or `cat(K)", "float": "real", "bool": "bit"}.get(name, "real")
    return Diagnostic(
        "DGM0302",
        "compile-time kind",
        (Label(span, f"`{name}` is a kind of hyperparameters, not of values that are drawn"),),
        help=f"write `{near}`",
    )


def not_static(span: Span, found: str) -> Diagnostic:
    """A run-time value where a compile-time one is needed."""
    return Diagnostic(
        "DGM0303",
        "not a compile-time value",
        (Label(span, f"Expected a number or a hyperparameter; found {found}"),),
        help="write a number, or a hyperparameter of the model: `model NAME(d: int)`",
    )


def shape_mismatch(span: Span, expected: str, found: str, other: Span | None = None) -> Diagnostic:
    """Two shapes that do not agree."""
    labels = (Label(span, f"Expected shape {expected}; found {found}"),)
    more = (Label(other, f"this wants {expected}"),) if other and other != span else ()
    why = ("dimensions agree where they are identical; only a missing axis or a literal 1 repeats",)
    help = f"give it shape {expected}, or change what wants that"
    return Diagnostic("DGM0304", "shape mismatch", labels + more, why, help)


def no_broadcast(span: Span, left: str, right: str, op: str) -> Diagnostic:
    """Operands whose shapes do not broadcast."""
    label = Label(span, f"`{op}` cannot combine shapes {left} and {right}")
    why = ("only a missing axis or a literal 1 repeats",)
    help = "give both the same axes, or an axis of length 1 where one is to repeat"
    return Diagnostic("DGM0305", "shape mismatch", (label,), why, help)


def no_product(span: Span, left: str, right: str) -> Diagnostic:
    """Factors of a matrix product whose inner dimensions differ."""
    label = Label(span, f"`@` cannot combine shapes {left} and {right}")
    why = "the last axis on the left meets the last but one on the right, or a vector's only one"
    help = "give these two axes the same length, or change the order of the factors"
    return Diagnostic("DGM0305", "shape mismatch", (label,), (why,), help)


def kind_mismatch(
    span: Span, expected: str, found: str, where: str, help: str | None = None
) -> Diagnostic:
    """A value of the wrong kind."""
    label = Label(span, f"Expected {expected} for {where}; found {found}")
    help = help or f"give {where} something that is {expected}"
    return Diagnostic("DGM0306", "kind mismatch", (label,), help=help)


def no_heads(span: Span, name: str, shape: str) -> Diagnostic:
    """A head of an array, as Python's arrays have attributes."""
    why = "only a net with named heads is a record"
    label, help = Label(span, f"there is no head `{name}` here"), dotted(f"x.{name}")
    if name in ("shape", "size", "ndim"):
        why = f"the shape is {shape}"
        help = "write a size as a number, or as a hyperparameter: `model NAME(d: int)`"
    if name == "component":
        why = "which component of a mixture was drawn has no name in the program"
        help = (
            "write it as a latent: `latent k : cat(2) ~ Categorical(w)`, then `Normal(loc[k], 1)`"
        )
    return Diagnostic("DGM0313", "unknown head", (label,), (why,), help)


def not_a_record(span: Span, name: str, heads: Iterable[str]) -> Diagnostic:
    """A head that the record does not have."""
    known = tuple(heads)
    near = suggest(name, known)
    why = f"its heads are {', '.join(known)}"
    return Diagnostic(
        "DGM0313",
        "unknown head",
        (Label(span, f"there is no head `{name}` here"),),
        (why,),
        f"write `{near}`" if near else None,
        fixes=respelt(span, name, near),
    )


def record_as_value(span: Span, heads: Iterable[str]) -> Diagnostic:
    """A record where one array is wanted."""
    first = next(iter(heads), "loc")
    return Diagnostic(
        "DGM0314",
        "record as a value",
        (Label(span, "this is a record of heads, not an array"),),
        help=f"take one head, as in `.{first}`, or pass them all with `...`",
    )


def head_shape(span: Span, body: str, head: str, wanted: str, owner: str = "net") -> Diagnostic:
    """A body whose shape no head rule maps to the head."""
    named = f"the head `{head}`" if head else f"the {owner}'s head"
    return Diagnostic(
        "DGM0315",
        "head cannot be mapped",
        (Label(span, f"the body has shape {body}, and {named} wants {wanted}"),),
        ("a body of rank 1 maps to any head; a higher one must share the head's leading axes",),
        "flatten the body with `|> flatten`",
    )


def stage_input(span: Span, stage: str, wanted: str, found: str) -> Diagnostic:
    """A stage that cannot take what comes before it."""
    return Diagnostic(
        "DGM0316",
        "stage does not fit",
        (Label(span, f"`{stage}` takes {wanted}; found {found}"),),
        help=_for_stage(wanted, found) or f"bring what comes before it to {wanted}",
    )


def _for_stage(wanted: str, found: str) -> str | None:
    if found.startswith("cat"):
        return "put `|> embed(16)` before it, or pass `one_hot(…)`"
    if "sides" in wanted:
        return "halve less often, or crop or pad the pictures"
    if "equal parts" in wanted:
        return "choose a width and a number of parts that divides it"
    return "put it inside `squeeze { … }`" if "channels" in wanted else None


def bad_index(span: Span, rank: int, found: int) -> Diagnostic:
    """More indices than axes."""
    axes, indices = _count(rank, "axis", "axes"), _count(found, "index", "indices")
    label = Label(span, f"the value has {axes}; found {indices}")
    help = f"leave {_count(found - rank, 'index', 'indices')} out"
    return Diagnostic("DGM0330", "too many indices", (label,), help=help)


def index_kind(span: Span, kind: str) -> Diagnostic:
    """An index that is no class."""
    return Diagnostic(
        "DGM0331",
        "not an index",
        (Label(span, f"Expected a `cat`, a `bit` or a number; found {kind}"),),
        help="declare what picks an entry `cat(K)`, K the length of the axis",
    )


def index_range(span: Span, levels: str, axis: str) -> Diagnostic:
    """A class index into an axis of another length."""
    return Diagnostic(
        "DGM0332",
        "index out of range",
        (Label(span, f"the index has {levels} levels, and the axis has length {axis}"),),
        help=f"give the axis length {levels}, or the index {axis} levels",
    )


def no_entry(span: Span, position: int, axis: str) -> Diagnostic:
    """A number that picks no entry of an axis."""
    label = Label(span, f"the axis has length {axis}; found index {position}")
    why, help = ("indices begin at 0",), "write an index below the length, or `-1` for the last"
    return Diagnostic("DGM0332", "index out of range", (label,), why, help)


def runtime_name(span: Span, name: str, is_size: bool) -> Diagnostic:
    """A variable where a compile-time value is needed, as a size or as a setting."""
    own = "; sequences that differ in length are `[<= 100]`" if is_size else ""
    return Diagnostic(
        "DGM0334",
        "not a compile-time value",
        (Label(span, f"`{name}` has its value only when the program runs"),),
        ("dimensions and settings are numbers and hyperparameters",),
        f"make `{name}` a hyperparameter, as in `model M({name}: int)`{own}",
    )


def start_at_run_time(span: Span, name: str) -> Diagnostic:
    """A variable in what stands behind `from`."""
    return Diagnostic(
        "DGM0334",
        "not a compile-time value",
        (Label(span, f"`{name}` has its value only when the program runs"),),
        ("an initial value is there before anything is learned",),
        f"write numbers behind `from`; what follows `{name}` all the way is a `let`",
    )


def not_a_size(span: Span, text: str, value: int) -> Diagnostic:
    """A dimension below 1."""
    return Diagnostic(
        "DGM0338",
        "not a size",
        (Label(span, f"`{text}` is {value}, and a dimension is at least 1"),),
        help="write a number from 1, or leave the brackets out for a single value",
    )


def stray_block(span: Span, name: str) -> Diagnostic:
    """A block behind something that takes none."""
    label = Label(span, f"`{name}` takes no block")
    return Diagnostic("DGM0351", "stray block", (label,), help="take the `{ … }` out")


def missing_block(span: Span, name: str) -> Diagnostic:
    """A stage that repeats or wraps a block, without one."""
    label = Label(span, f"`{name}` needs a block of stages")
    return Diagnostic(
        "DGM0352", "missing block", (label,), help=f"write `{name}(…) {{ stage |> stage }}`"
    )


def block_shape(span: Span, name: str, source: str, target: str) -> Diagnostic:
    """A block that does not keep the shape of what enters it."""
    label = Label(span, f"the block of `{name}` turns shape {source} into {target}")
    why = ("what leaves the block enters it again, so its shape stays the same",)
    help = f"end the block in a stage that gives {source} again"
    return Diagnostic("DGM0353", "block changes the shape", (label,), why, help)


def empty_list(span: Span, wanted: str) -> Diagnostic:
    """A list without entries."""
    label = Label(span, f"Expected {wanted}; found an empty list")
    return Diagnostic("DGM0354", "empty list", (label,), help="write at least one entry")


def undecided(span: Span, name: str) -> Diagnostic:
    """A decision or an end of a slice that hangs on a dimension that only data give."""
    label = Label(span, f"`{span.text}` hangs on `{name}`, which has no value yet")
    help = f"give `{name}` a value: `--set {name}=…`, or a default"
    return Diagnostic("DGM0355", "not a compile-time value yet", (label,), help=help)


def past_the_end(span: Span, position: int, length: int) -> Diagnostic:
    """An entry of a compile-time list that it does not have."""
    label = Label(span, f"the list has length {length}; found index {position}")
    why, help = ("indices begin at 0",), f"write an index below {length}"
    return Diagnostic("DGM0356", "no such entry", (label,), why, help)


def no_axis(span: Span, rank: int, axis: float) -> Diagnostic:
    """An axis that a value does not have."""
    label = Label(span, f"the value has {_count(rank, 'axis', 'axes')}; found axis {axis}")
    why, help = ("axes begin at 0",), f"write an axis below {rank}, or `-1` for the last"
    help = help if rank else "leave the axis out: it is a single number"
    return Diagnostic("DGM0357", "no such axis", (label,), why, help)


def wrong_names(span: Span, names: int, values: int | None) -> Diagnostic:
    """A `let` of several names whose value has another number of parts."""
    found = "a value without parts" if values is None else f"{values} of them"
    label = Label(span, f"Expected {names} values for {names} names; found {found}")
    why = ("a net's heads, a list, and the first axis of an array are taken apart",)
    help = "write one name" if values is None else f"write {_count(values, 'name', 'names')}"
    return Diagnostic("DGM0370", "names and values differ", (label,), why, help)


def two_shapes(span: Span, name: str, first: str, second: str) -> Diagnostic:
    """A stage of a `let` function that is used on values of two shapes."""
    label = Label(span, f"`{name}` takes shape {first} at one use, and {second} at another")
    why = ("a stage in a function has one set of parameters, which all uses share",)
    help = "pass the stages on as a chain, `let block = …`, which has parameters for each use"
    return Diagnostic("DGM0371", "weights of two shapes", (label,), why, help)


def out_of_range(
    span: Span, name: str, owner: str, wanted: str, found: float, help: str | None = None
) -> Diagnostic:
    """A count below 1, a slope that is not above 0, or an end that is not above the other."""
    label = Label(span, f"`{name}` of `{owner}` is {wanted}; found {found:g}")
    help = help or f"write one that is {wanted}"
    return Diagnostic("DGM0372", "setting out of range", (label,), help=help)


def may_be_absent(span: Span, what: str, found: str) -> Diagnostic:
    """A given that some examples lack, where every example needs a value."""
    label = Label(span, f"{what} is `{found}`: it may be absent, and this place needs a value")
    why = ("a given is never inferred; only an argument of an optional type accepts it",)
    help = "leave out the `?`, or make it `data` with a law, which is inferred where missing"
    if found.startswith("cat"):
        help = 'write `… |> embed(16)`, which has a vector for "absent"'
    return Diagnostic("DGM0380", "may be absent", (label,), why, help)


def never_missing(span: Span, role: str, name: str) -> Diagnostic:
    """`?` on something that no example brings."""
    label = Label(span, f"`{name}` is a {role}, which no example brings, so none lacks it")
    why = ("`data` and `given` variables may be missing in some examples",)
    return Diagnostic("DGM0381", "never missing", (label,), why, "take the `?` out")


def shared_varies(span: Span, name: str, found: str, *, missing: bool) -> Diagnostic:
    """A value of the whole data set that may be missing, or whose length may vary."""
    what = "missing in some examples" if missing else "of another length in each example"
    label = Label(span, f"`{name}` is `{found}`, and one value for the data set is not {what}")
    help = "take the `?` out" if missing else "take the `<=` out: its length is a number"
    why = ("every example has the same value of what is `shared`",)
    return Diagnostic("DGM0396", "one value that varies", (label,), why, help)


def _count(n: int, one: str, more: str) -> str:
    return f"{n} {one if n == 1 else more}"
