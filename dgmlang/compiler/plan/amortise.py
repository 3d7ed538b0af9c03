"""The guide that is built where a program has latents to bound and writes none for them.

It is a piece of the language, put into the model before it is checked again: for each latent, in
the inverse order of the graph, a net of the data, the givens and the latents drawn before it.

    net guide_z(x: bit[8, 8]) -> (loc: real[4], scale: positive[4]) =
      concat(x |> flatten) |> mlp([128, 128])
    guide { z ~ Normal(guide_z(x)...) }

Source: amortised inference by an inverse graph, Stuhlmüller et al. 2013, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dgmlang.compiler.derive.derive import unguided
from dgmlang.compiler.derive.facts import Facts
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.program import Program, Variable
from dgmlang.compiler.resolve import Resolved
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse
from dgmlang.compiler.types.dims import show
from dgmlang.compiler.types.kinds import BIT, Kind, Type
from dgmlang.compiler.walk import behind

HIDDEN = "[128, 128]"
"""The layers of each net that is built."""

LAWS: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "real": ("Normal({})", (("loc", "real"), ("scale", "positive"))),
    "positive": ("LogNormal({})", (("loc", "real"), ("scale", "positive"))),
    "unit": ("Normal({}) |> sigmoid", (("loc", "real"), ("scale", "positive"))),
    "bit": ("Bernoulli({})", (("logits", "real"),)),
    "cat": ("Categorical({})", (("logits", "real"),)),
    "grey": ("Categorical({})", (("logits", "real"),)),
    "simplex": ("Dirichlet({})", (("concentration", "positive"),)),
    "count": ("Poisson({})", (("rate", "positive"),)),
}
"""The law of a latent by its kind, with the heads that it takes from its net.

One of kind `interval(a, b)` is `Normal(…) |> between(a, b)`, with the heads of a real.
"""


FILLED = {"real": "0", "positive": "1", "unit": "0.5", "bit": "0", "spin": "1", "cat": "0"}
"""What stands for a missing entry in what a net reads; a bit beside it says that it is none."""


@frozen()
class Port:
    """A parameter of a net that is built, and the expression that it gets."""

    name: str
    type: Type
    value: str


def amortised(
    resolved: Resolved, program: Program, facts: Facts
) -> tuple[Resolved, tuple[str, ...]]:
    """The model with what its guide lacks, and the latents that got a law.

    None do where some latent is of a kind without such a law, or nothing needs a guide.
    """
    drawn = program.guide.laws if program.guide else {}
    names = list(unguided(program, facts.bounded))
    latents = _inverse([program.variables[name] for name in names], program)
    directed = facts.density.value == "bound" and facts.flags["directed"]
    if not directed or not latents or not all(map(_has_law, latents)):
        return resolved, ()
    seen = [v for v in program.having("data", "given") if v.name not in names]
    seen += [program.variables[name] for name in drawn]
    if not any(map(_readable, seen)):
        return resolved, ()  # a net needs something to read
    taken = {*resolved.names, *resolved.hypers}
    statements = list(_statements(latents, [v for v in seen if _readable(v)], taken))
    body = _joined(resolved.model.body, "\n".join(statements))
    model = replace(resolved.model, body=body)
    nets = {s.name: s for s in body if isinstance(s, ast.Net)}
    return replace(resolved, model=model, names={**resolved.names, **nets}), tuple(names)


def _inverse(latents: Sequence[Variable], program: Program) -> list[Variable]:
    """Each latent before those that its law reads."""
    left, ordered = list(latents), list[Variable]()
    while left:
        read = {name for v in left for name in behind(v.law, program) if name != v.name}
        ready = next((v for v in left if v.name not in read), left[0])
        ordered.append(ready)
        left.remove(ready)
    return ordered


def _has_law(latent: Variable) -> bool:
    """Whether a guide can be written for it; not for what a model brings along, as `x.h`."""
    return (
        "." not in latent.name
        and latent.type.kind.name in {*LAWS, "interval"}
        and not latent.type.varying
    )


def _readable(variable: Variable) -> bool:
    """Whether a net may read a variable; what may be missing of it is filled in."""
    of = variable.type
    return not of.varying and (not of.may_miss or of.kind.name in FILLED)


def _statements(
    latents: Sequence[Variable], seen: Sequence[Variable], taken: set[str]
) -> Iterator[str]:
    known, lines = [port for v in seen for port in _ports(v, taken)], list[str]()
    for latent in latents:
        net = f"guide_{latent.name}"
        while net in taken:
            net += "_"
        law, heads = _law(latent.type.kind)
        ports = ", ".join(f"{port.name}: {port.type}" for port in known)
        outputs = ", ".join(f"{head}: {kind}{_axes(latent.type)}" for head, kind in heads)
        features = f"concat({', '.join(map(_flat, known))}) |> mlp({HIDDEN})"
        yield f"net {net}({ports}) -> ({outputs}) = {features}"
        call = f"{net}({', '.join(port.value for port in known)})..."
        lines.append(f"{latent.name} ~ {law.format(call)}")
        known.append(Port(latent.name, latent.type, latent.name))
    yield "guide {\n" + "\n".join(lines) + "\n}"


def _ports(variable: Variable, taken: set[str]) -> Iterator[Port]:
    """What a net gets of a variable: its value, and where an example may lack it, what is there."""
    name, of = variable.name, variable.type
    if not of.may_miss:
        yield Port(name, of, name)
        return
    axes = () if of.optional else of.array_shape[: len(of.array_shape) - of.together]
    seen = f"{name}_seen"
    while seen in taken:
        seen += "_"
    yield Port(name, of.present, f"fill({name}, {FILLED[of.kind.name]})")
    yield Port(seen, Type(BIT, axes), f"observed({name})")


def _law(kind: Kind) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The law of a latent of this kind, with the heads that it takes."""
    if kind.name != "interval":
        return LAWS["cat" if kind.name == "count" and kind.levels else kind.name]
    _, heads = LAWS["real"]
    return f"Normal({{}}) |> between{str(kind).removeprefix('interval')}", heads


def _axes(of: Type) -> str:
    levels = None if of.kind.two_valued else of.kind.levels
    axes = of.array_shape if levels is None else (*of.array_shape, levels)
    return show(axes) if axes else ""


def _flat(port: Port) -> str:
    """What is read as a vector of numbers, or as one."""
    rank = len(port.type.array_shape)
    if port.type.kind.name == "cat":
        return f"one_hot({port.name})" + (" |> flatten" if rank else "")
    return port.name + (" |> flatten" if rank > 1 else "")


def _joined(body: tuple[ast.Statement, ...], text: str) -> tuple[ast.Statement, ...]:
    """The model's statements with those of a text, guides made one."""
    tree, found = parse(Source("<built>", f"model Built {{\n{text}\n}}"))
    assert tree is not None
    assert not found, found
    (model,) = (s for s in tree.statements if isinstance(s, ast.Model))
    own = next((s for s in body if _is_guide(s)), None)
    if own is None:
        return (*body, *model.body)
    assert isinstance(own, ast.Companion)
    nets = tuple(s for s in model.body if not _is_guide(s))
    more = tuple(x for s in model.body if isinstance(s, ast.Companion) for x in s.body)
    whole = replace(own, body=(*own.body, *more))
    return (*(whole if s is own else s for s in body), *nets)


def _is_guide(statement: ast.Statement) -> bool:
    return isinstance(statement, ast.Companion) and statement.role == "guide"
