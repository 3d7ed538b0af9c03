"""What is taken where nothing is said follows from the lines of the library alone."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from dgmlang.compiler import library as libraries
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan import plan as plans
from dgmlang.compiler.plan import recipes
from dgmlang.compiler.shelves import Book, Shelf

COIN = "model Coin { param p : unit\n data x : bit ~ Bernoulli(p) }"
EBM = "model E { param a : positive\n data x : real[2]\n energy a * sum(x ** 4) }"


def beside(line: str) -> libraries.Library:
    """The library with one line more."""
    whole = libraries.library()
    _, kind, name, *_ = line.replace("(", " ").split()
    book = cast("Book[libraries.Extern]", Book("more.dgm", line, 0, libraries.entry))
    shelf = Shelf({**whole.externs[kind].books, name: book})
    return replace(whole, externs={**whole.externs, kind: shelf})


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("extern objective mine() with default(0.5, density == exact) requires learned", "mine"),
        ("extern objective mine() with default(0.5, density == bound) requires learned", "mle"),
        ("extern objective mine() with default(99, density == exact) requires learned", "mle"),
        ("extern objective mine() with default(0.5, density == exact) requires energy", "mle"),
        ("extern objective mine() requires learned", "mle"),
    ],
)
def test_a_new_objective_offers_itself(
    line: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = beside(line)
    monkeypatch.setattr(plans, "library", lambda: whole)
    assert compile_text(COIN).default_objective == chosen


def test_a_new_sampler_offers_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compile_text(EBM).default_sampler == "mala"
    whole = beside("extern sampler mine() with default(0.5, energy) requires energy")
    monkeypatch.setattr(plans, "library", lambda: whole)
    assert compile_text(EBM).default_sampler == "mine"


def test_a_new_objective_trains_as_its_line_says(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = beside("extern objective mine() with trains(contrastive) requires learned")
    monkeypatch.setattr(recipes, "library", lambda: whole)
    assert recipes.recipe("mine") == recipes.CONTRASTIVE != recipes.recipe("elbo")


def test_every_way_of_training_is_known() -> None:
    said = {e.argument("trains")[0] for e in libraries.library().space("objective").values()
            if e.has("trains")}  # fmt: skip
    assert said == set(recipes.RECIPES)


def test_no_two_methods_share_a_rank() -> None:
    for kind in ("objective", "sampler"):
        known = libraries.library().space(kind).values()
        ranks = [e.argument("default")[0] for e in known if e.has("default")]
        assert len(ranks) == len(set(ranks))
