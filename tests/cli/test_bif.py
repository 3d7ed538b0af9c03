"""`dgm new --from NETWORK.bif`."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dgmlang.cli.bif import program
from dgmlang.cli.command import UsageError
from tests.cli.conftest import Dgm
from tests.lower.loops import model

ASIA = """network unknown {
}
variable asia { type discrete [ 2 ] { yes, no }; }
variable tub { type discrete [ 2 ] { yes, no }; }
variable smoke { type discrete [ 2 ] { yes, no }; }
variable lung { type discrete [ 2 ] { yes, no }; }
variable bronc { type discrete [ 2 ] { yes, no }; }
variable either { type discrete [ 2 ] { yes, no }; }
variable xray { type discrete [ 2 ] { yes, no }; }
variable dysp { type discrete [ 2 ] { yes, no }; }
probability ( asia ) { table 0.01, 0.99; }  // who has been there
probability ( tub | asia ) {
  (yes) 0.05, 0.95;
  (no) 0.01, 0.99;
}
probability ( smoke ) { table 0.5, 0.5; }
probability ( lung | smoke ) { (yes) 0.1, 0.9; (no) 0.01, 0.99; }
probability ( bronc | smoke ) { (yes) 0.6, 0.4; (no) 0.3, 0.7; }
probability ( either | lung, tub ) {
  (yes, yes) 1.0, 0.0;
  (no, yes) 1.0, 0.0;
  (yes, no) 1.0, 0.0;
  (no, no) 0.0, 1.0;
}
probability ( xray | either ) { (yes) 0.98, 0.02; (no) 0.05, 0.95; }
probability ( dysp | bronc, either ) {
  (yes, yes) 0.9, 0.1;
  (no, yes) 0.7, 0.3;
  (yes, no) 0.8, 0.2;
  (no, no) 0.1, 0.9;
}
"""
"""Lauritzen & Spiegelhalter 1988, as the bnlearn repository writes it."""

NAMES = ("asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp")


@pytest.mark.usefixtures("x64")
def test_asia_has_the_numbers_of_the_references() -> None:
    found = model(program(ASIA, "Asia", "asia.bif"))

    @jax.jit
    def chance(values):
        return jnp.exp(found.log_prob({}, dict(zip(NAMES, values, strict=True))))

    def of(**known: int) -> float:
        return float(chance([jnp.asarray(known.get(n, -1)) for n in NAMES]))

    assert of() == pytest.approx(1)
    assert of(xray=0) == pytest.approx(0.11029004, abs=1e-8)
    assert of(lung=0, xray=0) / of(xray=0) == pytest.approx(0.4887114013, abs=1e-9)
    asked = of(bronc=0, dysp=0, smoke=1) / of(dysp=0, smoke=1)
    assert asked == pytest.approx(0.7539449985, abs=1e-9)
    assert abs(of(lung=1, xray=0) / of(xray=0) - 0.4887114013) > 1e-3  # levels stand in order


def test_a_network_becomes_a_file_that_checks(dgm: Dgm, tmp_path: Path) -> None:
    source, file = tmp_path / "asia.bif", tmp_path / "lungs.dgm"
    source.write_text(ASIA, encoding="utf-8")
    status, out, err = dgm("new", file, "--from", source)
    assert (status, err) == (0, "")
    assert f"{file}, after {source}" in out
    written = file.read_text(encoding="utf-8")
    assert "model Lungs {" in written
    tub = "data tub    : cat(2)? ~ Categorical([[0.05, 0.95], [0.01, 0.99]][asia])"
    assert f"  ## 0 is yes, 1 is no.\n  {tub}" in written
    assert dgm("check", file, "--strict")[0] == 0
    assert dgm("fmt", "--check", file)[0] == 0
    assert dgm("new", file, "--from", source)[0] == 2  # nothing is overwritten


def test_names_that_the_language_keeps_get_others() -> None:
    text = """variable for { type discrete [ 2 ] { a, b }; }
    variable x-1 { type discrete [ 3 ] { a, b, c }; }
    variable x_1 { type discrete [ 2 ] { a, b }; }
    probability ( for ) { table 0.5 0.5; }
    probability ( x-1 | for ) { default 0.333, 0.333, 0.333; (b) 1, 0, 0; }
    probability ( x_1 ) { table 0.25, 0.75; }"""
    written = program(text, "Net", "net.bif")
    assert "data v_for : cat(2)? ~ Categorical([0.5, 0.5])" in written
    third = 0.333 / (3 * 0.333)
    row = ", ".join([repr(third)] * 3)
    assert f"x_1 : cat(3)? ~ Categorical([[{row}], [1.0, 0.0, 0.0]][v_for])" in written
    assert "data x_1_2 : cat(2)?" in written
    model(written)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("(yes) 0.05, 0.95;", "", "`tub` has no row for (yes)"),
        ("(yes) 0.05, 0.95;", "(yes) 0.05, 0.85;", "which is no 2 probabilities"),
        ("(yes) 0.05, 0.95;", "(yes) 0.05, much;", "other things than numbers"),
        ("(yes) 0.05, 0.95;", "table 0.05, 0.95;", "`tub` has parents and a `table`"),
        ("variable tub { type discrete [ 2 ]", "variable tub { type discrete [ 3 ]", "3 levels"),
        ("variable tub { type discrete [ 2 ]", "variable tub { type real [ 2 ]", "not discrete"),
        ("( tub | asia )", "( tub | visit )", "`visit` has probabilities and no `variable`"),
        ("probability ( smoke ) { table 0.5, 0.5; }", "", "`smoke` has no probabilities"),
        (ASIA, "", "no `variable NAME"),
    ],
)
def test_what_a_file_lacks_is_said(old: str, new: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        program(ASIA.replace(old, new), "Asia", "asia.bif")
    assert says in str(refused.value)
    assert np.size(str(refused.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_said(dgm: Dgm, tmp_path: Path) -> None:
    status, _, err = dgm("new", tmp_path / "a.dgm", "--from", tmp_path / "none.bif")
    assert status == 2
    assert "none.bif cannot be read" in err
