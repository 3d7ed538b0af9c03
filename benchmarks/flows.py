"""`python -m benchmarks.flows [ROUNDS]`: autoregressive flows, other libraries', and by depth.

8 entries, 5 layers of `made([64, 64])`, 256 examples. Training, densities and draws of `maf`, and
both directions of `maf` and `iaf`, beside the same by hand; then flowjax, zuko and nflows, which
need not be installed, the latter two by another Python if `PEERS` names one. All take turns on one
core; CPU time. Last the seconds that loss and gradient take to compile, by the number of layers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks import maf, peers
from benchmarks.pairs import Ratio, ratio, use_one_core
from benchmarks.peers import BATCH, Peer

EXAMPLES = Path(__file__).parents[1] / "examples"
KINDS = ("maf", "iaf")
CALLS = 20
"""How many calls are one turn."""

Side = Callable[[int], float]
"""Does a job so many times, and returns CPU seconds."""


def directions(kind: str, layers: int = 5) -> Mapping[str, tuple[Callable[[], Any], ...]]:
    """Densities and draws of 256 examples: compiled, ours and by hand."""
    import jax

    import dgmlang as dgm
    from benchmarks.by_hand import maf as hand

    model = dgm.load(EXAMPLES / f"{kind}.dgm", d=8, layers=layers).lowered
    params, x = maf.moved(model.init(0, None)), jax.numpy.asarray(peers.data()[:BATCH])
    key = jax.random.key(0)
    keys = jax.random.split(key, BATCH)
    density = jax.jit(jax.vmap(lambda p, x: model.log_prob(p, {"x": x}), (None, 0)))
    draw = jax.jit(jax.vmap(lambda p, key: model.draw(p, key, {})["x"], (None, 0)))
    by_hand = jax.jit(partial(hand.log_prob, name=kind))
    drawn = jax.jit(lambda p, key: hand.pushed(p, jax.random.normal(key, (BATCH, 8)), kind))
    return {
        "density": (lambda: density(params, x), lambda: by_hand(params, x)),
        "draw": (lambda: draw(params, keys), lambda: drawn(params, key)),
    }


def taking(run: Callable[[], Any]) -> Side:
    """A compiled function as a side."""
    import jax

    def seconds(times: int) -> float:
        since = process_time()
        jax.block_until_ready([run() for _ in range(times)])
        return process_time() - since

    return seconds


def against(ours: Side, other: Side, times: int, rounds: int) -> Ratio:
    """The other's CPU seconds over ours, taking turns."""
    for side in (ours, other):
        side(times)
    return ratio([(ours(times), other(times)) for _ in range(rounds)])


def training(other: Side, rounds: int) -> Ratio:
    """The other's CPU seconds of a step of training over those of `fit`; records end turns."""
    turns: list[tuple[float, float]] = []
    last = [process_time(), 0]

    def take_turns(record: Any) -> None:
        ours = process_time() - last[0]
        turns.append((ours, other(record.step - int(last[1]))))
        last[:] = process_time(), record.step

    maf.model().fit(peers.data(), steps=10 * (rounds + maf.WARM_UP), batch=BATCH,
                    objective="mle", optimizer="adam(learning_rate = 1e-3)",
                    callbacks=[take_turns])  # fmt: skip
    return ratio(turns[maf.WARM_UP :])


def compiled(layers: int) -> tuple[float, float]:
    """CPU seconds until loss and gradient are compiled, ours and unrolled by hand."""
    import jax

    from benchmarks.by_hand import maf as hand

    ours, x = maf.model(layers), jax.numpy.asarray(peers.data()[:BATCH])
    params, key = ours.init(0), jax.random.key(0)
    found = []
    for loss in (lambda p: ours.loss(p, {"x": x}, key)), (lambda p: hand.loss(p, x)):
        since = process_time()
        jax.jit(jax.value_and_grad(loss)).lower(params).compile()
        found.append(process_time() - since)
    return found[0], found[1]


def main(rounds: int) -> None:
    """Measure and print."""
    import jax

    jax.config.update("jax_enable_compilation_cache", False)
    sides = {kind: directions(kind) for kind in KINDS}
    for kind, jobs in sides.items():
        for job, (ours, hand) in jobs.items():
            found = against(taking(ours), taking(hand), CALLS, rounds)
            print(f"{kind}, {job}, by hand over ours: {found}", flush=True)
    for name in peers.NAMES:
        python = sys.executable if name == "flowjax" else os.environ.get("PEERS", sys.executable)
        peer = Peer(name, python)
        if not peer.installed:
            print(f"{name}: not installed, left out")
            continue
        print(f"{name} over ours, train: {training(partial(peer.seconds, 'train'), rounds)}")
        for job, (ours, _) in sides["maf"].items():
            found = against(taking(ours), partial(peer.seconds, job), CALLS, rounds)
            print(f"{name} over ours, {job}: {found}", flush=True)
    for layers in (5, 10, 20):
        print("{} layers: {:.1f} s to compile, {:.1f} s by hand".format(layers, *compiled(layers)))


if __name__ == "__main__":
    use_one_core()
    main(int((sys.argv[1:] or ["15"])[0]))
