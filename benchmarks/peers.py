"""`python -m benchmarks.peers NAME`: a masked autoregressive flow of another library, on request.

5 layers with hidden layers of 64 and 64, affine, 8 entries, batches of 256; Adam. Each line of the
input, `train`, `density` or `draw` and a number, is done so many times, and the CPU seconds are
written. Libraries need not be installed where this one is: the caller names the Python.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from time import process_time
from typing import Any

import numpy as np

BATCH, ENTRIES, LAYERS, HIDDEN = 256, 8, 5, 64
NAMES = ("flowjax", "zuko", "nflows")

Jobs = Mapping[str, Callable[[int], None]]


class Peer:
    """A library at work in a process of its own; `installed` says whether it is there."""

    def __init__(self, name: str, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.peers", name], text=True, stderr=subprocess.DEVNULL,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.installed = self._process.stdout.readline() == "ready\n"

    def seconds(self, job: str, times: int) -> float:
        """The CPU seconds of a job."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(job, times, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


def data() -> np.ndarray:
    """A correlated and bent law of 8 entries."""
    x = np.random.default_rng(0).standard_normal((100 * BATCH, ENTRIES))
    return (x + 0.5 * np.roll(x, 1, axis=1) ** 2).astype(np.float32)


def flowjax() -> Jobs:
    """flowjax's flow, and its own step of training."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax
    import paramax
    from flowjax.bijections import Affine
    from flowjax.distributions import Normal
    from flowjax.flows import masked_autoregressive_flow
    from flowjax.train.losses import MaximumLikelihoodLoss
    from flowjax.train.train_utils import step

    base = Normal(jnp.zeros(ENTRIES))
    flow = masked_autoregressive_flow(
        jax.random.key(0), base_dist=base, transformer=Affine(), flow_layers=LAYERS,
        nn_width=HIDDEN, nn_depth=2,
    )  # fmt: skip
    fixed = paramax.NonTrainable
    params, static = eqx.partition(
        flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, fixed)
    )
    adam, loss, x = optax.adam(1e-3), MaximumLikelihoodLoss(), jnp.asarray(data())
    held = {"params": params, "state": adam.init(params), "done": 0}
    log_prob = eqx.filter_jit(lambda flow, x: flow.log_prob(x))
    sample = eqx.filter_jit(lambda flow, key: flow.sample(key, (BATCH,)))

    def train(times: int) -> None:
        for _ in range(times):
            at = held["done"] % 100 * BATCH
            held["params"], held["state"], _ = step(
                held["params"], static, x[at : at + BATCH], optimizer=adam,
                opt_state=held["state"], loss_fn=loss, key=jax.random.key(0),
            )  # fmt: skip
            held["done"] += 1
        jax.block_until_ready(held["params"])

    def density(times: int) -> None:
        jax.block_until_ready([log_prob(flow, x[:BATCH]) for _ in range(times)])

    def draw(times: int) -> None:
        jax.block_until_ready([sample(flow, jax.random.key(i)) for i in range(times)])

    return {"train": train, "density": density, "draw": draw}


def zuko() -> Jobs:
    """zuko's flow."""
    flow = import_module("zuko.flows").MAF(
        ENTRIES, transforms=LAYERS, hidden_features=(HIDDEN, HIDDEN)
    )
    return _of_torch(flow, lambda x: flow().log_prob(x), lambda n: flow().sample((n,)))


def nflows() -> Jobs:
    """nflows's flow: a masked layer, one block and the head have as many weights as ours."""
    flow = import_module("nflows.flows.autoregressive").MaskedAutoregressiveFlow(
        ENTRIES, HIDDEN, LAYERS, num_blocks_per_layer=1, use_residual_blocks=False
    )
    return _of_torch(flow, flow.log_prob, flow.sample)


def _of_torch(flow: Any, log_prob: Callable[[Any], Any], sample: Callable[[int], Any]) -> Jobs:
    torch: Any = import_module("torch")
    torch.set_num_threads(1)
    adam, x = torch.optim.Adam(flow.parameters(), lr=1e-3), torch.from_numpy(data())
    done = iter(range(10**9))

    def train(times: int) -> None:
        for _ in range(times):
            at = next(done) % 100 * BATCH
            adam.zero_grad()
            (-log_prob(x[at : at + BATCH]).mean()).backward()
            adam.step()

    def density(times: int) -> None:
        with torch.no_grad():
            for _ in range(times):
                log_prob(x[:BATCH])

    def draw(times: int) -> None:
        with torch.no_grad():
            for _ in range(times):
                sample(BATCH)

    return {"train": train, "density": density, "draw": draw}


def main(name: str) -> None:
    """Say that the library is there, then do what is asked until the input ends."""
    jobs = {"flowjax": flowjax, "zuko": zuko, "nflows": nflows}[name]()
    print("ready", flush=True)
    for line in sys.stdin:
        job, times = line.split()
        since = process_time()
        jobs[job](int(times))
        print(process_time() - since, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
