"""Mutations of real programs, of one file or of several that use each other."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.tokens import scan

EXAMPLES = Path(__file__).parents[1] / "examples"

_WORDS = [
    *("data", "latent", "given", "param", "let", "net", "energy", "score", "guide", "critic"),
    *("noise", "model", "use", "recipe", "extern", "for", "in", "if", "else", "and", "or", "not"),
    *("true", "at", "under", "from", "as", "past", "mixture", "quantize", "repeat", "shared", "x"),
    *("observed", "fill", "len", "let h[t] = ", "h[t-1]", "x[:t]", "0..len(x)", 'use "b.dgm": f\n'),
    *("{", "}", "(", ")", "[", "]", ",", ";", ":", "=", "~", "|>", "->", "...", "..", "?", "<="),
    *("+", "-", "*", "/", "@", "**", "==", "#", "##", '"', "'", "^", "&&", "+=", "²", "х"),
    *('"""', "/*", "*/", "//", "<lower=0>", "target += ", "lambda x: ", "<-", "parameters {"),
    *('= sample("z", ', "np.", ".sum()", ".shape", "nn.Linear(2, 1)"),
    *("nn.Sequential(", ".to_event(1)"),
    *("0", "1", "-1", "1e308", "1e999", "9" * 400, "0.0", "1e-320", "99999999999999999999"),
    *("2.5", "\n", "\t", "\r", "\x00", "\ufeff", "\u202e", "\U0001f600"),
]  # fmt: skip

