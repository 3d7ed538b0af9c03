"""DGM03xx, the second half: laws, causality and companions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label, instead
from dgmlang.compiler.source import Span


def support_mismatch(
    span: Span, law: str, support: str, declared: Span, kind: str, help: str | None
) -> Diagnostic:
    """A law whose support is not its variable's kind."""
    labels = (Label(span, f"{law} has support {support}"), Label(declared, f"declared {kind}"))
    help = help or f"declare it as the law has it, {support}, or take a law on {kind}"
    return Diagnostic("DGM0307", "support mismatch", labels, help=help)


def not_a_law(span: Span, found: str, help: str | None) -> Diagnostic:
    """Something other than a distribution behind `~`."""
    label = Label(span, f"Expected a distribution; found {found}")
    word = re.fullmatch("write `(\\w+)`", help or "")
    fixes = instead(span, word and word[1])
    return Diagnostic("DGM0311", "not a distribution", (label,), help=help, fixes=fixes)


def not_a_component(span: Span, found: str) -> Diagnostic:
    """A mixture of something other than one of the library's distributions."""
    label = Label(span, f"Expected a distribution of the library for the component; found {found}")
    why = ("`mixture(w, D)` draws one of D's components, whose parameters stand along an axis",)
    help = "write a latent that chooses, as `latent k : cat(2) ~ Categorical(w)`, or `Normal(…)`"
    return Diagnostic("DGM0311", "not a distribution", (label,), why, help)


def law_computed(span: Span, law: str) -> Diagnostic:
    """A law behind `=`."""
    label = Label(span, f"Expected a value for this place; found the law `{law}`")
    help = f"write `~ {span.text}`: `=` computes, `~` draws"
    return Diagnostic("DGM0306", "kind mismatch", (label,), help=help)


def reshaped(span: Span, method: str, law: str) -> Diagnostic:
    """A law with a method of NumPyro's or PyTorch's behind it, as `.to_event(1)`."""
    label = Label(span, f"a law has no `{method}` here")
    if method.startswith("trunc"):
        help = "take a law on the kind itself, as `HalfNormal(1)`, or push one there by `|> exp`"
        return Diagnostic("DGM0311", "not a distribution", (label,), help=help)
    why = "its entries are independent over the shape that its variable declares"
    if method in ("sample", "rsample", "rvs", "draw", "log_prob", "logpdf"):
        why = "what stands behind `~` is a law, of which a draw or a density is taken when asked"
    fixes, help = instead(span, law), f"write `{law}`"
    return Diagnostic("DGM0311", "not a distribution", (label,), (why,), help, fixes=fixes)


def not_invertible(span: Span, stage: str) -> Diagnostic:
    """A layer in a law's chain."""
    return Diagnostic(
        "DGM0317",
        "not a bijection",
        (Label(span, f"`{stage}` cannot be inverted, so the law behind it has no density"),),
        help="use a bijection, as `coupling(…)`, or compute the variable with `=`",
    )


def causal_net(axes: int) -> str:
    """What to write in place of a step that is not causal, for sites on so many axes."""
    stage = "made([64])" if axes == 1 else "pixelcnn(16, layers = 3, kernel = 3)"
    return f"write a net with a causal stage, `x |> {stage}`, and read `f(past(x))` of it"


def not_causal(span: Span, step: str, past: Span, help: str) -> Diagnostic:
    """A step that lets an entry see itself or later ones."""
    labels = (Label(span, f"through {step} an entry would see itself or later ones"),)
    return Diagnostic(
        "DGM0318",
        "causality broken here",
        (*labels, Label(past, "the past enters here")),
        ("`past(x)` may only flow through causal stages and entrywise operations",),
        help,
    )


def conditioner_not_causal(span: Span, stage: str, declared: Span | None = None) -> Diagnostic:
    """The net of an autoregressive bijection in which an entry would see itself or later ones."""
    net = () if declared is None else (Label(declared, "declared here"),)
    return Diagnostic(
        "DGM0358",
        "conditioner not causal",
        (Label(span, f"the net of `{stage}` lets an entry see itself or later ones here"), *net),
        (f"`{stage}` transforms each entry by those before it",),
        "use a strictly causal stage, as `made([64, 64])`",
    )


