"""DGM02xx: names, imports, hyperparameters, and what is not built yet."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label, instead, respelt
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span


def _nearest(name: str, known: Iterable[str]) -> str | None:
    return _write(suggest(name, known))


def _write(near: str | None) -> str | None:
    return f"write `{near}`" if near else None


def unknown_name(
    span: Span, name: str, known: Iterable[str], is_static: bool = False
) -> Diagnostic:
    """A name that nothing declares; `is_static`: where a compile-time value is wanted."""
    label = Label(span, f"nothing here is called `{name}`")
    near = suggest(name, known)
    if name.lower() in ("true", "false"):  # truths of values that are computed are bits
        near = name.lower() if is_static else str(int(name.lower() == "true"))
    fixes = instead(span, near) if span.text == name else respelt(span, name, near)
    help = _write(near) or f"declare `{name}`, or write a name that is declared"
    return Diagnostic("DGM0201", "unknown name", (label,), help=help, fixes=fixes)


def layer_of_training(span: Span, name: str) -> Diagnostic:
    """A layer of PyTorch's that there is none of."""
    label = Label(span, f"no stage is called `{name}`")
    help = "leave it out, or bring the net from Python: `extern net f(x: real[d]) -> real[d]`"
    return Diagnostic("DGM0202", "unknown stage", (label,), help=help)


def activation_as_stage(span: Span, name: str, activation: str) -> Diagnostic:
    """An activation behind `|>`, as people write it who come from PyTorch."""
    label = Label(span, f"no stage is called `{name}`")
    why = ("an activation belongs to the stage that ends in it",)
    help = f"write `mlp([64], activation = {activation})` for a layer that ends in it"
    return Diagnostic("DGM0202", "unknown stage", (label,), why, help)


def spelt_otherwise(span: Span, what: str, name: str, whole: Span, meant: str) -> Diagnostic:
    """A function or stage of elsewhere's; `meant` says here what the `whole` of the call does."""
    label = Label(span, f"no {what} is called `{name}`")
    help, fixes = f"write `{meant}`", instead(whole, meant)
    return Diagnostic("DGM0202", f"unknown {what}", (label,), help=help, fixes=fixes)


_FUNCTIONS = {
    "len": "write the size that the type declares: a number, or a hyperparameter",
    **dict.fromkeys(("range", "arange"), "write the list out, or `for i in 0..n { … }`"),
    **dict.fromkeys(
        ("int", "round", "floor", "ceil", "rint"),
        "leave it out: nothing rounds; a variable of kind `count` or `cat(K)` is whole",
    ),
    **dict.fromkeys(("bool", "any", "all"), "compare: `x > 0` is 1 where it holds, and 0 else"),
    **dict.fromkeys(
        ("rand", "randn", "random", "normal"), "draw it: `latent z : real ~ Normal(0, 1)`"
    ),
    **dict.fromkeys(("argmax", "argmin"), "ask for it when the model is fitted: `fit.mode(…)`"),
}
"""What to do for functions of Python's that there are none of."""


def unknown_builtin(span: Span, what: str, name: str, known: Iterable[str]) -> Diagnostic:
    """A name that is not in the name space of its position."""
    known = tuple(known)
    help = _FUNCTIONS.get(name) if what == "function" else None
    near = None if help else suggest(name.rpartition(".")[2], known)
    return Diagnostic(
        "DGM0202",
        f"unknown {what}",
        (Label(span, f"no {what} is called `{name}`"),),
        (f"known here: {', '.join(sorted(known))}",) if known and not (near or help) else (),
        help or _write(near) or "write one of these",
        fixes=respelt(span, name, near),
    )


def not_brought_in(span: Span, name: str) -> Diagnostic:
    """A model of the library that the file does not use."""
    return Diagnostic(
        "DGM0202",
        "unknown distribution",
        (Label(span, f"`{name}` is a model of the library, which this file does not bring in"),),
        help=f"write `use models: {name}` at the top of the file",
    )


