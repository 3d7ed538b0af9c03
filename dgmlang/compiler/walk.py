"""Walking the intermediate representation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dgmlang.compiler.program import (
    Apply,
    Binned,
    Call,
    Chain,
    Checked,
    Choose,
    Chosen,
    ComputedLaw,
    Counter,
    Expr,
    Index,
    Law,
    Literal,
    LogProb,
    Marginal,
    Mixture,
    Named,
    Outside,
    Past,
    Program,
    Pushed,
    Quantized,
    Read,
    Repeated,
    ScoreLaw,
    SliceItem,
    Stack,
    Stage,
    Through,
    WithinBin,
)

Items = tuple[Expr | SliceItem | None, ...]


def children(node: Expr) -> tuple[Expr, ...]:
    """The expressions directly below one; a net's body does not count, its arguments do."""
    match node:
        case Apply() | Outside():
            return node.args
        case Checked():
            return (node.value,)
        case Index():
            return (node.value, *(i for i in node.items if isinstance(i, Expr)))
        case Stack():
            return node.items
        case Choose():
            return (node.test, node.then, node.otherwise)
        case Call():
            return tuple(node.call.args.values())
        case Through():
            return (node.value, *inputs(node.chain))
        case LogProb():
            return (node.value, *arguments(node.law))
    return ()


def alike(one: Expr, other: Expr) -> bool:
    """Whether two expressions are written alike, so that they have the same value."""
    one, other = bare(one), bare(other)
    if one is other:
        return True
    match one, other:
        case Read(name=a), Read(name=b):
            return a == b
        case Literal(value=a), Literal(value=b):
            return a == b
        case Apply(), Apply():
            same = one.extern is other.extern and one.settings == other.settings
            return same and all(map(alike, one.args, other.args))
        case Counter(), Counter():
            return one.loop is other.loop and one.offset == other.offset
        case Index(), Index():
            return alike(one.value, other.value) and alike_items(one.items, other.items)
    return False


def alike_items(some: Items, others: Items) -> bool:
    """The same of the items of two indices."""
    pairs = list(zip(some, others, strict=False))
    return len(some) == len(others) and all(
        alike(a, b) if isinstance(a, Expr) and isinstance(b, Expr) else a == b for a, b in pairs
    )


def bare(node: Expr) -> Expr:
    """The expression without the run-time checks around it."""
    while isinstance(node, Checked):
        node = node.value
    return node


def inputs(chain: Chain) -> tuple[Expr, ...]:
    """The run-time arguments of a chain's stages, inner blocks and conditioners included."""
    found: list[Expr] = []
    for stage in chain.stages:
        found.extend(stage.inputs.values())
        inner = [v for v in (stage.body, *stage.settings.values()) if isinstance(v, Chain)]
        found.extend(e for c in inner for e in inputs(c))
    return tuple(found)


def arguments(law: Law) -> tuple[Expr, ...]:
    """The expressions that a law is made of."""
    match law:
        case Named():
            return tuple(law.arguments.values())
        case Mixture():
            return (law.weights, *arguments(law.component))
        case Chosen():
            return (law.test, *arguments(law.then), *arguments(law.otherwise))
        case Pushed():
            return (*arguments(law.base), *inputs(law.chain))
        case ComputedLaw() | ScoreLaw():
            return (law.value,)
        case Quantized():
            return arguments(law.base)
        case Binned():
            return (law.latent,)
        case WithinBin(place=place):
            return (law.variable, *(() if place is None else arguments(place)))
        case Marginal(givens=givens, learned=learned):
            return (*givens.values(), *learned)
        case Repeated():
            return tuple(e for piece in law.pieces for e in arguments(piece.law))
    return ()


def conditions(law: Law | None) -> tuple[Expr, ...]:
    """What decides which of several laws a law is."""
    match law:
        case Chosen(test=test, then=then, otherwise=otherwise):
            return (test, *conditions(then), *conditions(otherwise))
        case Repeated():
            return tuple(e for piece in law.pieces for e in conditions(piece.law))
    return ()


def entries(law: Law | None) -> tuple[Law, ...]:
    """The laws of single entries of a variable in loops, piece by piece; else the law itself."""
    if isinstance(law, Repeated):
        return tuple(piece.law for piece in law.pieces)
    return () if law is None else (law,)


