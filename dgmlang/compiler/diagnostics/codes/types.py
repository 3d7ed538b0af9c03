"""DGM03xx: kinds, shapes, heads, laws, causality and companions."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span


def unknown_kind(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    """A type whose kind does not exist."""
    known = tuple(known)
    near = {"float": "real", "str": "cat(K)", "tensor": "real[…]", "array": "real[…]"}.get(name)
    near = near or suggest(name, known)
    return Diagnostic(
        "DGM0301",
        "unknown kind",
        (Label(span, f"no kind of value is called `{name}`"),),
        (f"kinds are {', '.join(sorted(known))}",) if not near else (),
        f"write `{near}`" if near else None,
    )


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
    )


def shape_mismatch(span: Span, expected: str, found: str, other: Span | None = None) -> Diagnostic:
    """Two shapes that do not agree."""
    labels = (Label(span, f"Expected shape {expected}; found {found}"),)
    more = (Label(other, f"this wants {expected}"),) if other and other != span else ()
    why = ("dimensions agree where they are identical; only a missing axis or a literal 1 repeats",)
    return Diagnostic("DGM0304", "shape mismatch", labels + more, why)


def no_broadcast(span: Span, left: str, right: str, op: str) -> Diagnostic:
    """Operands whose shapes do not broadcast."""
    return Diagnostic(
        "DGM0305",
        "shape mismatch",
        (Label(span, f"`{op}` cannot combine shapes {left} and {right}"),),
        ("only a missing axis or a literal 1 repeats",),
    )


def kind_mismatch(
    span: Span, expected: str, found: str, where: str, help: str | None = None
) -> Diagnostic:
    """A value of the wrong kind."""
    label = Label(span, f"Expected {expected} for {where}; found {found}")
    return Diagnostic("DGM0306", "kind mismatch", (label,), help=help)


def support_mismatch(
    span: Span, law: str, support: str, declared: Span, kind: str, help: str | None
) -> Diagnostic:
    """A law whose support is not its variable's kind."""
    labels = (Label(span, f"{law} has support {support}"), Label(declared, f"declared {kind}"))
    return Diagnostic("DGM0307", "support mismatch", labels, help=help)


def missing_argument(span: Span, name: str, argument: str, signature: str) -> Diagnostic:
    """A call without an argument that has no default."""
    return Diagnostic(
        "DGM0308",
        "missing argument",
        (Label(span, f"`{name}` needs `{argument}`"),),
        (f"its signature is {signature}",),
    )


def unknown_argument(span: Span, name: str, argument: str, known: Iterable[str]) -> Diagnostic:
    """A keyword that the callee does not have."""
    known = tuple(known)
    near = suggest(argument, known)
    return Diagnostic(
        "DGM0309",
        "unknown argument",
        (Label(span, f"`{name}` takes no `{argument}`"),),
        (f"it takes {', '.join(known) or 'nothing'}",),
        f"write `{near}`" if near else None,
    )


def too_many(span: Span, name: str, takes: int) -> Diagnostic:
    """More positional arguments than parameters."""
    return Diagnostic(
        "DGM0310", "too many arguments", (Label(span, f"`{name}` takes {takes} at most"),)
    )


def not_a_law(span: Span, found: str, help: str | None) -> Diagnostic:
    """Something other than a distribution behind `~`."""
    label = Label(span, f"Expected a distribution; found {found}")
    return Diagnostic("DGM0311", "not a distribution", (label,), help=help)


def not_a_function(span: Span, name: str) -> Diagnostic:
    """A call of something that cannot be called."""
    return Diagnostic("DGM0312", "not a function", (Label(span, f"`{name}` cannot be called"),))


