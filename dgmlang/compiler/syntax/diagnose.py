"""Why a statement does not parse: what could have stood there, and what was probably meant."""

from __future__ import annotations

import re
from functools import cache

from dgmlang.compiler.diagnostics import elsewhere
from dgmlang.compiler.diagnostics.codes import syntax as codes
from dgmlang.compiler.diagnostics.codes.syntax_help import (
    EXAMPLES,
    FIRST_WORDS,
    NO_EXPRESSION,
    NO_OPERATOR,
    NO_OPERATOR_WORD,
    dotted,
)
from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Edit, instead
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Source, Span
from dgmlang.compiler.syntax.again import declared_already
from dgmlang.compiler.syntax.lalr import END, Unexpected, load_tables, run
from dgmlang.compiler.syntax.statements import HEADS, ROLES, STARTERS, Piece, cut
from dgmlang.compiler.syntax.tokens import RESERVED, Token, scan

# What a line can be, where it cannot stand, and where a line of another kind goes.
_KINDS = {
    "file_line": ("`model`, `use`, `net`, `let`, `recipe` or `extern`", "outside a model"),
    "model_line": ("a role such as `data`, `latent`, `param` or `let`", "in a model"),
    "guide_line": ("a variable of the model, `let` or `for`", "in a `guide` or `noise`"),
    "recipe_line": ("`name = value` or `prepare name = value`", "in a recipe"),
}
RECIPE = ("objective", "optimizer", "sampler", "steps", "epochs", "batch", "patience", "average")
"""Settings of a recipe, where they stand outside of one."""
_EXPRESSION = frozenset({"NAME", "NUMBER", "CONSTANT", "(", "[", "-", "+"})
_OPERATORS = frozenset(
    {"+", "-", "*", "/", "@", "**", "==", "!=", "<", "<=", ">", ">=", "|>", "and", "or", "if"}
    | {"(", "[", "{", "."}
)
_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a path in quotes",
    "CONSTANT": "`true` or `false`",
    END: "the end of the line",
}


def diagnose(source: Source, start: str, piece: Piece, error: Unexpected) -> Diagnostic:
    """The diagnostic of a statement that stopped at `error`."""
    token = error.token or piece.brace
    span = Span(source, token.start if token else error.before.end, (token or error.before).end)
    if token is piece.tokens[0] and start != "expression":
        return _wrong_start(source, start, piece)
    help, fixes = None, ()
    if start not in ("file_line", "recipe_line"):
        help, fixes = _translated(_whole(source, piece), span, start)
    if help is None:
        comma = start == "recipe_line" and error.token and error.token.type == ","
        help = "begin a new line, or write `;`" if comma else None
        help = help or _written(error) or _heads(piece.tokens, error)
        help = help or _called(piece.tokens, error.token) or _help(error)
        is_colon = error.token is not None and error.token.type == ":"
        is_brace = error.token is None and piece.brace is not None
        if (help is None or is_colon or is_brace) and any(
            t.type == "if" and t.fresh for t in piece.tokens
        ):
            help = "write `a if test else b` for a value: whether a line holds depends on no test"
        fixes = _fixes(source, error, help)
    is_head = piece.brace is not None or (piece.tokens[0].type in HEADS and error.token is not None)
    expected = _expected(error, "`{`" if is_head else _WORDS[END], piece.tokens[0].type == "use")
    return codes.unexpected(span, expected, _found(token), help, fixes)


def foreign(source: Source, start: str, piece: Piece) -> Diagnostic | None:
    """For a statement with symbols that we lack: what it is, where it is a line of elsewhere's."""
    whole = _whole(source, piece)
    if start == "expression":
        return None
    if piece.tokens[0].text in FIRST_WORDS or (
        piece.tokens[0].type == "NAME" and elsewhere.line(whole.text)
    ):
        return _wrong_start(source, start, piece)
    return None


def _whole(source: Source, piece: Piece) -> Span:
    """The text of a statement without its body."""
    return Span(source, piece.tokens[0].start, piece.tokens[-1].end)


def _in_guide(whole: Span, meant: str) -> tuple[str, tuple[Edit, ...]]:
    """The line of a guide, in which a declared variable gets its law: without role and type."""
    drawn = re.fullmatch(r"(?:latent|data) (\w+) : [^~]+(~ .*)", meant)
    text = f"{drawn[1]} {drawn[2]}" if drawn else meant
    return f"write `{text}`", instead(whole, text)


def _translated(whole: Span, stop: Span, start: str) -> tuple[str | None, tuple[Edit, ...]]:
    """The statement, or the part of it around where it stopped, in this language."""
    if meant := elsewhere.line(whole.text):
        return _in_guide(whole, meant) if start == "guide_line" else _meant(whole, meant)
    if found := elsewhere.phrase(whole.text, stop.start - whole.start):
        first, last, meant = found
        place = Span(whole.source, whole.start + first, whole.start + last)
        return f"write `{meant}`", instead(place, meant)
    return None, ()