def walk(*roots: Expr) -> Iterator[Expr]:
    """Every expression at or below the roots, each node once, parents first."""
    seen: set[int] = set()
    todo = list(reversed(roots))
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        todo.extend(reversed(children(node)))


def reads(*roots: Expr) -> dict[str, Expr]:
    """The variables that expressions depend on, each with the first place that reads it."""
    found: dict[str, Expr] = {}
    for node in walk(*roots):
        if isinstance(node, Read):
            found.setdefault(node.name, node)
        elif isinstance(node, Past):
            found.setdefault(node.variable, node)
    return found


def parents(law: Law | None) -> dict[str, Expr]:
    """The variables that a law reads, its own past left out by the caller."""
    return reads(*arguments(law)) if law else {}


def past(law: Law) -> list[Past]:
    """Where a law reads its own past."""
    return [node for node in walk(*arguments(law)) if isinstance(node, Past)]


def behind(law: Law | None, program: Program, *, states: bool = False) -> dict[str, Expr]:
    """The variables that a law rests on: what states of loops read too.

    The states themselves are left out, unless they are asked for.
    """
    found = parents(law)
    todo = _states(found, program)
    for name in todo:
        below = parents(program.variables[name].law)
        todo += [n for n in _states(below, program) if n not in todo]
        found = {**below, **found}
    return {name: place for name, place in found.items() if states or name not in todo}


def _states(names: Iterable[str], program: Program) -> list[str]:
    return [name for name in names if program.variables[name].role == "state"]


def stages(chain: Chain) -> Iterator[Stage]:
    """Every stage of a chain, outer first, blocks and conditioners included."""
    for stage in chain.stages:
        yield stage
        for value in (stage.body, *stage.settings.values()):
            if isinstance(value, Chain):
                yield from stages(value)


# ── the whole program ────────────────────────────────────────────────────────────────────────────


def laws(program: Program) -> Iterator[Law]:
    """The laws of variables, of nets' weights, of the guide and of the noise."""
    yield from (v.law for v in program.variables.values() if v.law is not None)
    yield from (net.prior for net in program.nets.values() if net.prior is not None)
    if program.guide is not None:
        yield from program.guide.laws.values()
    yield from program.noise.values()


def expressions(program: Program, *, nets: bool = True) -> Iterator[Expr]:
    """Every expression of the program, each once; without `nets` those outside of their bodies."""
    critic = () if program.critic is None else (program.critic.value,)
    starts = (v.start for v in program.variables.values() if v.start is not None)
    bodies = (net.body for net in program.nets.values() if nets)
    parts = (e for law in laws(program) for e in arguments(law))
    return walk(*parts, *starts, *bodies, *program.energies, *critic)


def chains(program: Program, *, nets: bool = True) -> Iterator[Chain]:
    """The chains that are applied to values; those inside stages are built by their stage."""
    for node in expressions(program, nets=nets):
        if isinstance(node, Through):
            yield node.chain
    for law in every_law(program):
        yield from pushing(law)


def every_law(program: Program) -> Iterator[Law]:
    """The laws of variables and companions, and those whose density an expression takes."""
    yield from laws(program)
    yield from (node.law for node in expressions(program) if isinstance(node, LogProb))


def made_of(law: Law) -> Iterator[Law]:
    """A law and the laws that it is made of."""
    yield law
    match law:
        case Pushed(base=base) | Quantized(base=base):
            yield from made_of(base)
        case Mixture(component=component):
            yield from made_of(component)
        case Chosen(then=then, otherwise=otherwise):
            yield from made_of(then)
            yield from made_of(otherwise)
        case WithinBin(place=Law() as place):
            yield from made_of(place)
        case Repeated():
            for entry in entries(law):
                yield from made_of(entry)


def marginals(law: Law) -> Iterator[Marginal]:
    """The models of which a law is made whose latents are gone."""
    return (part for part in made_of(law) if isinstance(part, Marginal))


def pushing(law: Law) -> Iterator[Chain]:
    """The chains through which a law is pushed, or that models which it is made of apply."""
    for part in made_of(law):
        if isinstance(part, Pushed | ComputedLaw) and part.chain is not None:
            yield part.chain
        elif isinstance(part, Marginal):
            yield from chains(part.program, nets=False)