def declared_twice(span: Span, first: Span, name: str) -> Diagnostic:
    """Two declarations of one name."""
    labels = (Label(span, f"`{name}` is declared again here"), Label(first, "first declared here"))
    return Diagnostic(
        "DGM0203", "name declared twice", labels, help="give one of them another name"
    )


def set_twice(span: Span, first: Span, key: str) -> Diagnostic:
    """A key of a recipe that stands twice."""
    labels = (Label(span, f"`{key}` is set again here"), Label(first, "first set here"))
    return Diagnostic("DGM0920", "set twice", labels, help="leave one of them out")


def no_model(place: str) -> Diagnostic:
    """A text without a model."""
    return Diagnostic(
        "DGM0204",
        "no model",
        (),
        ("a program holds at least one `model NAME { … }`",),
        "write `model Coin { param p : unit; data x : bit ~ Bernoulli(p) }`",
        place=place,
    )


def unknown_hyperparameter(name: str, model: str, known: Iterable[str], place: str) -> Diagnostic:
    """`--set` or a keyword of `load` names no hyperparameter."""
    known = tuple(known)
    text = ", ".join(known) or "none"
    return Diagnostic(
        "DGM0205",
        "unknown hyperparameter",
        (),
        (f"`{name}` is no hyperparameter of {model}; it has {text}",),
        _nearest(name, known) or f"leave `{name}` out",
        place=place,
    )


_HYPERPARAMETERS = {
    **dict.fromkeys(("integer", "count", "nat", "size"), "int"),
    **dict.fromkeys(("real", "positive", "unit", "number", "double"), "float"),
    **dict.fromkeys(("str", "string", "Literal"), "name"),
    **dict.fromkeys(("boolean", "bit"), "bool"),
    **dict.fromkeys(("list", "List", "tuple", "Tuple", "Sequence", "array"), "int[]"),
}


def hyperparameter_kind(span: Span, kind: str) -> Diagnostic:
    """A hyperparameter of a kind that it cannot have."""
    label = Label(span, f"no hyperparameter is of kind `{kind}`")
    why = ("they are int, float, bool, name, lists of these, as int[], or net and stage",)
    near = _HYPERPARAMETERS.get(kind) or suggest(kind, ("int", "float", "bool", "name"))
    fixes = instead(span, near)
    return Diagnostic("DGM0301", "unknown kind", (label,), why, _write(near), fixes=fixes)


def wrong_hyperparameter(span: Span, name: str, expected: str, found: str) -> Diagnostic:
    """A hyperparameter's value is not of its type."""
    return Diagnostic(
        "DGM0206",
        "wrong hyperparameter",
        (Label(span, f"Expected {expected}; found {found}"),),
        help=f"give `{name}` a value of type {expected}",
    )


def stage_wanted(span: Span, name: str, kind: str, found: str | None) -> Diagnostic:
    """A hyperparameter of kind `net` or `stage` that is none, or that nobody gives a value."""
    missing = f"the {kind} `{name}` has no value; unlike a size it is not left open"
    label = missing if found is None else f"Expected a chain of stages; found {found}"
    return Diagnostic(
        "DGM0206",
        "wrong hyperparameter",
        (Label(span, label),),
        help=f'write `{name}: {kind} = mlp([64, 64])`, or give `--set "{name}=mlp([64, 64])"`',
    )


def cycle(span: Span, names: tuple[str, ...]) -> Diagnostic:
    """Declarations that need each other."""
    return Diagnostic(
        "DGM0207",
        "circular declarations",
        (Label(span, " → ".join((*names, names[0]))),),
        ("a law may only read what is drawn or computed before it",),
        f"write `{names[0]}` so that it needs none of the others",
    )


def no_file(place: str, reason: str) -> Diagnostic:
    """The program's file cannot be read."""
    help = "give the path of a `.dgm` file"
    return Diagnostic("DGM0208", "unreadable program", (), (reason,), help, place=place)


