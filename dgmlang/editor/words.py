"""The words of the language by what they are, for everything that colours programs."""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.library import library
from dgmlang.compiler.syntax.statements import CONTEXTUAL, ROLES
from dgmlang.compiler.syntax.tokens import RESERVED
from dgmlang.compiler.types.kinds import KINDS

OPERATORS = frozenset({"and", "or", "not"})


def words() -> Mapping[str, list[str]]:
    """Words by sort, sorted; a built-in is one that the library declares in any name space."""
    spaces = library().externs.values()
    return {
        "role": sorted(ROLES | {"prepare"}),
        "reserved": sorted((RESERVED | CONTEXTUAL) - OPERATORS),
        "operator": sorted(OPERATORS),
        "constant": ["None", "false", "true"],
        "kind": sorted(KINDS - {"any"}),
        "builtin": sorted({name for space in spaces for name in space}),
    }
