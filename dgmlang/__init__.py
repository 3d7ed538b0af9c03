"""dgmlang: a declarative language for deep generative models, and its compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgmlang import objectives as objectives
from dgmlang import samplers as samplers
from dgmlang.compiler.diagnostics.diagnostic import DgmError as DgmError
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic as Diagnostic
from dgmlang.entry import data as data
from dgmlang.entry import load as load
from dgmlang.entry import restore as restore
from dgmlang.model import Model as Model
from dgmlang.model import parse as parse

if TYPE_CHECKING:
    from dgmlang.compose import mixture as mixture
    from dgmlang.compose import product as product
    from dgmlang.estimator import Estimator as Estimator
    from dgmlang.evaluate.divergence import divergence as divergence
    from dgmlang.evaluate.result import Result as Result
    from dgmlang.fitted import Fitted as Fitted

__version__ = "0.1.0"

_LATE = {
    "Estimator": "dgmlang.estimator",
    "Fitted": "dgmlang.fitted",
    "Result": "dgmlang.evaluate.result",
    "divergence": "dgmlang.evaluate.divergence",
    "mixture": "dgmlang.compose",
    "product": "dgmlang.compose",
}


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext dgmlang` in a notebook: then `%%dgm` makes a cell's program a model."""
    from dgmlang.editor.magic import load_ipython_extension as load

    load(shell)


def __getattr__(name: str) -> Any:
    # These need JAX, and checking a program must not wait for it.
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
