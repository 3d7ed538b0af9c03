"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def suggest(name: str, candidates: Iterable[str]) -> str | None:
    """The nearest candidate at edit distance at most max(1, length / 3); of equals, the first.

    A candidate that shares no letter with the name (`x` and `y`) is no suggestion; one that differs
    in case alone always is.
    """
    limit = max(1, len(name) // 3)
    best = None
    for candidate in candidates:
        if abs(len(candidate) - len(name)) > limit:
            continue
        same = candidate.casefold() == name.casefold()
        distance = 0 if same else edit_distance(name, candidate)
        if distance <= limit and (same or distance < min(len(name), len(candidate))):
            best, limit = candidate, distance - 1
    return best


def edit_distance(a: str, b: str) -> int:
    """Insertions, deletions, changes and swaps of neighbours that turn one text into the other.

    Source: Damerau 1964 (the restricted form: no letter is edited twice); O(len(a) len(b)).
    """
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row = row, [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