_AROUND = [
    *(("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("exp(", ")"), ("repeat(2) { ", " }")),
    *(("-", ""), ("not ", ""), ("", "[0]"), ("", "(x)"), ("", ".x"), ("", " |> dense(4)")),
    *(("", " + 1"), ("", " ** 2"), ("", " if a else b"), ("for i in 0..3 { ", " }")),
]


class Mutator:
    """One to five mutations of one program; `seed` decides all."""

    def __init__(self, texts: list[str], seed: str) -> None:
        self.random = random.Random(seed)
        self.texts = texts

    def mutant(self) -> str:
        """The text to compile."""
        text = self.random.choice(self.texts)
        mutations = self.random.choice((_ON_WORDS, _MUTATIONS))
        for _ in range(self.random.choice((1, 1, 1, 1, 2, 3, 5))):
            text = self.random.choice(mutations)(self, text)
        return text

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the tokens lie; one empty place where there are none."""
        return [(token.start, token.end) for token in scan(Source("", text))[0]] or [(0, 0)]

    def token(self, text: str) -> tuple[int, int]:
        """The place of one token."""
        return self.random.choice(self.spans(text))

    def delete(self, text: str) -> str:
        """Without one token."""
        start, end = self.token(text)
        return text[:start] + text[end:]

    def double(self, text: str) -> str:
        """One token twice."""
        start, end = self.token(text)
        return text[:end] + " " + text[start:end] + text[end:]

    def swap(self, text: str) -> str:
        """Two tokens in each other's place."""
        (a, b), (c, d) = sorted((self.token(text), self.token(text)))
        return text if c < b else text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]

    def exchange(self, text: str) -> str:
        """A token in the place of another one."""
        start, end = self.token(text)
        a, b = self.token(text)
        return text[:start] + text[a:b] + text[end:]

    def alike(self, text: str) -> str:
        """A name for a name, a number for a number, from here or from another program."""
        start, end = self.token(text)
        other = self.random.choice((text, self.random.choice(self.texts)))
        kind = text[start:end].isidentifier(), text[start:end].isalnum()
        words = [other[a:b] for a, b in self.spans(other)]
        words = [w for w in words if (w.isidentifier(), w.isalnum()) == kind] or [text[start:end]]
        return text[:start] + self.random.choice(words) + text[end:]

    def insert(self, text: str) -> str:
        """A word, a symbol or a number that the language knows or does not."""
        start, end = self.token(text)
        word = self.random.choice(_WORDS)
        return (
            text[:start]
            + word
            + " " * self.random.randint(0, 1)
            + text[self.random.choice((start, end)) :]
        )

    def character(self, text: str) -> str:
        """A character elsewhere, or another one."""
        place = self.random.randint(0, len(text))
        letter = chr(
            self.random.choice((self.random.randint(0, 127), self.random.randint(0, 0xD7FF)))
        )
        return text[:place] + letter + text[place + self.random.randint(0, 1) :]

    def splice(self, text: str) -> str:
        """Some lines of another program."""
        lines, others = text.splitlines(), self.random.choice(self.texts).splitlines()
        start = self.random.randint(0, len(others))
        place = self.random.randint(0, len(lines))
        taken = others[start : start + self.random.randint(1, 6)]
        return "\n".join([*lines[:place], *taken, *lines[place + self.random.randint(0, 3) :]])

    def halves(self, text: str) -> str:
        """The beginning of this program, the end of another."""
        other = self.random.choice(self.texts)
        return (
            text[: self.random.randint(0, len(text))] + other[self.random.randint(0, len(other)) :]
        )

    def truncate(self, text: str) -> str:
        """Cut off."""
        return text[: self.random.randint(0, len(text))]

    def line(self, text: str) -> str:
        """Without a line, or with one twice."""
        lines = text.splitlines()
        if not lines:
            return text
        place = self.random.randrange(len(lines))
        return "\n".join(
            [
                *lines[:place],
                *lines[place : place + 1] * self.random.choice((0, 2)),
                *lines[place + 1 :],
            ]
        )

    def nest(self, text: str) -> str:
        """An expression within very many brackets, operators or stages."""
        start, end = self.token(text)
        count = self.random.choice((10, 60, 99, 140, 160, 1000, 5000))
        before, after = self.random.choice(_AROUND)
        return text[:start] + before * count + text[start:end] + after * count + text[end:]

    def number(self, text: str) -> str:
        """Another number in the place of one."""
        spans = [(a, b) for a, b in self.spans(text) if text[a:b].replace(".", "").isdigit()]
        if not spans:
            return text
        start, end = self.random.choice(spans)
        number = self.random.choice(
            ("0", "1", "2", "3", "7", "0.5", "1e300", "1e9", "12345678901234567890", "100000")
        )
        return text[:start] + number + text[end:]

    def rename(self, text: str) -> str:
        """One name for another, everywhere."""
        (a, b), (c, d) = self.token(text), self.token(text)
        return text.replace(text[a:b], text[c:d]) if text[a:b].isidentifier() else text


_ON_WORDS: list[Callable[[Mutator, str], str]] = [
    *(Mutator.alike, Mutator.alike, Mutator.alike, Mutator.alike, Mutator.line),
    *(Mutator.number, Mutator.rename),
]  # most of what these make parses
_MUTATIONS: list[Callable[[Mutator, str], str]] = [
    *(*_ON_WORDS, Mutator.delete, Mutator.double, Mutator.swap, Mutator.exchange, Mutator.insert),
    *(Mutator.insert, Mutator.character, Mutator.splice, Mutator.halves, Mutator.truncate),
    *(Mutator.nest, Mutator.nest),
]


class Files(Mutator):
    """A program of two or three files: `b.dgm`, and perhaps `c.dgm`, beside the main one.

    Each brings in what another has, under a name that it uses, or is mutated into something else.
    """

    def files(self) -> dict[str, str]:
        """The texts by name, the main one under ''."""
        names = ("", "b.dgm", "c.dgm")[: self.random.choice((2, 2, 3))]
        texts = {name: self.random.choice(_good()) for name in names}
        for name in names[:-1] if self.random.random() < 0.9 else names:
            texts[name] = self.using(texts[name], texts)
        if self.random.random() < 0.3:
            texts["b.dgm"] = self.outside(texts["b.dgm"])
        for name in names:
            if self.random.random() < 0.5:
                mutations = self.random.choice((_ON_WORDS, _ON_WORDS, _MUTATIONS))
                texts[name] = self.random.choice(mutations)(self, texts[name])
        return texts

    def using(self, text: str, texts: dict[str, str]) -> str:
        """A text that brings in a name of another one, and uses it somewhere."""
        other = self.random.choice([name for name in texts if name]) or "b.dgm"
        offered = _DECLARED.findall(texts[other]) or ["x"]
        wanted = self.random.choice(offered)
        used = [text[a:b] for a, b in self.spans(text) if text[a:b].isidentifier()] or ["x"]
        alias = self.random.choice((wanted, self.random.choice(used), "Part"))
        start, end = self.random.choice(
            [(a, b) for a, b in self.spans(text) if text[a:b].isidentifier()] or [(0, 0)]
        )
        if self.random.random() < 0.7:
            text = text[:start] + alias + text[end:]
        return f'use "{other}": {wanted}{"" if alias == wanted else f" as {alias}"}\n{text}'

    def outside(self, text: str) -> str:
        """The nets and `let`s of a model moved out of it."""
        lines = [line.strip() for line in text.splitlines()]
        moved = [
            line for line in lines if line.startswith(("net ", "let ")) and line[-1] not in "=,"
        ]
        return "\n".join([*moved, text])


@cache
def _good() -> list[str]:
    """The examples, in which nothing is wrong yet."""
    return [path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.dgm"))]


_DECLARED = re.compile(r"\b(?:model|net|let)\s+(\w+)")
