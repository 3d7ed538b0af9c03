"""DGM07xx: training."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label, respelt
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span


def unknown_optimizer(name: str, what: str, known: Iterable[str], span: Span | None) -> Diagnostic:
    """A name that Optax does not have; `what` is `optimizer` or `schedule`."""
    near = suggest(name, known)
    text = f"Optax has no {what} called `{name}`"
    usual = {"optimizer": "adam", "schedule": "cosine_decay_schedule"}[what]
    return Diagnostic(
        "DGM0701",
        f"unknown {what}",
        _at(span, text),
        () if span else (text,),
        f"write `{near}`" if near else f"take one of Optax's {what}s, such as `{usual}`",
        fixes=respelt(span, name, near) if span else (),
    )


def unknown_argument(
    name: str, function: str, known: Iterable[str], span: Span | None
) -> Diagnostic:
    """An optimiser or schedule has no such argument."""
    known = tuple(known)
    near = "learning_rate" if name in ("lr", "step_size", "alpha") else suggest(name, known)
    near = near if near in known else None
    return Diagnostic(
        "DGM0702",
        "unknown argument",
        _at(span, f"`{function}` has no argument `{name}`"),
        (f"it has {', '.join(known)}",),
        f"write `{near}`" if near else f"leave `{name}` out",
        fixes=respelt(span, name, near) if span else (),
    )


def missing_argument(name: str, function: str, span: Span | None) -> Diagnostic:
    """An optimiser or schedule needs an argument."""
    return Diagnostic(
        "DGM0703",
        "missing argument",
        _at(span, f"`{function}` needs `{name}`"),
        help=f"write `{function}({name} = …)`",
    )


def too_many_arguments(function: str, known: Iterable[str], span: Span | None) -> Diagnostic:
    """More values than an optimiser or schedule has arguments."""
    known = tuple(known)
    return Diagnostic(
        "DGM0711",
        "too many arguments",
        _at(span, f"`{function}` has {len(known)}: {', '.join(known)}"),
        help="give them by name",
    )


def _at(span: Span | None, text: str) -> tuple[Label, ...]:
    return (Label(span, text),) if span else ()


def not_positive(name: str, value: float) -> Diagnostic:
    """A number of training that must be at least 1."""
    return Diagnostic(
        "DGM0712",
        "setting below one",
        (),
        (f"`{name}` is {value:g}",),
        f"set `{name} = 1` or more",
    )


def not_an_optimizer(span: Span) -> Diagnostic:
    """An expression that is no call of Optax."""
    label = Label(span, "Expected an optimiser of Optax; found another expression")
    return Diagnostic(
        "DGM0704", "not an optimiser", (label,), help="write `adam(learning_rate = 1e-3)`"
    )


def all_the_data(method: str, found: str) -> Diagnostic:
    """An objective that looks at all examples in each step is offered some of them."""
    return Diagnostic(
        "DGM0730",
        "some of the data",
        (),
        (f"a step of `{method}` looks at all examples, and {found}",),
        "leave `batch` out, or learn from parts by `mle`",
    )


def batch_too_large(batch: int, count: int) -> Diagnostic:
    """A batch of more examples than there are."""
    return Diagnostic(
        "DGM0705",
        "fewer examples than a batch",
        (),
        (f"a batch has {batch} examples, the training data have {count}",),
        f"set `batch = {count}` or less",
    )


def nothing_frozen(pattern: str, tree: Iterable[str]) -> Diagnostic:
    """A path or glob of `freeze` or `init` names no parameter."""
    return Diagnostic(
        "DGM0706",
        "unknown parameter",
        (),
        (f"`{pattern}` names none of the parameters", *tree),
        "write the name of a parameter or a net, or a pattern such as `decoder.*.bias`",
    )


def nothing_moves(player: str) -> Diagnostic:
    """All that a player could move is frozen, or the program has no parameter for it."""
    return Diagnostic(
        "DGM0707",
        "nothing to learn",
        (),
        (f"`{player}` has no parameter that may move",),
        "freeze fewer parameters",
    )


def none_held_out(objective: str) -> Diagnostic:
    """Held-out data, of an objective that learns nothing of them."""
    why = (
        f"`{objective}` fits a posterior to each training example, and examples held out have none"
    )
    help = 'leave `valid` out, and ask the fit: `log_prob(x, method = "elbo(refine = 200)")`'
    return Diagnostic("DGM0708", "nothing to validate", (), (why,), help)


def no_validation(objective: str, quantity: str) -> Diagnostic:
    """Early stopping needs a held-out loss, and there is none."""
    return Diagnostic(
        "DGM0708",
        "nothing to validate",
        (),
        (
            f"`patience` waits for a held-out loss to fall; {objective}'s loss ({quantity}) has "
            "none, or no held-out data were given",
        ),
        "leave `patience` out, or give `valid = 0.1`",
    )


def not_finite(step: int, player: str | None, site: str | None, folder: str | None) -> Diagnostic:
    """Training met a value that is not finite."""
    who = f" of `{player}`" if player else ""
    where = f"; the first site that is not finite there is {site}" if site else ""
    kept = "the parameters from before that step are kept"
    return Diagnostic(
        "DGM0709",
        "loss not finite",
        (),
        (
            f"the loss or its gradient{who} was NaN or infinite at step {step}{where}",
            f"{kept} in {folder}" if folder else kept,
        ),
        "lower the learning rate, clip the gradients, or look at the data's scale",
    )


def interrupted(step: int, folder: str | None) -> Diagnostic:
    """Training was stopped from the keyboard."""
    text = f"training stopped at step {step}"
    return Diagnostic(
        "DGM0710",
        "training interrupted",
        (),
        (f"{text}; the run is in {folder}" if folder else text,),
        f"go on with `--resume {folder}`" if folder else "give `out` to keep a run that can go on",
        severity="warning",
    )


def two_lengths(span: Span | None = None) -> Diagnostic:
    """Both a number of steps and a number of epochs."""
    why, place = "`steps` and `epochs` both say how long to train", None if span else "fit"
    spans = _at(span, "")
    return Diagnostic("DGM0713", "two lengths", spans, (why,), "give one of them", place=place)


def held_out_missing(run: str) -> Diagnostic:
    """A run with held-out data of its own, resumed without them."""
    why = "the run was measured on held-out data that were given as arrays"
    return Diagnostic(
        "DGM0714", "held-out data missing", (), (why,), "pass them again as `valid`", place=run
    )


def only_saved(run: str) -> Diagnostic:
    """A run folder of `fit.save` is resumed, which holds parameters and no training."""
    why = "`fit.save` keeps the parameters; where training stood is kept by `out` alone"
    help = "start from its parameters with `init`, or train with `out` to go on later"
    return Diagnostic("DGM0731", "no training to resume", (), (why,), help, place=run)


def weights_changed(run: str, before: bool) -> Diagnostic:
    """A run is resumed with sample weights that it did not have, or without those it had."""
    why = "the run was trained with sample weights, and none were given now"
    other = "the run was trained without sample weights"
    return Diagnostic(
        "DGM0718",
        "other sample weights",
        (),
        (why if before else other,),
        "pass them again as `sample_weight`" if before else "leave `sample_weight` out",
        place=run,
    )


def out_of_range(
    span: Span, kind: str, where: str, low: float, high: float, summed: bool, *why: str
) -> Diagnostic:
    """A run-time check of a kind failed; `summed`: the numbers are sums over the last axis."""
    found = f"{low:.4g}" if low == high else f"values from {low:.4g} to {high:.4g}"
    if summed:
        total = f"{low:.4g}" if low == high else f"numbers from {low:.4g} to {high:.4g}"
        found = f"entries that add up to {total}"
    through = {"positive": "softplus", "unit": "sigmoid"}.get(kind)
    return Diagnostic(
        "DGM0715",
        "value out of range",
        (Label(span, f"Expected {kind} for {where}; found {found}"),),
        why,
        f"pass it through `{through}`, or declare it `{kind}`" if through else None,
    )


def no_such_array(span: Span, kind: str, where: str, found: str, *why: str) -> Diagnostic:
    """A run-time check failed of a kind whose values are arrays, such as `tril`."""
    label = Label(span, f"Expected {kind} for {where}; found {found}")
    help = f"declare it `{kind}`: a param, or a net's head"
    return Diagnostic("DGM0715", "value out of range", (label,), why, help)


def not_settled(span: Span, name: str, *why: str) -> Diagnostic:
    """The iteration that stands for a bijection's inverse did not come to an end."""
    return Diagnostic(
        "DGM0726",
        "inverse not found",
        (Label(span, f"the iteration for the inverse of `{name}` does not settle"),),
        ("at these parameters its slope changes too fast; no number is given", *why),
        "train with a smaller learning rate, or take `coupling`, whose inverse is a formula",
    )


