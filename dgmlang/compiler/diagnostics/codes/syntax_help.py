"""What to write instead of what people type from Stan, NumPyro, PyTorch, Python and mathematics."""

from __future__ import annotations

SYMBOLS = {
    "+=": "write `energy -(…)`: the lines of an energy add up",
    "-=": "write `energy …`: the lines of an energy add up",
    "*=": "give the new value its own name: `let name = …`",
    "/=": "give the new value its own name: `let name = …`",
    ":=": "write `=`",
    "++": "write `+ 1`",
    "^": "write `**` for a power",
    "&": "write `and`",
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "<>": "write `!=`",
    "//": "write `#` to begin a comment, `/` to divide",
    "'": 'write a path in double quotes, "path.dgm", and all else without quotes',
    '"': "close the quotes on the same line",
    "%": "write the arithmetic out: there is no remainder",
    "\\": "remove it: a line goes on by itself after an operator and inside brackets",
    "−": "write `-`",
    "–": "write `-`",
    "—": "write `-`",
    "×": "write `*`",
    "·": "write `*`",
    "÷": "write `/`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "→": "write `->`",
    "∼": "write `~`",
    "…": "write `...`",
    **dict.fromkeys(
        ("“", "‘", "’"), 'write a path in double quotes, "path.dgm", and all else without quotes'
    ),
    "”": 'write `"`',
    "²": "write `** 2`",
    "³": "write `** 3`",
    "∞": "leave the bound out",
}

# The same as an edit, where it is one.
REPLACEMENTS = {
    "^": "**",
    "&": "and",
    "&&": "and",
    "||": "or",
    "!": "not ",
    ":=": "=",
    "++": "+ 1",
    "<>": "!=",
    "−": "-",
    "–": "-",
    "—": "-",
    "×": "*",
    "·": "*",
    "÷": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "→": "->",
    "∼": "~",
    "…": "...",
    "²": " ** 2",
    "³": " ** 3",
}

_STAN_BLOCK = "write `model NAME { … }`, each line with its role: `data`, `param`, `latent`, `let`"
_STAN_TYPE = "write the role, the name, then the type: `param mu : real`"
_PLATE = "leave it out: a program is about one example, and `fit` brings the others"

_IMPORT = (
    'leave it out: laws, stages and functions are there; models of a file come by `use "path.dgm": '
    "Name`"
)

# What stands behind a module's or an object's point elsewhere: `nn.Linear`, `numpyro.sample`.
_MEMBERS = {
    "sample": "write `latent x : real ~ …`, or `data` for what examples bring, without the name",
    "param": "write `param w : real`",
    "plate": _PLATE,
    "deterministic": "write `let name = …`",
    "factor": "write `energy -(…)`: the lines of an energy add up",
    "Linear": "write `|> dense(units)`",
    "ReLU": "write `|> mlp([64], activation = relu)` for a layer that ends in it",
    "Sequential": "write the stages behind one another: `x |> mlp([64]) |> dense(8)`",
    "Embedding": "write `|> embed(units)`",
    **dict.fromkeys(
        ("randn", "rand", "randn_like", "rand_like", "normal", "uniform", "rsample", "rvs"),
        "write `latent z : real ~ Normal(0, 1)`: what is drawn is a variable with a law",
    ),
    "einsum": "write the sum out, with `sum`, `*` and `@`",
    "view": "write `|> flatten`",
    "reshape": "write `|> flatten` for one axis, `x[:, None]` for one more",
    "flatten": "write `|> flatten`",
    **dict.fromkeys(
        ("module", "flax_module", "random_module"),
        "declare `net f(x: real[d]) -> real = …`: its weights are learned with the program's",
    ),
    "T": "write the sum out: `v @ W` and `W @ v` need no transpose",
}


def dotted(name: str) -> str | None:
    """The help for `nn.Linear` or `x.view`, None where nothing stands before a point."""
    owner, point, member = name.rpartition(".")
    if not point:
        return None
    if member in _MEMBERS:
        return _MEMBERS[member]
    if owner == "self":
        return f"declare `net {member}(…) -> … = …`, and write `{member}(…)`"
    return None


