"""The bijections under test, built without a compiler: a chain is a tuple of (name, settings)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpyro.distributions.transforms import ComposeTransform

from dgmlang.bijections.along import Along
from dgmlang.compiler.lower.fields import OfChain
from dgmlang.compiler.lower.stages import CausalSequence, Mapped, ZeroHead
from dgmlang.layers.follow import AtZero
from dgmlang.layers.layer import Site
from dgmlang.registry import implementation

Chain = tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True, eq=False)
class Net:
    """An mlp, or convolutions, with a head that does not start at zero: couplings do something."""

    body: Any
    head: Any
    target: tuple[int, ...]

    def init(self, rng: np.random.Generator) -> Any:
        return {"body": self.body.init(rng), "head": self.head.init(rng)}

    def __call__(self, params: Any, x: Any, **inputs: Any) -> Any:
        return self.head(params["head"], self.body(params["body"], x)).reshape(self.target)


@dataclass(frozen=True, eq=False)
class Composed:
    parts: Mapping[str, Any]
    target: tuple[int, ...]

    def init(self, rng: np.random.Generator) -> Any:
        return {place: part.init(rng) for place, part in self.parts.items()}

    def transform(self, params: Any, **inputs: Any) -> Any:
        return ComposeTransform(
            [
                part.transform(params[place], **(inputs if place.endswith(GIVEN) else {}))
                for place, part in self.parts.items()
            ]
        )


@dataclass(frozen=True)
class Summed:
    """A causal layer that has no way of its own to be read entry by entry."""

    n: int

    @property
    def target(self) -> tuple[int, ...]:
        return (self.n, 1)

    def init(self, rng: np.random.Generator) -> Any:
        return {"bias": np.zeros(1, np.float32)}

    def __call__(self, params: Any, x: Any, **inputs: Any) -> Any:
        before = jnp.cumsum(jnp.tanh(x)) - jnp.tanh(x)
        return jnp.tanh(before[:, None] + params["bias"][None])


GIVEN = ("coupling", "repeat", "squeeze", "multiscale")
"""The stages to which the run-time arguments of a chain are passed on."""


@dataclass(frozen=True)
class Builder:
    inputs: Mapping[str, tuple[int, ...]]

    def causal(self, chain: Any, n: int, numbers: int) -> CausalSequence:
        """`made` of these widths, shown the stage's inputs; without widths a layer of its own."""
        if not chain:
            return CausalSequence({"layer": Mapped(Summed(n), 0, (n, 1)),
                                   "head": Mapped(ZeroHead((n, 1), (n, numbers)), 0, (n, numbers))},
                                  (n, numbers))  # fmt: skip
        site = Site((n,), inputs=self.inputs)
        made = implementation("layer", "made")({"hidden": chain, "activation": "tanh"}, site)
        head = Mapped(AtZero(made.head((n, numbers))), 0, (n, numbers))
        return CausalSequence({"made": Mapped(made, 0, made.target), "head": head}, (n, numbers))

    def net(self, chain: Any, source: tuple[int, ...], target: tuple[int, ...]) -> Net:
        if len(source) == 3:
            own = {"channels": 8, "layers": 1, "kernel": 3, "activation": "tanh"}
            picture = implementation("layer", "conv_net")(own, Site(source))
            units = int(np.prod(target[2:]))
            head = implementation("layer", "dense")({"units": units}, Site((8,)))
            return Net(picture, Mapped(head, 2, (*source[:2], units)), target)
        body = implementation("layer", "mlp")({"hidden": chain, "activation": "tanh"}, Site(source))
        units = int(np.prod(target))
        return Net(body, implementation("layer", "dense")({"units": units}, Site((8,))), target)

    def field(self, held: Any, shape: Any, condition: Any) -> OfChain:
        size, more = int(np.prod(shape)), 0 if condition is None else int(np.prod(condition))
        return OfChain(self.net(held, (size + 1 + more,), (size,)))

    def bijection(self, chain: Chain, site: Site) -> Composed:
        return Composed(
            {f"{i}{n}": build(n, s, site) for i, (n, s) in enumerate(chain)}, site.shape
        )


VECTORS = (
    *("conv1x1", "actnorm", "lu_linear", "householder"),
    *("maf", "iaf", "planar", "radial", "mixture_cdf"),
)
"""Bijections of the last axis, mapped over those in front."""


def build(name: str, settings: dict[str, Any], site: Site) -> Any:
    axes = len(site.shape) - 1 if name in VECTORS else 0
    unit = Site(site.shape[axes:], inputs=site.inputs)
    built = implementation("bijection", name)(settings, unit, Builder(unit.inputs))
    return Along(built, site.shape) if axes else built


