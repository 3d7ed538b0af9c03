"""`dgm train`: fit a program to data. Every flag is the keyword of `fit` of the same name."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmlang.cli import options
from dgmlang.cli.command import Command
from dgmlang.cli.terminal import say

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted
    from dgmlang.runtime.metrics import Record

SETTINGS = (
    "objective", "optimizer", "steps", "epochs", "batch", "seed", "valid", "prepare", "recipe",
    "patience", "freeze", "out", "resume", "replace", "log_dir", "device",
    "sample_weight", "columns", "precision", "given",
)  # fmt: skip
"""The flags that go to `fit` as they are; one that was not given is left to `fit`."""


def _options(parser: ArgumentParser) -> None:
    options.program(parser)
    options.nets(parser)
    add = parser.add_argument
    add("--data", required=True, help=options.DATA)
    add("--objective", help='such as elbo, or "iwae(k = 8)"; by default the one explain names')
    add("--optimizer", help='of Optax, such as "adam(learning_rate = 1e-3)"')
    length = parser.add_mutually_exclusive_group().add_argument
    length("--steps", type=options.positive, metavar="N", help="steps of the optimiser")
    length("--epochs", type=options.positive, metavar="N", help="passes over the data, not --steps")
    add("--batch", type=options.positive, metavar="N", help="examples in a step")
    options.seed(parser)
    add("--valid", type=options.share, metavar="SHARE", help="of the data held out, such as 0.1")
    add(
        "--prepare", action=options.AssignText, metavar="NAME=STEP",
        help='what is done to data first, such as "x = bernoulli(x)"; repeatable',
    )  # fmt: skip
    add("--recipe", metavar="NAME", help="a recipe of the program")
    add(
        "--patience", type=options.positive, metavar="N",
        help="stop after N looks at held-out data without a better one",
    )  # fmt: skip
    add("--freeze", action="append", metavar="GLOB", help="parameters that stay; repeatable")
    add(
        "--out", type=Path, metavar="DIR",
        help="the run folder to write (default: runs/FILE, numbered where that is in use)",
    )  # fmt: skip
    add("--resume", type=Path, metavar="DIR", help="a run folder to go on with")
    add("--log-dir", metavar="DIR", help="a folder for the event files of TensorBoard")
    add("--device", metavar="NAME", help="where to compute: cpu, gpu, cuda:1 …")
    add("--precision", metavar="NAME", help="what nets compute in: float32, or bfloat16")
    add("--columns", metavar="NAMES", help='of a table, by variable: "x=age,bmi y=label"')
    add("--sample-weight", metavar="NAME", help="the column or key with each example's weight")
    options.given(parser, "what all examples share")
    add("--replace", action="store_true", help="overwrite the run in --out")


def _run(args: Namespace) -> int:
    import dgmlang as dgm

    model = dgm.load(args.file, **args.set, **args.nets)
    say(model.warnings)
    settings = {name: value for name in SETTINGS if (value := getattr(args, name))}
    out = settings.setdefault("out", args.resume or _unused(Path("runs") / args.file.stem))
    fit = model.fit(args.data, progress=True, notes=lambda note: say([note]), **settings)
    print(_said(fit))
    print(f"kept in {out}")
    print(f"  dgm sample {out} -n 64 --plot samples.png")
    print(f"  dgm eval {out} --data {args.data}")
    return 0


def _said(fit: Fitted) -> str:
    """What the fit came to: the last loss, or what the chains say of each number."""
    if fit.chains is not None:
        return f"{fit.objective}: {fit.quantity}\n{fit.chains}"
    return f"{fit.objective}, {fit.step} steps: {fit.quantity}: {_last(fit.history)}"


def _unused(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3 … that is not there."""
    numbered = (folder.with_name(f"{folder.name}-{i}") for i in count(2))
    return folder if not folder.exists() else next(f for f in numbered if not f.exists())


def _last(history: Sequence[Record]) -> str:
    """The last loss, of each player by its name where there are several; the best held-out one."""
    latest: dict[str, Any] = {n: v for record in history for n, v in record.values.items()}
    losses = {n: v for n, v in latest.items() if n.rpartition(".")[2] == "loss"}
    names = {n: f"{n.removesuffix('.loss')} " if len(losses) > 1 else "" for n in losses}
    shown = [f"{names[n]}{v:.4g}" for n, v in losses.items()]
    held_out = [record.values["valid"] for record in history if "valid" in record.values]
    shown += [f"{n.removeprefix('valid.')} {v:.4g}" for n, v in latest.items() if "valid." in n]
    return ", ".join([*shown, *([f"best held-out loss {min(held_out):.4g}"] if held_out else [])])


TRAIN = Command("train", "fit a program to data, and keep the run in a folder", _options, _run)