def not_solved(span: Span, *why: str) -> Diagnostic:
    """A differential equation whose solver did not arrive."""
    return Diagnostic(
        "DGM0727",
        "equation not solved",
        (Label(span, "the solver does not arrive within its steps"),),
        ("at these parameters the field bends too fast; no number is given", *why),
        "train with a smaller learning rate, or with `flow_matching`, or raise `rtol` and `atol`",
    )


def stopped_at(step: int, folder: str | None) -> str:
    """Where training stopped, and what is left of it."""
    kept = "the parameters from before it are kept"
    return f"training stopped at step {step}; {kept}{f' in {folder}' if folder else ''}"


def no_device(name: str, present: Iterable[str]) -> Diagnostic:
    """A device that JAX does not see."""
    present = tuple(present)
    return Diagnostic(
        "DGM0716",
        "device not found",
        (),
        (f"JAX sees no device `{name}` here; it sees {', '.join(present)}",),
        f'set `device = "{present[-1]}"`, or install JAX for the device',
        place="fit",
    )


def no_event_writer() -> Diagnostic:
    """`log_dir` without the package that writes event files."""
    return Diagnostic(
        "DGM0717",
        "missing package",
        (),
        ("`log_dir` writes TensorBoard's event files with tensorboardX, which is not installed",),
        "run `pip install 'dgmlang[tensorboard]'`",
        place="fit",
    )


