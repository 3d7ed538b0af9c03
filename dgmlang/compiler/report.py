"""Where the stages of the front end put their findings."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic, Label


class Report:
    """Collects diagnostics, so that one run shows several mistakes."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def say(self, diagnostic: Diagnostic) -> None:
        """Keep a finding; one mistake that two rules see, or that shows twice, is said once."""
        labels = diagnostic.labels
        same = [d.labels[0] for d in self.found if d.labels and d.code == diagnostic.code]
        if not labels or not any(_alike(labels[0], other) for other in same):
            self.found.append(diagnostic)

    @property
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.found)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.found if d.severity == "warning")

    def waive(self, left: tuple[Diagnostic, ...]) -> None:
        """Keep these warnings in the place of all that there are."""
        self.found = [d for d in self.found if d.severity != "warning"] + list(left)

    def settle(self) -> None:
        """Raise all findings where one of them is an error."""
        if self.failed:
            raise DgmError(d for d in self.found if d.severity == "error")


def _alike(one: Label, other: Label) -> bool:
    """The same place, or the same words about one name at two places."""
    same = bool(one.text) and (one.text, one.span.text) == (other.text, other.span.text)
    return one.span == other.span or (same and one.span.text.isidentifier())
