"""Programs made by Hypothesis: every rule of the grammar, as words, in whatever layout is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

Words = list[str]

NAMES = st.sampled_from(["x", "z", "loc", "Normal", "mlp", "data", "noise", "σ", "x̂", "a_1"])
NUMBERS = st.sampled_from(["0", "1", "20_000", "0.5", "1e-3", "12.5e3"])
BINARY = ["or", "and", "==", "<", ">=", "+", "-", "*", "/", "@", "**"]
COMMENTS = ["# note", "## told", "#", "## { [ data x"]


def joined(items: Sequence[Words], *, trailing: bool = False) -> Words:
    """The items with commas between, and perhaps one behind."""
    words = [word for item in items for word in [*item, ","]]
    return words if trailing and words else words[:-1]


@st.composite
def lists(draw: st.DrawFn, items: st.SearchStrategy[Words], least: int = 0) -> Words:
    drawn = draw(st.lists(items, min_size=least, max_size=4))
    return joined(drawn, trailing=draw(st.booleans()))


def names(least: int = 0) -> st.SearchStrategy[Words]:
    return lists(NAMES.map(lambda name: [name]), least)


def atoms() -> st.SearchStrategy[Words]:
    return (NAMES | NUMBERS | st.sampled_from(["true", "None"])).map(lambda word: [word])


def larger(inner: st.SearchStrategy[Words]) -> st.SearchStrategy[Words]:
    """Expressions around `inner`; brackets keep the parts what they are."""
    kept = inner.map(lambda words: words if len(words) == 1 else ["(", *words, ")"])
    argument = st.one_of(
        inner,
        st.builds(lambda name, value: [name, "=", *value], NAMES, inner),
        inner.map(lambda value: [*value, "..."]),
    )
    bound = inner | st.just([])
    item = inner | st.builds(lambda a, b: [*a, ":", *b], bound, bound)
    return st.one_of(
        st.builds(lambda a, op, b: [*a, op, *b], kept, st.sampled_from(BINARY), kept),
        st.builds(lambda a, b, c: [*a, "+", "-", *b, "-", *c], kept, kept, kept),
        st.builds(lambda op, a: [op, *a], st.sampled_from(["-", "+", "not"]), kept).map(
            lambda words: ["(", *words, ")"]
        ),
        st.builds(lambda a, b, c: [*a, "if", *b, "else", *c], kept, kept, kept),
        st.builds(lambda a, f: [*a, "|>", *f], kept, kept),
        st.builds(lambda a, f, g: [*a, "|>", *f, "|>", *g], kept, kept, kept),
        st.builds(lambda f, a: [*f, "(", *a, ")"], kept, lists(argument)),
        st.builds(lambda f, a, b: [*f, "(", *a, ")", "{", *b, "}"], kept, lists(argument), inner),
        st.builds(lambda f, b: [*f, "{", *b, "}"], kept, inner),
        st.builds(lambda f, a: [*f, "[", *a, "]"], kept, lists(item, 1)),
        st.builds(lambda f, name: [*f, ".", name], NAMES.map(lambda name: [name]), NAMES),
        lists(inner).map(lambda words: ["[", *words, "]"]),
        st.builds(lambda a, b: ["(", *a, ",", *b, ")"], inner, inner),
        inner.map(lambda words: ["(", *words, ",", ")"]),
    )


expressions = st.recursive(atoms(), larger, max_leaves=8)


@st.composite
def types(draw: st.DrawFn) -> Words:
    words = [draw(st.sampled_from(["real", "cat", "bit", "simplex", "int"]))]
    if draw(st.booleans()):
        words += ["(", *draw(lists(expressions)), ")"]
    words += draw(st.sampled_from([[], ["?"]]))
    shape = draw(st.sampled_from(["none", "open", "axes", "up to", "any"]))
    if shape == "any":
        words += ["[", "...", "]"]
    elif shape == "open":
        words += ["[", "]"]
    elif shape != "none":
        words += ["[", *(["<="] if shape == "up to" else []), *draw(lists(expressions, 1)), "]"]
    if shape != "none":
        words += draw(st.sampled_from([[], ["?"]]))
    return words


ports = st.builds(lambda name, type_: [name, ":", *type_], NAMES, types())
hypers = st.builds(
    lambda port, default: [*port, *(["=", *default] if default else [])],
    ports,
    st.none() | expressions,
)
heads = types() | lists(ports).map(lambda words: ["(", *words, ")"])
indices = st.just([]) | lists(expressions, 1).map(lambda words: ["[", *words, "]"])
laws = st.builds(lambda op, value: [op, *value], st.sampled_from(["~", "="]), expressions)
lets = st.one_of(
    st.builds(lambda name, i, e: ["let", name, *i, "=", *e], NAMES, indices, expressions),
    st.builds(lambda name, p, e: ["let", name, "(", *p, ")", "=", *e], NAMES, names(), expressions),
    st.builds(lambda p, e: ["let", "(", *p, ")", "=", *e], names(), expressions),
)
nets = st.builds(
    lambda name, p, h, raw, prior, e: [
        *["net", name, "(", *p, ")", "->", *h, *raw],
        *(["~", *prior] if prior else []),
        *["=", *e],
    ],
    NAMES,
    lists(ports),
    heads,
    st.sampled_from([[], ["raw"]]),
    st.none() | expressions,
    expressions,
)
variables = st.one_of(
    st.builds(
        lambda role, name, i, type_, law: [role, name, *i, ":", *type_, *law],
        st.sampled_from(["data", "latent"]),
        NAMES,
        indices,
        types(),
        st.just([]) | laws,
    ),
    st.builds(
        lambda name, type_, shared: ["given", name, ":", *type_, *shared],
        NAMES,
        types(),
        st.sampled_from([[], ["shared"]]),
    ),
    st.builds(
        lambda name, type_, start, prior: [
            *["param", name, ":", *type_],
            *(["from", *start] if start else []),
            *(["~", *prior] if prior else []),
        ],
        NAMES,
        types(),
        st.none() | expressions,
        st.none() | expressions,
    ),
)
others = st.one_of(
    expressions.map(lambda e: ["energy", *e]),
    st.builds(lambda name, e: ["score", name, "=", *e], NAMES, expressions),
    st.builds(
        lambda x, t, p, e: ["score", x, "at", t, "under", *p, "=", *e],
        NAMES, NAMES, expressions, expressions,
    ),
    st.builds(lambda p, e: ["critic", "(", *p, ")", "=", *e], names(), expressions),
)  # fmt: skip
again = st.builds(
    lambda name, i, law: [name, *i, *law], st.sampled_from(["x", "z", "σ"]), indices, laws
)
settings_ = st.one_of(
    st.builds(lambda key, e: [key, "=", *e], NAMES, expressions),
    st.builds(lambda key, e: ["prepare", key, "=", *e], NAMES, expressions),
)
properties = st.builds(
    lambda name, e: [name, *(["(", *e, ")"] if e else [])],
    st.sampled_from(["smooth", "causal"]),
    st.none() | lists(expressions, 1),
)
externs = st.builds(
    lambda kind, name, groups, signature, with_, requires: [
        *["extern", kind, name, *groups, *signature],
        *(["with", *joined(with_)] if with_ else []),
        *(["requires", *requires] if requires else []),
    ],
    st.sampled_from(["dist", "layer", "net"]),
    NAMES,
    st.one_of(
        st.just([]),
        st.just(["(", ")"]),
        st.builds(lambda a, b: ["(", *a, "|", *b, ")"], lists(hypers, 1), lists(hypers, 1)),
    ),
    st.one_of(
        st.just([]),
        types().map(lambda t: [":", *t]),
        st.builds(lambda a, b: [":", *a, "->", *b], types(), types()),
        heads.map(lambda h: ["->", *h]),
    ),
    st.lists(properties, max_size=3),
    st.none() | expressions,
)
uses = st.builds(
    lambda where, items: ["use", where, ":", *joined(items)],
    st.sampled_from(['"nets/a.dgm"', "models"]),
    st.lists(
        st.builds(lambda a, b: [a, *b], NAMES, st.sampled_from([[], ["as", "B"]])),
        min_size=1,
        max_size=4,
    ),
)

# A body is a list of statements, and a statement with a body has it at its end.
Tree = tuple[Words, "list[Tree] | None"]


def plain(words: st.SearchStrategy[Words]) -> st.SearchStrategy[Tree]:
    return words.map(lambda statement: (statement, None))


def with_body(
    head: st.SearchStrategy[Words], body: st.SearchStrategy[Tree]
) -> st.SearchStrategy[Tree]:
    return st.tuples(head, st.lists(body, max_size=4))


# A `{` behind a bound would open the body.
bounds = lists(expressions).map(lambda words: ["f", "(", *words, ")"]) | atoms()
loops = st.builds(
    lambda i, a, b: ["for", i, "in", *a, "..", *b], st.sampled_from(["i", "t"]), bounds, bounds
)
guide_lines = plain(again) | plain(lets)
guides = with_body(
    st.sampled_from([["guide"], ["noise"]]), guide_lines | with_body(loops, guide_lines)
)
recipes = with_body(NAMES.map(lambda name: ["recipe", name]), plain(settings_))
flat_lines = plain(variables) | plain(lets) | plain(nets) | plain(others)
model_lines = flat_lines | guides | recipes | with_body(loops, flat_lines)
models = with_body(
    st.builds(
        lambda name, h: ["model", name, *(["(", *h, ")"] if h is not None else [])],
        NAMES,
        st.none() | lists(hypers),
    ),
    model_lines,
)
files = st.lists(
    models | plain(uses) | plain(externs) | plain(nets) | plain(lets) | recipes,
    min_size=1,
    max_size=3,
)


@st.composite
def texts(draw: st.DrawFn, trees: list[Tree], *, comments: bool) -> str:
    """The statements in a layout that is drawn: spaces, line breaks and, if wanted, comments."""
    breaks = st.sampled_from([" ", "  ", " ", "\n", "\n    "])
    remarks = st.sampled_from([" ", "\n", *(f" {c}\n" for c in COMMENTS), "\n# own\n"])

    def statement(words: Words) -> str:
        text, open_ = "", list[str]()
        for i, word in enumerate(words):
            may_break = bool(open_) or (i and words[i - 1] in [*BINARY, "=", "~", ",", "|>", "->"])
            text += draw(remarks if comments else breaks) if i and may_break else " "
            if word in ("[", "(") and i and words[i - 1] not in ("let", "energy") and not may_break:
                text = text.rstrip(" ") if words[i - 1].isidentifier() else text
            text += word
            if word in "([{":
                open_.append(word)
            elif word in ")]}":
                open_.pop()
        return text.lstrip(" ")

    def body(trees: list[Tree], depth: int) -> str:
        text = ""
        for words, inside in trees:
            before = st.sampled_from(["", "\n", "## doc\n", "# note\n", "\n## doc\n\n"])
            text += draw(before) if comments else ""
            text += "  " * depth + statement(words)
            if inside is not None:
                text += " {\n" + body(inside, depth + 1) + "  " * depth + "}"
            ends = ["\n", "\n\n", " # told\n", ";\n"] if comments else ["\n", "\n", " ;\n"]
            text += draw(st.sampled_from(ends))
        return text

    return body(trees, 0)
