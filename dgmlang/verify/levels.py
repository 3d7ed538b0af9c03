"""Bytes of fewer levels, in programs whose levels no hyperparameter sets."""

from __future__ import annotations

from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.tokens import scan
from dgmlang.model import Model, compiled

BYTE, STATES = "byte", "256"


def with_levels(model: Model, levels: int) -> Model | None:
    """The same program of `grey(levels)` for `byte`, and of that number for 256, which it writes.

    None where it has no bytes.

    Raises:
        DgmError: Where the program is then not well formed.
    """
    text = model.source.text
    tokens, _ = scan(model.source)
    if not any(token.text == BYTE for token in tokens):
        return None
    written = {BYTE: f"grey({levels})", STATES: str(levels)}
    for token in reversed(tokens):
        if token.text in written:
            text = text[: token.start] + written[token.text] + text[token.end :]
    source = Source(model.source.name, text, model.source.opener)
    return compiled(source, {**model.settings, **model.nets}, model.chosen)
