"""`dgm`: the commands, and what each end of a run means to the shell.

Exit status: 0; 1, the program or the data is at fault; 2, the command line is; 70, a bug of ours;
130, stopped from the keyboard.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dgmlang.cli.ask import ANOMALY, IMPUTE, MODE, PREDICT
from dgmlang.cli.check import CHECK
from dgmlang.cli.command import CommandParser, UsageError
from dgmlang.cli.demo import DEMO
from dgmlang.cli.doc import DOC
from dgmlang.cli.emit import EMIT
from dgmlang.cli.eval import EVAL
from dgmlang.cli.explain import EXPLAIN
from dgmlang.cli.fmt import FMT
from dgmlang.cli.lsp import LSP
from dgmlang.cli.new import NEW
from dgmlang.cli.sample import SAMPLE
from dgmlang.cli.terminal import report_bug, say
from dgmlang.cli.train import TRAIN
from dgmlang.cli.verify import VERIFY
from dgmlang.compiler.diagnostics.diagnostic import DgmError

AT_FAULT, USAGE, OUR_BUG, INTERRUPTED = 1, 2, 70, 130

COMMANDS = (
    NEW, CHECK, EXPLAIN, FMT, TRAIN, SAMPLE, EVAL, PREDICT, IMPUTE, ANOMALY, MODE, VERIFY, DOC,
    EMIT, LSP, DEMO,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; `arguments` are the process's unless given."""
    _keep_compiled()
    try:
        whole = parser()
        parsed = whole.parse_args(arguments)
        if parsed.command is None:
            whole.print_help(sys.stderr)
            return USAGE
        status = parsed.command.run(parsed)
        sys.stdout.flush()
        return status
    except SystemExit as end:  # argparse: usage, or --help
        return end.code if isinstance(end.code, int) else USAGE
    except UsageError as error:
        print(f"dgm: error: {error}", file=sys.stderr)
        return USAGE
    except DgmError as error:
        say(error.diagnostics)
        return AT_FAULT
    except KeyboardInterrupt as stop:
        print(file=sys.stderr)
        say([found] if (found := getattr(stop, "diagnostic", None)) else [])  # runtime.loop's
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as in `dgm explain … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the outermost frame: whatever comes here is a bug of ours
        report_bug(error)
        return OUR_BUG


def _keep_compiled() -> None:
    """Let JAX keep compiled programs in the user's cache, unless its own variable says otherwise.

    It is an environment variable because JAX is imported later, or not at all.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "dgmlang" / "jax"))


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="dgm",
        description="Deep generative models from a program: check, explain, train, draw, evaluate.",
        epilog="`dgm COMMAND --help` lists the flags of a command.",
    )
    whole.set_defaults(command=None)
    commands = whole.add_subparsers(metavar="COMMAND", parser_class=CommandParser)
    for command in COMMANDS:
        one = commands.add_parser(command.name, help=command.help, description=command.help)
        command.options(one)
        one.set_defaults(command=command)
    return whole


if __name__ == "__main__":
    sys.exit(main())
