"""`dgm sample`: draw from a run, into a file, a picture, or the terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dgmlang.cli import arrays, options
from dgmlang.cli.command import Command

if TYPE_CHECKING:
    import numpy as np


def _options(parser: argparse.ArgumentParser) -> None:
    options.run(parser)
    options.nets(parser)
    add = parser.add_argument
    add("-n", type=options.positive, default=1, help="how many (default: %(default)s)")
    add("--sampler", help='such as "gibbs(sweeps = 200)"; by default the one explain names')
    options.given(parser, "an input, or a variable; NaN in a file is drawn")
    options.params(parser)
    add("--new-levels", metavar="HOW", help="prior: levels that the fit did not see, by priors")
    options.seed(parser)
    arrays.out(parser)
    add(
        "--plot",
        type=Path,
        metavar="FILE",
        help="a picture: .png, .pdf, .svg …; its folder is made",
    )


def _run(args: argparse.Namespace) -> int:
    import dgmlang as dgm

    fit = dgm.restore(args.run, **args.nets)
    found = fit.sample(
        args.n, given=options.read(args.given), sampler=args.sampler, seed=args.seed,
        progress=sys.stderr.isatty(), new_levels=args.new_levels, params=args.params,
    )  # fmt: skip
    drawn = arrays.by_name(fit, found)
    made = arrays.absent(args.out, args.plot)
    if args.out is not None:
        arrays.write(args.out, drawn)
    if args.plot is not None:
        _plot(args.plot, drawn)
    if made:
        print(f"made {', '.join(map(str, made))}")
    if args.out is None and args.plot is None:
        arrays.show(drawn)
    chains = next(iter(drawn.values())).diagnostics
    if chains is not None:
        print(chains)
    return 0


def _plot(path: Path, drawn: Mapping[str, np.ndarray]) -> None:
    """One picture a variable; where there are several, each file's name ends in the variable's."""
    from dgmlang.plots.canvas import save
    from dgmlang.plots.samples import samples

    numbers = {name: array for name, array in drawn.items() if array.dtype.kind != "U"}
    for name, array in numbers.items():
        file = path if len(numbers) == 1 else path.with_stem(f"{path.stem}-{name}")
        save(samples(array, name=name), file)
        print(file)


SAMPLE = Command("sample", "draw from a fitted model", _options, _run)
