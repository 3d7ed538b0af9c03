"""What `dgm check` costs cold, Python's start included: `python -m benchmarks.check`.

The program is six of the examples in one file, 100 lines and more. Beside each run stands a loop of
ten million additions in Python, so that a number says something on another machine.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "dgmlang" / "examples"
PARTS = ("hmm", "gmm", "realnvp", "rbm", "score_sde", "vae")
RUNS, ADDITIONS, LIMIT = 20, 10_000_000, 0.3


def cold(program: Path) -> float:
    """CPU seconds of one `dgm check` in a process of its own, with compiled bytecode on disk."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "dgmlang", "check", str(program)]
    subprocess.run(command, check=True, env=kept, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def additions() -> float:
    """CPU seconds of the loop."""
    start, total = time.process_time(), 0
    for number in range(ADDITIONS):
        total += number
    return time.process_time() - start


def main() -> int:
    """Print the medians; 1 where the limit is passed."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "six.dgm"
        program.write_text("\n".join((EXAMPLES / f"{name}.dgm").read_text() for name in PARTS))
        lines = len(program.read_text().splitlines())
        cold(program)  # writes the bytecode
        pairs = [(cold(program), additions()) for _ in range(RUNS)]
    seconds = statistics.median(ours for ours, _ in pairs)
    ratio = statistics.median(ours / loop for ours, loop in pairs)
    print(f"dgm check, {lines} lines: {seconds:.3f} CPU s, the median of {RUNS} cold runs")
    print(f"{ratio:.2f} of {ADDITIONS:,} additions in Python")
    return seconds > LIMIT


if __name__ == "__main__":
    sys.exit(main())
