"""The demo step by step: a program, what follows from it, two objectives, numbers and pictures.

Both fits are measured by one estimator. The bounds that they were trained with differ in `k`, and
bounds of different `k` are not to be compared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import dgmlang as dgm
from dgmlang.cli.demo.pictures import draw
from dgmlang.cli.eval import number
from dgmlang.evaluate.result import bits_per_dim
from dgmlang.fitted import Fitted
from dgmlang.runtime.checkpoint import put

STEPS = 3_000
HELD_OUT = 297
ESTIMATOR = "iwae(k = 512)"
OBJECTIVES = ("elbo", "iwae(k = 8)")


def tell(out: Path, steps: int = STEPS) -> None:
    """Run the demo; runs and pictures go to `out`, what is said to standard output."""
    program, data, held_out = _put_files(out)
    _heading("A program", str(program))
    print(program.read_text(encoding="utf-8").rstrip())
    model = dgm.load(program, side=8)
    _heading("What follows from it", f"dgm explain {program} --set side=8")
    print(model.explain())
    with np.load(held_out) as arrays:
        test = {"x": arrays["x"]}
    fits: dict[str, Fitted] = {}
    for objective, title in zip(OBJECTIVES, ("Training", "Another objective"), strict=True):
        flag = f' --objective "{objective}"' if fits else ""
        folder = out / objective.partition("(")[0]
        shared = f"--data {data} --steps {steps} --valid 0.1"
        _heading(title, f"dgm train {program} {shared}{flag} --out {folder}")
        fits[objective] = model.fit(
            data, objective=objective, steps=steps, valid=0.1, out=folder, replace=True,
            progress=True,
        )  # fmt: skip
        print("\n".join(_bound(objective, fits[objective], test)))
    print("Both numbers are by one estimator, so they can be compared.")
    _heading("Pictures", str(out))
    for path in draw(fits, test, out):
        print(path)
    _heading("What next")
    print("\n".join(_next(program, data, held_out)))


def _put_files(out: Path) -> tuple[Path, Path, Path]:
    """The program, the data and the held-out data as files, so that the commands shown work."""
    text = (Path(dgm.__file__).parent / "examples" / "vae.dgm").read_bytes()
    learned, held = _digits()
    paths = (out / "vae.dgm", out / "digits.npz", out / "held-out.npz")
    fills = (
        lambda file: file.write(text),
        lambda file: np.savez(file, x=learned),
        lambda file: np.savez(file, x=held),
    )
    for path, fill in zip(paths, fills, strict=True):
        put(path, fill)
    return paths


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits, shuffled once: examples to learn from, and examples held out."""
    pictures = dgm.data("digits")["x"]
    order = np.random.default_rng(0).permutation(len(pictures))
    return pictures[order[HELD_OUT:]], pictures[order[:HELD_OUT]]


def _heading(title: str, detail: str = "") -> None:
    sys.stderr.flush()
    print(f"\n── {title} {'─' * (76 - len(title))}")
    if detail:
        print(f"$ {detail}" if detail.startswith("dgm ") else detail)
    print(flush=True)


def _bound(objective: str, fit: Fitted, test: Mapping[str, Any]) -> Iterator[str]:
    nats = fit.log_prob(test, method=ESTIMATOR).mean()
    bits = bits_per_dim(nats, test["x"][0].size)
    yield f"{HELD_OUT} digits held out, after training with {objective}:"
    yield f"  log p(x) ≥ {number(nats)} nats, or ≤ {number(bits)} bits per dimension"
    yield f"  a {nats.kind} by {nats.method}; dots drawn once from the grey values"


def _next(program: Path, data: Path, held_out: Path) -> Iterator[str]:
    out = program.parent
    yield f"dgm sample {out / 'elbo'} -n 64 --plot {out / 'more.png'}"
    yield f"dgm eval {out / 'iwae'} --data {held_out}"
    yield f"dgm train {program} --data {data} --set latents=2 --out {out / 'flat'}"
    yield "dgm --help"
    yield "The language and more programs: docs/language.md and examples/ in the repository."
