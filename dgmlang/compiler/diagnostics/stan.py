"""A whole program of Stan's, as the one model that says the same."""

from __future__ import annotations

import re

from dgmlang.compiler.diagnostics import elsewhere

_COMMENT = r"(?s:/\*.*?\*/)|//[^\n]*|#[^\n]*"
_FIRST = rf"(?:\s|{_COMMENT})*(functions|data|transformed\s+data|parameters)\s*\{{"
_BLOCK = r"\s*([a-z]+(?:\s+[a-z]+)?)\s*\{([^{}]*)\}\s*"
_DECLARED = r"(?P<type>.*[\]>\s])\s*(?P<name>[^\W\d]\w*)"
_DRAWN = r"(?P<name>[^\W\d]\w*)\s*~\s*(?P<law>(?s:.*))"


def begins(text: str) -> tuple[int, int] | None:
    """Where the head of the first block stands, of a text that begins as programs of Stan's do."""
    match = re.match(_FIRST, text)
    return (match.start(1), match.end(1)) if match else None


def translated(text: str) -> tuple[str, ...] | None:
    """The lines of a model from its head to its `}`; None where something has no sure like here.

    Whole-number data that size other variables become hyperparameters, data without a law givens,
    and each law stands beside its variable.
    """
    blocks = _blocks(re.sub(_COMMENT, "", text))
    if blocks is None or not blocks.keys() <= {"data", "parameters", "model"}:
        return None
    laws = dict[str, str]()
    for statement in blocks.get("model", []):
        match = re.fullmatch(_DRAWN, statement)
        law = match and elsewhere.law(match["law"])
        if match is None or law is None or match["name"] in laws:
            return None
        laws[match["name"]] = law
    declared = [(role, s) for role in ("parameters", "data") for s in blocks.get(role, [])]
    every = " ".join(statement for _, statement in declared)
    sizes, lines = list[str](), list[str]()
    for role, statement in declared:
        match = re.fullmatch(_DECLARED, statement)
        type_ = match and elsewhere.stan_type(match["type"])
        if match is None or type_ is None:
            return None
        name = match["name"]
        if type_ == "count" and re.search(rf"\[[^\]]*\b{name}\b", every):
            sizes.append(f"{name}: int")
        elif (line := _variable(role, name, type_, laws.pop(name, None))) is None:
            return None
        else:
            lines.append(f"  {line}")
    head = f"model NAME({', '.join(sizes)}) {{" if sizes else "model NAME {"
    return (head, *lines, "}") if lines and not laws else None


def _blocks(bare: str) -> dict[str, list[str]] | None:
    """The statements of each block; None where there are braces inside of one."""
    found: dict[str, list[str]] = {}
    at = 0
    while match := re.compile(_BLOCK).match(bare, at):
        found[match[1]] = [s.strip() for s in match[2].split(";") if s.strip()]
        at = match.end()
    return found if found and not bare[at:].strip() else None


def _variable(role: str, name: str, type_: str, law: str | None) -> str | None:
    ours = "param" if role == "parameters" else "data" if law else "given"
    if law is None:
        return f"{ours} {name} : {type_}"
    kind = type_.partition("[")[0]
    law = elsewhere.halved(law, kind)
    return f"{ours} {name} : {type_} ~ {law}" if elsewhere.kind(law) == kind else None
