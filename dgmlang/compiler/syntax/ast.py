"""The syntax tree: what was written, nothing resolved. Spans do not take part in equality."""

from __future__ import annotations

from dataclasses import field

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.source import Span


@frozen(kw_only=True)
class Node:
    span: Span = field(compare=False, repr=False)


# ── expressions ──────────────────────────────────────────────────────────────────────────────────


@frozen()
class Number(Node):
    value: int | float


@frozen()
class Name(Node):
    """A name; `true`, `false` and `None` are names too, told apart by `resolve`."""

    id: str


@frozen()
class Attribute(Node):
    """`value.name`"""

    value: Expr
    name: str


@frozen()
class Argument(Node):
    """`value`, `name = value`, where `spread` `value...`, where `site` `name: value`"""

    value: Expr
    name: str | None = None
    spread: bool = False
    site: bool = False


@frozen()
class Call(Node):
    """`function(arguments) { block }`; without brackets `called` is False (`repeat { … }`)."""

    function: Expr
    arguments: tuple[Argument, ...]
    block: Expr | None = None
    called: bool = True


@frozen()
class Slice(Node):
    """`start:stop`, only inside an index."""

    start: Expr | None
    stop: Expr | None


@frozen()
class Index(Node):
    """`value[items]`; the item `None` makes a new axis."""

    value: Expr
    items: tuple[Expr | Slice, ...]


@frozen()
class Unary(Node):
    """`op` is `-`, `+` or `not`."""

    op: str
    operand: Expr


@frozen()
class Binary(Node):
    """`op` is one of `+ - * / @ ** == != < <= > >= and or`."""

    op: str
    left: Expr
    right: Expr


@frozen()
class Conditional(Node):
    """`then if test else otherwise`"""

    then: Expr
    test: Expr
    otherwise: Expr


@frozen()
class Sequence(Node):
    """`[a, b]`; as a tuple `(a, b)` where `tuple` is True."""

    items: tuple[Expr, ...]
    tuple: bool = False


@frozen()
class Pipe(Node):
    """`value |> stage`; left-associative."""

    value: Expr
    stage: Expr


Expr = Number | Name | Attribute | Call | Index | Unary | Binary | Conditional | Sequence | Pipe

# ── types ────────────────────────────────────────────────────────────────────────────────────────


@frozen()
class TypeExpr(Node):
    """`kind(arguments)[shape]`.

    `shape` is None without brackets (a scalar; compile-time `int[]` has `shape == ()`).
    `optional`: a `?` at the end; `entry_optional`: a `?` before the brackets.
    `up_to`: the first axis was written `<= n`. An axis `...`, of externs, is `Name("...")`.
    """

    kind: str
    arguments: tuple[Argument, ...] = ()
    shape: tuple[Expr, ...] | None = None
    optional: bool = False
    entry_optional: bool = False
    up_to: bool = False


# ── declarations ─────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Statement(Node):
    doc: str = ""


@frozen()
class Hyper(Node):
    """`name: type = default` in a model's or an extern's brackets."""

    name: str
    type: TypeExpr
    default: Expr | None = None


@frozen()
class Drawn(Node):
    """`~ law`"""

    law: Expr


@frozen()
class Computed(Node):
    """`= value`"""

    value: Expr


@frozen()
class Variable(Statement):
    """`role name[indices] : type ~ law | = value`, for `data`, `latent`, `given` and `param`.

    In `guide` and `noise` the role is `guide` or `noise` and `type` is None.
    """

    role: str
    name: str
    indices: tuple[Expr, ...]
    type: TypeExpr | None
    origin: Drawn | Computed | None
    start: Expr | None = None
    shared: bool = False
    name_span: Span = field(kw_only=True, compare=False, repr=False)

    @property
    def of_examples(self) -> bool:
        """Whether each example has one; else there is one for the data set."""
        return self.role != "param" and not self.shared


@frozen()
class Let(Statement):
    """`let h = e`, `let (a, b) = e`, `let f(x) = e`, `let h[t] = e`"""

    names: tuple[str, ...]
    parameters: tuple[str, ...] | None
    indices: tuple[Expr, ...]
    value: Expr


@frozen()
class Port(Node):
    """A typed name of a net: a parameter or a head."""

    name: str
    type: TypeExpr


@frozen()
class Net(Statement):
    """`net f(parameters) -> heads = body`; one unnamed head is a Port whose name is empty.

    An `extern net`, which Python passes, has no body; `smooth` is what it says of itself.
    """

    name: str
    parameters: tuple[Port, ...]
    heads: tuple[Port, ...]
    raw: bool
    prior: Expr | None
    body: Expr | None
    smooth: bool = False


@frozen()
class Energy(Statement):
    value: Expr


@frozen()
class Score(Statement):
    """`score variable at time under process = value`"""

    variable: str
    time: str | None
    process: Expr | None
    value: Expr


@frozen()
class Companion(Statement):
    """`guide { … }` or `noise { … }`, told apart by `role`."""

    role: str
    body: tuple[Statement, ...]


@frozen()
class Critic(Statement):
    parameters: tuple[str, ...]
    value: Expr


@frozen()
class For(Statement):
    variable: str
    start: Expr
    stop: Expr
    body: tuple[Statement, ...]


@frozen()
class Setting(Node):
    """`key = value` of a recipe; `prepare x = value` has `prepare` True."""

    key: str
    value: Expr
    prepare: bool = False


@frozen()
class Recipe(Statement):
    name: str
    settings: tuple[Setting, ...]


@frozen()
class Imported(Node):
    """`name as alias` of a `use`; where nothing else is said, the alias is the name."""

    name: str
    alias: str


@frozen()
class Use(Statement):
    """`use "path": Name as Alias` (`path` is a file) or `use models: Name` (`path` is None)."""

    path: str | None
    library: str | None
    names: tuple[Imported, ...]
    place_span: Span = field(kw_only=True, compare=False, repr=False)


@frozen()
class Model(Statement):
    name: str
    hypers: tuple[Hyper, ...]
    body: tuple[Statement, ...]
    name_span: Span = field(kw_only=True, compare=False, repr=False)


@frozen()
class Property(Node):
    """`name` or `name(arguments)` behind an extern's `with`."""

    name: str
    arguments: tuple[Expr, ...] = ()


@frozen()
class Extern(Statement):
    """`extern kind name(parameters) : source -> type with properties requires condition`.

    `groups` are the parameter lists separated by `|` (other parametrisations of one law), at least
    one, which is empty where there are no brackets; `source` is what a stage takes, None elsewhere.
    `heads` are those of an `extern net f(x: T) -> heads`, as in a `Net`; it has no `type`.
    """

    kind: str
    name: str
    groups: tuple[tuple[Hyper, ...], ...]
    source: TypeExpr | None
    type: TypeExpr | None
    properties: tuple[Property, ...]
    requires: Expr | None
    heads: tuple[Port, ...] = ()


@frozen()
class File(Node):
    """A whole text; `statements` are uses, models, nets, recipes and externs in order.

    `lost` are the names that the statements may declare which do not parse and are left out.
    """

    version: int | None
    statements: tuple[Statement, ...]
    lost: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
