"""What `let` puts in has the parameters that the language says, and the values of its text."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

import dgmlang as dgm
from dgmlang.compiler.program import Named

TEXT = """model M {
  let f(a) = a |> dense(2)
  let block(k) = dense(k) |> tanh
  net g(x: real[3]) -> real[2] raw = x |> block(4) |> block(2)
  latent z : real[3] ~ Normal(0, 1)
  let (a, b) = [f(z), f(2 * z)]
  data x : real[2] ~ Normal(a + b + g(z), 1)
}"""


def test_parameters_are_shared_by_uses_of_a_function_only() -> None:
    params = dgm.parse(TEXT).init()
    shapes = jax.tree.map(np.shape, params)
    assert shapes["f"] == {"dense": {"kernel": (3, 2), "bias": (2,)}}
    assert shapes["g"]["dense"]["kernel"] == (3, 4)
    assert shapes["g"]["dense_2"]["kernel"] == (4, 2)


def test_values_are_those_of_the_text() -> None:
    model = dgm.parse(TEXT)
    params = jax.tree.map(lambda leaf: leaf + 0.1, model.init())
    z = np.array([0.3, -0.2, 0.5])
    law = model.plan.program.variables["x"].law
    assert isinstance(law, Named)
    mean = model.lowered.evaluate(params, law.arguments["loc"], {"z": jnp.asarray(z)})
    f, g = params["f"]["dense"], params["g"]
    hidden = np.tanh(z @ g["dense"]["kernel"] + g["dense"]["bias"])
    last = np.tanh(hidden @ g["dense_2"]["kernel"] + g["dense_2"]["bias"])
    np.testing.assert_allclose(mean, 3 * z @ f["kernel"] + 2 * f["bias"] + last, rtol=1e-5)
