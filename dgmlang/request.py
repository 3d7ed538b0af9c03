"""What a caller asks of a fit, and what a run remembers of it, to go on alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgmlang.compiler.diagnostics.codes import streams as stream_codes
from dgmlang.compiler.diagnostics.codes import training as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.syntax import ast
from dgmlang.runtime import runs
from dgmlang.runtime.metrics import Record
from dgmlang.runtime.progress import Progress
from dgmlang.runtime.settings import Optimizer, Settings


@dataclass(frozen=True)
class Request:
    """What the caller asked of a fit; `Model.fit` describes each. None leaves it to the recipe."""

    objective: str | Expression | None = None
    optimizer: str | Optimizer | Mapping[str, str | Optimizer] | None = None
    steps: int | None = None
    epochs: float | None = None
    batch: int | None = None
    seed: int = 0
    valid: Any = None
    patience: int | None = None
    average: float | None = None
    prepare: Mapping[str, str] | str | None = None
    recipe: str = "default"
    init: Any = None
    freeze: Sequence[str] = ()
    callbacks: Sequence[Callable[[Record], object]] = ()
    out: str | Path | None = None
    resume: str | Path | None = None
    replace: bool = False
    progress: bool | Progress = False
    notes: Callable[[Diagnostic], object] | None = None
    log_dir: str | Path | None = None
    device: Any = None
    sample_weight: Any = None
    columns: Mapping[str, str | Sequence[str]] | str | None = None
    precision: str | None = None
    given: Mapping[str, Any] | None = None


def as_before(request: Request, head: runs.Header) -> Request:
    """A resumed run's settings, where the caller does not change them."""
    before = head.settings
    texts = {"objective": head.objective, "prepare": head.prepare, "columns": head.columns}
    known = {**{k: v for k, v in before.items() if k in _REMEMBERED}, **texts}
    if before.get("streamed"):
        raise DgmError(stream_codes.not_resumable(str(request.resume)))
    if known.get("valid") == ARRAYS and request.valid is None:
        raise DgmError(codes.held_out_missing(str(request.resume)))
    if (request.sample_weight is not None) != before.get("weighted", False):
        raise DgmError(codes.weights_changed(str(request.resume), before.get("weighted", False)))
    precision = before.get("precision", "float32")
    if request.precision not in (None, precision):
        raise DgmError(codes.precision_changed(str(request.resume), precision))
    unsaid = [k for k in known if getattr(request, k) is None or k in ("seed", "freeze")]
    missing = {k: known[k] for k in unsaid if k != "valid" or known[k] != ARRAYS}
    out = request.out or request.resume
    return replace(request, **missing, precision=precision, out=out)


ARRAYS = "arrays"
"""What a run remembers of held-out data that were given as such."""

_REMEMBERED = ("steps", "batch", "seed", "valid", "patience", "average", "optimizer", "freeze")


def remembered(settings: Settings, wanted: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """What `run.json` keeps of a fit's settings, so that a resumed run has them again."""
    asked = wanted.get("optimizer")
    text = asked.span.text if isinstance(asked, ast.Expr) else asked
    fraction = request.valid if isinstance(request.valid, float | int | None) else ARRAYS
    return {
        "steps": settings.steps, "batch": settings.batch, "seed": settings.seed,
        "valid": fraction, "patience": settings.patience, "average": settings.average,
        "optimizer": text if isinstance(text, str) else None, "freeze": list(settings.freeze),
        "weighted": request.sample_weight is not None,
    }  # fmt: skip