def not_a_record(span: Span, name: str, heads: Iterable[str]) -> Diagnostic:
    """A head that the record does not have, or a record where there is none."""
    known = tuple(heads)
    near = suggest(name, known)
    why = (
        f"its heads are {', '.join(known)}" if known else "only a net with named heads is a record"
    )
    return Diagnostic(
        "DGM0313",
        "unknown head",
        (Label(span, f"there is no head `{name}` here"),),
        (why,),
        f"write `{near}`" if near else None,
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


def head_shape(span: Span, body: str, head: str, wanted: str) -> Diagnostic:
    """A body whose shape no head rule maps to the head."""
    return Diagnostic(
        "DGM0315",
        "head cannot be mapped",
        (Label(span, f"the body has shape {body}, and the head `{head}` wants {wanted}"),),
        ("a body of rank 1 maps to any head; a higher one must share the head's leading axes",),
        "flatten the body with `|> flatten`",
    )


def stage_input(span: Span, stage: str, wanted: str, found: str) -> Diagnostic:
    """A stage that cannot take what comes before it."""
    return Diagnostic(
        "DGM0316",
        "stage does not fit",
        (Label(span, f"`{stage}` takes {wanted}; found {found}"),),
        help="put `|> embed(16)` before it, or pass `one_hot(…)`"
        if found.startswith("cat")
        else None,
    )


def not_invertible(span: Span, stage: str) -> Diagnostic:
    """A layer in a law's chain."""
    return Diagnostic(
        "DGM0317",
        "not a bijection",
        (Label(span, f"`{stage}` cannot be inverted, so the law behind it has no density"),),
        help="use a bijection, as `coupling(…)`, or compute the variable with `=`",
    )


def not_causal(span: Span, step: str, past: Span) -> Diagnostic:
    """A step that lets an entry see itself or later ones."""
    labels = (Label(span, f"through {step} an entry would see itself or later ones"),)
    return Diagnostic(
        "DGM0318",
        "causality broken here",
        (*labels, Label(past, "the past enters here")),
        ("`past(x)` may only flow through causal stages and entrywise operations",),
        "use a causal stage, as `made`",
    )


def past_elsewhere(span: Span, name: str) -> Diagnostic:
    """`past(x)` outside the law of x."""
    return Diagnostic(
        "DGM0319",
        "past of another variable",
        (Label(span, f"`past({name})` only stands in the law of `{name}`"),),
    )


def no_law(span: Span, role: str, name: str) -> Diagnostic:
    """A variable with no law, in a program without energies."""
    return Diagnostic(
        "DGM0321",
        "variable without a law",
        (Label(span, f"nothing says how the {role} `{name}` arises"),),
        help="give it `~ a distribution`, `= a value`, an `energy` or a `score`",
    )


def computed_from_data(span: Span, name: str) -> Diagnostic:
    """`data b = e(data a)`."""
    return Diagnostic(
        "DGM0323",
        "data computed from data",
        (Label(span, f"`{name}` would be a function of data, which leaves it no law"),),
        help="name the expression with `let`",
    )


def guide_target(span: Span, name: str) -> Diagnostic:
    """A guide for something that is not latent."""
    return Diagnostic(
        "DGM0324",
        "guide of no latent",
        (Label(span, f"`{name}` is not a latent of this model"),),
        ("a guide gives latents (and data that may be missing) their posterior",),
    )


def energy_reads_directed(span: Span, name: str) -> Diagnostic:
    """An energy that mentions a variable with its own law."""
    return Diagnostic(
        "DGM0325",
        "energy of a directed variable",
        (Label(span, f"the energy reads `{name}`, which has a law of its own"),),
        ("an energy may mention variables without a law, givens and params",),
    )


def not_scalar(span: Span, what: str, found: str) -> Diagnostic:
    """An energy or critic that is not one number."""
    return Diagnostic(
        "DGM0326",
        "not one number",
        (Label(span, f"{what} must be a number; this has shape {found}"),),
        help="wrap it in `sum(…)`",
    )


def outside_process(span: Span, name: str) -> Diagnostic:
    """A process function outside a score under a process."""
    return Diagnostic(
        "DGM0328",
        "no process here",
        (Label(span, f"`{name}` needs a noising process"),),
        help="write `score x at t under vp() = …`",
    )


def bad_index(span: Span, rank: int, found: int) -> Diagnostic:
    """More indices than axes."""
    return Diagnostic(
        "DGM0330",
        "too many indices",
        (Label(span, f"the value has {rank} axes; found {found} indices"),),
    )


def index_kind(span: Span, kind: str) -> Diagnostic:
    """An index that is no class."""
    return Diagnostic(
        "DGM0331",
        "not an index",
        (Label(span, f"Expected a `cat`, a `bit` or a number; found {kind}"),),
    )


def index_range(span: Span, levels: str, axis: str) -> Diagnostic:
    """A class index into an axis of another length."""
    return Diagnostic(
        "DGM0332",
        "index out of step",
        (Label(span, f"the index has {levels} levels, and the axis has length {axis}"),),
    )


def two_parametrisations(span: Span, name: str, signature: str) -> Diagnostic:
    """Arguments of different parametrisations of one law."""
    return Diagnostic(
        "DGM0333",
        "two parametrisations",
        (Label(span, f"`{name}` takes either side of `|`, not both"),),
        (f"its signature is {signature}",),
        "keep one of them",
    )


def runtime_name(span: Span, name: str) -> Diagnostic:
    """A variable where a compile-time value is needed."""
    return Diagnostic(
        "DGM0334",
        "not a compile-time value",
        (Label(span, f"`{name}` has its value only when the program runs"),),
        ("dimensions and settings are numbers and hyperparameters",),
        f"make `{name}` a hyperparameter, as in `model M({name}: int)`",
    )


def guide_reads_latent(span: Span, name: str) -> Diagnostic:
    """A guide that conditions on a latent which it does not draw."""
    return Diagnostic(
        "DGM0335",
        "unknown to the guide",
        (Label(span, f"the guide has no value for the latent `{name}`"),),
        ("a guide knows data, givens, and the latents that it draws itself",),
        f"give `{name}` a law in the guide, or take it out here",
    )


def idle_energy(span: Span) -> Diagnostic:
    """An energy that mentions no variable whose law it could be."""
    return Diagnostic(
        "DGM0336",
        "energy of no variable",
        (Label(span, "no variable without a law of its own stands in this energy"),),
        help="declare a variable without `~` and `=`, and let the energy mention it",
    )


def two_laws(span: Span, first: Span, name: str) -> Diagnostic:
    """A variable with a score and another law."""
    labels = (Label(span, f"`{name}` is given a score here"), Label(first, "and a law here"))
    return Diagnostic("DGM0337", "two laws", labels, help="keep one of them")


def not_a_size(span: Span, text: str, value: int) -> Diagnostic:
    """A dimension below 1."""
    return Diagnostic(
        "DGM0338",
        "not a size",
        (Label(span, f"`{text}` is {value}, and a dimension is at least 1"),),
    )


def encoded_twice(span: Span, first: Span, name: str) -> Diagnostic:
    """Two variables that are bijections of one latent."""
    labels = (Label(span, f"`{name}` is turned into data again"), Label(first, "first here"))
    why = ("the two variables determine each other, so they have no joint density",)
    return Diagnostic("DGM0339", "latent used twice", labels, why)


def guide_of_code(span: Span, name: str) -> Diagnostic:
    """A guide for a latent that a bijection gives exactly."""
    label = Label(span, f"`{name}` follows from the data by the inverse")
    help = "take its law out of the guide"
    return Diagnostic("DGM0340", "guide of a known latent", (label,), (), help)


def variable_in_net(span: Span, name: str) -> Diagnostic:
    """A net's body that reads data through a `let`."""
    return Diagnostic(
        "DGM0341",
        "variable inside a net",
        (Label(span, f"`{name}` depends on a variable, and a net sees only its parameters"),),
        ("nets see hyperparameters, params and nets",),
        f"make it a parameter of the net, and pass `{name}`",
    )
