"""DGM01xx: what the parser says. One function for each code; it holds the words, the passes none.

Help for what people type from Stan, NumPyro, PyTorch and Python is in `syntax_help`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dgmlang.compiler.diagnostics.codes.syntax_help import REPLACEMENTS, SYMBOLS
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Edit, Label, instead
from dgmlang.compiler.source import Span


def unexpected(
    span: Span,
    expected: Sequence[str],
    found: str,
    help: str | None,
    fixes: tuple[Edit, ...] = (),
) -> Diagnostic:
    """DGM0101: a token that no statement could have there."""
    label = Label(span, f"expected {_either(expected)}; found {found}")
    title = f"unexpected {found.removeprefix('the ')}"
    help = help or f"write {expected[0]} here" + _or_out(found)
    return Diagnostic("DGM0101", title, (label,), help=help, fixes=fixes)


def _or_out(found: str) -> str:
    """What else can be done where something stands too much."""
    return f", or take {found} out" if found.startswith("`") else ""


def unknown_symbol(span: Span, text: str) -> Diagnostic:
    """DGM0102: a character or operator that the language has no use for."""
    shown = f"`{text}`" if text.isprintable() else f"U+{ord(text[0]):04X}"
    label = Label(span, f"{shown} has no meaning")
    help = SYMBOLS.get(text) or SYMBOLS.get(text[0], "remove it")
    fixes = instead(span, "" if help == "remove it" else REPLACEMENTS.get(text))
    if text[0] in "“‘'" and len(text) > 1 and _is_path(span):
        help = f'write `"{text[1:-1]}"`'
        fixes = instead(span, help[len("write `") : -1])
    return Diagnostic("DGM0102", "unknown symbol", (label,), help=help, fixes=fixes)


def _is_path(span: Span) -> bool:
    """Whether what is quoted stands where a path does: behind `use`."""
    return span.source.text[: span.start].rpartition("\n")[2].strip() == "use"


def foreign_comment(span: Span) -> Diagnostic:
    """DGM0102: a comment as C, Stan and Python write it; what stands in it is no code."""
    text = span.text
    mark = text[:2] if text.startswith("/") else text[:3]
    begin = "##" if mark == '"""' else "#"
    inner = text[len(mark) :].removesuffix("*/" if mark == "/*" else mark).strip()
    lines = [f"{begin} {line.strip()}".rstrip() for line in inner.splitlines()]
    label = Label(Span(span.source, span.start, span.start + len(mark)), f"`{mark}` has no meaning")
    if span.source.text[span.end :].partition("\n")[0].strip():
        help = "take it out: a comment goes from `#` to the end of its line"
        return Diagnostic("DGM0102", "unknown symbol", (label,), help=help, fixes=instead(span, ""))
    is_short = len(lines) == 1 and len(lines[0]) < _SHORT
    help = f"write `{lines[0]}`" if is_short else f"begin each line of a comment with `{begin}`"
    fixes = instead(span, "\n".join(lines))
    return Diagnostic("DGM0102", "unknown symbol", (label,), help=help, fixes=fixes)


_SHORT = 60


def decorator(span: Span) -> Diagnostic:
    """DGM0102: a decorator of Python's, which would go on as a product of matrices."""
    label = Label(span, f"`{span.text.strip()}` has no meaning")
    help = "leave it out: what is trained or asked for is compiled"
    return Diagnostic("DGM0102", "unknown symbol", (label,), help=help, fixes=instead(span, ""))


def unclosed(opener: Span, closer: str, found: Span | None) -> Diagnostic:
    """DGM0103: an opening bracket whose partner is missing."""
    labels = [Label(opener, f"expected a `{closer}` for this `{opener.text}`")]
    if found:
        labels.append(Label(found, f"found `{found.text}` before it"))
    help = f"write `{closer}` where it ends"
    return Diagnostic("DGM0103", "unclosed bracket", tuple(labels), help=help)


def unopened(span: Span) -> Diagnostic:
    """DGM0104: a closing bracket that closes nothing."""
    label = Label(span, f"no bracket is open for this `{span.text}`")
    fixes = instead(span, "")
    return Diagnostic("DGM0104", "unopened bracket", (label,), help="remove it", fixes=fixes)


def no_newline(span: Span, end: Span) -> Diagnostic:
    """DGM0105: a statement on the line where a body ends."""
    labels = (Label(span, "a new statement begins here"), Label(end, "the one before ends here"))
    help = "begin a new line, or write `;`"
    fixes = (Edit(Span(span.source, span.start, span.start), "; "),)
    return Diagnostic("DGM0105", "missing newline", labels, help=help, fixes=fixes)


