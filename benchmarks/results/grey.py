"""`python -m benchmarks.results.grey`: Glow and MintNet on digits, in bits per dimension.

1500 digits of 17 grey levels to train on, 297 held out; every number is of the levels, an upper
bound of the code length (a lower one of log p) with its standard error over the pictures. Runs are
kept below `runs/grey`, and one that was interrupted goes on. Some ten minutes a flow on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import dgmlang as dgm
from benchmarks.results import laws

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "runs" / "grey"
LEVELS, ENTRIES = 17, 64

PROGRAMS: Mapping[str, str] = {"glow": "iwae(k = 128)", "mintnet": "exact"}
"""The flows, and how their held-out log-likelihood is got."""

TRAINING: Mapping[str, Any] = {"batch": 64, "average": 0.99}
STEPS: Mapping[str, int] = {"glow": 1_000, "mintnet": 5_000}
"""Of each flow: a step of MintNet is the cheaper one."""


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Shades from 0 to 1, [n, 8, 8], to train on and held out."""
    x = dgm.data("digits")["x"]
    order = np.random.default_rng(0).permutation(len(x))
    return x[order[:1500]], x[order[1500:]]


def trained(program: str) -> dgm.Fitted:
    """The program after its training, which goes on where it was."""
    place = RUNS / program
    before: dict[str, Any] = (
        {"resume": place} if place.exists() else {"out": place, "steps": STEPS[program], **TRAINING}
    )
    return dgm.load(ROOT / "examples" / f"{program}.dgm").fit(pictures()[0], **before)


def shown(name: str, bits: np.ndarray) -> None:
    """A row of the table, the mean with its standard error."""
    error = bits.std(ddof=1) / np.sqrt(len(bits))
    print(f"| {name} | {bits.mean():.3f} ± {error:.3f} |", flush=True)


def main() -> None:
    """Print the table, a row as soon as it is known."""
    train, test = pictures()
    known, held_out = (np.rint(16 * x).astype(int).reshape(len(x), -1) for x in (train, test))
    print("| law | bits per dimension, held out |\n| --- | --- |")
    shown("uniform on the levels", np.full(len(test), np.log2(LEVELS)))
    per_bit = -ENTRIES * np.log(2)
    shown("independent levels", laws.independent_levels(known, held_out, LEVELS) / per_bit)
    shown("one Gaussian, dequantised (bound)", laws.gaussian_levels(known, held_out) / per_bit)
    for program in sys.argv[1:] or PROGRAMS:
        bits = trained(program).bits_per_dim(test, method=PROGRAMS[program])
        shown(f"`{program}` ({bits.kind}, {bits.method})", np.asarray(bits.value))


if __name__ == "__main__":
    main()
