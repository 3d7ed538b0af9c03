"""A Pygments lexer: `pygmentize -l dgm`, Sphinx, MkDocs and notebooks colour programs by it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

from dgmlang.editor import words as held

_WORDS = held.words()
_NAME = r"[^\W\d]\w*[\u0300-\u036f]*\w*"


class DgmLexer(RegexLexer):
    """Programs of dgmlang."""

    name = "DGM"
    aliases: ClassVar = ["dgm"]
    filenames: ClassVar = ["*.dgm"]
    url = ""

    tokens: ClassVar = {
        "root": [
            (r"\n", Whitespace, "start"),
            (r"[^\S\n]+", Whitespace),
            (r"##.*", String.Doc),
            (r"#.*", Comment.Single),
            (r'"[^"\n]*"', String),
            (rf"(model)(\s+)({_NAME})", bygroups(Keyword.Declaration, Whitespace, Name.Class)),
            (words(_WORDS["reserved"], prefix=r"\b", suffix=r"\b"), Keyword),
            (words(_WORDS["operator"], prefix=r"\b", suffix=r"\b"), Operator.Word),
            (words(_WORDS["constant"], prefix=r"\b", suffix=r"\b"), Keyword.Constant),
            (rf"(:|->)(\s*)({'|'.join(_WORDS['kind'])})\b",
             bygroups(Punctuation, Whitespace, Keyword.Type)),
            (words(_WORDS["builtin"], prefix=r"\b", suffix=r"\b(?!\s*[:=](?!=))"), Name.Builtin),
            (_NAME, Name),
            (r"[0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9]+)?", Number),
            (r"\|>|->|~|\.\.\.|\.\.|\*\*|[<>=!]=|[-+*/@<>=]", Operator),
            (r"[?:,.;()\[\]{}|]", Punctuation),
            (r".", Text),
        ],
        "start": [
            (r"[^\S\n]+", Whitespace),
            (words(_WORDS["role"], suffix=r"(?=[\s(])"), Keyword.Declaration, "#pop"),
            (r"", Text, "#pop"),
        ],
    }  # fmt: skip

    def get_tokens_unprocessed(self, text: str, stack: Iterable[str] = ("root", "start")) -> Any:
        """Start as at the beginning of a line."""
        return super().get_tokens_unprocessed(text, stack)