def too_deep(span: Span, limit: int) -> Diagnostic:
    """DGM0106: more nesting than the compiler's stages are made for."""
    label = Label(span, f"more than {limit} levels of operators and brackets")
    return Diagnostic("DGM0106", "nesting too deep", (label,), help="name a part of it with `let`")


def no_body(span: Span, word: str) -> Diagnostic:
    """DGM0107: the head of a model, loop or companion with nothing behind it."""
    label = Label(span, f"expected `{{`; found the end of the `{word}`")
    return Diagnostic("DGM0107", "missing body", (label,), help="write `{ … }` behind it")


def no_role(span: Span, what: str, help: str | None, fixes: tuple[Edit, ...] = ()) -> Diagnostic:
    """DGM0108: a line that does not begin with the role of what it declares."""
    label = Label(span, f"expected {what}; found `{span.text}`")
    return Diagnostic("DGM0108", "missing role", (label,), help=help, fixes=fixes)


def misplaced(
    span: Span, where: str, place: str | None, help: str = "", fixes: tuple[Edit, ...] = ()
) -> Diagnostic:
    """DGM0109: a declaration that the file, a model, a guide or a recipe does not hold."""
    label = Label(span, f"`{span.text}` cannot stand {where}")
    help = f"move it {place}" if place else help
    return Diagnostic("DGM0109", "misplaced declaration", (label,), help=help, fixes=fixes)


def unknown_version(span: Span) -> Diagnostic:
    """DGM0110: a file in a version of the language that this compiler does not know."""
    label = Label(span, f"expected version 1; found {span.text}")
    fixes = instead(span, "1")
    return Diagnostic("DGM0110", "unknown version", (label,), help="write `dgm 1`", fixes=fixes)


def empty(span: Span) -> Diagnostic:
    """DGM0111: a file without a statement."""
    label = Label(span, "expected a model; found the end of the file")
    return Diagnostic("DGM0111", "empty file", (label,), help="write `model NAME { … }`")


def too_long(span: Span, limit: int) -> Diagnostic:
    """DGM0112: a file that no person wrote."""
    label = Label(span, f"the file goes on past {limit} characters")
    return Diagnostic("DGM0112", "file too long", (label,), help="split it, and join with `use`")


def number_range(span: Span) -> Diagnostic:
    """DGM0113: a number that a 64-bit float does not hold."""
    label = Label(span, "expected a number below 1.8e308")
    return Diagnostic("DGM0113", "number too large", (label,), help="write a smaller number")


def mixed_scripts(span: Span, name: Span, latin: str) -> Diagnostic:
    """DGM0114: a name with letters of two alphabets that look alike."""
    label = Label(span, f"U+{ord(span.text):04X}, a letter of another alphabet than the rest")
    help = f"type `{latin}` in one alphabet"
    fixes = instead(name, latin)
    return Diagnostic("DGM0114", "mixed alphabets", (label, Label(name)), help=help, fixes=fixes)


def look_alike(span: Span, other: Span) -> Diagnostic:
    """DGM0115: two names that print alike and differ."""
    labels = (Label(span, "looks like another name"), Label(other, "the other name"))
    help = f"type `{other.text}` for both"
    fixes = instead(span, other.text)
    return Diagnostic("DGM0115", "look-alike names", labels, help=help, fixes=fixes)


def mismatched(span: Span, opener: Span, closer: str) -> Diagnostic:
    """DGM0116: a closing bracket of another kind than the one that is open."""
    labels = (
        Label(span, f"expected `{closer}`; found `{span.text}`"),
        Label(opener, "the bracket that is open"),
    )
    help, fixes = f"write `{closer}`", instead(span, closer)
    return Diagnostic("DGM0116", "mismatched brackets", labels, help=help, fixes=fixes)


def of_stan(head: Span, lines: Sequence[str] | None) -> Diagnostic:
    """DGM0117: a program whose blocks say what its variables are, as Stan's do.

    `lines` are the same program in this language, None where it is not translated.
    """
    label = Label(head, "a block of Stan's: here each line says the role of its variable")
    whole = Span(head.source, 0, len(head.source.text))
    fixes = instead(whole, "\n".join((*lines, ""))) if lines else ()
    model = _one_line(lines or _STAN)
    help = f"write `{model}`" if lines else f"write one model, as `{model}`"
    return Diagnostic("DGM0117", "program of Stan's", (label,), help=help, fixes=fixes)


_STAN = ("model NAME {", "param mu : real ~ Normal(0, 1)", "data x : real ~ Normal(mu, 1)", "}")


def _one_line(lines: Sequence[str]) -> str:
    head, *body, end = lines
    return f"{head} {'; '.join(line.strip() for line in body)} {end}"


def _either(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
