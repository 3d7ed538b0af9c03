"""Bayesian networks in the interchange format (`.bif`) as programs.

Each variable becomes optional data, so that any of them may be asked for given any others. Levels
are numbered in the file's order, which comments keep.

Source: Cozman 1998, The interchange format for Bayesian networks, version 0.15; the networks of
the bnlearn repository are written so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import fsum

from dgmlang.cli.command import UsageError
from dgmlang.editor.words import words

LOOSE = 0.01
"""How far from 1 the probabilities of a row may sum, as they are rounded in files."""

BLOCK = re.compile(r"\b(variable|probability)\b\s*([^{]*)\{((?:[^{}]|\{[^{}]*\})*)\}")
TYPE = re.compile(r"type\s+discrete\s*\[\s*(\d+)\s*\]\s*\{([^}]*)\}")
ROW = re.compile(r"(table|default|\([^)]*\))\s*([^;]*);")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


@dataclass(frozen=True)
class Node:
    """A variable: its name in the program, its levels, its parents, and a row for each state."""

    name: str
    levels: Sequence[str]
    parents: Sequence[str]
    rows: Mapping[tuple[str, ...], Sequence[float]]


def program(text: str, model: str, origin: str) -> str:
    """A `.bif` file's text as a program.

    Raises:
        UsageError: What is no network of discrete variables with all their rows.
    """
    nodes = _nodes(COMMENT.sub("", text))
    levels = {name: node.levels for name, node in nodes.items()}
    lines = [f"## The Bayesian network of {origin}: any of its variables may be missing.", "##",
             "## `dgm.load(FILE).with_params({}).predict(NAME, given = {OTHER: 0})` tells one.",
             f"model {model} {{"]  # fmt: skip
    for node in nodes.values():
        read = "".join(f"[{nodes[p].name}]" for p in node.parents)
        lines.append(f"  ## {', '.join(f'{i} is {level}' for i, level in enumerate(node.levels))}.")
        table = _table(node, [levels[p] for p in node.parents])
        kind = f"cat({len(node.levels)})?"
        lines.append(f"  data {node.name} : {kind} ~ Categorical({table}{read})")
    return "\n".join([*lines, "}", ""])


def _nodes(text: str) -> dict[str, Node]:
    blocks = [(kind, head.strip(), body) for kind, head, body in BLOCK.findall(text)]
    levels = dict(_levels(head, body) for kind, head, body in blocks if kind == "variable")
    if not levels:
        raise UsageError("no `variable NAME { type discrete [ n ] { … }; }` stands in the file")
    laws = dict(_law(head, body, levels) for kind, head, body in blocks if kind == "probability")
    if lacking := [name for name in levels if name not in laws]:
        raise UsageError(f"`{lacking[0]}` has no probabilities in the file")
    names = _names(levels)
    return {name: Node(names[name], levels[name], *laws[name]) for name in levels}


def _levels(head: str, body: str) -> tuple[str, list[str]]:
    found = TYPE.search(body)
    name = head.strip('"')
    if found is None:
        raise UsageError(f"`{name}` is not discrete: only networks of tables become programs")
    levels = [level.strip(' "\n\t') for level in found[2].split(",")]
    if len(levels) != int(found[1]):
        raise UsageError(f"`{name}` says {found[1]} levels and names {len(levels)}")
    return name, levels


def _law(
    head: str, body: str, levels: Mapping[str, Sequence[str]]
) -> tuple[str, tuple[list[str], dict[tuple[str, ...], list[float]]]]:
    name, *parents = re.findall(r'[^\s,|()"]+', head)
    if unknown := [n for n in (name, *parents) if n not in levels]:
        raise UsageError(f"`{unknown[0]}` has probabilities and no `variable`")
    found = {key: _numbers(name, said, len(levels[name])) for key, said in ROW.findall(body)}
    if "table" in found and parents:
        raise UsageError(f"`{name}` has parents and a `table`; a row for each state is read")
    whole = found.pop("table", found.pop("default", None))
    rows = {tuple(re.findall(r'[^\s,()"]+', key)): row for key, row in found.items()}
    for state in product(*(levels[p] for p in parents)):
        if whole is not None:
            rows.setdefault(state, whole)
        if state not in rows:
            raise UsageError(f"`{name}` has no row for ({', '.join(state)})")
    return name, (parents, rows)


def _numbers(name: str, said: str, count: int) -> list[float]:
    """A row, scaled to one where the file has rounded it."""
    try:
        row = [float(number) for number in said.replace(",", " ").split()]
    except ValueError:
        raise UsageError(f"`{name}` has a row of other things than numbers: {said}") from None
    total = fsum(row)
    if len(row) != count or min(row) < 0 or abs(total - 1) > LOOSE:
        raise UsageError(f"`{name}` has the row `{said}`, which is no {count} probabilities")
    return row if abs(total - 1) < 1e-9 else [number / total for number in row]


def _table(node: Node, levels: Sequence[Sequence[str]], state: tuple[str, ...] = ()) -> str:
    """The rows as nested lists, the first parent outermost."""
    if len(state) == len(levels):
        return f"[{', '.join(f'{number!r}' for number in node.rows[state])}]"
    inner = (_table(node, levels, (*state, level)) for level in levels[len(state)])
    return f"[{', '.join(inner)}]"


def _names(found: Mapping[str, object]) -> dict[str, str]:
    """A name of the language for each of the file's, no two alike."""
    taken: dict[str, str] = {}
    known = {word for sort in words().values() for word in sort}
    for name in found:
        plain = re.sub(r"\W", "_", name)
        plain = plain if plain.isidentifier() and plain not in known else f"v_{plain}"
        free = (plain, *(f"{plain}_{i}" for i in range(2, len(found) + 2)))
        taken[name] = next(n for n in free if n not in taken.values())
    return taken
