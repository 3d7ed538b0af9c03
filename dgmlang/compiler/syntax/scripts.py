"""Names that look like other names: letters of two alphabets that print alike."""

from __future__ import annotations

from unicodedata import name as character_name

from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax.tokens import Token

# Source: the confusables of Unicode Technical Standard 39, the letters that a keyboard layout or a
# copied formula slips in. Greek small letters are left out but for omicron: `ν_x` is meant.
_CYRILLIC = dict(
    zip("асԁеһіјкорѕтухвмнАВЕКМНОРСТХІЅЈУ", "acdehijkopstyxbmhABEKMHOPCTXISJY", strict=True)
)
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
_LATIN = str.maketrans(_CYRILLIC | _GREEK)


def settle_names(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """Reports names that mix alphabets or print like another name, and gives them its letters.

    The later stages then see one name, and find nothing more to say about it.
    """
    if source.text.isascii():
        return tokens, []
    found: list[Diagnostic] = []
    originals: dict[str, Token] = {}
    settled: dict[str, str] = {}
    for token in tokens:
        if token.type == "NAME" and token.text == _skeleton(token.text):
            originals.setdefault(token.text, token)
    for token in tokens:
        if token.type == "NAME" and token.text not in settled:
            settled[token.text] = _settle(source, token, originals, found)
    return [
        token._replace(text=settled[token.text]) if token.type == "NAME" else token
        for token in tokens
    ], found


def _settle(
    source: Source, token: Token, originals: dict[str, Token], found: list[Diagnostic]
) -> str:
    """The name to go on with, after a diagnostic where it is not the one that stands there."""
    latin = _skeleton(token.text)
    span = Span(source, token.start, token.end)
    letter = foreign_letter(token.text)
    if letter is not None:
        place = token.start + max(0, span.text.find(token.text[letter]))
        found.append(codes.mixed_scripts(Span(source, place, place + 1), span, latin))
    elif latin != token.text and latin in originals:
        other = originals[latin]
        found.append(codes.look_alike(span, Span(source, other.start, other.end)))
    else:
        return token.text
    return latin


def _skeleton(name: str) -> str:
    """The name with each letter that looks Latin made Latin: equal for names that look equal."""
    return name.translate(_LATIN)


def foreign_letter(name: str) -> int | None:
    """Where a letter stands that another alphabet's beside it make a trap; None if there is none.

    Cyrillic beside Latin or Greek always is one; a Greek capital that looks Latin is one inside a
    Latin word (`ΧY`), not beside a `_` (`Χ_train` is the chi of someone's paper).
    """
    scripts = [_script(c) for c in name]
    if "CYRILLIC" in scripts and ("LATIN" in scripts or "GREEK" in scripts):
        return scripts.index("CYRILLIC")
    starts = [0, *(i + 1 for i, c in enumerate(name) if c == "_")]
    for start, end in zip(starts, [*starts[1:], len(name) + 1], strict=True):
        part = range(start, end - 1)
        greek = [i for i in part if name[i] in _GREEK]
        if greek and any(scripts[i] == "LATIN" for i in part):
            return greek[0]
    return None


def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN" if letter.isalpha() else ""
    return character_name(letter, "").partition(" ")[0]
