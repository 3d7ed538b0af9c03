"""DGM03xx: calls, and their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dgmlang.compiler.diagnostics.codes.syntax_help import dotted
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Edit, Label, instead, respelt
from dgmlang.compiler.diagnostics.elsewhere import ARGUMENTS
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span


def missing_argument(span: Span, name: str, argument: str, signature: str) -> Diagnostic:
    """A call without an argument that has no default."""
    return Diagnostic(
        "DGM0308",
        "missing argument",
        (Label(span, f"`{name}` needs `{argument}`"),),
        (f"its signature is {signature}",),
        f"give `{argument}` a value, as `{argument} = …`",
    )


def unknown_argument(
    span: Span, name: str, argument: str, known: Iterable[str], *more: tuple[Span, str]
) -> Diagnostic:
    """Keywords that the callee does not have: one, and `more` of them in the same call."""
    known, wrong = tuple(known), ((span, argument), *more)
    meant = [_argument(key, known) for _, key in wrong]
    fixes = [
        edit
        for (at, key), near in zip(wrong, meant, strict=True)
        for edit in respelt(at, key, near)
    ]
    covariance = next((_covariance(k, known) for _, k in wrong if k in _MATRICES), None)
    is_clear = None not in meant and len(set(meant)) == len(meant)
    return Diagnostic(
        "DGM0309",
        "unknown argument",
        tuple(Label(at, f"`{name}` takes no `{key}`") for at, key in wrong),
        (f"it takes {', '.join(known) or 'nothing'}",),
        f"write {' and '.join(f'`{near}`' for near in meant)}"
        if is_clear
        else covariance or _left_out(wrong),
        fixes=tuple(fixes) if is_clear else (),
    )


def _left_out(wrong: Sequence[tuple[Span, str]]) -> str:
    return f"leave {' and '.join(f'`{key}`' for _, key in wrong)} out"


_MATRICES = frozenset({"covariance_matrix", "covariance", "cov", "precision_matrix", "Sigma"})


def _covariance(key: str, known: Sequence[str]) -> str:
    """What to write in place of a matrix that goes by another name, or by a factor."""
    if "covariance_matrix" in known:
        return f"write `covariance_matrix` in place of `{key}`"
    return "write `scale_tril`: the lower triangle L of the covariance L Lᵀ, as `param L : tril(d)`"


def too_many(span: Span, name: str, takes: Sequence[str]) -> Diagnostic:
    """More positional arguments than parameters."""
    label = Label(span, f"`{name}` takes {len(takes)} at most")
    why = (f"it takes {', '.join(takes)}",) if takes else ()
    sized = takes[:1] in (["units"], ["hidden"], ["channels"])
    help = "leave out the size of what comes in: it is known" if sized else "leave it out"
    help = "leave it out: the kind says how many classes there are" if name == "one_hot" else help
    return Diagnostic("DGM0310", "too many arguments", (label,), why, help)


def not_a_function(
    span: Span, name: str, whole: Span | None = None, meant: str | None = None
) -> Diagnostic:
    """A call of something that cannot be called; `meant` says the same as the `whole` of it."""
    label = Label(span, f"`{name}` cannot be called")
    help = f"write `{meant}`" if meant else dotted(name) or f"write `{name}` without brackets"
    fixes = instead(whole, meant) if whole else ()
    return Diagnostic("DGM0312", "not a function", (label,), help=help, fixes=fixes)


def stage_called(span: Span, name: str, whole: Span, meant: str, *more: Edit) -> Diagnostic:
    """A call of stages, which are applied with `|>`; `more` is what is to be done to them."""
    label = Label(span, f"`{name}` is a chain of stages, which are applied with `|>`")
    help = f"write `{meant}`"
    if more:
        help += f", and `let {name} = {more[0].text}`"
    fixes = (*instead(whole, meant), *more)
    return Diagnostic("DGM0312", "not a function", (label,), help=help, fixes=fixes)


def list_of_arrays(span: Span, name: str, meant: str) -> Diagnostic:
    """`concat([a, b])`, as NumPy has it: a list is one array here, with a new first axis."""
    label = Label(span, f"Expected arrays for `{name}`; found a list of them, which is one array")
    help, fixes = f"write `{meant}`", instead(span, meant)
    return Diagnostic("DGM0306", "kind mismatch", (label,), help=help, fixes=fixes)


def two_parametrisations(span: Span, name: str, signature: str) -> Diagnostic:
    """Arguments of different parametrisations of one law."""
    return Diagnostic(
        "DGM0333",
        "two parametrisations",
        (Label(span, f"`{name}` takes either side of `|`, not both"),),
        (f"its signature is {signature}",),
        "keep one of them",
    )


def twice(span: Span, first: Span, name: str, argument: str) -> Diagnostic:
    """One parameter with two arguments."""
    labels = (
        Label(span, f"`{name}` is given `{argument}` again here"),
        Label(first, "first given here"),
    )
    return Diagnostic("DGM0350", "argument given twice", labels, help="keep one of them")


def _argument(name: str, known: Sequence[str]) -> str | None:
    """The argument that is meant by a name of PyMC's or a paper's, or by a misspelt one."""
    of_elsewhere = [ours for ours in ARGUMENTS.get(name, ()) if ours in known]
    return of_elsewhere[0] if of_elsewhere else suggest(name, known)
