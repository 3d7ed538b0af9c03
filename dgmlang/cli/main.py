"""`dgm`: the commands, and what each end of a run means to the shell.

Exit status: 0; 1, the program or the data is at fault; 2, the command line is; 70, a bug of ours;
130, stopped from the keyboard.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from typer.main import get_command

from dgmlang.cli.check import check
from dgmlang.cli.demo import demo
from dgmlang.cli.eval import evaluate
from dgmlang.cli.explain import explain
from dgmlang.cli.sample import sample
from dgmlang.cli.terminal import report_bug, say
from dgmlang.cli.train import train
from dgmlang.compiler.diagnostics.diagnostic import DgmError

AT_FAULT = 1
OUR_BUG = 70

app = typer.Typer(
    help="Deep generative models from a program: check, explain, train, draw, evaluate.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check")(check)
app.command("explain")(explain)
app.command("train")(train)
app.command("sample")(sample)
app.command("eval")(evaluate)
app.command("demo")(demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; `arguments` are the process's unless given."""
    try:
        get_command(app)(args=arguments, prog_name="dgm")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except DgmError as error:
        say(error.diagnostics)
        return AT_FAULT
    except Exception as error:  # the outermost frame: whatever comes here is a bug of ours
        report_bug(error)
        return OUR_BUG
    return 0


if __name__ == "__main__":
    sys.exit(main())
