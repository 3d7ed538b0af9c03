"""A program as a NumPyro model: params are sample sites, examples stand in a plate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from jax import Array
from numpyro import distributions as dist

from dgmlang.compiler.diagnostics.codes import posterior as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.evaluate import Evaluation
from dgmlang.compiler.lower.laws import distribution
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.program import ComputedLaw, Expr, Law, Literal, Named
from dgmlang.compiler.types.dependence import components
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import REAL, Type
from dgmlang.evaluate.likelihood import log_likelihood
from dgmlang.objectives.batch import size
from dgmlang.objectives.objective import Params, Values
from dgmlang.posterior.examples import Examples, Place, over
from dgmlang.runtime import paths

PLATE = "examples"
"""The plate of the examples."""

LIKELIHOOD = "log p(data)"
"""The factor of data from whose density latents were removed."""

APART = "_decentered"
"""What NumPyro appends to the name of the noise of a site that is not centred."""

NumpyroModel = Callable[..., None]
"""`program(values = None, n = None)`: arrays by variable with a leading axis of n examples."""


def numpyro_model(lowered: Lowered, *, centred: bool = True) -> NumpyroModel:
    """The program as a function that NumPyro's handlers and inference run; guides are ignored.

    Params, and each array of a net's weights by its path, are sample sites where they have a prior
    and `numpyro.param`s elsewhere. Where all data are among the values they are observed: site by
    site, or, where latents are removed exactly or the law is by an energy, as one factor. Where
    some are missing, all latents and those data are drawn in the order of their dependence. Givens
    that are `shared` stand among the values without an axis of examples.

    Args:
        lowered: The program.
        centred: False draws location–scale laws as loc + scale × a site of the same with 0 and 1.

    Source: non-centred laws: Papaspiliopoulos, Roberts & Sköld 2007, section 2.
    """
    lowered = lowered.unguided
    first = lowered.init(0, None)
    names = [v.name for v in lowered.program.having("shared")]

    def program(values: Values | None = None, n: int | None = None) -> None:
        known = dict(values or {})
        shared = {name: known.pop(name) for name in names}
        count = size(known) if known else n or 1
        sites = _Sites(lowered, first, centred, shared=shared)
        sites.parameters()
        with numpyro.plate(PLATE, count):
            sites.examples(known, count)

    return program


@dataclass(eq=False)
class _Sites:
    """One pass over the sites: what was drawn for the data set is kept as it is drawn."""

    lowered: Lowered
    first: Params
    centred: bool
    weights: Params = field(default_factory=dict)
    shared: Values = field(default_factory=dict)

    def parameters(self) -> None:
        """Every parameter: those without a prior, then each prior behind those that it reads."""
        priors = self.lowered.program.priors
        ordered = [n for part in components(priors) for n in part.variables if n in self.first]
        declared = {v.name for v in self.lowered.program.having("param")}
        for name in (*(n for n in self.first if n not in priors), *ordered):
            draw = self._param if name in declared else self._weights
            draw(name, priors.get(name))

    def _param(self, name: str, prior: Law | None) -> None:
        if prior is None:
            start = self.lowered.constrain({name: self.first[name]})[name]
            on = over(self.lowered.program.variables[name])
            self.shared[name] = _learned(name, start, constraint=on)
            return
        inside, shape = self._place({}).inside({}), self.first[name].shape
        apart = None if self.centred else _apart(prior)
        if apart is None:
            self.shared[name] = _sample(name, distribution(prior, inside))
            return
        noise = _sample(f"{name}{APART}", distribution(apart.noise, inside))
        self.shared[name] = _named(name, apart.at(inside, shape, noise))

    def _weights(self, name: str, prior: Law | None) -> None:
        branch = {name: self.first[name]}
        found: dict[str, Array] = {}
        for path, leaf in paths.named(branch).items():
            if prior is None:
                found[path] = _learned(path, leaf)
                continue
            one = distribution(prior, self._place({}).inside({}))
            found[path] = _sample(path, one.expand(leaf.shape).to_event(leaf.ndim))
        self.weights[name] = paths.replace(branch, found)[name]

    def examples(self, known: Values, n: int) -> None:
        """The variables of all examples, from inside of the plate."""
        program, built = self.lowered.program, self.lowered.built
        left = [v.name for v in program.having("data") if v.name not in known]
        if not left and (self.lowered.facts.removed or program.energies):
            self._together(known, n)
            return
        if program.energies and self.lowered.facts.draw.value != "direct":
            raise DgmError(codes.not_drawn_by_numpyro(left, program.name))
        for part in built.parts:
            missing = [name for name in part.variables if name not in known]
            together = missing if len(missing) > 1 else []
            if together:
                self._at_once(together, known, n)
            for name in (name for name in part.variables if name not in together):
                if name in built.directed and not _is_name(built.law(name)):
                    self._example(name, known, n)

    def _example(self, name: str, known: Values, n: int) -> None:
        variable, law = self.lowered.program.variables[name], self.lowered.built.law(name)
        place = self._place(dict(known))
        if name in known:
            _sample(name, Examples(variable, law, place, n), obs=known[name])
            return
        apart = None if self.centred or variable.role == "data" else _apart(law)
        if apart is None:
            known[name] = _sample(name, Examples(variable, law, place, n))
            return
        noise = _sample(f"{name}{APART}", Examples(variable, apart.noise, place, n))
        shape = numbers(variable.type.array_shape)
        moved = place.each(lambda v, own: apart.at(place.inside(v), shape, own), noise)
        known[name] = _named(name, moved)

    def _at_once(self, names: list[str], known: Values, n: int) -> None:
        """Variables that draw each other turn by turn, so that none has a law without the rest."""
        place, key = self._place(dict(known)), numpyro.prng_key()
        keys = jax.random.split(jnp.asarray(key), n)
        drawn = place.each(lambda values, key: place.draw(key, values), keys)
        known |= {name: _named(name, drawn[name]) for name in names}

    def _together(self, known: Values, n: int) -> None:
        """The data's density with latents removed; those left to be moved have no law apart."""
        for bounded in self.lowered.facts.bounded:
            variable = self.lowered.program.variables[bounded.variable]
            flat = dist.ImproperUniform(over(variable), (n,), numbers(variable.type.array_shape))
            known[variable.name] = _sample(variable.name, flat)
        numpyro.factor(LIKELIHOOD, log_likelihood(self.lowered, self.weights, known, self.shared))

    def _place(self, values: Values) -> Place:
        return Place(self.lowered, self.weights, self.shared, values)


