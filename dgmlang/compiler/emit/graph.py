"""The graph of a program's variables, and where each node stands on a page.

The picture follows the field's habit (Bishop 2006, section 8.1): what data bring is shaded, latents
are open circles, params are dots outside the plate of one example, an energy is a square between
the variables that it couples, and a guide's dependences are dashed.
"""

from __future__ import annotations

from collections.abc import Mapping

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import EnergyLaw, Program, ScoreLaw
from dgmlang.compiler.walk import parents, reads


@frozen()
class Node:
    """`role` is a variable's, or `energy`; `layer` counts from the top, `place` from the left."""

    name: str
    role: str
    layer: int
    place: float


@frozen()
class Edge:
    """`directed` edges point at the variable that depends; `guide` ones belong to the guide."""

    source: str
    target: str
    directed: bool = True
    guide: bool = False


@frozen()
class Graph:
    """Nodes by name; an edge names two of them."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]

    @property
    def depth(self) -> int:
        return 1 + max((n.layer for n in self.nodes.values()), default=0)


def graph(program: Program) -> Graph:
    """Who reads whom, in layers: every directed edge goes down."""
    edges = (*_laws(program), *_energies(program), *_guide(program))
    roles = {v.name: v.role for v in program.variables.values()}
    roles |= {_energy_name(i): "energy" for i in range(len(program.energies))}
    layers = _layers(roles, edges)
    places = _places(layers, edges)
    nodes = {n: Node(n, role, layers[n], places[n]) for n, role in roles.items()}
    return Graph(nodes, edges)


def _laws(program: Program) -> list[Edge]:
    """A score reads its own variable; that is no dependence."""
    return [
        Edge(parent, v.name)
        for v in program.variables.values()
        for parent in parents(v.law)
        if parent != v.name or not isinstance(v.law, ScoreLaw)
    ]


def _energies(program: Program) -> list[Edge]:
    """What an energy only reads stands above it, what it shapes below and without an arrow."""
    found: list[Edge] = []
    for i, energy in enumerate(program.energies):
        for name in reads(energy):
            shaped = isinstance(program.variables[name].law, EnergyLaw)
            ends = (_energy_name(i), name) if shaped else (name, _energy_name(i))
            found.append(Edge(*ends, directed=not shaped))
    return found


def _guide(program: Program) -> list[Edge]:
    laws = program.guide.laws if program.guide else {}
    return [Edge(p, name, guide=True) for name, law in laws.items() for p in parents(law)]


def _energy_name(number: int) -> str:
    return f"energy {number + 1}"


def _layers(roles: Mapping[str, str], edges: tuple[Edge, ...]) -> dict[str, int]:
    """The longest way from a node without parents."""
    down = [e for e in edges if not e.guide and e.source != e.target]
    layers = dict.fromkeys(roles, 0)
    for _ in roles:  # no way is longer than there are nodes
        for e in down:
            layers[e.target] = max(layers[e.target], layers[e.source] + 1)
    return layers


def _places(layers: Mapping[str, int], edges: tuple[Edge, ...]) -> dict[str, float]:
    """Each layer centred on 0, ordered by the mean place of the neighbours above, then below."""
    rows: dict[int, list[str]] = {}
    for name, layer in layers.items():
        rows.setdefault(layer, []).append(name)
    places = {n: i - (len(row) - 1) / 2 for row in rows.values() for i, n in enumerate(row)}
    for layer in (*sorted(rows), *sorted(rows, reverse=True)):
        rows[layer].sort(key=lambda name: _middle(name, places, edges))
        places |= {n: i - (len(rows[layer]) - 1) / 2 for i, n in enumerate(rows[layer])}
    return places


def _middle(name: str, places: Mapping[str, float], edges: tuple[Edge, ...]) -> float:
    near = [
        e.source if e.target == name else e.target for e in edges if name in (e.source, e.target)
    ]
    others = [places[n] for n in near if n != name]
    return sum(others) / len(others) if others else places[name]
