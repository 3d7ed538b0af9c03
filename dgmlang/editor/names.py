"""Where names are declared and used, in texts that may be half written.

Everything works on tokens, since an editor asks while a program does not parse. A name belongs to
its model; a net's parameters, a loop's variable, the arguments of a function and the `t` of `at t`
belong to their statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax import ast
from dgmlang.compiler.syntax.parse import parse
from dgmlang.compiler.syntax.tokens import Token, scan

_DECLARING = frozenset({"data", "latent", "given", "param", "let", "net", "model"})


@dataclass(frozen=True)
class Scope:
    """The names that belong to one stretch of the text, and the statement that it is of."""

    start: int
    end: int
    names: frozenset[str]
    statement: ast.Statement | None

    def holds(self, offset: int) -> bool:
        """Whether a place lies inside."""
        return self.start <= offset <= self.end


def word_at(source: Source, offset: int) -> Token | None:
    """The name or word at a place, or directly before it."""
    words = (t for t in scan(source)[0] if t.type not in ("STRING", "NUMBER", "ODD"))
    return next((t for t in words if t.start <= offset <= t.end and t.text.isidentifier()), None)


def occurrences(source: Source, offset: int) -> list[Span]:
    """Every place that means what the name at `offset` means, its declaration among them."""
    word = word_at(source, offset)
    if word is None or word.type != "NAME":
        return []
    tokens = scan(source)[0]
    inner, heads = _scopes(source), _heads(source)
    home = _home(word.text, word.start, inner)
    return [
        Span(source, token.start, token.end)
        for i, token in enumerate(tokens)
        if token.text == word.text
        and token.type == "NAME"
        and not _other_space(tokens, i)
        and token.start not in heads
        and home.holds(token.start)
        and _home(word.text, token.start, inner) == home
    ]


def definition(source: Source, offset: int) -> Span | None:
    """Where the name at a place is declared; None for built-ins and unknown names."""
    places = occurrences(source, offset)
    tokens = scan(source)[0]
    number = {token.start: i for i, token in enumerate(tokens)}
    declared = [p for p in places if _declares(tokens, number[p.start])]
    return declared[0] if declared else None


def declares(source: Source, place: Span) -> bool:
    """Whether the name at a place is declared there."""
    tokens = scan(source)[0]
    return any(t.start == place.start and _declares(tokens, i) for i, t in enumerate(tokens))


def tokens_of(source: Source, name: str) -> list[Token]:
    """The places of a name, whatever it means there."""
    return [t for t in scan(source)[0] if t.text == name and t.type == "NAME"]


def of_file(source: Source, name: str, offset: int) -> bool:
    """Whether a name at a place is one of the file: brought in, or declared outside of models."""
    return name in _of_file(source) and _home(name, offset, _scopes(source)).statement is None


def declaration(source: Source, name: str, offset: int) -> ast.Statement | ast.Hyper | None:
    """The statement or hyperparameter that declares a name of the model at a place."""
    for model in _models(source):
        if model.span.start <= offset <= model.span.end:
            found = (h for h in model.hypers if h.name == name)
            declared = (s for s in _flat(model.body) if name in _names_of(s))
            return next(chain(found, declared), None)
    return None


def in_scope(source: Source, offset: int) -> dict[str, ast.Statement | ast.Hyper]:
    """The names of the model at a place, with what declares each."""
    for model in _models(source):
        if model.span.start <= offset <= model.span.end:
            found: dict[str, ast.Statement | ast.Hyper] = {h.name: h for h in model.hypers}
            return found | {n: s for s in _flat(model.body) for n in _names_of(s)}
    return {}


@lru_cache(maxsize=64)
def parsed(source: Source) -> ast.File:
    """The syntax tree of a text, as far as it has one."""
    return parse(source)[0]


def _of_file(source: Source) -> frozenset[str]:
    """The names that a file brings in, and those that it declares outside of models."""
    found: set[str] = set()
    for statement in parsed(source).statements:
        match statement:
            case ast.Use(names=names):
                found.update(one.alias for one in names)
            case ast.Model(name=name):
                found.add(name)
            case _:
                found.update(_names_of(statement))
    return frozenset(found)


def _models(source: Source) -> list[ast.Model]:
    return [s for s in parsed(source).statements if isinstance(s, ast.Model)]


def _flat(body: Sequence[ast.Statement]) -> Iterator[ast.Statement]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.For):
            yield from _flat(statement.body)


def _names_of(statement: ast.Statement) -> tuple[str, ...]:
    match statement:
        case ast.Variable(name=name) | ast.Net(name=name):
            return (name,)
        case ast.Let(names=names):
            return names
    return ()


def _scopes(source: Source) -> list[Scope]:
    """The stretches with names of their own, the innermost last."""
    shared, models = _of_file(source), _models(source)
    whole = [Scope(0, len(source.text), shared, None)]
    whole += [Scope(m.span.start, m.span.end, _inside(m, shared), m) for m in models]
    outer = [s for s in parsed(source).statements if isinstance(s, ast.Let | ast.Net)]
    statements = [*outer, *(s for m in models for s in _flat(m.body))]
    return whole + [Scope(s.span.start, s.span.end, _own(s), s) for s in statements if _own(s)]


def _inside(model: ast.Model, shared: frozenset[str]) -> frozenset[str]:
    """The names of a file that a model declares for itself."""
    own = {h.name for h in model.hypers}.union(*map(_names_of, _flat(model.body)))
    return frozenset(own & shared)


def _heads(source: Source) -> set[int]:
    """Where the names of nets' heads stand: they are fields, no names of the model."""
    every = [*parsed(source).statements, *(s for m in _models(source) for s in m.body)]
    nets = (s for s in every if isinstance(s, ast.Net))
    return {head.span.start for net in nets for head in net.heads if head.name}


def _own(statement: ast.Statement) -> frozenset[str]:
    match statement:
        case ast.Net(parameters=parameters):
            return frozenset(p.name for p in parameters)
        case ast.For(variable=variable):
            return frozenset({variable})
        case ast.Let(parameters=parameters):
            return frozenset(parameters or ())
        case ast.Score(time=time):
            return frozenset({time} if time else ())
    return frozenset()


def _home(name: str, offset: int, scopes: Sequence[Scope]) -> Scope:
    """The scope that a name at a place belongs to: its statement's, its model's, or the file's."""
    around = [s for s in scopes if s.holds(offset)]
    own = [s for s in around if name in s.names]
    models = [s for s in around if isinstance(s.statement, ast.Model)]
    return (own or models or around)[-1]


def _other_space(tokens: Sequence[Token], i: int) -> bool:
    """A field behind a dot, or the name of an argument: these are no names of the model."""
    before = tokens[i - 1].text if i else ""
    after = tokens[i + 1].text if i + 1 < len(tokens) else ""
    return before == "." or (before in ("(", ",") and after == "=")


def _declares(tokens: Sequence[Token], i: int) -> bool:
    before = tokens[i - 1].text if i else ""
    after = tokens[i + 1].text if i + 1 < len(tokens) else ""
    typed = before in ("(", ",") and after == ":"
    return before in _DECLARING or typed or before in ("for", "at", "as")
