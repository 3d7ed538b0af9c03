"""DGM0212 to DGM0217: programs of several files, and what stands outside of models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label, instead, respelt
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span


def unreadable_import(span: Span, written: str, said: str, near: str | None) -> Diagnostic:
    """The file that a `use` names cannot be read."""
    label = Label(span, f"`{written}` cannot be read: {said}")
    why = ("a path counts from the folder of the file that writes it",)
    help = near and f'write `"{near}"`'
    fixes = instead(span, near and f'"{near}"')
    return Diagnostic("DGM0212", "unreadable import", (label,), why, help, fixes=fixes)


def import_without_place(span: Span) -> Diagnostic:
    """A `use` of a file in a text that lies in no folder."""
    label = Label(span, "this text lies in no folder that the path could count from")
    help = "save the program as a file and load that, or write all of it into one text"
    return Diagnostic("DGM0213", "import without a place", (label,), help=help)


def import_from_outside(span: Span, root: str | None) -> Diagnostic:
    """A `use` of a file outside of the folder of the program's root file.

    `root` is that file, None where the path begins at the top of the file system.
    """
    if root is None:
        text = "this path begins at the top of the file system"
        why = "a program means the same on every machine"
        help = "write the path from the folder of this file"
    else:
        text = f"this path leads out of the folder of {root}"
        why = "a program's files lie in the folder of its root file or below it, links followed"
        help = "copy the file into that folder"
    return Diagnostic("DGM0214", "import from outside", (Label(span, text),), (why,), help)


def circular_imports(places: Sequence[tuple[Span, str]]) -> Diagnostic:
    """Files that use each other: the place of each `use` with the name of its file."""
    names = [name for _, name in places]
    first, *others = (span for span, _ in places)
    labels = (Label(first, " → ".join((*names, names[0]))), *(Label(span) for span in others))
    why = ("each file must be complete before another one uses it",)
    help = "move what they both need into a file of its own"
    return Diagnostic("DGM0215", "circular imports", labels, why, help)


def unknown_import(span: Span, name: str, file: str, known: Iterable[str]) -> Diagnostic:
    """A name that the file of a `use` does not declare."""
    known = tuple(known)
    near = suggest(name, known)
    why = () if near else (f"it declares {', '.join(known) or 'nothing that can be used'}",)
    label = Label(span, f"{file} declares no `{name}`")
    fixes = respelt(span, name, near)
    return Diagnostic(
        "DGM0216", "unknown import", (label,), why, near and f"write `{near}`", fixes=fixes
    )


def read_outside(span: Span, name: str, of: str) -> Diagnostic:
    """A `let` or net outside of models that reads what a model declares."""
    label = Label(span, f"`{name}` belongs to {of}, and this stands outside of it")
    why = ("outside of models, a `let` or net sees hyperparameters, and what stands there too",)
    help = f"pass `{name}` as an argument"
    return Diagnostic("DGM0217", "name of a model", (label,), why, help)
