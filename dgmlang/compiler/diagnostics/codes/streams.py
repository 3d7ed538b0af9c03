"""DGM0719 to DGM0723: training on an iterable of batches."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic

_INSTEAD = {
    "batch": "set the size where the batches are made",
    "valid": "give `valid` held-out data as arrays",
    "resume": "start a new run from the parameters of this one: `init = RUN`",
}


def not_for_batches(keyword: str) -> Diagnostic:
    """A keyword that an iterable of batches has no answer to."""
    return Diagnostic(
        "DGM0719",
        "needs all data at once",
        (),
        (f"the data come batch by batch, and `{keyword}` is about all of them together",),
        _INSTEAD.get(keyword, f"leave `{keyword}` out, or give the data as arrays"),
        place="fit",
    )


def fitted_steps(variable: str) -> Diagnostic:
    """A preparation that is fitted to the data, which come one by one."""
    return Diagnostic(
        "DGM0719",
        "needs all data at once",
        (),
        (f"the data come batch by batch, and `prepare {variable}` is fitted to all of them",),
        "prepare the batches where they are made, or write the numbers: `(x - 3) / 2`",
        place="fit",
    )


def no_rows(objective: str) -> Diagnostic:
    """An objective that keeps parameters for each example, of data without a last one."""
    return Diagnostic(
        "DGM0719",
        "needs all data at once",
        (),
        (f"the data come batch by batch, and `{objective}` keeps a posterior for each example",),
        "give the data as arrays, or leave `guide = local` out",
        place="fit",
    )


def not_resumable(run: str) -> Diagnostic:
    """A run that was trained on batches has no place in its data."""
    return Diagnostic(
        "DGM0719",
        "needs all data at once",
        (),
        ("the run was trained batch by batch, and its place among the batches is not known",),
        _INSTEAD["resume"],
        place=run,
    )


def no_length(why: str) -> Diagnostic:
    """Something counts all examples, and the iterable does not say how many there are."""
    return Diagnostic(
        "DGM0720",
        "batches without a number",
        (),
        (f"{why}, and `len(data)` is not known",),
        "give an iterable with `__len__`, its batches in a pass",
        place="fit",
    )


def no_batches() -> Diagnostic:
    """An iterable that is at its end at once."""
    why = "the iterable gave no batch"
    return Diagnostic(
        "DGM0720", "batches without a number", (), (why,), "give at least one", place="fit"
    )


def other_batch(
    number: int, name: str, expected: tuple[int, ...] | None, found: tuple[int, ...]
) -> Diagnostic:
    """A batch of another shape than the first."""
    first = "no such variable" if expected is None else str(list(expected))
    return Diagnostic(
        "DGM0721",
        "uneven batches",
        (),
        (f"Expected `{name}` of shape {first} as in the first batch; found {list(found)}"
         f" in batch {number}",),
        "make batches of one size, and drop what is left at the end (`drop_last = True`)",
        place="fit",
    )  # fmt: skip


def unnamed_parts(count: int) -> Diagnostic:
    """A batch of several arrays without names."""
    return Diagnostic(
        "DGM0722",
        "unnamed batches",
        (),
        (f"a batch is a list of {count} arrays, which does not say what is which variable",),
        'give dictionaries: `({"x": x, "y": y} for x, y in loader)`',
        place="fit",
    )


def ran_out(step: int, steps: int) -> Diagnostic:
    """An iterator that can be gone through once ended before the training did."""
    return Diagnostic(
        "DGM0723",
        "no more batches",
        (),
        (f"the iterator ended at step {step} of {steps}, and there training stopped",),
        "give an iterable that can be started again, or fewer `steps`",
        severity="warning",
        place="fit",
    )
