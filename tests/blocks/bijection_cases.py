"""The bijections under test, built without a compiler: a chain is a tuple of (name, settings)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpyro.distributions.transforms import ComposeTransform

from dgmlang.layers.layer import Site
from dgmlang.registry import implementation

Chain = tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True, eq=False)
class Net:
    """An mlp with a head that does not start at zero, so that couplings do something."""

    body: Any
    head: Any
    target: tuple[int, ...]

    def init(self, rng: np.random.Generator) -> Any:
        return {"body": self.body.init(rng), "head": self.head.init(rng)}

    def __call__(self, params: Any, x: Any) -> Any:
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
                part.transform(params[place], **(inputs if "coupling" in place else {}))
                for place, part in self.parts.items()
            ]
        )


class Builder:
    def net(self, chain: Any, source: tuple[int, ...], target: tuple[int, ...]) -> Net:
        body = implementation("layer", "mlp")({"hidden": chain, "activation": "tanh"}, Site(source))
        units = int(np.prod(target))
        return Net(body, implementation("layer", "dense")({"units": units}, Site((8,))), target)

    def bijection(self, chain: Chain, site: Site) -> Composed:
        return Composed(
            {f"{i}{n}": build(n, s, site) for i, (n, s) in enumerate(chain)}, site.shape
        )


def build(name: str, settings: dict[str, Any], site: Site) -> Any:
    return implementation("bijection", name)(settings, site, Builder())


def coupling(**settings: str) -> tuple[str, dict[str, Any]]:
    return "coupling", {"net": [8], "transform": "affine", "mask": "half", **settings}


REVERSE: tuple[str, dict[str, Any]] = ("reverse", {})
FLOW: Chain = (coupling(), REVERSE)


@dataclass(frozen=True)
class Case:
    stage: tuple[str, dict[str, Any]]
    shape: tuple[int, ...]
    condition: tuple[int, ...] = ()

    @property
    def bijection(self) -> Any:
        inputs = {"condition": self.condition} if self.condition else {}
        return build(*self.stage, Site(self.shape, inputs=inputs))

    @property
    def inputs(self) -> dict[str, Any]:
        return {"condition": jnp.full(self.condition, 0.7)} if self.condition else {}


CASES = {
    "affine": Case(coupling(), (5,)),
    "shift": Case(coupling(transform="shift"), (4,)),
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
    "sigmoid": Case(("sigmoid", {}), (3,)),
    "logit": Case(("logit", {}), (3,)),
    "tanh": Case(("tanh", {}), (3,)),
    "softplus": Case(("softplus", {}), (2, 2)),
    "exp": Case(("exp", {}), (3,)),
}
