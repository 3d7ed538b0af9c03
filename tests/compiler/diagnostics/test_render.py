from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic, Label
from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.source import Source, Span

VAE = Source(
    "vae.dgm",
    "model VAE(latents: int = 2) {\n"
    "  net decoder(z: real[latents]) -> (logits: real[9]) = z |> mlp([8])\n"
    "\tlatent 漢字 : real[latents] ~ Normal(x̂, σ)\n"
    + "\n"
    * 8
    + "  data x : bit[9] ~ Bernoulli(decoder(z)...)\n"
    "}",
)
OTHER = Source("nets.dgm", "net f(x: real) -> real = x")


def span(text: str, source: Source = VAE) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def drawn(*labels: Label, help: str | None = None) -> str:
    return render(Diagnostic("DGM0412", "the title", labels, help=help))


def test_form_of_the_language_reference() -> None:
    text = render(
        Diagnostic(
            "DGM0412",
            "objective `mle` needs an exact density, and `x` has only a bound",
            (Label(span("net decoder"), "is not affine"),),
            why=("no rule removes z", "z is continuous"),
            help="legal here: elbo (default), iwae",
        )
    )
    assert text.splitlines() == [
        "error[DGM0412]: objective `mle` needs an exact density, and `x` has only a bound",
        "  --> vae.dgm:2:3",
        "   |",
        " 2 |   net decoder(z: real[latents]) -> (logits: real[9]) = z |> mlp([8])",
        "   |   ^^^^^^^^^^^ is not affine",
        "   = why: no rule removes z",
        "   = why: z is continuous",
        "   = help: legal here: elbo (default), iwae",
    ]


def test_labels_on_one_line_and_on_others() -> None:
    text = drawn(
        Label(span("bit[9]"), "here"), Label(span("Bernoulli")), Label(span("z: real"), "there")
    )
    assert text.splitlines() == [
        "error[DGM0412]: the title",
        "   --> vae.dgm:12:12",
        "    |",
        "  2 |   net decoder(z: real[latents]) -> (logits: real[9]) = z |> mlp([8])",
        "    |               ------- there",
        "...",
        " 12 |   data x : bit[9] ~ Bernoulli(decoder(z)...)",
        "    |            ^^^^^^ here",
        "    |                     ---------",
    ]


def test_wide_and_combining_characters_and_tabs() -> None:
    lines = drawn(
        Label(span("real[latents] ~")), Label(span("σ")), Label(span("漢字"))
    ).splitlines()
    assert lines[3:] == [
        " 3 |     latent 漢字 : real[latents] ~ Normal(x̂, σ)",
        "   |                   ^^^^^^^^^^^^^^^",
        "   |                                             -",
        "   |            ----",
    ]


def test_two_files() -> None:
    lines = drawn(Label(span("VAE"), "here"), Label(span("f", OTHER), "there")).splitlines()
    assert [line for line in lines if "-->" in line] == ["  --> vae.dgm:1:7", "  --> nets.dgm:1:5"]


def test_place_without_a_text() -> None:
    diagnostic = Diagnostic("DGM0412", "the title", place="runs/vae", severity="warning")
    lines = render(replace(diagnostic, help="train again")).splitlines()
    assert lines == ["warning[DGM0412]: the title", "  --> runs/vae", "   = help: train again"]


@pytest.mark.parametrize("start", [0, 5, len(VAE.text)])
def test_an_empty_span_has_one_caret(start: int) -> None:
    assert drawn(Label(Span(VAE, start, start), "here")).splitlines()[-1].count("^") == 1


def test_a_span_over_lines_is_marked_to_the_end_of_its_first() -> None:
    whole = Span(VAE, 0, len(VAE.text))
    assert drawn(Label(whole)).splitlines()[-1] == "   | " + "^" * len(VAE.line(1))


def test_long_lines_are_cut_around_the_mark() -> None:
    source = Source("long.dgm", "a" * 10_000 + " here " + "b" * 10_000)
    line, marks = drawn(Label(span("here", source))).splitlines()[-2:]
    assert len(line) < 200
    assert line[marks.index("^") :].startswith("here ")


def test_nothing_moves_the_cursor() -> None:
    source = Source("bad\x1b[2J.dgm", "x \x1b[31m \u202e y")
    text = drawn(Label(span("y", source), "\x07"), help="\x1b")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)


def test_color_changes_no_text() -> None:
    diagnostic = Diagnostic("DGM0412", "the title", (Label(span("z"), "here"),), ("a",), "b")
    colored = render(diagnostic, color=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == render(diagnostic)


def test_the_error_prints_all_it_carries() -> None:
    diagnostic = Diagnostic("DGM0412", "the title")
    assert str(DgmError([diagnostic, diagnostic])).count("the title") == 2