@dataclass(frozen=True)
class Chosen:
    """As the compiler's `Choice`: `spline(bins = 4)`."""

    name: str
    settings: Mapping[str, Any]


MIXTURE = Chosen("logistic_mixture", {"components": 3})
SPLINE = Chosen("spline", {"bins": 4, "bound": 2.5})


def coupling(**settings: Any) -> tuple[str, dict[str, Any]]:
    return "coupling", {"net": [8], "transform": "affine", "mask": "half", **settings}


def squares(odd: bool) -> tuple[str, dict[str, Any]]:
    """A coupling of a picture whose squares of one colour condition."""
    mask = SimpleNamespace(name="checkerboard", settings={"odd": odd})
    return coupling(mask=mask)


def causal(name: str, **settings: Any) -> tuple[str, dict[str, Any]]:
    """`maf` or `iaf`, with `made` as its net."""
    return name, {"net": [9, 5], "transform": "affine", **settings}


def causal_cases(name: str) -> dict[str, Case]:
    """`maf` or `iaf`: shapes, transforms, nets, conditions."""
    block = (causal(name), REVERSE)
    return {
        name: Case(causal(name), (5,)),
        f"{name}, narrow net": Case(causal(name, net=[2]), (6,)),
        f"{name}, one entry": Case(causal(name), (1,)),
        f"{name}, rows": Case(causal(name), (2, 3)),
        f"{name}, shift": Case(causal(name, transform="shift"), (4,)),
        f"{name}, spline": Case(causal(name, transform=SPLINE), (4,)),
        f"{name}, by passes": Case(causal(name, net=[]), (4,)),
        f"{name}, conditional": Case(causal(name), (4,), (2, 2), "made/"),
        f"{name}, one entry, conditional": Case(causal(name), (1,), (3,), "made/"),
        f"repeat, {name}": Case(("repeat", {"n": 3, "body": block}), (4,)),
    }


REVERSE: tuple[str, dict[str, Any]] = ("reverse", {})
FLOW: Chain = (coupling(), REVERSE)
GLOW: Chain = (coupling(mask="channel"), ("conv1x1", {}), ("actnorm", {}))


ODE = {"field": [8], "solver": "Tsit5", "rtol": 1e-9, "atol": 1e-9, "steps": None, "probes": None,
       "adjoint": "checkpoint"}  # fmt: skip


@dataclass(frozen=True)
class Case:
    stage: tuple[str, dict[str, Any]]
    shape: tuple[int, ...]
    condition: tuple[int, ...] = ()
    under: str = ""
    """The place of the stage that takes the condition, where it is one of the net's."""

    @property
    def bijection(self) -> Any:
        inputs = {"condition": self.condition} if self.condition else {}
        return build(*self.stage, Site(self.shape, inputs=inputs))

    @property
    def transform(self) -> str | None:
        """The transform's name, where the stage takes one."""
        held = self.stage[1].get("transform")
        return held.name if isinstance(held, Chosen) else held

    @property
    def inputs(self) -> dict[str, Any]:
        given = jnp.full(self.condition, 0.7)
        return {f"{self.under}condition": given} if self.condition else {}


