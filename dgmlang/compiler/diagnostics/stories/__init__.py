"""The longer story of each code, for `dgm explain DGM0306`: one page of Markdown a code.

A block ```` ```dgm wrong ```` holds a program with the mistake; the compiler's own words about it
are put below it when the page is shown, so they cannot age. ```` ```dgm wrong objective=mle ````
also asks for that objective, `sampler=…` for that sampler. A block ```` ```dgm ```` holds a program
that is well formed. A block ```` ```python ```` runs as it is, and the block ```` ```text ````
below it holds what it prints, long lines cut short: `pytest --accept` writes that, so that showing
a page runs nothing.
"""

from __future__ import annotations

from pathlib import Path


def story(code: str) -> str | None:
    """The page of a code, None where there is none."""
    page = Path(__file__).with_name(f"{code}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else None
