"""DGM01xx: what the parser says. One function for each code; the words are here and only here."""

from __future__ import annotations

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.source import Span

# What people type from elsewhere, and what it is here.
_FOREIGN = {
    "+=": "write `energy -(…)`: the lines of an energy add up",
    "-=": "write `energy …`: the lines of an energy add up",
    "*=": "give the new value its own name: `let name = …`",
    "/=": "give the new value its own name: `let name = …`",
    ":=": "write `=`",
    "++": "write `x + 1`",
    "^": "write `**` for a power",
    "%": "the language has no remainder; `/` divides",
    "&": "write `and`",
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "<>": "write `!=`",
    "//": "write `#` to begin a comment, `/` to divide",
    "'": 'write a path in double quotes, "path.dgm", and everything else without quotes',
    '"': "close the quotes on the same line",
    "$": "write the name without `$`",
    "\\": "remove it: a line goes on by itself after an operator or inside brackets",
    "−": "write `-`",
    "–": "write `-`",
    "—": "write `-`",
    "×": "write `*`",
    "·": "write `*`",
    "÷": "write `/`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "→": "write `->`",
    "∼": "write `~`",
    "…": "write `...`",
    "“": 'write `"`',
    "”": 'write `"`',
    "²": "write `** 2`",
    "∞": "leave the bound out",
}


def unexpected(
    span: Span, expected: tuple[str, ...], found: str, help: str | None = None
) -> Diagnostic:
    """DGM0101: a token that no statement could have there."""
    wanted = " or ".join(filter(None, [", ".join(expected[:-1]), *expected[-1:]]))
    label = f"expected {wanted}; found {found}"
    return Diagnostic("DGM0101", "unexpected " + found, (Label(span, label),), help=help)


def unknown_symbol(span: Span, text: str) -> Diagnostic:
    """DGM0102: a character or operator that the language has no use for."""
    shown = f"`{text}`" if text.isprintable() else f"U+{ord(text):04X}"
    label = Label(span, f"{shown} means nothing here")
    return Diagnostic("DGM0102", "unknown symbol", (label,), help=_FOREIGN.get(text, "remove it"))


def unclosed(opener: Span, closer: str, found: Span | None) -> Diagnostic:
    """DGM0103: an opening bracket whose partner is missing."""
    labels = [Label(opener, f"expected a `{closer}` for this `{opener.text}`")]
    if found:
        labels.append(Label(found, f"found `{found.text}` before it"))
    return Diagnostic(
        "DGM0103", "unclosed bracket", tuple(labels), help=f"write `{closer}` where it ends"
    )


def unopened(span: Span, opener: Span | None) -> Diagnostic:
    """DGM0104: a closing bracket that closes nothing, or the wrong bracket."""
    labels = [Label(span, f"no bracket is open for this `{span.text}`")]
    if opener:
        labels = [Label(span, f"this `{span.text}` cannot close"), Label(opener, "this bracket")]
    return Diagnostic("DGM0104", "unopened bracket", tuple(labels), help="remove it")


def no_newline(span: Span, end: Span) -> Diagnostic:
    """DGM0105: a statement on the line where a body ends."""
    labels = (Label(span, "a new statement begins here"), Label(end, "the one before ends here"))
    return Diagnostic("DGM0105", "missing newline", labels, help="begin a new line, or write `;`")


def too_deep(span: Span, limit: int) -> Diagnostic:
    """DGM0106: more nesting than the compiler's stages are made for."""
    label = Label(span, f"nested more than {limit} deep")
    return Diagnostic("DGM0106", "nesting too deep", (label,), help="name a part of it with `let`")
