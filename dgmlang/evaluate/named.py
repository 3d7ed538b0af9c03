"""Ways to an answer as people name them: `ais(chains = 50)`, `anneal`, `exact`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.plan.methods import parsed, plain_settings
from dgmlang.compiler.program import Program

Settings = Mapping[str, Any]


def chosen(
    program: Program,
    text: str,
    defaults: Mapping[str, Settings],
    legal: Collection[str],
    unknown: Callable[[str, Collection[str]], Diagnostic],
    least: Mapping[str, int] | None = None,
) -> tuple[str, Settings]:
    """The way that `text` names, with its settings in full (DGM0807 where one is not its own).

    Args:
        program: Whose query it is.
        text: A name, with settings in brackets where it has any.
        defaults: The settings of each way that there is.
        legal: The names of those that apply here.
        unknown: What is said of another name, given it and the legal ones.
        least: What a setting is at least, where that is more than its type says.
    """
    name, arguments, _ = parsed("method", text, program.span.source.name)
    if name not in legal:
        raise DgmError(unknown(name, legal))
    own = defaults[name]
    for argument in arguments:
        if argument.name is not None and argument.name not in own:
            raise DgmError(codes.bad_settings(name, argument.name, own))
    return name, {**own, **plain_settings(name, own, arguments, least)}
