"""Two implementations taking turns in one process, and what their times say about each other.

A machine's speed drifts by more than what is asked here, so only neighbours are compared: pair i is
the CPU time of one block of steps on either side, one right after the other. The number reported is
the median of the ratios, with the order statistics that hold it with a confidence of 95 %.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from statistics import median
from time import process_time

MISSED = 0.025
"""How often the true median may lie below the interval, and how often above."""


@dataclass(frozen=True)
class Ratio:
    """The median of `count` ratios (more is faster), and its 95 % interval."""

    median: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}] of {self.count} pairs"


class Turns:
    """CPU seconds of the two sides, taking turns; the first few are not counted.

    `ours` and `by_hand` end a side's turn, so what lies between two such calls is one turn.
    """

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.pairs: list[tuple[float, float]] = []
        self._since = process_time()
        self._ours = 0.0

    def ours(self) -> None:
        """Our block of steps is done."""
        self._ours, self._since = process_time() - self._since, process_time()

    def by_hand(self) -> None:
        """The block by hand is done."""
        self.pairs.append((self._ours, process_time() - self._since))
        self._since = process_time()

    @property
    def counted(self) -> list[tuple[float, float]]:
        """The pairs after the warm-up."""
        return self.pairs[self.warm_up :]


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """By hand over ours: 1.05 says that ours does five per cent more steps in the same time.

    Raises:
        ValueError: fewer than 15 pairs, which hold no useful interval.
    """
    if len(pairs) < 15:
        raise ValueError(f"an interval needs at least 15 pairs, not {len(pairs)}")
    ratios = sorted(theirs / ours for ours, theirs in pairs)
    out = left_out(len(ratios))
    return Ratio(median(ratios), ratios[out], ratios[-1 - out], len(ratios))


def left_out(count: int) -> int:
    """How many ordered values lie outside of the interval on each side.

    The k-th smallest of n independent values exceeds their median with the probability that fewer
    than k of n fair coins show heads, Σ_{i<k} C(n, i) / 2ⁿ; no law of the values is assumed.

    Source: W. J. Conover, Practical Nonparametric Statistics, sec. 3.2.
    """
    below, out = 0, 0
    while (below := below + comb(count, out)) <= MISSED * 2**count:
        out += 1
    return out - 1


def use_one_core() -> None:
    """Pin this process, and keep JAX to one thread; call it before anything imports JAX."""
    if "jax" in sys.modules:
        raise RuntimeError("JAX is imported already and has made its threads")
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}


def peak_of(*command: str) -> int:
    """The peak resident memory in bytes of `python -m …`, a process of its own that prints it."""
    done = subprocess.run(
        [sys.executable, "-m", *command], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(done.stdout.split()[-1])


def peak() -> int:
    """The peak resident memory of this process so far, in bytes.

    By the kernel's own account of this program: `ru_maxrss` of a process that was forked holds its
    parent's peak too.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
