"""The files of a program: each with what its models may name, brought in from others or its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from graphlib import CycleError, TopologicalSorter

from dgmlang.compiler.diagnostics.codes import imports as codes
from dgmlang.compiler.diagnostics.codes import names as name_codes
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import library
from dgmlang.compiler.report import Report
from dgmlang.compiler.source import Source, Span, Unopened
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse

Declared = ast.Model | ast.Let | ast.Net


@frozen(eq=False)
class Found:
    """What a name of a file means: a declaration of the file `home`, where it has another name."""

    declaration: Declared
    name: str
    home: Module


@frozen(eq=False)
class Module:
    """One file. `names` are those that its models may use: its own, and those it brings in.

    `spans` are where the file says so.
    """

    tree: ast.File
    names: dict[str, Found] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        return self.tree.span.source

    @property
    def models(self) -> dict[str, Found]:
        """The models among the names."""
        return {n: f for n, f in self.names.items() if isinstance(f.declaration, ast.Model)}

    @property
    def own(self) -> dict[str, Found]:
        """What the file itself declares, for others to use."""
        return {n: f for n, f in self.names.items() if f.home is self}


def files(source: Source) -> Iterator[Source]:
    """A source, and all that were opened from it, each once."""
    seen = {source}
    todo = [source]
    while todo:
        yield (one := todo.pop(0))
        fresh = [s for s in dict.fromkeys(one.opened.values()) if s not in seen]
        seen.update(fresh)
        todo.extend(fresh)


def gather(tree: ast.File, report: Report) -> Module:
    """The module of a parsed root file; every file that it uses is read and parsed (DGM0212-16)."""
    trees = {tree.span.source: tree}
    used: dict[Source, dict[Source, ast.Use]] = {}
    todo = [tree]
    while todo:
        one = todo.pop()
        found = used[one.span.source] = dict(_opened(one, report))
        for source in found.keys() - trees.keys():
            trees[source], wrong = parse(source)
            for diagnostic in wrong:
                report.say(diagnostic)
            todo.append(trees[source])
    report.settle()
    modules: dict[Source, Module] = {}
    for source in _ordered(used, report):
        modules[source] = _module(trees[source], modules, report)
    return modules[tree.span.source]


def _uses(tree: ast.File) -> Iterator[ast.Use]:
    return (s for s in tree.statements if isinstance(s, ast.Use))


def _opened(tree: ast.File, report: Report) -> Iterator[tuple[Source, ast.Use]]:
    """The files that a file uses, each with the statement (DGM0212 to DGM0214)."""
    for use in _uses(tree):
        if use.path is None:
            continue
        try:
            yield tree.span.source.open(use.path), use
        except Unopened as no:
            report.say(_refused(use.place_span, use.path, no))


def _refused(span: Span, path: str, no: Unopened) -> Diagnostic:
    if no.reason == "homeless":
        return codes.import_without_place(span)
    if no.reason == "unreadable":
        return codes.unreadable_import(span, path, no.said, no.near)
    return codes.import_from_outside(span, no.said or None)


def _ordered(used: Mapping[Source, Mapping[Source, ast.Use]], report: Report) -> list[Source]:
    """The files, each after those that it uses (DGM0215)."""
    try:
        return list(TopologicalSorter(used).static_order())
    except CycleError as error:
        circle: list[Source] = error.args[1][:0:-1]
        first = circle.index(next(source for source in used if source in circle))
        circle = circle[first:] + circle[:first]
        places = zip(circle, [*circle[1:], circle[0]], strict=True)
        spans = [(used[one][other].place_span, one.name) for one, other in places]
        report.say(codes.circular_imports(spans))
        report.settle()
        raise AssertionError("settled") from error


# ── the names of one file ────────────────────────────────────────────────────────────────────────


def _module(tree: ast.File, modules: Mapping[Source, Module], report: Report) -> Module:
    """A file's names; two of one name are DGM0203."""
    module = Module(tree)
    for name, span, found in (*_imported(module, modules, report), *_declared(module, report)):
        if name in module.names:
            report.say(name_codes.declared_twice(span, module.spans[name], name))
            continue
        module.names[name], module.spans[name] = found, span
    return module


def _declared(module: Module, report: Report) -> Iterator[tuple[str, Span, Found]]:
    for s in module.tree.statements:
        if isinstance(s, ast.Extern):
            yield from ((net.name, s.span, Found(net, net.name, module)) for net in _net(s, report))
        elif isinstance(s, ast.Model | ast.Net):
            span = s.name_span if isinstance(s, ast.Model) else s.span
            yield s.name, span, Found(s, s.name, module)
        elif isinstance(s, ast.Let):
            yield from ((name, s.span, Found(s, name, module)) for name in s.names)


def _net(s: ast.Extern, report: Report) -> Iterator[ast.Net]:
    """The net that Python passes; no other `extern` stands in a program (DGM0218)."""
    known = [p.name for p in s.properties if p.name != "smooth"]
    if s.kind != "net" or not s.heads or len(s.groups) != 1 or s.requires or known:
        report.say(name_codes.extern_form(s.span, s.kind, s.name))
        return
    ports = tuple(ast.Port(h.name, h.type, span=h.span) for h in s.groups[0])
    yield ast.Net(
        s.name, ports, s.heads, True, None, None, bool(s.properties), span=s.span, doc=s.doc
    )


def _imported(
    module: Module, modules: Mapping[Source, Module], report: Report
) -> Iterator[tuple[str, Span, Found]]:
    unknown = False
    for use in _uses(module.tree):
        known, where = _offered(use, module, modules, report)
        for one in use.names:
            unknown |= one.name not in known
            if one.name in known:
                yield one.alias, one.span, known[one.name]
            elif use.path is None:
                found = name_codes.unknown_builtin(one.span, "library model", one.name, known)
                report.say(found)
            else:
                report.say(codes.unknown_import(one.span, one.name, where, known))
    if unknown:
        report.settle()  # what reads the name would be reported too


def _offered(
    use: ast.Use, module: Module, modules: Mapping[Source, Module], report: Report
) -> tuple[dict[str, Found], str]:
    """What can be had from where a `use` points, and the name of that place."""
    if use.path is not None:
        other = modules[module.source.open(use.path)]
        return other.own, other.source.name
    if use.library != "models":
        found = name_codes.unknown_builtin(use.place_span, "library", str(use.library), ("models",))
        report.say(found)
    return {n: Found(m, n, _library()) for n, m in library().models.items()}, "the library"


def _library() -> Module:
    """The models of the standard library as one module; they may name each other."""
    models = library().models
    span = next(iter(models.values())).span
    module = Module(ast.File(None, tuple(models.values()), span=span))
    module.names.update({n: Found(m, n, module) for n, m in models.items()})
    return module


def idle_imports(module: Module, mentioned: Iterable[str], report: Report) -> None:
    """DGM0292 for each name that a file brings in and does not use."""
    used = set(mentioned)
    for use in _uses(module.tree):
        for one in use.names:
            if one.alias not in used:
                report.say(name_codes.idle(one.span, "import", one.alias))