def no_precision(name: str, present: Iterable[str]) -> Diagnostic:
    """A precision that nets cannot compute in."""
    known = ", ".join(f"`{name}`" for name in present)
    return Diagnostic(
        "DGM0724",
        "unknown precision",
        (),
        (f"no precision is called `{name}`; there are {known}",),
        'leave `precision` out for `float32`, or set `precision = "bfloat16"`',
        place="fit",
    )


def no_doubles() -> Diagnostic:
    """`precision = "float64"` where JAX makes singles of all doubles."""
    why = "JAX has doubles for a whole process or not at all, and here they are off"
    help = "set `JAX_ENABLE_X64=1` before Python starts: everything is in double precision then"
    return Diagnostic("DGM0944", "doubles are off", (), (why,), help, place="fit")


def precision_changed(run: str, before: str) -> Diagnostic:
    """A run is resumed in another precision."""
    why = f"the run was trained in `{before}`, and goes on in it"
    other = "leave `precision` out, or start a new run from it with `init`"
    return Diagnostic("DGM0725", "other precision", (), (why,), other, place=run)


COLLAPSED = 0.1
"""The spread of draws, of the data's own, below which they are said to have collapsed."""


def collapsed(diversity: float) -> Diagnostic:
    """Draws of an adversarial objective that ended up (nearly) in one place."""
    return Diagnostic(
        "DGM0728",
        "draws have collapsed",
        (),
        (f"draws spread {diversity:.2g} times as widely as the data do: modes are missing",),
        "raise `penalty` or `critic_steps`, take `wgan`, or add `mle`, where it is legal",
        severity="warning",
        place="fit",
    )