def _wrong_start(source: Source, start: str, piece: Piece) -> Diagnostic:
    """The first word of the line is no declaration, or one that stands elsewhere."""
    what, where = _KINDS[start]
    tokens = piece.tokens
    token = tokens[0]
    span = Span(source, token.start, token.end)
    if token.type == "dgm":
        return codes.misplaced(span, "below the first line", "to the first line of the file")
    written = re.fullmatch(r"(?:latent|data) (\w+)\s*:[^~]+(~.*)", _whole(source, piece).text)
    if start == "guide_line" and written:
        text = f"{written[1]} {written[2]}"
        help = f"write `{text}`: the model declares it"
        return codes.misplaced(span, where, None, help, instead(_whole(source, piece), text))
    if token.type in STARTERS | {"prepare"}:
        return codes.misplaced(span, where, _home(token.type))
    if start == "model_line" and (found := declared_already(_whole(source, piece))):
        return codes.no_role(span, what, *found)
    after = tokens[1].type if len(tokens) > 1 else ""
    if token.text in RECIPE and after == "=" and start != "recipe_line":
        text = _whole(source, piece).text
        bare = re.sub(r"=.*?\.\s*(\w+)\(.*", lambda m: f"= {m[1].lower()}(1e-3)", text)
        return codes.no_role(span, what, f"write `recipe default {{ {bare} }}`")
    if start == "file_line" and token.type == "NAME" and after in ("(", "{") and piece.body:
        help = elsewhere.added(token.text) or FIRST_WORDS.get(token.text)
        near = suggest(token.text, ("model",))
        if not help and not near and token.text not in ROLES:
            return codes.no_role(
                span,
                what,
                f"write `model {token.text}`",
                (Edit(Span(source, span.start, span.start), "model "),),
            )
    if start != "recipe_line" and (help := elsewhere.left_out(_whole(source, piece).text)):
        return codes.no_role(span, what, help)
    meant = elsewhere.line(_whole(source, piece).text) if start == "model_line" else None
    if meant:
        return codes.no_role(span, what, *_meant(_whole(source, piece), meant))
    if token.text == "with" and "Model(" in _whole(source, piece).text:
        return codes.no_role(span, what, "leave it out: the braces of `model NAME { … }` are it")
    added = elsewhere.added(_whole(source, piece).text)
    help = added or FIRST_WORDS.get(token.text) or _called(tokens) or _role_help(start, tokens)
    word = re.fullmatch("write `(\\w+)`", help or "")
    return codes.no_role(span, what, help, instead(span, word and word[1]))


def _meant(whole: Span, meant: str) -> tuple[str, tuple[Edit, ...]]:
    """The line as it is written here; whether a drawn variable is data, only its author knows."""
    role, is_drawn = meant.partition(" ")[0], " ~ " in meant
    other = {"latent": ", or `data` for what examples bring", "param": ", or `data`"}
    rest = other.get(role, "") if is_drawn or role == "param" else ""
    if meant.endswith(" : count"):
        rest = f", or a size as `model NAME({meant.split()[1]}: int)`"
    return f"write `{meant}`{rest}", () if "…" in meant else instead(whole, meant)


def _home(word: str) -> str:
    if word in ("model", "use", "extern"):
        return "out of the braces, to the top of the file"
    return "into a `recipe`" if word == "prepare" else "into the braces of a `model`"


def _role_help(start: str, tokens: list[Token]) -> str | None:
    word, after = tokens[0], tokens[1] if len(tokens) > 1 else None
    near = suggest(word.text, sorted(ROLES | STARTERS))
    if near and after and after.type in ("NAME", "{", "("):
        return f"write `{near}`"
    if start != "model_line" or after is None:
        return None
    name = word.text
    if name in ("p", "q", "P", "Q") and after.type == "(" and len(tokens) > 2:
        return f"write `latent {tokens[2].text} : real ~ …`, or `data` for what examples bring"
    return {
        "~": f"write `latent {name} : real ~ …`, or `data` for what examples bring",
        "=": f"write `let {name} = …`",
        ":": f"write `data {name} : …`, or `latent`, `given`, `param`",
        ",": "write `let (a, b) = …`",
    }.get(after.type)


def _found(token: Token | None) -> str:
    if token is None:
        return "the end of the line"
    if token.type in RESERVED:
        return f"the reserved word `{token.text}`"
    return f'"{token.text}"' if token.type == "STRING" else f"`{token.text}`"