def _sample(name: str, law: dist.Distribution, **settings: Any) -> Array:
    return jnp.asarray(numpyro.sample(name, law, **settings))


def _learned(name: str, start: Any, **settings: Any) -> Array:
    found: Any = numpyro.param(name, start, **settings)
    return jnp.asarray(found)


def _named(name: str, value: Array) -> Array:
    return jnp.asarray(numpyro.deterministic(name, value))


@dataclass(frozen=True, eq=False)
class _Apart:
    """A location–scale law as loc + scale × noise."""

    noise: Named
    loc: Expr
    scale: Expr

    def at(self, inside: Evaluation, shape: tuple[int, ...], noise: Array) -> Array:
        """The draw that a draw of the noise makes."""
        loc, scale = (jnp.broadcast_to(inside.value(e), shape) for e in (self.loc, self.scale))
        return loc + scale * noise


def _apart(law: Law) -> _Apart | None:
    """None where a law is not one of the library by location and scale."""
    if not isinstance(law, Named) or not law.extern.has("location_scale"):
        return None
    zero, one = (Literal(v, type=Type(REAL), span=law.span) for v in (0.0, 1.0))
    noise = replace(law, arguments={**law.arguments, "loc": zero, "scale": one})
    given = law.arguments
    return _Apart(noise, given.get("loc", zero), given.get("scale", one))


def _is_name(law: Law) -> bool:
    """Whether a variable is a name for a value, which is computed where it is read."""
    return isinstance(law, ComputedLaw) and law.chain is None