def past_elsewhere(span: Span, name: str) -> Diagnostic:
    """`past(x)` outside the law of x."""
    return Diagnostic(
        "DGM0319",
        "past of another variable",
        (Label(span, f"`past({name})` only stands in the law of `{name}`"),),
        help=f"read `{name}` itself, which is known as a whole here",
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


def energy_reads_directed(span: Span, name: str) -> Diagnostic:
    """An energy that mentions a variable with its own law."""
    return Diagnostic(
        "DGM0325",
        "energy of a directed variable",
        (Label(span, f"the energy reads `{name}`, which has a law of its own"),),
        ("an energy may mention variables without a law, givens and params",),
        f"take the law of `{name}` out, or leave it out of the energy",
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


def always_there(span: Span, function: str) -> Diagnostic:
    """`observed(…)` or `fill(…)` of what no example lacks."""
    return Diagnostic(
        "DGM0378",
        "always there",
        (Label(span, f"`{function}` takes what an example may lack, and this is always there"),),
        ("a variable or a parameter of an optional type, as `bit?[d]`, may be missing",),
        "leave the function out, or declare the variable with `?`",
    )


def presence_outside(span: Span, function: str) -> Diagnostic:
    """The model's own law that asks what is missing."""
    return Diagnostic(
        "DGM0379",
        "missing in the model",
        (Label(span, f"the model's law would depend on what is missing through `{function}`"),),
        ("what an example lacks is summed or integrated out, as if it were not known to lack it",),
        f"read `{function}(…)` in the guide alone",
    )


def not_one_variable(span: Span, name: str, data: Sequence[str]) -> Diagnostic:
    """A model as a law that is no law of one variable."""
    found = ", ".join(f"`{n}`" for n in data) or "none"
    label = Label(span, f"Expected a model with one data variable; `{name}` has {found}")
    help = "declare all but one of them `latent` or `given` in that model, or write their laws here"
    help = help if data else "give that model a `data` variable, or write the law here"
    return Diagnostic("DGM0383", "no law of one variable", (label,), help=help)


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


def encoded_twice(span: Span, first: Span, name: str) -> Diagnostic:
    """Two variables that are bijections of one latent."""
    labels = (Label(span, f"`{name}` is turned into data again"), Label(first, "first here"))
    why = ("the two variables determine each other, so they have no joint density",)
    help = "give each a latent of its own, or draw one of them around the other: `~ Normal(…, 0.1)`"
    return Diagnostic("DGM0339", "latent used twice", labels, why, help)


def variable_in_net(span: Span, name: str) -> Diagnostic:
    """A net's body that reads data through a `let`."""
    return Diagnostic(
        "DGM0341",
        "variable inside a net",
        (Label(span, f"`{name}` belongs to the example, and a net sees only its parameters"),),
        ("nets see hyperparameters, params and nets",),
        f"make it a parameter of the net, and pass `{name}`",
    )


def symmetric_start(span: Span, param: str) -> Diagnostic:
    """A start at which the levels of a latent are the same, so that their gradients are, too."""
    label = Label(span, f"`{param}` starts alike for each level of the latent that picks it")
    why = ("equal levels have equal gradients, and stay equal",)
    help = "leave `from` out, which starts it apart, or write another value for each level"
    return Diagnostic("DGM0343", "symmetric start", (label,), why, help)


def no_gradient(span: Span, param: str, others: Sequence[str]) -> Diagnostic:
    """A start at zero of what is multiplied by itself or by others that start there."""
    label = Label(span, f"`{param}` starts at 0, where its gradient is 0, so that it stays there")
    names = ", ".join(f"`{name}`" for name in others)
    why = f"it is multiplied by {names}, 0 as well" if others else "it is multiplied by itself"
    help = f"leave `from` out of `{param}`, or start it elsewhere, as `from 0.1`"
    return Diagnostic("DGM0343", "symmetric start", (label,), (why,), help)


def prior_of_an_example(span: Span, param: str, name: str, declared: Span) -> Diagnostic:
    """A prior that reads a variable of the example."""
    labels = (
        Label(span, f"`{name}` has a value for each example"),
        Label(declared, f"`{param}` has one for the whole data set"),
    )
    help = f"let it read params and `shared` givens only, or declare `{param}` as a `latent`"
    return Diagnostic("DGM0342", "prior of one example", labels, help=help)


def behind_the_end(
    span: Span, declared: Span, step: str, name: str, *, turn: bool = False
) -> Diagnostic:
    """A step that would read what stands behind the end of a variable of varying length.

    `turn`: it is the read of one place, in a loop over something else.
    """
    return Diagnostic(
        "DGM0374",
        "length is lost here",
        (
            Label(span, f"through {step} what stands behind the end of `{name}` would count"),
            Label(declared, f"`{name}` is of varying length"),
        ),
        help=f"loop over `0..len({name})`"
        if turn
        else f"loop over `0..len({name})`, or declare it of one length, without `<=`",
    )


def untouched_entries(
    span: Span, entries: Sequence[int], count: int, *, picture: bool
) -> Diagnostic:
    """A flow that leaves entries as they are."""
    first = ", ".join(str(i) for i in entries[:4]) + (" …" if len(entries) > 4 else "")
    which = f"entry {first} passes" if len(entries) == 1 else f"entries {first} pass"
    return Diagnostic(
        "DGM0369",
        "untouched entries",
        (Label(span, f"{which} the whole chain unchanged, of {count}"),),
        ("a coupling transforms the entries that do not condition; here these always condition",),
        "put `conv1x1` between couplings, or take both colours of `checkerboard` in turn"
        if picture
        else "take two couplings or more of `mask = half`, with `reverse` between them",
        severity="warning",
    )


def levels_out_of_order(span: Span, found: str, ladder: bool) -> Diagnostic:
    """Levels of noise, a ladder of them or two ends, that do not rise from a number above 0."""
    label = Label(span, f"Expected rising numbers above 0; found {found}")
    help = "write the least noise first, as `geometric(0.01, 10, 10)`"
    help = help if ladder else "write the lesser end first"
    return Diagnostic("DGM0375", "noise levels out of order", (label,), help=help)


def two_sizes(span: Span, name: str, first: str, second: str) -> Diagnostic:
    """A model that a `let` names, and whose uses need it at two sizes."""
    label = Label(span, f"`{name}` has {first} at one use, and {second} at another")
    why = ("an instance with a name has one set of parameters, which all uses share",)
    help = "write the model itself at each use, which then has parameters of its own"
    return Diagnostic("DGM0371", "weights of two shapes", (label,), why, help)


def moving_support(span: Span, law: str) -> Diagnostic:
    """An end of a law's support that is a variable's value."""
    label = Label(span, f"`{span.text}` has its value only when the program runs")
    why = (f"the ends of `{law}` are the support of what is drawn, which is known beforehand",)
    help = f"draw `u : unit ~ {law}()`, and write `a + (b - a) * u`"
    return Diagnostic("DGM0334", "not a compile-time value", (label,), why, help)
