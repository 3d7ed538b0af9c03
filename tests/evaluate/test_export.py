"""What is exported gives the same numbers in a process that does not know this library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import dgmlang as dgm

MIXTURE = """model Mixture {
  param loc : real[2, 3]
  latent k : cat(2) ~ Categorical(uniform(2))
  data x : real[3] ~ Normal(loc[k], 0.5)
  recipe default { prepare x = 2 * x + 1 }
}
"""
READER = """
import sys
from pathlib import Path
import jax, jax.export, numpy as np
folder = Path(sys.argv[1])
inputs = np.load(folder / "inputs.npz")
found = {}
for query, names in [("log_prob", ["x"]), ("energy", ["x"]), ("score", ["x"]), ("sample", ["key"])]:
    exported = jax.export.deserialize((folder / query).read_bytes())
    found[query] = jax.tree.leaves(exported.call(*(inputs[n] for n in names)))[0]
found["two"] = jax.export.deserialize((folder / "log_prob").read_bytes()).call(inputs["x"][:2])
np.savez(folder / "found.npz", **found)
assert "dgmlang" not in sys.modules
"""


def fit() -> dgm.Fitted:
    data = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    return dgm.parse(MIXTURE).fit(data, steps=5, batch=32)


def test_another_process_gives_the_same_numbers(tmp_path: Path):
    fitted, x = fit(), np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    for query in ("log_prob", "energy", "score"):
        fitted.export(tmp_path / query, query)
    fitted.export(tmp_path / "sample", "sample", batch=7)
    key = jax.random.key_data(jax.random.key(3))
    np.savez(tmp_path / "inputs.npz", x=fitted.prepare(x), key=np.asarray(key))
    run = [sys.executable, "-c", READER, str(tmp_path)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npz")
    for query in ("log_prob", "energy", "score"):
        np.testing.assert_allclose(found[query], getattr(fitted, query)(x), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["two"], fitted.log_prob(x)[:2], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["sample"], fitted.sample(7, seed=3), rtol=1e-5, atol=1e-5)


def test_the_signature_says_what_goes_in_and_out(tmp_path: Path):
    fit().export(tmp_path / "p", "log_prob")
    told = json.loads((tmp_path / "p.json").read_text("utf-8"))
    assert told["inputs"] == [{"name": "x", "shape": ["n", 3], "dtype": "float32"}]
    assert told["outputs"] == [{"name": "", "shape": ["n"], "dtype": "float32"}]
    assert told["prepared"] == {"x": "2 * x + 1"}
    assert told["kind"] == "exact"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p", "p.json"]


def test_a_place_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(dgm.DgmError, match="DGM0605"):
        fit().export(tmp_path / "file" / "p", "log_prob")


def test_a_missing_package_is_named(monkeypatch, tmp_path: Path):
    monkeypatch.setattr("dgmlang.evaluate.export.find_spec", lambda name: None)
    with pytest.raises(dgm.DgmError, match="DGM0818"):
        fit().export(tmp_path / "p", "log_prob")
