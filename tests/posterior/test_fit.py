"""Fits by chains as people use them: run folders, ArviZ, the command line, and refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from numpyro.handlers import seed

import dgmlang as dgm
from dgmlang.cli.main import main
from dgmlang.compiler.diagnostics.codes import posterior as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError, Diagnostic
from dgmlang.compiler.plan.methods import Method
from dgmlang.posterior.chains import Chains
from dgmlang.posterior.fit import require_used, tell
from dgmlang.request import Request
from tests.posterior.test_chains import BITS, HIDDEN, NORMAL, SCHOOLS, X, fitted, schools

GOLDEN = Path(__file__).parents[1] / "golden" / "queries"
PAIR = """model Pair {
  param J : real ~ Normal(0, 1)
  data s : spin[2]
  energy -J * s[0] * s[1]
}"""


def told(chains: Chains) -> None:
    """The warnings about chains, raised."""
    found: list[Diagnostic] = []
    tell(chains, "nuts", found.append)
    raise DgmError(found)


def apart() -> Chains:
    draws = np.random.default_rng(0).normal(size=(2, 100, 3)) + np.arange(2)[:, None, None]
    return Chains({"loc": draws})


def diverging() -> Chains:
    draws = np.random.default_rng(0).normal(size=(2, 1000))
    return Chains({"τ": draws}, {}, {"diverging": np.arange(2000).reshape(2, 1000) < 7})


REFUSED: dict[str, Callable[[], object]] = {
    "chains_idle_setting": lambda: dgm.parse(NORMAL).fit(X, objective="nuts", steps=10),
    "chains_of_batches": lambda: dgm.parse(NORMAL).fit(iter([X]), objective="nuts"),
    "chains_have_no_loss": lambda: dgm.parse(NORMAL).loss(
        {}, {"x": jax.numpy.asarray(X)}, jax.random.key(0), "nuts"
    ),
    "chains_are_no_point": lambda: fitted(NORMAL).score(X),
    "chains_apart": lambda: told(apart()),
    "chains_diverge": lambda: told(diverging()),
    "chains_of_other_latents": lambda: fitted(HIDDEN).log_prob(BITS),
    "energy_in_numpyro": lambda: seed(dgm.parse(PAIR).numpyro(), 0)(),
    "no_prior_anywhere": lambda: dgm.parse(NORMAL.replace("~ Normal(0, 2)", "")).fit(
        X, objective="nuts"
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_message(name: str, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(dgm.DgmError) as caught:
        REFUSED[name]()
    golden(GOLDEN / f"{name}.txt", f"{caught.value}\n")


def test_every_code_is_shown() -> None:
    used = "".join(path.read_text() for path in GOLDEN.glob("*.txt"))
    source = Path(codes.__file__).read_text()
    assert {code for code in re.findall(r'"(DGM08\d\d)"', source) if code not in used} == set()


def test_a_setting_of_a_recipe_for_another_objective_stays_unread() -> None:
    nuts = Method("objective", "nuts")
    require_used(nuts, Request(objective="nuts"), {"steps": 9})
    with pytest.raises(dgm.DgmError, match="DGM0831"):
        require_used(nuts, Request(), {"steps": 9})


def test_a_run_folder_keeps_the_chains(tmp_path: Path) -> None:
    fit = fitted(HIDDEN)
    fit.save(tmp_path / "run")
    again = dgm.restore(tmp_path / "run")
    assert again.chains is not None
    assert fit.chains is not None
    assert str(again.chains) == str(fit.chains)
    assert np.array_equal(again.chains.latents["z"], fit.chains.latents["z"])
    assert np.array_equal(again.sample(5, seed=1), fit.sample(5, seed=1))
    assert again.objective == fit.objective


def test_one_seed_one_answer() -> None:
    model, short = dgm.parse(NORMAL), "nuts(draws = 20, warmup = 20, chains = 1)"
    first, second, other = (model.fit(X, objective=short, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.params["m"], second.params["m"])
    assert not np.array_equal(first.params["m"], other.params["m"])


def test_arviz_has_chains_statistics_and_likelihood() -> None:
    arviz = pytest.importorskip("arviz")
    found = schools().to_arviz(SCHOOLS, draws=300)
    assert found.posterior["θ"].dims == ("chain", "draw", "θ_dim_0")
    assert found.posterior["τ"].shape == (2, 300)
    assert set(found.sample_stats) == {"diverging", "acceptance_rate", "n_steps", "energy"}
    assert found.log_likelihood["y"].dims == ("chain", "draw", "example")
    assert found.posterior_predictive["y"].shape == (2, 300, 8)
    # Each draw's likelihood is that of its own parameters.
    at = {name: found.posterior[name].values[1, 7] for name in ("θ", "τ", "μ")}
    z = (SCHOOLS["y"] - at["θ"]) / SCHOOLS["σ"]
    expected = -(z**2) / 2 - np.log(SCHOOLS["σ"]) - np.log(2 * np.pi) / 2
    assert np.allclose(found.log_likelihood["y"].values[1, 7], expected, atol=1e-4)
    again = found.posterior_predictive["y"].values
    spread = np.hypot(SCHOOLS["σ"], found.posterior["θ"].values.std(axis=(0, 1)))
    assert np.allclose(again.std(axis=(0, 1)), spread, rtol=0.15)
    assert float(arviz.rhat(found.posterior["μ"])["μ"]) < 1.05
    hidden = fitted(HIDDEN).to_arviz(BITS, draws=10)
    assert hidden.posterior["z"].dims == ("chain", "draw", "example")
    assert hidden.posterior_predictive["x"].shape == (2, 10, len(BITS))
    with pytest.raises(dgm.DgmError, match="DGM0836"):
        fitted(HIDDEN).to_arviz(BITS[:3])


def test_the_command_line_prints_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, data, run = tmp_path / "location.dgm", tmp_path / "x.npy", tmp_path / "run"
    file.write_text(NORMAL)
    np.save(data, X)
    short = "nuts(draws = 40, warmup = 40, chains = 2)"
    words = ["train", file, "--data", data, "--objective", short, "--out", run]
    assert main([str(word) for word in words]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{short}: draws from the posterior over parameters\n")
    assert re.search(r"^m +\d", out, re.MULTILINE)
    assert "2 chains of 40 draws" in out
    assert main(["eval", str(run), "--data", str(data)]) == 0
    assert "averaged over 80 draws of the parameters" in capsys.readouterr().out
    assert main(["sample", str(run), "-n", "3"]) == 0
    assert capsys.readouterr().out.startswith("x [3]")


def test_what_only_a_guide_learns_needs_no_prior() -> None:
    text = (
        HIDDEN.removesuffix("}")
        + """
      net q(x: bit) -> (loc: real, scale: positive) = x
      guide { z ~ Normal(q(x)...) }
    }"""
    )
    model = dgm.parse(text)
    assert model.plan.objectives["nuts"].legal
