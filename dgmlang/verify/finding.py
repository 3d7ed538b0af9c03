"""What one test of a model found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["holds", "fails", "no power"]


@dataclass(frozen=True)
class Finding:
    """One claim about a model, held against something computed in another way.

    Attributes:
        subject: What the claim is about: a variable, a stage, an objective, a sampler.
        claim: What ought to hold.
        how: What it was held against.
        deviation: How far off it is, not negative; NaN where a number was not finite.
        allowed: How far off a right implementation may be: five standard errors where something is
            estimated, rounding elsewhere.
        mistake: A mistake that was then made on purpose, for people.
        caught: How far off the same test was with that mistake in it.
    """

    subject: str
    claim: str
    how: str
    deviation: float
    allowed: float
    mistake: str
    caught: float

    @property
    def outcome(self) -> Outcome:
        """A test that would not have seen the mistake says nothing, so it does not hold either."""
        if not self.deviation <= self.allowed:  # NaN fails
            return "fails"
        return "holds" if not self.caught <= self.allowed else "no power"


@dataclass(frozen=True)
class Untested:
    """Something that could not be put to the test, and why."""

    subject: str
    why: str
