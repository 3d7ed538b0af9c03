"""A program's graph as SVG: `dgm emit --stage graph`."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import hypot

from dgmlang.compiler.emit.graph import Edge, Graph, Node

STEP_X, STEP_Y, MARGIN, HEIGHT = 120, 92, 50, 19
INK, SHADE, FAINT = "#1f3a5f", "#d5deea", "#8a8f98"


def svg(graph: Graph) -> str:
    """One picture; it needs no style sheet and no fonts of its own."""
    widest = max((abs(n.place) for n in graph.nodes.values()), default=0)
    width = int(2 * widest * STEP_X) + 2 * (MARGIN + 60)
    height = (graph.depth - 1) * STEP_Y + 2 * MARGIN
    body = "\n".join(f"  {line}" for line in _lines(graph, width / 2))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" font-family="sans-serif" font-size="13">\n'
        f"{body}\n</svg>"
    )


def _lines(graph: Graph, middle: float) -> Iterator[str]:
    yield _ARROW
    for edge in graph.edges:
        yield _edge(edge, graph, middle)
    for node in graph.nodes.values():
        yield from _node(node, middle)


_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"'
    f' markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{INK}"/></marker></defs>'
)


def _at(node: Node, middle: float) -> tuple[float, float]:
    return middle + node.place * STEP_X, MARGIN + node.layer * STEP_Y


def _reach(node: Node) -> tuple[float, float]:
    """Half the width and height of a node's shape."""
    if node.role == "energy":
        return 6, 6
    return max(HEIGHT, 6 + 4.2 * len(node.name)), HEIGHT


def _node(node: Node, middle: float) -> Iterator[str]:
    """Data are shaded; params and givens, which have no law of one example's own, are boxes."""
    x, y = _at(node, middle)
    rx, ry = _reach(node)
    fill = {"data": SHADE, "energy": INK}.get(node.role, "white")
    look = f'fill="{fill}" stroke="{FAINT if node.role == "param" else INK}"'
    if node.role in ("data", "latent"):
        yield f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" {look}/>'
    else:
        box = f'x="{x - rx:g}" y="{y - ry:g}" width="{2 * rx:g}" height="{2 * ry:g}"'
        yield f'<rect {box} rx="{3 if node.role == "param" else 0}" {look}/>'
    if node.role == "energy":
        yield f'<text x="{x + 12:g}" y="{y + 4:g}" fill="{FAINT}">{escape(node.name)}</text>'
    else:
        label = f'x="{x:g}" y="{y + 4.5:g}" text-anchor="middle" fill="{INK}"'
        yield f"<text {label}>{escape(node.name)}<title>{node.role}</title></text>"


def _edge(edge: Edge, graph: Graph, middle: float) -> str:
    """A line from border to border; a guide's is dashed and bent, so that it hides no other."""
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    (x0, y0), (x1, y1) = _at(source, middle), _at(target, middle)
    style = f'fill="none" stroke="{FAINT if edge.guide else INK}"'
    style += ' stroke-dasharray="5 4"' if edge.guide else ""
    style += ' marker-end="url(#arrow)"' if edge.directed else ""
    if edge.source == edge.target:
        rx, ry = _reach(source)
        right = x0 + rx
        return f'<path d="M{right - 4:g},{y0 - ry + 5:g} c34,-26 34,40 0,{2 * ry - 10:g}" {style}/>'
    length = hypot(x1 - x0, y1 - y0)
    bend = 36.0 if edge.guide or (y0 == y1 and abs(x1 - x0) > STEP_X) else 0.0
    cx = (x0 + x1) / 2 + bend * (y1 - y0) / length
    cy = (y0 + y1) / 2 - bend * (x1 - x0) / length
    sx, sy = _border(x0, y0, cx, cy, source)
    tx, ty = _border(x1, y1, cx, cy, target)
    return f'<path d="M{sx:.1f},{sy:.1f} Q{cx:.1f},{cy:.1f} {tx:.1f},{ty:.1f}" {style}/>'


def _border(x: float, y: float, to_x: float, to_y: float, node: Node) -> tuple[float, float]:
    """Where the line from a node's middle towards a point leaves its shape, taken as an ellipse."""
    rx, ry = _reach(node)
    dx, dy = to_x - x, to_y - y
    scale = 1 / (hypot(dx / rx, dy / ry) or 1)
    return x + dx * scale, y + dy * scale
