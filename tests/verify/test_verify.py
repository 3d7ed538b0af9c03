"""`verify` lets the examples pass, and no implementation that is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions.transforms import ComposeTransform

import dgmlang as dgm
from dgmlang.bijections import coupling
from dgmlang.bijections.bijection import AbstractFlow, pull, push
from dgmlang.compiler.lower import by_class, draw, guide, remove
from dgmlang.model import Model
from dgmlang.registry import implementation
from dgmlang.solvers.solve import Scheme
from dgmlang.verify import densities, directions, langevin
from dgmlang.verify.bounds import bounds
from dgmlang.verify.chains import chains
from dgmlang.verify.densities import density
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.flows import EPS, UNITS, flows, judged
from dgmlang.verify.instance import Instance, small
from dgmlang.verify.latents import latents
from dgmlang.verify.scores import scores
from dgmlang.verify.verify import TESTS

Test = Callable[[Instance], Iterable[Finding | Untested]]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

FLOW = """
model Flow(d: int = 2) {
  latent z : real[d] ~ Normal(0, 1)
  data   x : real[d] = z |> coupling(mlp([4])) |> reverse |> coupling(mlp([4]))
}
"""
MIXTURE = """
model Mixture {
  param w : simplex(3)
  param loc : real[3]
  latent k : cat(3) ~ Categorical(w)
  data x : real ~ Normal(loc[k], 0.5)
}
"""
BELIEF = """
model Belief(d: int = 3) {
  net decoder(z: bit[2]) -> (logits: real[d]) = z
  net encoder(x: bit[d]) -> (logits: real[2]) = x
  param b : real[2]
  latent z : bit[2] ~ Bernoulli(logits = b)
  data   x : bit[d] ~ Bernoulli(decoder(z)...)
  guide { z ~ Bernoulli(encoder(x)...) }
}
"""
GAUSSIAN = """
model Energy {
  param a : positive
  data x : real[2]
  energy a * sum(x ** 4) / 4 + x[0] * x[1] / 2
}
"""
MACHINE = """
model Machine {
  param W : real[3, 2]
  data v : bit[3]
  latent h : bit[2]
  energy -(v @ W @ h)
}
"""


def found(model: Model, *tests: Test) -> list[Finding | Untested]:
    instance = small(model, {}, 0)
    return [f for test in tests or TESTS for f in test(instance)]


def failures(model: Model, *tests: Test) -> set[str]:
    """What fails of the tests given, or of all."""
    tested = [f for f in found(model, *tests) if isinstance(f, Finding)]
    return {f"{f.subject} {f.claim}" for f in tested if f.outcome == "fails"}


@pytest.mark.parametrize("name", ["vae", "made", "rbm", "score_sde"])
def test_the_examples_hold_with_power(name: str) -> None:
    tested = [f for f in found(dgm.load(EXAMPLES / f"{name}.dgm")) if isinstance(f, Finding)]
    assert len(tested) >= 2
    assert [f for f in tested if f.outcome != "holds"] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cvae", "hvae", "lda", "pixelrnn"])
def test_bounds_and_bytes_hold_with_power(name: str) -> None:
    tested = [f for f in found(dgm.load(EXAMPLES / f"{name}.dgm")) if isinstance(f, Finding)]
    assert len(tested) == (2 if name == "pixelrnn" else 5)
    assert [f for f in tested if f.outcome != "holds"] == []


def test_a_byte_loses_levels_and_a_comment_does_not() -> None:
    model = dgm.parse("""model M {  # 256 of a byte
      param shade : simplex(256)[3]
      data  x     : byte[3] ~ Categorical(shade)
    }""")
    instance = small(model, {}, 0)
    assert "# 256 of a byte" in instance.model.source.text
    tested = [f for f in density(instance) if isinstance(f, Finding)]
    assert [f.outcome for f in tested] == ["holds", "holds"]
    assert tested[0].how == "all 64 states"


def test_a_simplex_is_integrated_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws of another law on it fail."""
    text = "model M { data x : simplex(3) ~ Dirichlet([1.5, 2, 3]) }"
    tested = found(dgm.parse(text), density)
    assert [f.outcome for f in tested if isinstance(f, Finding)] == ["holds", "holds"]
    whole = draw.draw

    def broken(*arguments: Any) -> Any:
        drawn = whole(*arguments)
        return {**drawn, "x": jnp.roll(drawn["x"], 1, axis=-1)}

    monkeypatch.setattr(draw, "draw", broken)
    assert failures(dgm.parse(text), density) == {"draws of x have the law of the density"}


