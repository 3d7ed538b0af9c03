"""Pages that are made from the code when the site is built, so that they cannot age.

A page for each kind of built-in, one for each diagnostic, one for each example with what is derived
from it and its graph. Links from the pages to files outside of the site lead to text in backquotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from dgmlang.cli.codes import meanings
from dgmlang.cli.stories import told
from dgmlang.compiler.diagnostics.stories import story
from dgmlang.compiler.emit.describe import KINDS, properties, signature
from dgmlang.compiler.emit.graph import graph
from dgmlang.compiler.emit.svg import svg
from dgmlang.compiler.library import Extern, library
from dgmlang.compiler.pipeline import compile_source, read
from dgmlang.compiler.plan.explain import Explanation

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
STAGES = {"01": "Syntax", "02": "Names", "03": "Types and laws", "04": "Objectives and samplers",
          "05": "Data", "06": "Files and runs", "07": "Training", "08": "Queries",
          "09": "Of several rooms"}  # fmt: skip


def on_files(files: Files, config: Any) -> Files:
    """Adds the made pages and pictures."""
    for name, content in pages().items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A link out of the site becomes the path that it leads to."""
    return re.sub(r"\[([^\]]+)\]\((\.\./[^)]+)\)", _outside, markdown)


def _outside(link: re.Match[str]) -> str:
    return f"{link[1]} (`{link[2].removeprefix('../')}`)"


def pages() -> dict[str, str]:
    """All made files by their path in the site."""
    return dict([*_library(), *_diagnostics(), *_gallery()])


# ── the library ──────────────────────────────────────────────────────────────────────────────────


def _library() -> Iterator[tuple[str, str]]:
    rows: list[str] = []
    for kind, space in library().externs.items():
        title = KINDS.get(kind, kind).capitalize()
        names = ", ".join(f"[`{n}`](library-{kind}.md#{n.lower()})" for n in space)
        rows.append(f"## {title}\n\n{names}\n")
        body = "\n".join(map(_extern, space.values()))
        yield f"reference/library-{kind}.md", f"# {title}\n\n{body}"
    head = "# The standard library\n\nEvery built-in; `dgm doc NAME` prints the same.\n\n"
    yield "reference/library.md", head + "\n".join(rows)


def _extern(extern: Extern) -> str:
    text = [line if not line.startswith("$") else f"`{line}`" for line in extern.doc.splitlines()]
    lines = [f"## {extern.name}\n", f"```dgm\n{signature(extern)}\n```\n", *text, ""]
    if extern.has("planned"):
        lines.append("**Planned**: it is checked and explained, and not built yet.\n")
    lines += [_shapes(extern), _parameters(extern)]
    told = [p for p in properties(extern) if p != "planned"]
    if told:
        lines.append(f"Properties: {', '.join(f'`{p}`' for p in told)}\n")
    if extern.requires is not None:
        lines.append(f"Requires: `{' '.join(extern.requires.span.text.split())}`\n")
    lines += [f"{line}\n" for line in _made(extern)]
    return "\n".join(line for line in lines if line is not None)


def _shapes(extern: Extern) -> str | None:
    """What goes in and what comes out, with the axes that are mapped over."""
    if extern.source is not None and extern.type is not None:
        taken, given = (" ".join(t.span.text.split()) for t in (extern.source, extern.type))
        axes = "" if "..." in taken else "; further leading axes are mapped over"
        return f"In: `{taken}`. Out: `{given}`{axes}.\n"
    if extern.type is not None:
        given = " ".join(extern.type.span.text.split())
        return f"{'Support' if extern.kind == 'dist' else 'Out'}: `{given}`.\n"
    return None


def _parameters(extern: Extern) -> str | None:
    if not extern.parameters:
        return None
    rows = ["| parameter | type | default | given |", "| --- | --- | --- | --- |"]
    for p in extern.parameters:
        default = "" if p.default is None else f"`{p.default.span.text}`"
        when = "when the program is written" if p.static else "when it runs"
        rows.append(f"| `{p.name}` | `{' '.join(p.type.span.text.split())}` | {default} | {when} |")
    return "\n".join(rows) + "\n"


