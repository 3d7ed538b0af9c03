"""Names in the notation of papers, as LaTeX."""

from __future__ import annotations

import unicodedata

GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
})  # fmt: skip
_FORMS = {"epsilon": "varepsilon", "phi": "varphi", "lamda": "lambda"}  # LAMDA is Unicode's name
_FUNCTIONS = {"exp": r"\exp", "log": r"\log", "tanh": r"\tanh", "Normal": r"\mathcal{N}"}


def name(text: str) -> str:
    r"""`z` as it is, `p_rain` with an index, `σ` and `sigma` as \sigma, words upright."""
    head, _, index = text.partition("_")
    return _word(head) + (f"_{{{_word(index)}}}" if head and index else "")


def function_name(text: str) -> str:
    """One letter as it is, a word as an operator, a Gaussian by its letter."""
    if len(text) == 1 or text.lower() in GREEK:
        return name(text)
    return _FUNCTIONS.get(text) or rf"\operatorname{{{_escaped(text)}}}"


def once(base: str) -> str:
    """In braces where it has an index or a power of its own: TeX takes one of each."""
    return f"{{{base}}}" if "^" in base or "_" in base else base


def bracketed(text: str) -> str:
    """In brackets, which grow where a fraction, a sum or cases stand between them."""
    tall = any(macro in text for macro in (r"\frac", r"\begin", r"\sum"))
    return rf"\left({text}\right)" if tall else f"({text})"


def _word(text: str) -> str:
    unicode = unicodedata.name(text, "").split() if len(text) == 1 else []
    if unicode[:1] == ["GREEK"]:
        return _letter(unicode[-1].lower(), capital="CAPITAL" in unicode)
    if text.lower() in GREEK:
        return _letter(text.lower(), capital=text[0].isupper())
    return text if len(text) == 1 or text.isdigit() else rf"\mathrm{{{_escaped(text)}}}"


def _letter(spelled: str, *, capital: bool) -> str:
    """Capitals that look as Latin ones have no macro in TeX; they stay upright words."""
    plain = {"lamda": "lambda"}.get(spelled, spelled)
    if not capital:
        return f"\\{_FORMS.get(spelled, plain)}"
    latin = {"alpha": "A", "beta": "B", "epsilon": "E", "zeta": "Z", "eta": "H", "iota": "I",
             "kappa": "K", "mu": "M", "nu": "N", "rho": "P", "tau": "T", "chi": "X"}  # fmt: skip
    return rf"\mathrm{{{latin[plain]}}}" if plain in latin else f"\\{plain.capitalize()}"


def _escaped(text: str) -> str:
    return text.replace("_", r"\_")
