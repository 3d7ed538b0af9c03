"""`dgm.objectives` and `dgm.samplers`: the same expressions as in a recipe."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import dgmlang as dgm
from dgmlang.compiler.library import library
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.source import Source
from dgmlang.compiler.syntax.parse import parse_expression

PLAIN = "model M {\n  param m : real[2]\n  data x : real[2] ~ Normal(m, 1)\n}\n"

o = dgm.objectives
WRITTEN: list[tuple[Expression, str]] = [
    (o.elbo(), "elbo"),
    (o.elbo(samples=4), "elbo(samples = 4)"),
    (o.elbo(4, beta=0.5), "elbo(4, beta = 0.5)"),
    (o.elbo() + 100 * o.discriminate("y"), "elbo + 100 * discriminate(y)"),
    (o.mle() + 0.1 * o.gan(loss="nonsaturating"), "mle + 0.1 * gan(loss = nonsaturating)"),
    (2 * (o.mle() - o.sm()), "2 * (mle - sm)"),
    (o.mle() - (o.sm() - o.ssm()), "mle - (sm - ssm)"),
    ((o.mle() + o.sm()) * 1e-9, "(mle + sm) * 1e-9"),
    (dgm.samplers.gibbs(sweeps=10), "gibbs(sweeps = 10)"),
]


@pytest.mark.parametrize(("made", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_equal_to_what_is_written(made: Expression, text: str) -> None:
    tree, found = parse_expression(Source("<test>", text))
    assert not found
    assert made == text
    assert made == tree
    assert made.tree == tree


def test_different_expressions_differ() -> None:
    assert o.elbo(samples=4) != o.elbo(samples=5)
    assert o.mle() - (o.sm() - o.ssm()) != "mle - sm - ssm"
    assert o.mle() != "mle("
    assert len({o.elbo(4), o.elbo(4), o.elbo(5)}) == 2


@pytest.mark.parametrize("kind", ["objective", "sampler"])
def test_each_extern_has_its_constructor(kind: str) -> None:
    room = {"objective": dgm.objectives, "sampler": dgm.samplers}[kind]
    assert dir(room) == sorted(library().space(kind))
    for name, extern in library().space(kind).items():
        made = getattr(room, name)
        assert made.__doc__ == extern.doc
        assert list(inspect.signature(made).parameters) == [p.name for p in extern.parameters]


def test_a_method_file_does_not_hide_its_constructor() -> None:
    from dgmlang.registry import implementation

    implementation("objective", "iwae")
    assert dgm.objectives.iwae(k=3) == "iwae(k = 3)"


def test_misspelt() -> None:
    with pytest.raises(AttributeError, match="no objective `elb`; did you mean `elbo`"):
        _ = dgm.objectives.elb
    with pytest.raises(dgm.DgmError) as caught:
        dgm.objectives.elbo(sample=4)
    assert len(caught.value.diagnostics) == 1
    assert "samples" in str(caught.value)


def test_constructors_need_no_arrays() -> None:
    code = "import sys, dgmlang as d; d.objectives.elbo(4); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fit_takes_an_expression() -> None:
    data = [[0.0, 1.0], [2.0, 3.0]]
    made = dgm.parse(PLAIN).fit(data, objective=dgm.objectives.mle(), steps=2)
    text = dgm.parse(PLAIN).fit(data, objective="mle", steps=2)
    assert made.objective == text.objective == "mle"
    assert made.history == text.history
    drawn = made.sample(3, sampler=dgm.samplers.ancestral())
    assert drawn.shape == (3, 2)
