"""A law or a value on a line of its own for a variable that is declared on another: Stan's way."""

from __future__ import annotations

import re

from dgmlang.compiler.diagnostics import elsewhere
from dgmlang.compiler.diagnostics.diagnostic import Edit
from dgmlang.compiler.source import Span

_LINE = r"(?P<name>[^\W\d]\w*)(?:\[(?P<index>[\w, ]+)\])?\s*(?P<sign>[~=](?!=))\s*(?P<rest>.+)"
_DECLARED = (
    r"(?P<role>data|latent|param)\s+{}(?:\[\w+\])?"
    r"\s*:\s*(?P<type>[^~=\n#;}}]+?)[ \t]*(?P<law>[~=]|[;#}}]|$)"
)
_MODEL = r"(?m:^model\b)"


def declared_already(whole: Span) -> tuple[str, tuple[Edit, ...]] | None:
    """The help and the edits for `x ~ Normal(0, 1)` where `data x : real` stands elsewhere.

    None where the statement is of another form, or the variable is not declared.
    """
    line = re.fullmatch(_LINE, whole.text.rstrip("; "))
    declared = line and _declaration(whole, line["name"])
    if not line or not declared or (declared["role"] == "param" and line["sign"] == "="):
        return None
    name, sign, type_ = line["name"], line["sign"], declared["type"]
    number = whole.source.text.count("\n", 0, declared.start() + 1) + 1
    if declared["law"] in ("~", "="):
        return f"leave it out, or change the law of `{name}` in line {number}", ()
    law = elsewhere.law(line["rest"]) if sign == "~" else line["rest"]
    law = law and elsewhere.halved(law, type_)
    end = declared.end("type")
    if line["index"] is None:
        behind = f"{sign} {law or '…'}"
        help = f"write `{behind}` behind the declaration of `{name}`, in line {number}"
        edits = (Edit(Span(whole.source, end, end), f" {behind}"), Edit(whole, ""))
    else:
        entry = _entry(type_, line["index"].count(",") + 1)
        new = f"{declared['role']} {name}[{line['index']}] : {entry} {sign} {law or '…'}"
        help = f"write `{new}`, and leave line {number} out"
        edits = (Edit(Span(whole.source, declared.start(), end), ""), Edit(whole, new))
    return help, edits if law else ()


def _declaration(whole: Span, name: str) -> re.Match[str] | None:
    """Where the same model declares a variable."""
    text = whole.source.text
    starts = [m.start() for m in re.finditer(_MODEL, text)]
    start = max((s for s in starts if s <= whole.start), default=0)
    stop = min((s for s in starts if s > whole.start), default=len(text))
    pattern = re.compile(_DECLARED.format(re.escape(name)), re.MULTILINE)
    return pattern.search(text, start, stop)


def _entry(type_: str, axes: int) -> str:
    """The type of one entry: `real[3, d]` by one index is `real[d]`."""
    found = re.fullmatch(r"(.*?)\[([^\]]*)\]", type_)
    rest = found[2].split(",")[axes:] if found else []
    shape = f"[{', '.join(part.strip() for part in rest)}]" if rest else ""
    return f"{found[1] if found else type_}{shape}"
