"""What a fit is given to learn from, before anything looks at it: examples, and what they share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dgmlang.compiler.diagnostics.codes import shared as shared_codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.program import Program
from dgmlang.request import Request
from dgmlang.runtime.checkpoint import Run
from dgmlang.runtime.columns import Columns, columns
from dgmlang.runtime.data import Dataset
from dgmlang.runtime.inlet import brought
from dgmlang.runtime.shared import SHARED, merged, require_same
from dgmlang.runtime.stream import Stream
from dgmlang.runtime.weights import weighed


def read(
    program: Program, data: Any, request: Request, stream: Stream | None, resumed: Run | None
) -> tuple[Dataset, Columns]:
    """The data by variable, with their weights and what they share, and their columns."""
    given = request.sample_weight
    weight = given if isinstance(given, str) else None
    own = program.having("shared")
    dataset, named = columns(request.columns).fit(data, (*brought(program), *own), weight)
    if stream is not None and dataset.shared:
        name = next(iter(dataset.shared))
        raise DgmError(shared_codes.in_batches(program.variables[name].span, name))
    dataset = dataset if given is None else weighed(dataset, given)
    if resumed is None:
        return merged(own, dataset, request.given), named
    before = resumed.tree(SHARED) if SHARED in resumed.parts else {}
    found = merged(own, replace(dataset, shared={**before, **dataset.shared}), request.given)
    require_same(own, found.shared, before)
    return found, named
