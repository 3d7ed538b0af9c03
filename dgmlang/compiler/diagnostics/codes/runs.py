"""DGM06xx: run folders and files."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic


def no_run(folder: str) -> Diagnostic:
    """There is no such folder."""
    return Diagnostic(
        "DGM0601",
        "no such run",
        (),
        ("there is no folder here",),
        "make one with `dgm train … --out FOLDER`",
        place=folder,
    )


def foreign(folder: str, reason: str) -> Diagnostic:
    """A folder that holds something else than a run of ours."""
    return Diagnostic(
        "DGM0602",
        "not a run folder",
        (),
        (reason,),
        "give a folder that `dgm train --out` or `fit.save` wrote",
        place=folder,
    )


def damaged(path: str, reason: str) -> Diagnostic:
    """A file of a run is cut short or changed."""
    return Diagnostic(
        "DGM0603",
        "damaged run",
        (),
        (reason, "nothing of it was used"),
        "take the folder from a copy, or train again",
        place=path,
    )


def newer(folder: str, found: int, known: int) -> Diagnostic:
    """A run that a later version wrote."""
    return Diagnostic(
        "DGM0604",
        "run of a newer version",
        (),
        (f"its schema is {found}; this version reads up to {known}",),
        "upgrade dgmlang",
        place=folder,
    )


def unwritable(path: str, reason: str) -> Diagnostic:
    """A place that cannot be written."""
    return Diagnostic(
        "DGM0605",
        "cannot write",
        (),
        (reason,),
        "give a folder that you may write to",
        place=path,
    )


def occupied(folder: str) -> Diagnostic:
    """A folder with a run that would be overwritten."""
    return Diagnostic(
        "DGM0606",
        "folder in use",
        (),
        ("it holds another run", "that would be lost"),
        "give another folder, go on with `--resume`, or overwrite the run with `--replace`",
        place=folder,
    )


def no_place_for_a_run(folder: str, entry: str) -> Diagnostic:
    """A folder with something else than a run, which `--replace` leaves alone too."""
    return Diagnostic(
        "DGM0606",
        "folder in use",
        (),
        (f"it holds `{entry}`, which is no part of a run",),
        "give another folder, or empty this one",
        place=folder,
    )


def not_overwritten(file: str, reason: str) -> Diagnostic:
    """A program that cannot be written back where it was read."""
    help = "allow writing to the file and to its folder"
    return Diagnostic("DGM0605", "cannot write", (), (reason,), help, place=file)


def no_picture_format(path: str, ending: str, known: Iterable[str]) -> Diagnostic:
    """A picture whose name ends in no format that can be written."""
    return Diagnostic(
        "DGM0605",
        "cannot write",
        (),
        (f"no picture format is called `.{ending}`",),
        f"end the name in one of {', '.join(f'.{name}' for name in known)}",
        place=path,
    )


def other_tree(place: str, expected: Iterable[str], found: Iterable[str]) -> Diagnostic:
    """Saved arrays that do not fit the program."""
    return Diagnostic(
        "DGM0607",
        "parameters of another program",
        (),
        (*(f"Expected {leaf}" for leaf in expected), *(f"found {leaf}" for leaf in found)),
        "restore the run with the program that it was trained with",
        place=place,
    )


def other_program(given: str, run: str) -> Diagnostic:
    """A run that is resumed with a program of another text."""
    why = f"its text is not the one that the run was trained with, read from {run}"
    help = "resume with that program, or start a new run from it with `init`"
    return Diagnostic("DGM0608", "another program", (), (why,), help, place=given)