def _expected(error: Unexpected, end: str, is_import: bool = False) -> tuple[str, ...]:
    """The acceptable tokens in words: operators only where nothing else could stand."""
    symbols = set(error.expected)
    words: list[str] = []
    if {"NAME", "NUMBER"} <= symbols:
        symbols -= _EXPRESSION | {"not"}
        words.append("an expression")
    elif "|>" in symbols:
        symbols -= _OPERATORS
        words.append("an operator")
    elif "NAME" in symbols and error.before.type in (":", "->") and not is_import:
        symbols -= {"NAME", "("}
        words.append("a type")
    elif len(symbols) > 2:
        symbols -= {"[", "(", "?"}
    last = END in symbols
    symbols.discard(END)
    words += sorted(_WORDS.get(symbol, f"`{symbol}`") for symbol in symbols)
    return (*words, end) if last else tuple(words)


def _called(tokens: list[Token], stop: Token | None = None) -> str | None:
    """For `numpyro.sample("x", …)`, whose quotes are not what is wrong."""
    for module, point, member, bracket, text in zip(*(tokens[i:] for i in range(5)), strict=False):
        is_call = (point.type, bracket.type, text.type) == (".", "(", "STRING")
        if is_call and stop in (None, text):
            return dotted(f"{module.text}.{member.text}")
    return None


def _heads(tokens: list[Token], error: Unexpected) -> str | None:
    """For what a net yields, written otherwise than as one type or as heads with names."""
    arrow = next((i for i, t in enumerate(tokens) if t.type == "->"), None)
    token = error.token
    if arrow is None or token is None or tokens[0].type != "net" or token.type not in (",", ":"):
        return None
    if (
        arrow + 2 < len(tokens)
        and token in tokens[arrow : arrow + 4]
        and not any(t.type == "=" and t.start < token.start for t in tokens)
    ):
        return "give each head its name, in brackets: `(loc: real, scale: positive)`"
    return None


def _written(error: Unexpected) -> str | None:
    """For numbers and comments as they are written elsewhere."""
    token, before = error.token, error.before
    if token is None:
        return None
    if token.type == "STRING" and not token.text:
        return "begin a comment with `#`"
    if before.type == "NUMBER" and token.type == "NAME" and token.start == before.end:
        if before.text == "0" and token.text[0].lower() in "xbo":
            return "write the number in decimal digits"
        is_suffix = token.text.lower() in ("f", "d", "l", "u")
        return f"write `{before.text}`" if is_suffix else "write `*` between the factors"
    if before.type == "NUMBER" and token.type == "," and "," not in error.expected:
        return f"write `{before.text}.…` for a fraction, or put the values into brackets"
    return None


def _fixes(source: Source, error: Unexpected, help: str | None) -> tuple[Edit, ...]:
    """The edit that a help stands for, where one token is wrong, too many or missing."""
    token = error.token
    if token is None or help is None:
        return ()
    span, before = Span(source, token.start, token.end), Span(source, token.start, token.start)
    if help == NO_EXPRESSION["STRING"]:
        return instead(span, token.text)
    if help == "write `==` to compare" and token.type == "=":
        return instead(span, "==")
    if help == "write `=`":
        is_wrong = token.type in ("==", ":", "~", "->")
        return instead(span, "=") if is_wrong else instead(before, "= ")
    if help == "write `->`":
        return instead(span, " ->")
    if help == f"write `{error.before.text}`":
        return instead(span, "")
    if help == "write `*` between the factors":
        return instead(before, "* ")
    return ()


def _help(error: Unexpected) -> str | None:
    kind = error.token.type if error.token else END
    if kind in RESERVED and error.expected == {"NAME"}:
        return "choose another name"
    if help := _helps().get((error.state, kind)):
        return help
    if "NUMBER" in error.expected:
        return NO_EXPRESSION.get(kind)
    if kind == ":" and "=" in error.expected:
        return "write `=`"
    if "|>" in error.expected:
        for word in (error.token, error.before):
            if word and word.type == "NAME" and word.text in NO_OPERATOR_WORD:
                return NO_OPERATOR_WORD[word.text]
        is_product = error.before.type == "NUMBER" and kind == "NAME"
        return "write `*` between the factors" if is_product else NO_OPERATOR.get(kind)
    return None


@cache
def _helps() -> dict[tuple[int, str], str]:
    """The examples' help by the parser's state and the kind of token at which they fail."""
    helps: dict[tuple[int, str], str] = {}
    for start, examples in EXAMPLES.items():
        for text, help in examples:
            helps.setdefault(failure(start, text), help)
    return helps


class BuildNothing:
    """For parsing that is only about where it fails."""

    def __call__(self, name: str, children: list[object], start: int, end: int) -> None: ...


def failure(start: str, text: str) -> tuple[int, str]:
    """The state and the kind of token at which a bad example fails."""
    source = Source("<example>", text)
    tokens, _ = scan(source)
    if start != "expression":
        pieces, _ = cut(source, tokens)
        tokens = pieces[0].tokens
    try:
        run(load_tables(), start, tokens, BuildNothing())
    except Unexpected as error:
        return error.state, error.token.type if error.token else END
    raise AssertionError(f"the bad example {text!r} parses as {start}")
