"""`python -m benchmarks.rbm [STEPS]`: training `examples/rbm.dgm` by PCD-1, and the same by hand.

784 visible, 500 hidden, batches of 128 and as many chains, Adam. Every record of `fit` ends its
turn, and as many steps by hand follow; CPU time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import pictures
from benchmarks.pairs import Ratio, Turns, ratio, use_one_core

PROGRAM = Path(__file__).parents[1] / "examples" / "rbm.dgm"
WARM_UP = 3


def speed(steps: int) -> Ratio:
    """Steps per CPU second of `fit`, over those by hand."""
    import dgmlang as dgm
    from benchmarks.by_hand import rbm

    dots = pictures.made().reshape(-1, pictures.SIDE**2) > 127
    ours, data = dgm.load(PROGRAM), dots.astype(np.float32)
    by_hand, turns = rbm.run(ours.init(0), data), Turns(WARM_UP)

    def take_turns(record: Any) -> None:
        turns.ours()
        by_hand.steps(record.step - by_hand.done)
        turns.by_hand()

    settings: dict[str, Any] = {
        "batch": rbm.BATCH,
        "prepare": "v = v",
        "objective": f"pcd(chains = {rbm.CHAINS})",
        "optimizer": "adam(learning_rate = 1e-3)",
    }
    ours.fit(data, steps=steps, callbacks=[take_turns], **settings)
    return ratio(turns.counted)


if __name__ == "__main__":
    use_one_core()
    print(f"training, ours over by hand: {speed(int((sys.argv[1:] or ['1500'])[0]))}")
