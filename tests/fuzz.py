"""Mutates real programs and runs the front end on them: `python -m tests.fuzz --count 100000`.

The compiler may answer with a plan or with diagnostics. Anything else is a bug of ours: another
exception (a stack that is exhausted is one), or an answer that takes longer than the limit.
"""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.diagnostics.render import render
from dgmlang.compiler.pipeline import compile_source
from dgmlang.compiler.plan.explain import Explanation
from dgmlang.compiler.source import Source, Unopened
from tests.mutants import Files, Mutator

ROOT = Path(__file__).parents[1]
FOLDERS = ("examples", "dgmlang/stdlib", "tests/golden/check", "../shared/programs")
LIMIT = 5.0  # seconds of the process's own time a program, however many share the machine

MANY = 4  # every so many mutants is a program of several files


def programs(*more: Path) -> list[str]:
    """Every program of the project, those of the design where they are, and those of `more`."""
    folders = [*(ROOT / folder for folder in FOLDERS), *more]
    paths = [path for folder in folders for path in sorted(folder.glob("*.dgm"))]
    return [path.read_text(encoding="utf-8") for path in paths]


class TooSlow(BaseException):
    """The limit has passed; nothing on the way may take it for an error of its own."""


def _too_slow(*_: object) -> None:
    raise TooSlow


def complaint(
    text: str, limit: float = LIMIT, others: Mapping[str, str] | None = None
) -> str | None:
    """What is wrong with the compiler's answer; None where it is a plan or diagnostics.

    Args:
        text: The main file.
        limit: Seconds that the answer may take.
        others: The texts of the files beside it, by name.
    """
    source = placed(text, others or {})
    signal.signal(signal.SIGVTALRM, _too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)
    try:
        plan, report = compile_source(source)
        str(Explanation(plan))
        found = tuple(report.warnings)
    except DgmError as error:
        found = error.diagnostics
    except TooSlow:
        return f"no answer in {limit:g} s\n{traceback.format_exc(limit=-6)}"
    except Exception:
        return traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return _misdrawn(found)


def placed(text: str, others: Mapping[str, str]) -> Source:
    """The main file as a source that may use the others."""
    main = Source("mutant.dgm", text, lambda path: opened(path))
    sources = {name: Source(name, t, main.opener, main=False) for name, t in others.items()}

    def opened(path: str) -> Source:
        if path not in sources:
            raise Unopened("unreadable", "no such file")
        return sources[path]

    return main


def _misdrawn(found: tuple) -> str | None:
    """A diagnostic that cannot be drawn, or points outside its text."""
    try:
        for diagnostic in found:
            render(diagnostic)
    except Exception:
        return traceback.format_exc(limit=-6)
    spans = [label.span for d in found for label in d.labels]
    wrong = [s for s in spans if not 0 <= s.start <= s.end <= len(s.source.text)]
    return f"a place outside the text: {wrong[0]}" if wrong else None


def run(
    texts: list[str], numbers: range, seed: int = 0, limit: float = LIMIT
) -> Iterator[tuple[int, str, str]]:
    """Number, text and complaint of every mutant whose answer is a bug."""
    for number in numbers:
        several = number % MANY == 0
        files = Files(texts, f"{seed}:{number}").files() if several else None
        text = files.pop("") if files else Mutator(texts, f"{seed}:{number}").mutant()
        if wrong := complaint(text, limit, files):
            beside = "".join(f"\n# ── {name}\n{t}" for name, t in (files or {}).items())
            yield number, text + beside, wrong


def main() -> int:
    """Exit status 1 where some answer was a bug."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="mutants (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all mutants (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds a mutant may take")
    parser.add_argument("--keep", type=Path, help="folder for the texts that were answered wrongly")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="folders of programs")
    args = parser.parse_args()
    numbers = range(args.first, args.first + args.count)
    kinds: Counter[str] = Counter()
    for number, text, wrong in run(programs(*args.also), numbers, args.seed, args.limit):
        kind = wrong.strip().splitlines()[-1]
        kinds[kind] += 1
        if kinds[kind] <= 3:
            print(f"mutant {args.seed}:{number}\n{wrong}", flush=True)
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                (args.keep / f"{args.seed}-{number}.dgm").write_text(text, encoding="utf-8")
    print(f"{args.count} mutants, {sum(kinds.values())} answered by a bug")
    for kind, times in kinds.most_common():
        print(f"{times:6} {kind}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
