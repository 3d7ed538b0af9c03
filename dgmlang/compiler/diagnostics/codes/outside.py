"""DGM044x: nets that Python passes to a program, `extern net`."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span


def not_passed(span: Span, name: str) -> Diagnostic:
    """An `extern net` that Python has not passed."""
    return Diagnostic(
        "DGM0440",
        "net not passed",
        (Label(span, f"`{name}` is Python's"),),
        (f"none was passed for `{name}`: the program can be checked, and not run",),
        help=f"pass it, `dgm.load(path, {name} = net)`, or `--nets module:function`",
    )


def unknown_net(name: str, known: Iterable[str], place: str) -> Diagnostic:
    """A Python net that no `extern net` of the program asks for."""
    known = ", ".join(f"`{one}`" for one in known)
    why = f"its extern nets are {known}" if known else "it declares no `extern net`"
    help = f"declare `extern net {name}(x: …) -> …` in the program, or pass no `{name}`"
    return Diagnostic(
        "DGM0441",
        "unknown net",
        (),
        (f"a net was passed as `{name}`, which the program does not declare", why),
        help,
        place=place,
    )


def does_not_fit(span: Span, name: str, found: str) -> Diagnostic:
    """A Python net that is not what its `extern net` says."""
    return Diagnostic(
        "DGM0442",
        "net does not fit",
        (Label(span, f"not what was passed for `{name}`"),),
        (found, "it is called with one example, without an axis of examples"),
        help="pass an Equinox module, a pair (init, apply) or a function that fits",
    )
