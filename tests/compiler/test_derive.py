"""What is derived from the worked examples, and from the design's programs where they lie near."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.grid import where
from dgmlang.compiler.pipeline import compile_source, compile_text, read
from dgmlang.compiler.plan.explain import Explanation, printed_density
from dgmlang.compiler.plan.plan import Plan

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parents[1] / "golden" / "explain"
EXAMPLES = sorted((ROOT / "examples").glob("*.dgm"))
EXPECT = Path(__file__).with_name("expect.toml")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_explain(path: Path, golden: Callable[[Path, str], None]) -> None:
    plan, report = compile_source(read(path))
    assert not report.warnings
    golden(GOLDEN / f"{path.stem}.txt", f"{Explanation(plan)}\n")


def mistakes(plan: Plan, expected: dict[str, Any]) -> list[str]:
    """The keys of an expectation that do not hold."""
    facts = plan.facts
    holds = {
        "density": lambda want: printed_density(facts) == want,
        "normaliser": lambda want: facts.normaliser.value == want,
        "score": lambda want: facts.score.value == want,
        "removed": lambda want: {r.variable: r.rule for r in facts.removed} == want,
        "bounded": lambda want: [b.variable for b in facts.bounded] == want,
        "gradient": lambda want: {b.variable: b.gradient for b in facts.bounded} == want,
        "default": lambda want: (plan.default_objective or "") == want,
        "includes": lambda want: all(plan.objectives[name].legal for name in want),
        "excludes": lambda want: not any(plan.objectives[name].legal for name in want),
        "draw": lambda want: plan.default_sampler == want,
        "samplers": lambda want: all(plan.samplers[name].legal for name in want),
        "blocks": lambda want: _blocks_agree(plan, want),
        "parameters": lambda want: facts.parameters == want,
    }
    return [key for key, rule in holds.items() if key in expected and not rule(expected[key])]


def _blocks_agree(plan: Plan, wanted: list[dict[str, Any]]) -> bool:
    found = Explanation(plan).json()["blocks"]
    pairs = zip(found, wanted, strict=False)
    return len(found) == len(wanted) and all({**f, **w} == f for f, w in pairs)


EXPECTED = tomllib.loads(EXPECT.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXPECTED)
def test_derived(name: str) -> None:
    expected = EXPECTED[name]
    plan, _ = compile_source(read(ROOT / "examples" / f"{name}.dgm"), expected.get("with"))
    assert mistakes(plan, expected) == []


SHARED = ROOT.parent / "shared" / "programs"
DESIGN = SHARED / "EXPECT.toml"
WANTED = tomllib.loads(DESIGN.read_text(encoding="utf-8")) if DESIGN.exists() else {}
AWAITED: dict[str, str] = {}
"""Programs of the design that do not yet derive what they should, by what is missing."""


@pytest.mark.skipif(not WANTED, reason="the design's programs lie only beside developers")
@pytest.mark.parametrize("name", WANTED or [""])
def test_designs_programs(name: str) -> None:
    wrong = attempt(SHARED / f"{name}.dgm", WANTED[name])
    awaited = {name for names in AWAITED.values() for name in names.split()}
    assert bool(wrong) == (name in awaited), wrong


def attempt(path: Path, expected: dict[str, Any]) -> list[str]:
    """The codes of a refusal, or the keys of the expectation that do not hold."""
    try:
        return mistakes(compile_source(read(path), expected.get("with"))[0], expected)
    except DgmError as error:
        return [d.code for d in error.diagnostics]


# ── rules, each on the smallest program that shows it ────────────────────────────────────────────


def ising(sides: str, shifts: str) -> Plan:
    energy = " + ".join(f"s * shift(s, {k}, axis = {a})" for k, a in eval_pairs(shifts))
    return compile_text(
        f"model M {{ param J : real\n data s : spin[{sides}]\n energy -J * sum({energy}) }}"
    )


def eval_pairs(shifts: str) -> list[tuple[int, int]]:
    return [(int(p.split(":")[0]), int(p.split(":")[1])) for p in shifts.split()]


@pytest.mark.parametrize(
    ("sides", "shifts", "sites"),
    [
        ("6, 4", "1:0 1:1", [12, 12]),
        ("8", "1:0", [4, 4]),
        ("9", "1:0", [3, 3, 3]),
        ("6, 6", "2:0 1:1", None),
        ("3, 3", "1:0 1:1", [3, 3, 3]),
        ("4, 4", "1:0", [8, 8]),
        ("5, 5", "1:0 1:1", [8, 9, 8]),
        ("5, 6", "1:0 1:1", [9, 12, 9]),
        ("5, 7", "1:0 1:1", [11, 13, 11]),
        ("31, 33", "1:0 1:1", None),
        ("7, 7", "1:0 2:0 1:1", None),
        ("1, 4", "1:0 1:1", [2, 2]),
        ("2, 2", "1:0 1:1", [2, 2]),
    ],
)
def test_stencils_are_coloured(sides: str, shifts: str, sites: list[int] | None) -> None:
    blocks = ising(sides, shifts).facts.blocks
    counts = [part.sites for block in blocks for part in block.parts]
    shape = tuple(int(n) for n in sides.split(","))
    assert sum(counts) == prod(shape) if sites is None else counts == sites
    assert_proper(blocks, shape, eval_pairs(shifts))


def assert_proper(blocks: Any, shape: tuple[int, ...], shifts: list[tuple[int, int]]) -> None:
    """Every site is in one block, as many as it says, and none that interact are in the same."""
    masks = np.stack([where(block.parts[0], shape) for block in blocks])
    assert np.all(masks.sum(0) == 1)
    assert [int(m.sum()) for m in masks] == [block.parts[0].sites for block in blocks]
    colour = masks.argmax(0)
    for k, axis in shifts:
        if shape[axis] > 1:
            assert np.all(colour != np.roll(colour, k, axis))


@pytest.mark.parametrize(
    ("energy", "sides", "sites"),
    [
        ("s[1:, :] * s[:-1, :]", "5, 4", [12, 8]),
        ("s[1:] * s[:-1]", "5", [3, 2]),
        ("s[-3:] * s[1:4]", "6", [4, 2]),
        ("s[1:, 1:] * s[:-1, :-1]", "3, 3", [6, 3]),
        ("s[:-1] * shift(s, 1, axis = 0)[:-1]", "5", [2, 2, 1]),
    ],
)
def test_slices_interact_where_they_stand(energy: str, sides: str, sites: list[int]) -> None:
    plan = compile_text(f"model M {{ data s : spin[{sides}]\n energy -sum({energy}) }}")
    assert sorted(p.sites for b in plan.facts.blocks for p in b.parts) == sorted(sites)
    assert {b.rule for b in plan.facts.blocks} == {"multilinear"}


@pytest.mark.parametrize(
    "energy",
    [
        "s @ W @ s",
        "s[0] * s[1]",
        "s[:1] * s",
        "shift(s[1:], 1, axis = 0) * s[1:]",
        "exp(sum(s))",
        "sum(s * s[i])",
    ],
)
def test_sites_that_may_all_interact_are_drawn_one_after_the_other(energy: str) -> None:
    plan = compile_text(
        "model M { data s : bit[4]\n given i : cat(4)\n param W : real[4, 4]\n"
        f" energy sum({energy}) + 0 * sum(W) + sum(one_hot(i)) }}"
    )
    (block,) = plan.facts.blocks
    assert (block.rule, block.turns, block.together) == ("single site", 4, False)
    assert plan.default_sampler == "gibbs"
    assert "one after the other" in str(Explanation(plan))


def test_counts_have_a_default_sampler_that_is_legal() -> None:
    plan = compile_text("model M { data k : count\n energy 0.3 * k }")
    assert plan.samplers[plan.default_sampler].legal


def test_self_coupling_is_not_multilinear() -> None:
    text = "model M { data s : bit[4]\n param b : real[4]\n energy sum(b * s ** 2) }"
    assert [b.rule for b in compile_text(text).facts.blocks] == ["differences"]


@pytest.mark.parametrize(
    ("energy", "rules"),
    [
        ("sum((v - b) ** 2) / 2 - v @ W @ h", ["gaussian", "multilinear"]),
        ("sum(s * (v - b) ** 2) - v @ W @ h", ["gaussian", "multilinear"]),
        ("sum((-2 * v) ** 2) - v @ W @ h", ["gaussian", "multilinear"]),
        ("sum(b * v ** 2) - v @ W @ h", []),
        ("sum((b * v) ** 2) - v @ W @ h", []),
        ("-sum(v ** 2) - v @ W @ h", []),
        ("sum(v ** 4) - v @ W @ h", []),
        ("sum(v) - v @ W @ h", []),
        ("sum(s * v) ** 2 + sum(v ** 2) - v @ W @ h", []),
        ("sum(v * v) - v @ W @ h", []),
        ("1 / (1 + sum(v ** 2)) - v @ W @ h", []),
        ("sum(v ** 2) - 0.5 * sum((v + zeros(4)[:, None]) ** 2)", []),
        ("sum(v ** 2) - 0.2 * sum(sum(v ** 2) * ones(6))", []),
    ],
)
def test_gaussian_conditionals_where_the_curvature_is_seen_to_be_positive(
    energy: str, rules: list[str]
) -> None:
    plan = compile_text(
        "model M { data v : real[6]\n latent h : bit[3]\n param W : real[6, 3]\n"
        f" param b : real[6]\n param s : positive[6]\n energy {energy} - sum(h) + 0 * sum(b + s) }}"
    )
    assert [b.rule for b in plan.facts.blocks] == rules
    assert plan.default_sampler == ("gibbs" if rules else "mala")


@pytest.mark.parametrize(("classes", "built"), [(3, True), (2000, False)])
def test_chains_over_reals_and_classes_sum_these_where_they_are_few(classes, built) -> None:
    plan = compile_text(
        f"model M {{ net f(x: real[4]) -> real[{classes}] = x |> mlp([8])\n"
        f" data y : cat({classes})\n data x : real[4]\n energy -f(x)[y] + sum(x ** 2) }}"
    )
    assert {n: plan.objectives[n].built for n in ("cd", "pcd", "nce")} == {
        "cd": built, "pcd": built, "nce": True,
    }  # fmt: skip


def test_reals_that_interact_along_a_grid_are_coloured() -> None:
    plan = compile_text(
        "model M { data x : real[8]\n energy sum((x - shift(x, 1, axis = 0)) ** 2 + x ** 2) }"
    )
    found = [(b.rule, p.residue, p.sites) for b in plan.facts.blocks for p in b.parts]
    assert found == [("gaussian", 0, 4), ("gaussian", 1, 4)]


def test_a_hidden_unit_that_the_energy_squares_is_not_removed() -> None:
    plan = compile_text(
        "model M { data v : bit[4]\n latent h : bit[3]\n param W : real[4, 3]\n"
        " energy -(v @ W @ h) + sum(h) ** 2 }"
    )
    assert [b.variable for b in plan.facts.bounded] == ["h"]


def test_a_small_energy_has_a_summed_normaliser() -> None:
    small = compile_text(
        "model M { data v : bit[50]\n latent h : bit[5]\n param W : real[50, 5]\n"
        " energy -(v @ W @ h) }"
    )
    assert small.facts.normaliser.value == "summed"
    summation = small.facts.summation
    assert summation is not None
    assert (summation.rule, summation.entries, summation.removed) == ("states", 2**5, 0)
    assert small.objectives["mle"].legal


@pytest.mark.parametrize(("side", "rule"), [(4, "states"), (8, "rows"), (9, None)])
def test_a_lattice_is_summed_by_its_rows(side: int, rule: str | None) -> None:
    summation = ising(f"{side}, {side}", "1:0 1:1").facts.summation
    assert (summation and summation.rule) == rule


def test_a_lattice_with_longer_bonds_is_not_summed_by_its_rows() -> None:
    assert ising("8, 8", "2:0 2:1").facts.summation is None


@pytest.mark.parametrize(("activation", "legal"), [("swish", True), ("relu", False), ("elu", True)])
def test_kinks_refuse_explicit_score_matching(activation: str, legal: bool) -> None:
    plan = compile_text(
        f"model M {{ net E(x: real[2]) -> real = x |> mlp([8], activation = {activation})\n"
        " data x : real[2]\n energy E(x) + sum(x ** 2) }"
    )
    assert plan.objectives["ssm"].legal is legal
    assert plan.objectives["dsm"].legal


def test_many_states_are_left_to_a_bound() -> None:
    program = (
        (
            "model M(n: int) {{ net f(z: bit[n]) -> (logits: real[4]) = z\n param b : real[n]\n"
            " latent z : bit[n] ~ Bernoulli(logits = b)\n data x : bit[4] ~ Bernoulli(f(z)...) }}"
        )
        .replace("{{", "{")
        .replace("}}", "}")
    )
    assert compile_text(program, n=19).facts.density.value == "exact"
    assert compile_text(program, n=20).facts.density.value == "bound"


def test_directions_of_bijections_are_those_that_the_library_declares() -> None:
    plan = compile_text(
        "model M { data x : real[4, 4, 1] ~ Normal(0, 1) |> scale |> repeat(2) {"
        " squeeze { masked_conv(channels = 2) } |> scale } |> reverse }"
    )
    found = Explanation(plan).json()["bijections"]
    assert [(d["stage"], d["jacobian"], d["density"], d["draw"]) for d in found] == [
        ("scale", "diagonal", "one pass", "one pass"),
        ("masked_conv", "triangular", "one pass", "an iteration"),
        ("reverse", "permutation", "one pass", "one pass"),
    ]
    assert "draws, one pass, masked_conv by an iteration" in str(Explanation(plan))
