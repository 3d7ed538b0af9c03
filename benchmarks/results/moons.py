"""`python -m benchmarks.results.moons`: MAF on two moons, as in homework 3 of Stanford's CS236.

Five layers of MADE with two times 100 units, 30 000 standardised points, Adam at 0.001, batches of
100, 50 epochs. The number is the test NLL in nats, which is to be 1.2 ± 0.06; the data's entropy is
1.130, below which it cannot be but for the error of 3 000 test points. Some minutes on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import dgmlang as dgm

EXAMPLES = Path(__file__).parents[2] / "examples"
ENTROPY, ERROR = 1.130, 0.0136
"""Of the standardised law in nats, and four standard errors of a mean over 3 000 points."""


def main(seed: int = 0) -> None:
    """Train and print."""
    x = np.asarray(dgm.data("moons", 30_000, seed=seed)["x"], np.float64)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    train, test = x[:24_000], x[-3000:]
    model = dgm.load(EXAMPLES / "maf.dgm", d=2, layers=5, hidden=[100, 100])
    fit = model.fit(
        train, objective="mle", optimizer="adam(learning_rate = 0.001)", batch=100, epochs=50,
        seed=seed,
    )  # fmt: skip
    nats = -float(np.mean(np.asarray(fit.log_prob(test))))
    above = "not below" if nats > ENTROPY - ERROR else "BELOW"
    print(f"maf, two moons: test NLL {nats:.3f} nats, {above} the entropy {ENTROPY} − {ERROR}")


if __name__ == "__main__":
    main()
