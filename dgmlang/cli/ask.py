"""`dgm predict`, `impute`, `anomaly`, `mode`: what a run says of data, in a file or printed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from dgmlang.cli import arrays, options
from dgmlang.cli.command import Command
from dgmlang.cli.eval import table


def _fit(args: Namespace) -> Any:
    import dgmlang as dgm

    return dgm.restore(args.run, **args.nets)


def _shared(parser: ArgumentParser) -> None:
    options.run(parser)
    options.nets(parser)


def _ending(parser: ArgumentParser) -> None:
    options.params(parser)
    options.seed(parser)
    arrays.out(parser)


def _options_predict(parser: ArgumentParser) -> None:
    _shared(parser)
    parser.add_argument("variable", metavar="NAME", help="a variable of the data, or a latent")
    options.given(parser, "what is known; NaN in a file is not")
    parser.add_argument(
        "--draws", type=options.positive, default=256, help="of an estimate (default: %(default)s)"
    )
    _ending(parser)


def _run_predict(args: Namespace) -> int:
    found = _fit(args).predict(
        args.variable,
        given=options.read(args.given),
        draws=args.draws,
        seed=args.seed,
        params=args.params,
    )
    parts = {name: getattr(found, name) for name in ("probabilities", "mean", "stddev", "best")}
    arrays.told({name: array for name, array in parts.items() if array is not None}, args.out)
    print(f"{found.kind}: {found.method}")
    return 0


def _options_impute(parser: ArgumentParser) -> None:
    _shared(parser)
    parser.add_argument("--data", required=True, help=f"{options.DATA}; NaN is filled in")
    parser.add_argument("--sampler", help="a chain to draw by, where draws are not exact")
    _ending(parser)


def _run_impute(args: Namespace) -> int:
    fit = _fit(args)
    found = fit.impute(
        args.data,
        sampler=args.sampler,
        seed=args.seed,
        progress=sys.stderr.isatty(),
        params=args.params,
    )
    drawn = arrays.by_name(fit, found)
    arrays.told(drawn, args.out)
    print(next(iter(drawn.values())).method)
    return 0


def _options_anomaly(parser: ArgumentParser) -> None:
    _shared(parser)
    parser.add_argument("--data", required=True, help=options.DATA)
    parser.add_argument("--reference", help="data that count as usual; by default draws")
    parser.add_argument("--method", help='how log p(x) is got: exact, elbo, "iwae(k = 512)", ode')
    _ending(parser)


def _run_anomaly(args: Namespace) -> int:
    found = _fit(args).anomaly(
        args.data,
        reference=args.reference,
        method=args.method,
        seed=args.seed,
        params=args.params,
    )
    arrays.told({"score": found.score, "rank": found.rank}, args.out)
    print(f"score, {found.score.kind}: {found.score.method}; {found.rank.method}")
    print(*table([("area under the ROC curve", found.area)]))
    return 0


def _options_mode(parser: ArgumentParser) -> None:
    _shared(parser)
    options.given(parser, "what is known")
    parser.add_argument("--method", help='exact, or of an energy "anneal(steps = 1000)" or icm')
    _ending(parser)


def _run_mode(args: Namespace) -> int:
    fit = _fit(args)
    found = fit.mode(
        options.read(args.given), method=args.method, seed=args.seed, params=args.params
    )
    states = dict(found) if isinstance(found, Mapping) else {_unknown(fit, args.given): found}
    arrays.told(states, args.out)
    first = next(iter(states.values()))
    print(f"{first.kind}: {first.method}")
    return 0


def _unknown(fit: Any, given: Mapping[str, Any] | None) -> str:
    """The one variable that is not given."""
    variables = fit.model.plan.program.having("data", "latent")
    return next(v.name for v in variables if v.name not in (given or {}))


PREDICT = Command("predict", "the law of one variable given others", _options_predict, _run_predict)
IMPUTE = Command("impute", "fill in what is missing in data", _options_impute, _run_impute)
ANOMALY = Command("anomaly", "how usual each example is", _options_anomaly, _run_anomaly)
MODE = Command("mode", "the most likely values of what is not given", _options_mode, _run_mode)