def no_such_model(name: str, known: Iterable[str], place: str) -> Diagnostic:
    """The model that was asked for is not in the file."""
    known = tuple(known)
    why = f"the file has {', '.join(known)}"
    return Diagnostic("DGM0209", "unknown model", (), (why,), _nearest(name, known), place=place)


def folder_as_program(place: str) -> Diagnostic:
    """A folder where a program's file is wanted."""
    why = f"{place} is a folder"
    help = "`dgm.restore(folder)` reads a run"
    return Diagnostic("DGM0210", "folder as a program", (), (why,), help, place=place)


def unknown_setting(span: Span, key: str, known: Iterable[str]) -> Diagnostic:
    """A recipe's key that does not exist."""
    known = tuple(known)
    label = Label(span, f"a recipe has no setting `{key}`")
    help = _SETTINGS.get(key)
    near = None if help else _RENAMED.get(key) or suggest(key, known)
    why = () if near or help else (f"settings are {', '.join(known)}",)
    fixes, help = respelt(span, key, near), help or _write(near)
    return Diagnostic("DGM0211", "unknown setting", (label,), why, help, fixes=fixes)


_RENAMED = {
    **dict.fromkeys(("batch_size", "batchsize", "minibatch", "bs"), "batch"),
    **dict.fromkeys(("iterations", "n_steps", "num_steps", "max_iter", "iters", "n_iter"), "steps"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs"), "epochs"),
    **dict.fromkeys(("loss", "criterion", "loss_fn"), "objective"),
    **dict.fromkeys(("optim", "optimiser", "opt"), "optimizer"),
    **dict.fromkeys(("early_stopping", "early_stop"), "patience"),
    **dict.fromkeys(("ema", "ema_decay", "polyak"), "average"),
}
"""Settings by the names that they have elsewhere."""

_SETTINGS = {
    **dict.fromkeys(
        ("lr", "learning_rate", "step_size"),
        "write it with the optimizer: `optimizer = adam(1e-3)`",
    ),
    **dict.fromkeys(
        ("schedule", "scheduler", "lr_schedule"),
        "write it in the optimizer: `optimizer = adam(cosine_decay_schedule(1e-3, 10000))`",
    ),
    **dict.fromkeys(
        ("seed", "rng", "key"), "leave it out: `fit(…, seed = 0)` or `--seed 0` says it for a run"
    ),
    "prepare": "write `prepare x = …`, with the variable that is prepared",
}
"""What to do for settings that stand elsewhere."""


def extern_form(span: Span, kind: str, name: str) -> Diagnostic:
    """An `extern` of a program that is no net with a signature."""
    label = Label(span, f"a program's `extern {kind} {name}` is no net with typed heads")
    why = ("of what is written in Python a program can use nets; the rest is the library's",)
    help = f"write `extern net {name}(x: real[2]) -> real[2]`; `with smooth` may follow"
    return Diagnostic("DGM0218", "not an extern net", (label,), why, help)


def planned(parts: Iterable[tuple[Span, str, str]]) -> Diagnostic:
    """Parts of the library that a program names and that have no implementation yet.

    `parts` are places with a kind (`layer`) and a name each.
    """
    labels = tuple(
        Label(span, f"the {kind} `{name}` is declared, and this version has no implementation")
        for span, kind, name in parts
    )
    why = ("the program checks and is explained; it cannot be trained or drawn from",)
    help = "put something else of its kind in its place, to train it today"
    return Diagnostic("DGM0291", "not built yet", labels, why, help)


def idle_waiver(span: Span, code: str) -> Diagnostic:
    """A waiver that waives nothing."""
    return Diagnostic(
        "DGM0293",
        "idle waiver",
        (Label(span, f"nothing here brings {code}"),),
        help="take the comment out",
        severity="warning",
    )


def idle(span: Span, role: str, name: str) -> Diagnostic:
    """A declaration that nothing reads."""
    return Diagnostic(
        "DGM0292",
        "idle declaration",
        (Label(span, f"nothing reads the {role} `{name}`"),),
        help=f"use `{name}` or take it out",
        severity="warning",
    )
