"""`ancestral(z: mala)`: samplers of latents that have no law to draw from."""

from __future__ import annotations

import pytest

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.pipeline import compile_text
from dgmlang.compiler.plan.methods import sampler

TEXT = """model M {
  net F(z: real[2]) -> real = z |> mlp([4])
  latent z : real[2]
  energy F(z) + sum(z ** 2) / 2
  data x : real[2] ~ Normal(z, 1)
  RECIPE
}
"""


def plan(recipe: str = ""):
    return compile_text(TEXT.replace("RECIPE", recipe))


def test_the_default_names_the_site() -> None:
    assert plan().default_sampler == "ancestral(z: mala)"
    assert str(sampler(plan(), None)) == "ancestral(z: mala)"
    assert str(sampler(plan(), "ancestral")) == "ancestral(z: mala)"


@pytest.mark.parametrize("own", ["mala(steps = 7)", "langevin"])
def test_text_recipe_and_python_are_the_same(own: str) -> None:
    written = f"ancestral(z: {own})"
    recipe = f"recipe default {{ sampler = {written} }}"
    made = dgm.samplers.ancestral(z=own)
    shown = [sampler(plan(), written), sampler(plan(), made), sampler(plan(recipe), None)]
    assert {str(method) for method in shown} == {written}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ancestral(x: mala)", "`x` needs no sampler of its own; of the latents here do: `z`"),
        ("ancestral(z: gibbs)", "no block of the energy has a derived conditional"),
        ("ancestral(z: sde)", "the model has no score under a noising process"),
        ("ancestral(z: mola)", "no sampler is called `mola`"),
        ("ancestral(z = mala)", "z"),
    ],
)
def test_a_wrong_site_is_refused(written: str, said: str) -> None:
    with pytest.raises(DgmError) as raised:
        sampler(plan(), written)
    assert said in str(raised.value)


def test_a_site_stands_in_samplers_alone() -> None:
    for here, there in (("Normal(z, 1)", "Normal(loc: z)"), ("mlp([4])", "mlp(hidden: [4])")):
        with pytest.raises(DgmError, match="unexpected `:`"):
            compile_text(TEXT.replace(here, there).replace("RECIPE", ""))
    with pytest.raises(DgmError, match="unexpected `:`"):
        plan("recipe default { objective = elbo(beta: 2) }")
