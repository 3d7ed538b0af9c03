"""Where the stages of the front end put their findings."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic


class Report:
    """Collects diagnostics, so that one run shows several mistakes."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def say(self, diagnostic: Diagnostic) -> None:
        """Keep a finding, once: two rules that see one mistake at one place bring one message."""
        places = {(d.code, d.labels[0].span) for d in self.found if d.labels}
        if not diagnostic.labels or (diagnostic.code, diagnostic.labels[0].span) not in places:
            self.found.append(diagnostic)

    @property
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.found)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.found if d.severity == "warning")

    def settle(self) -> None:
        """Raise all findings where one of them is an error."""
        if self.failed:
            raise DgmError(d for d in self.found if d.severity == "error")