_BOUND = re.compile(r'@implements\("(\w+)", "(\w+)"\)')
_SOURCE = re.compile(r"Sources?: (.+?)(?:\n\n|\"\"\")", re.DOTALL)


@cache
def _files_of() -> dict[tuple[str, str], Path]:
    """The file that is bound to each built-in's line; those of NumPyro's have none of their own."""
    found = {}
    for path in sorted((ROOT / "dgmlang").glob("*/*.py")):
        for kind, name in _BOUND.findall(path.read_text(encoding="utf-8")):
            found[kind, name] = path
    return found


def _made(extern: Extern) -> Iterator[str]:
    """Where it is written, and from whom it comes, as its file says."""
    path = _files_of().get((extern.kind, extern.name))
    if path is None:
        return
    text = path.read_text(encoding="utf-8")
    place = text.index(f'@implements("{extern.kind}", "{extern.name}")')
    own = _SOURCE.search(text[place:].split("\n@implements", 1)[0])
    cited = own or _SOURCE.search(text[:place])
    if cited:
        yield f"Source: {' '.join(cited[1].split())}"
    yield f"Written in `{path.relative_to(ROOT)}`."


# ── diagnostics ──────────────────────────────────────────────────────────────────────────────────


def _diagnostics() -> Iterator[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for code, texts in sorted(meanings().items()):
        first = " ".join(texts)
        groups.setdefault(code[3:5], []).append(f"- [`{code}`]({code}.md) {first}")
        page = story(code)
        yield f"reference/{code}.md", f"# {code}\n\n{first}\n\n{told(page) if page else ''}"
    head = "# Diagnostics\n\n`dgm explain DGM0306` tells the same story in a terminal.\n\n"
    rest = (f"## {STAGES[stage]}\n\n" + "\n".join(rows) for stage, rows in groups.items())
    yield "reference/diagnostics.md", head + "\n\n".join(rest) + "\n"


# ── examples ─────────────────────────────────────────────────────────────────────────────────────


def _picture(name: str) -> str:
    """Draws of an example that was trained, with the commands that made them; else of a flow."""
    if (IMAGES / "examples" / f"{name}.png").exists():
        said = (IMAGES / "examples" / "commands.txt").read_text(encoding="utf-8")
        about = re.compile(rf"\b{name}(\.dgm| |$)")
        shown = "\n".join(f"$ {line}" for line in said.splitlines() if about.search(line))
        return f"![Draws](../images/examples/{name}.png)\n\n```console\n{shown}\n```\n\n"
    if (IMAGES / "flows" / f"{name}.png").exists():
        about = "[Flows beside their data](../flows.md) says how it was trained."
        return f"![Data, density and draws](../images/flows/{name}.png)\n\n{about}\n\n"
    return ""


def _gallery() -> Iterator[tuple[str, str]]:
    rows: list[str] = []
    for path in sorted((ROOT / "examples").glob("*.dgm")):
        text = path.read_text(encoding="utf-8")
        plan = compile_source(read(path))[0]
        first = plan.program.doc.splitlines()[0]
        rows.append(f"- [`{path.stem}`](examples/{path.stem}.md) {first}")
        yield f"examples/{path.stem}.svg", svg(graph(plan.program))
        yield (
            f"examples/{path.stem}.md",
            f"# {path.stem}\n\n{plan.program.doc}\n\n{_picture(path.stem)}"
            f"![graph]({path.stem}.svg)\n\n```dgm\n{text}```\n\n"
            f"## What is derived\n\n```text\n{Explanation(plan)}\n```\n",
        )
    yield "gallery.md", "# Examples\n\n" + "\n".join(rows) + "\n"