# First words of a line that is no statement here.
FIRST_WORDS = {
    "def": "write `model NAME { … }`, `let f(x) = …`, or `net f(x: real[d]) -> real = …`",
    "fn": "write `let f(x) = …`",
    "function": "write `let f(x) = …`",
    "class": "write `model NAME { … }`",
    "struct": "write `model NAME { … }`",
    "import": _IMPORT,
    "include": 'write `use "path.dgm": Name`',
    "return": "leave it out: a body is the expression behind `=`",
    "while": "write `for i in 0..n { … }`",
    "var": "write `let`",
    "const": "write `let`",
    "observe": "write `data x : type ~ law`",
    "observed": "write `data`",
    "hidden": "write `latent`",
    "parameter": "write `param`",
    "input": "write `given`",
    "prior": "give the variable its law: `latent z : real ~ Normal(0, 1)`",
    "with": _PLATE,
    "plate": _PLATE,
    "from": _IMPORT,
    "assert": "leave it out: kinds and shapes are checked as they are declared",
    "pass": "leave it out",
    **dict.fromkeys(("train", "training", "inference"), "write `recipe default { … }`"),
    **dict.fromkeys(("fit", "sample"), "leave it out: `dgm train` and `dgm sample` ask for it"),
    **dict.fromkeys(("else", "elif"), "write `a if test else b` for a value"),
    "print": "leave it out: `dgm sample` and `dgm eval` print what is asked for",
    "increment_log_prob": "write `energy -(…)`: the lines of an energy add up",
    "target": "write `energy -(…)`: the lines of an energy add up",
    "parameters": _STAN_BLOCK,
    "transformed": _STAN_BLOCK,
    "generated": _STAN_BLOCK,
    "functions": _STAN_BLOCK,
    "int": _STAN_TYPE,
    "real": _STAN_TYPE,
    "float": _STAN_TYPE,
    "vector": _STAN_TYPE,
    "matrix": _STAN_TYPE,
    "array": _STAN_TYPE,
}

# Bad statements, each wrong at one token. A mistake gets the help of the example in which the
# parser is in the same state before the same kind of token (Jeffery 2003, "Generating LR syntax
# error messages from examples"; Lark's `match_examples`).
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "file_line": (
        ("model {", "write its name: `model NAME { … }`"),
        ("model (", "write its name: `model NAME { … }`"),
        ("model A() ->", "leave it out: a model is the law of what its body declares as `data`"),
        ("model A() =", "leave out the `=`"),
        ("model A[", "write round brackets: `model NAME(d: int) { … }`"),
        ("model A -", "write the name as one word"),
        ("use a: *", "write the names: `use models: GMM, VAE`"),
        ("model A : b", "write `model NAME(name: type) { … }`"),
        ('use "a.dgm"', 'write `use "a.dgm": Name`'),
        ("use a", "write `use models: Name`, or a file in quotes"),
        ("use a.", 'write the path in quotes: `use "path.dgm": Name`'),
        ("model A(a b", "write the name, then the type: `d: int`"),
        ("model A(a =", "write its type behind the name: `d: int = 3`"),
        ("model A(*", "write each hyperparameter with its type: `d: int = 3`"),
        ("model A(**", "write each hyperparameter with its type: `d: int = 3`"),
        ("model A(a)", "write its type behind the name: `d: int`"),
        ("model A(a,", "write its type behind the name: `d: int`"),
        ("extern model", "write the kind: `extern dist NAME(…)`"),
    ),
    "model_line": (
        ("data {", "write one line a variable: `data x : real[d]`"),
        (
            "data x : a <",
            "write the kind that has these bounds: `positive`, `unit`, `interval(a, b)`",
        ),
        (
            "param x : a <",
            "write the kind that has these bounds: `positive`, `unit`, `interval(a, b)`",
        ),
        (
            "given x : a <",
            "write the kind that has these bounds: `positive`, `unit`, `interval(a, b)`",
        ),
        ("let x <", "write `let x = …`"),
        ("let x ==", "write `=`"),
        ("let x |>", "write `let x = …`"),
        ("data x ~ f", "write its type behind the name: `: real[d] ~ …`"),
        ("data x = f", "write its type behind the name: `: real[d] = …`"),
        ("data x", "write its type behind the name: `: real[d]`"),
        ("data x a", "write `:` between the name and the type"),
        ("given x", "write its type behind the name: `: real[d]`"),
        ("given x a", "write `:` between the name and the type"),
        ("given x ~ f", "write its type behind the name: `: real[d]`"),
        ("param x[", "declare it outside of the loop, with an axis for it: `param x : real[n]`"),
        ("param x", "write its type behind the name: `: real[d]`"),
        ("param x a", "write `:` between the name and the type"),
        ("param x ~ f", "write its type behind the name: `: real[d] ~ …`"),
        ("param x = f", "write its type and its first value: `: real from …`"),
        ("param x : a = f", "write `from …` for the first value"),
        ("param x : a[1] = f", "write `from …` for the first value"),
        ("given x : a ~ f", "write `data` or `latent`: a `given` has no law"),
        ("given x : a = f", "write `let x = …`: a `given` has no value of its own"),
        ("given x : a[1] ~ f", "write `data` or `latent`: a `given` has no law"),
        ("given x : a[1] = f", "write `let x = …`: a `given` has no value of its own"),
        ("param x : a ~ f from", "write `from …` before `~ …`"),
        ("data x : a from", "write `from …` for a `param` only"),
        ("let x : a", "leave out the type: `let x = …`"),
        ("let x ~ f", "write `data` or `latent`: a `let` is computed, never drawn"),
        ("net f(x)", "write the type of each input: `net f(x: real[d]) -> …`"),
        ("net f(x,", "write the type of each input: `net f(x: real[d]) -> …`"),
        ("net f(x: a) =", "write the type of what it returns: `-> real[d] =`"),
        ("net f(x: a) : b", "write `->`"),
        ("net f(x: a) -> b[1] {", "write `=` and one expression"),
        ("net f(x: a) {", "write `net f(x: real[d]) -> real[d] = …`"),
        ("net f(x: a) -> b {", "write `=` and one expression"),
        ("net f =", "write its inputs: `net f(x: real[d]) -> real[d] = …`"),
        ("net f(x: a) -> b", "write what it computes: `= x |> mlp([64])`"),
        ("score x at t =", "write the process: `score x at t under vp() = …`"),
        ("score x under", "write the time: `score x at t under vp() = …`"),
        ("energy x = y", "write `energy x`: the density is proportional to exp(-x)"),
        ("energy = y", "write `energy y`: the density is proportional to exp(-y)"),
        ("for i in n", "write `for i in 0..n { … }`"),
        ("for i = n", "write `for i in 0..n { … }`"),
        ("for (", "write `for i in 0..n { … }`"),
        ("guide =", "write `guide { z ~ … }`, or leave it out: one is made from the model"),
        ("data x : a |", "leave it out: a law depends on what it reads"),
        ("data x,", "write one line a variable: `data x : real[d]`"),
        ("let x, y", "write `let (a, b) = …`"),
        ("let f(x: a)", "leave out the type: a `let` is put in where it is used"),
        ("let f(x) ->", "write `=`"),
        ("let f x", "write `let f(x) = …`"),
        ("energy:", "leave out the `:`"),
        ("guide z", "write `guide { z ~ … }`"),
        ("guide (", "write `guide { z ~ … }`, with no arguments: it sees the whole model"),
        ("critic {", "write `critic(x) = …`"),
        ("let a = b ~ c", "write `data` or `latent`: a `let` is computed, never drawn"),
        ("recipe {", "write its name: `recipe default { … }`"),
        ("recipe a =", "leave out the `=`"),
    ),
    "guide_line": (
        ("q(z", "write the variable, then its law: `z ~ Normal(0, 1)`"),
        ("z : a", "leave out the type: the model declares it"),
        ("z", "write its law: `z ~ …`"),
    ),
    "recipe_line": (
        ("steps : 1", "write `=`"),
        ("steps 1", "write `=`"),
        ("steps a", "write `=`"),
        ("prepare x ~ f", "write `=`"),
    ),
    "expression": (
        ("a < b < c", "write `a < b and b < c`"),
        ("a < b <= c", "write `a < b and b <= c`"),
        ("a < b > c", "write `a < b and b > c`"),
        ("a < b == c", "write `a < b and b == c`"),
        ("a |> b + c", "write `(a |> b) + c`"),
        ("a |> b - c", "write `(a |> b) - c`"),
        ("a |> b * c", "write `(a |> b) * c`"),
        ("a |> b / c", "write `(a |> b) / c`"),
        ("a |> b ** c", "write `(a |> b) ** c`"),
        ("a |>", "write the name of a stage behind `|>`"),
        ("a if b", "write `a if b else c`"),
        ("a[...", "write `:` for each axis that stays whole"),
        ("a[::", "leave out the step: a slice is `start:stop`"),
        ("a[1:2:", "leave out the step: a slice is `start:stop`"),
        ("()", "write what is in the brackets"),
    ),
}