CASES = {
    "affine": Case(coupling(), (5,)),
    "shift": Case(coupling(transform="shift"), (4,)),
    "spline": Case(coupling(transform=SPLINE), (5,)),
    "spline, one bin": Case(coupling(transform=Chosen("spline", {"bins": 1, "bound": 2})), (4,)),
    "spline, picture, conditional": Case(coupling(transform=SPLINE), (3, 2), condition=(2,)),
    "spline, one entry": Case(coupling(transform=SPLINE), (1,)),
    "repeat, spline": Case(
        ("repeat", {"n": 3, "body": (coupling(transform=SPLINE), REVERSE)}), (4,)
    ),
    "alternate": Case(coupling(mask="alternate"), (5,)),
    "picture": Case(coupling(), (3, 2)),
    "one entry": Case(coupling(), (1,)),
    "one entry, alternate": Case(coupling(mask="alternate"), (1,)),
    "conditional": Case(coupling(), (4,), condition=(3,)),
    "one entry, conditional": Case(coupling(), (1,), condition=(2,)),
    "repeat": Case(("repeat", {"n": 3, "body": FLOW}), (5,)),
    "repeat, conditional": Case(("repeat", {"n": 2, "body": FLOW}), (4,), condition=(2,)),
    "repeat, picture": Case(("repeat", {"n": 2, "body": FLOW}), (2, 3)),
    "repeat, none": Case(("repeat", {"n": 0, "body": FLOW}), (3,)),
    "repeat, no parameters": Case(("repeat", {"n": 3, "body": (REVERSE,)}), (3,)),
    "repeat in repeat": Case(
        ("repeat", {"n": 2, "body": (("repeat", {"n": 2, "body": FLOW}), ("scale", {}))}), (3,)
    ),
    "reverse": Case(REVERSE, (2, 3)),
    "scale": Case(("scale", {}), (2, 3)),
    "checkerboard": Case(squares(odd=False), (3, 4, 2)),
    "checkerboard, odd": Case(squares(odd=True), (2, 2, 1)),
    "checkerboard, one place": Case(squares(odd=True), (1, 1, 2)),
    "channel": Case(coupling(mask="channel"), (2, 3, 3)),
    "channel, conditional": Case(coupling(mask="channel"), (2, 2, 2), condition=(3,)),
    "channel, picture given": Case(coupling(mask="channel"), (2, 2, 2), condition=(2, 2, 1)),
    "checkerboard, conditional": Case(squares(odd=False), (2, 3, 1), condition=(2, 3)),
    "actnorm": Case(("actnorm", {}), (4,)),
    "actnorm, picture": Case(("actnorm", {}), (2, 3, 2)),
    "conv1x1": Case(("conv1x1", {}), (2, 2, 3)),
    "conv1x1, one entry": Case(("conv1x1", {}), (1,)),
    "lu_linear": Case(("lu_linear", {}), (5,)),
    "lu_linear, one entry": Case(("lu_linear", {}), (1,)),
    "lu_linear, rows": Case(("lu_linear", {}), (2, 3)),
    "householder": Case(("householder", {"reflections": 4}), (4,)),
    "householder, few": Case(("householder", {"reflections": 1}), (3,)),
    "householder, many": Case(("householder", {"reflections": 7}), (3,)),
    "permute": Case(("permute", {"seed": 0}), (2, 3)),
    "squeeze": Case(("squeeze", {"body": GLOW}), (4, 2, 1)),
    "multiscale": Case(
        ("multiscale", {"levels": 2, "body": (("repeat", {"n": 2, "body": GLOW[::2]}), GLOW[1])}),
        (4, 4, 1),
    ),
    "multiscale, conditional": Case(
        ("multiscale", {"levels": 2, "body": GLOW}), (4, 4, 1), condition=(2,)
    ),
    "multiscale, no parameters": Case(("multiscale", {"levels": 2, "body": (REVERSE,)}), (4, 4, 1)),
    "masked_conv": Case(("masked_conv", {"channels": 4, "kernel": 3}), (3, 2, 2)),
    "masked_conv, one entry": Case(("masked_conv", {"channels": 3, "kernel": 2}), (1, 1, 1)),
    "mixture": Case(coupling(transform=MIXTURE), (5,)),
    "mixture, one component": Case(
        coupling(transform=Chosen("logistic_mixture", {"components": 1})), (3,)
    ),
    "maf, mixture": Case(causal("maf", transform=MIXTURE), (3,)),
    "iaf, mixture": Case(causal("iaf", transform=MIXTURE), (3,)),
    "maf, location and scale": Case(causal("maf", transform="location_scale"), (4,)),
    "planar": Case(("planar", {}), (4,)),
    "planar, one entry": Case(("planar", {}), (1,)),
    "radial": Case(("radial", {}), (4,)),
    "radial, one entry": Case(("radial", {}), (1,)),
    "radial, rows": Case(("radial", {}), (2, 3)),
    "between": Case(("between", {"low": -2.0, "high": 3.0}), (2, 3)),
    "between, no upper end": Case(("between", {"low": -2.0, "high": math.inf}), (2, 3)),
    "between, no lower end": Case(("between", {"low": -math.inf, "high": 3.0}), (2, 3)),
    "leaky": Case(("leaky", {"slope": 0.1}), (2, 3)),
    **causal_cases("maf"),
    **causal_cases("iaf"),
    "mixture_cdf": Case(("mixture_cdf", {"components": 5}), (4,)),
    "mixture_cdf, picture": Case(("mixture_cdf", {"components": 3}), (2, 3)),
    "mixture_cdf, one component": Case(("mixture_cdf", {"components": 1}), (1,)),
    "repeat, mixture_cdf": Case(
        (
            "repeat",
            {
                "n": 2,
                "body": (
                    ("mixture_cdf", {"components": 4}),
                    ("householder", {"reflections": 3}),
                ),
            },
        ),
        (3,),
    ),
    "ode": Case(("ode", {**ODE, "solver": "Dopri8", "steps": 24}), (2, 2), condition=(2,)),
    "sigmoid": Case(("sigmoid", {}), (3,)),
    "logit": Case(("logit", {}), (3,)),
    "tanh": Case(("tanh", {}), (3,)),
    "softplus": Case(("softplus", {}), (2, 2)),
    "exp": Case(("exp", {}), (3,)),
}