@pytest.mark.parametrize("text", [FLOW, MIXTURE, BELIEF, GAUSSIAN, MACHINE])
def test_the_small_programs_hold(text: str) -> None:
    assert failures(dgm.parse(text)) == set()


def test_a_law_without_a_density_says_so() -> None:
    rest = found(dgm.load(EXAMPLES / "gan.dgm"), density)
    assert [f.why for f in rest if isinstance(f, Untested)] == [
        "it has none, and draws alone define the law"
    ]


def test_a_wrong_log_determinant_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = coupling.CouplingTransform.push

    def broken(self: Any, x: Any) -> Any:
        y, log_det = whole(self, x)
        return y, 0.9 * log_det

    monkeypatch.setattr(coupling.CouplingTransform, "push", broken)
    assert "log-determinant" in " ".join(failures(dgm.parse(FLOW), flows))


def test_an_equation_is_held_to_its_tolerances(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin takes four steps of Euler's, and says that it keeps to 1e-5."""
    model = dgm.parse("""model M {
      data x : real[2] ~ Normal(0, 1) |> ode(mlp([4]), solver = Bosh3)
    }""")
    assert failures(model, flows) == set()
    loose = Scheme("Euler", steps=4)
    monkeypatch.setattr(import_module("dgmlang.bijections.ode"), "Scheme", lambda **_: loose)
    assert "undoes itself" in " ".join(failures(dgm.parse(model.source.text), flows))


@pytest.mark.slow
def test_scores_of_a_continuous_flow_hold_with_power() -> None:
    tested = found(dgm.load(EXAMPLES / "cnf.dgm"), scores)
    assert [f.outcome for f in tested if isinstance(f, Finding)] == ["holds"]


@pytest.mark.slow
def test_flows_as_prior_and_as_posterior_hold_with_power() -> None:
    """The bound, its gradient and the guide against integrals over z."""
    model = dgm.parse("""model M {
      net decoder(z: real[2]) -> (logits: real[3]) = z |> mlp([4])
      net encoder(x: bit[3]) -> (loc: real[2], scale: positive[2], h: real[2]) = x |> mlp([4])
      latent z : real[2] ~ Normal(0, 1) |> coupling(mlp([4])) |> reverse |> coupling(mlp([4]))
      data   x : bit[3]  ~ Bernoulli(decoder(z)...)
      guide {
        let q = encoder(x)
        z ~ Normal(q.loc, q.scale) |> iaf(made([4], condition = q.h)) |> reverse
      }
    }""")
    tested = [f for f in found(model, bounds) if isinstance(f, Finding)]
    assert len(tested) == 5
    assert {f.outcome for f in tested} == {"holds"}


def test_a_latent_summed_without_its_prior_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = remove.log_prob
    monkeypatch.setattr(remove, "log_prob", lambda *a: whole(*a) + 0.2)
    names = failures(dgm.parse(MIXTURE), density, latents)
    assert "density of x integrates to 1" in names
    assert any("removal of k" in name for name in names)


def test_draws_of_another_law_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draw.draw

    def broken(*arguments: Any) -> Any:
        drawn = whole(*arguments)
        return {**drawn, "x": 1.1 * drawn["x"]}

    monkeypatch.setattr(draw, "draw", broken)
    assert failures(dgm.parse(MIXTURE), density) == {"draws of x have the law of the density"}


def test_a_reinforced_gradient_without_its_score_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    elbo = import_module("dgmlang.objectives.elbo")
    monkeypatch.setattr(elbo, "with_gradient_of", lambda value, surrogate: value + 0 * surrogate)
    program = BELIEF.replace("bit[2]", "bit[11]").replace("real[2]", "real[11]")
    assert failures(dgm.parse(program), bounds) == {"gradient of elbo has the right mean"}


def test_a_guide_that_draws_what_it_does_not_say_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = guide.guide_draw

    def broken(*arguments: Any) -> Any:
        latents, log_q = whole(*arguments)
        return {name: 1.0 - z for name, z in latents.items()}, log_q

    monkeypatch.setattr(guide, "guide_draw", broken)
    assert "draws of z have the law of the density" in failures(dgm.parse(BELIEF), bounds)


def test_gibbs_with_tempered_odds_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = by_class.scores
    monkeypatch.setattr(
        by_class, "scores", lambda *a: {name: 0.5 * odds for name, odds in whole(*a).items()}
    )
    assert failures(dgm.parse(MACHINE), chains) == {"gibbs leaves the law as it is"}


def test_langevin_that_accepts_everything_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = langevin.transition

    def broken(log_density: Callable[[Any], Any], *rest: Any) -> Any:
        return whole(lambda x: 0.5 * log_density(x), *rest)

    monkeypatch.setattr(langevin, "transition", broken)
    assert "mala leaves the law as it is" in failures(dgm.parse(GAUSSIAN), chains)


def test_a_test_without_power_does_not_hold() -> None:
    blind = Finding("x", "holds", "by nothing", 0.0, 1.0, "a mistake", 0.5)
    assert blind.outcome == "no power"
    assert (
        Finding("x", "holds", "by nothing", float("nan"), 1.0, "a mistake", 9.0).outcome == "fails"
    )


def test_hyperparameters_that_were_set_stay_and_the_rest_is_cut() -> None:
    model = dgm.parse(
        "model M(d: int, K: int = 50) { data x : cat(K)[d] ~ Categorical(uniform(K)) }"
    )
    assert dict(small(model, {}, 0).model.hypers) == {"d": 4, "K": 4}
    kept = small(model.with_hypers(K=9), {"K": 9}, 0)
    assert dict(kept.model.hypers) == {"d": 4, "K": 9}


def test_too_large_to_enumerate_is_said() -> None:
    model = dgm.parse("model M { data x : bit[64] ~ Bernoulli(0.3) }")
    assert [type(f) for f in found(model)] == [Untested]


def test_the_allowances_are_those_that_are_stated() -> None:
    assert densities.ERRORS == directions.ERRORS == 5.0


@pytest.mark.usefixtures("x64")
def test_an_ill_conditioned_inverse_is_no_fault_and_a_wrong_one_is() -> None:
    """Two splines with nearly flat bins, one after the other: slopes of some 10⁻⁵."""
    rng = np.random.default_rng(0)
    spline = implementation("transform", "spline")(bins=8, bound=4.0)
    raw = [jnp.asarray(8.0 * rng.normal(size=(1, spline.parameters))) for _ in "ab"]
    steep = ComposeTransform([spline(r) for r in raw])
    points = jnp.linspace(-3.9, 3.9, 64)[:, None]
    (error, caught), (_, _) = jax.jit(jax.vmap(partial(judged, steep, UNITS * EPS)))(points)
    assert float(jnp.max(error)) <= 1 < float(jnp.max(caught))
    naive = jnp.abs(steep.inv(steep(points)) - points)
    assert float(jnp.max(naive)) > UNITS * EPS * (1 + 3.9)
    wrong = Skewed(steep)
    assert float(jnp.max(jax.jit(jax.vmap(partial(judged, wrong, UNITS * EPS)))(points)[0][0])) > 1


def test_deep_flows_at_random_parameters_are_no_fault() -> None:
    """In single precision this one's log-determinant was 2.3 times off what was allowed."""
    assert failures(dgm.load(EXAMPLES / "flow_contrastive.dgm"), flows) == set()


def test_a_prior_by_a_score_has_no_bound_to_integrate() -> None:
    rest = found(dgm.load(EXAMPLES / "latent_diffusion.dgm"), bounds)
    assert [(f.subject, f.why) for f in rest if isinstance(f, Untested)] == [
        ("elbo", "its prior is a score, whose density no integral knows")
    ]
    assert all(f.outcome == "holds" for f in rest if isinstance(f, Finding))


class Skewed(AbstractFlow):
    """A transform whose inverse is 1 % off."""

    rank = 1

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def push(self, x: Any) -> Any:
        return push(self.inner, x)

    def pull(self, y: Any) -> Any:
        x, log_det = pull(self.inner, y)
        return 1.01 * x, log_det


PLACED = """
model Placed {
  data x : grey(4) ~ quantize(Normal(0, 1) |> scale |> sigmoid)
  guide { x.u ~ Normal(x / 4, 1) |> scale |> sigmoid }
}
"""


def test_a_written_place_within_a_bin_holds() -> None:
    tested = [f for f in found(dgm.parse(PLACED), bounds) if isinstance(f, Finding)]
    assert len(tested) == 5
    assert [f for f in tested if f.outcome != "holds"] == []
