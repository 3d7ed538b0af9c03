"""A fitted model's draws beside data: `fit.compare(x)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmlang.compiler.diagnostics.codes import comparing as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.answers import incomparable
from dgmlang.compiler.plan.expression import Expression
from dgmlang.compiler.program import Variable
from dgmlang.evaluate import modes as known_modes
from dgmlang.evaluate import neighbours, two_sample
from dgmlang.evaluate.frechet import frechet_test
from dgmlang.evaluate.result import Result
from dgmlang.evaluate.two_sample import Sample, TwoSample

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

Space = Callable[[Any], np.ndarray]
"""Features [n, k] of examples as people hold them."""

LEAST = 8
"""Examples on each side below which nothing is said."""


@dataclass(frozen=True)
class Comparison(Mapping[str, TwoSample]):
    """Tests and measures by name; `print` shows one a line."""

    tests: Mapping[str, TwoSample]

    def __getitem__(self, name: str) -> TwoSample:
        return self.tests[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tests)

    def __len__(self) -> int:
        return len(self.tests)

    def __repr__(self) -> str:
        wide = max(map(len, self.tests))
        return "\n".join(f"{name:<{wide}}  {test!r}" for name, test in self.tests.items())

    def rows(self) -> list[tuple[str, Result]]:
        """Names and numbers, the p-value in the words on how each was got."""
        return [(f"{n}, draws to data", _with_p(test)) for n, test in self.tests.items()]


@dataclass(frozen=True)
class Beside:
    """What draws are laid beside besides the data: see `Fitted.compare`."""

    train: Any = None
    features: Fitted | Space | None = None
    modes: Any = None
    radius: float | None = None


def compared(
    fitted: Fitted,
    data: Any,
    beside: Beside,
    examples: int,
    permutations: int,
    sampler: str | Expression | None,
    seed: int,
) -> Comparison:
    """Every test that applies: see `Fitted.compare`."""
    program = fitted.model.plan.program
    own = program.having("data")
    if (unlike := incomparable(program)) is not None:
        raise DgmError(codes.not_comparable(unlike.span, unlike.name))
    values, _ = fitted.inlet.values(program, data)
    arrays = {name: np.asarray(array) for name, array in values.items()}
    total = len(next(iter(arrays.values())))
    # With givens the draws are of other examples than those beside which they are laid.
    sides = 2 if program.having("given") else 1
    n = min(examples, total // sides)
    if n < LEAST or permutations < 1:
        raise DgmError(codes.too_few_to_compare(min(total // sides, examples), permutations, LEAST))
    order = np.random.default_rng(seed).permutation(total)
    left, right = order[:n], order[-n:]
    given = {v.name: arrays[v.name][right] for v in program.having("given")}
    drawn = drawn_beside(fitted, n, given, sampler, seed)
    names = (*own, *program.having("given"))
    real = {v.name: arrays[v.name][left] for v in names}
    scales = _scales(names, real)
    a, b = (laid_flat(names, x, scales) for x in (drawn, real))
    found = dict(_tests(a, b, permutations, seed))
    if beside.train is not None:
        known, _ = fitted.inlet.values(program, beside.train)
        seen = {name: np.asarray(array) for name, array in known.items()}
        found["memorisation"] = neighbours.memorisation(laid_flat(names, seen, scales), b, a)
    sides = [_as_held(fitted, x) for x in (drawn, real)]
    if beside.features is not None:
        (c, space), (d, _) = (_features(beside.features, x) for x in sides)
        found["frechet"] = frechet_test(c, d, permutations, seed, space)
    if beside.modes is not None:
        places = np.asarray(beside.modes, float)
        found["modes"] = known_modes.coverage(*_placed(sides[0], places, beside.radius))
    told = f"{n} draws against {n} of {total} examples"
    return Comparison({name: _told(test, told) for name, test in found.items()})


def _as_held(fitted: Fitted, arrays: Mapping[str, np.ndarray]) -> Any:
    """The data variables on the scale on which people hold them; the array of a lone one."""
    names = [v.name for v in fitted.model.plan.program.having("data")]
    held = fitted.inlet.invert({name: arrays[name] for name in names})
    return np.asarray(held[names[0]]) if len(names) == 1 else held


def _features(space: Fitted | Space, data: Any) -> tuple[Sample, str]:
    """The features of data as rows of numbers, and what they are."""
    if callable(space):
        found, told = space(data), f"by {getattr(space, '__name__', 'a function')}"
    else:
        found = space.features(data)
        told = f"{found.method} of {space.model.name}"
    array = np.asarray(found, float)
    return array.reshape(len(array), -1), told


def _placed(draws: Any, modes: np.ndarray, radius: float | None) -> tuple[Sample, Sample, float]:
    """Draws and modes as rows of numbers, and how near is near (DGM0897)."""
    array = np.asarray(draws)
    if isinstance(draws, Mapping) or modes.shape[1:] != array.shape[1:] or not (radius or 0) > 0:
        raise DgmError(codes.no_modes(modes.shape, array.shape, radius))
    assert radius is not None
    return array.reshape(len(array), -1), modes.reshape(len(modes), -1), radius


def drawn_beside(
    fitted: Fitted, n: int, given: Mapping[str, Any], sampler: Any, seed: int
) -> dict[str, np.ndarray]:
    """Draws as the model sees them, with the givens (also as it sees them) that they are of."""
    inverted = fitted.inlet.invert(dict(given))
    drawn = fitted.draws(n, given=inverted, sampler=sampler, seed=seed)
    names = [v.name for v in fitted.model.plan.program.having("data")]
    return {**given, **{name: np.asarray(drawn[name]) for name in names}}


def laid_flat(
    variables: tuple[Variable, ...], arrays: Mapping[str, np.ndarray], scales: Mapping[str, float]
) -> Sample:
    """Examples [n, d]: classes one-hot, each variable divided by its scale."""
    parts = []
    for v in variables:
        array = _numbers(v, arrays[v.name])
        parts.append(array.reshape(len(array), -1) / scales[v.name])
    return np.concatenate(parts, axis=1)


def _scales(variables: tuple[Variable, ...], arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The spread of each variable of the data, all its entries together; 1 of a single one."""
    spread = {v.name: _numbers(v, arrays[v.name]).std(axis=0) for v in variables}
    found = {name: float(np.sqrt(np.mean(each**2))) or 1.0 for name, each in spread.items()}
    return found if len(variables) > 1 else dict.fromkeys(found, 1.0)


def _numbers(variable: Variable, array: np.ndarray) -> np.ndarray:
    kind = variable.type.kind
    if kind.name != "cat" or kind.levels is None or kind.levels.value is None:
        return array.astype(float)
    return (array[..., None] == np.arange(kind.levels.value)).astype(float)


def _tests(
    draws: Sample, data: Sample, permutations: int, seed: int
) -> Iterator[tuple[str, TwoSample]]:
    yield "mmd", two_sample.mmd_test(draws, data, permutations, seed)
    yield "energy distance", two_sample.energy_test(draws, data, permutations, seed)
    yield "classifier", two_sample.classifier_test(draws, data, seed)
    yield "moments", two_sample.moment_test(draws, data, permutations, seed)
    yield "precision", neighbours.precision(data, draws)
    yield "recall", neighbours.recall(data, draws)


def _told(test: TwoSample, told: str) -> TwoSample:
    value = test.value
    how = "; ".join(filter(None, (value.method, told)))
    return replace(test, value=Result(value, value.kind, value.stderr, how))


def _with_p(test: TwoSample) -> Result:
    value = test.value
    p = "" if test.p is None else f"p = {test.p:.2g}; "
    return Result(value, value.kind, value.stderr, f"{p}{value.method}")