# Where an expression should begin, by the token that is there instead.
NO_EXPRESSION = {
    "|": "write `abs(x)` for a size, `given` for what a law depends on",
    "STRING": "leave out the quotes",
    "*": "write the arguments out, or `value...` for the heads of a net",
    "**": "write the arguments out, or `value...` for the heads of a net",
    "...": "write `value...`",
    "if": "write `a if b else c`",
    "{": "write a record as arguments by name: `f(a = 1, b = 2)`",
    "=": "write `==` to compare",
    ".": "write a digit before the point: `0.5`",
}

# Behind a whole expression, by the token that cannot go on.
NO_OPERATOR = {
    "NUMBER": "write the operator that is missing",
    "NAME": "write the operator that is missing, or brackets around an argument",
    "STRING": "leave out the quotes",
    "=": "write `==` to compare",
    "->": "write `=`",
    "in": "write `==` to compare",
    "for": "write the operation on the whole array: `sum(x ** 2)`",
    ":": "leave it out",
    "?": "write `a if test else b`",
    ",": "leave it out, or put the values into brackets: `[a, b]`",
}

# The same, by the text of the name that cannot go on, or of the one before it.
NO_OPERATOR_WORD = {
    "is": "write `==` to compare",
    "mod": "leave it out: there is no remainder",
    "where": "write `a if test else b`",
    **dict.fromkeys(
        ("T", "truncated", "truncate"),
        "take a law on the kind itself, as `HalfNormal(1)`, or push one there by `|> exp`",
    ),
    "then": "write `a if test else b`",
    "elif": "write `a if test else b if other else c`",
    "lambda": "write `let f(x) = …`",
}
