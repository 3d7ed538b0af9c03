"""The guide, the bound that it gives, and the gradient that training takes of that bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import jax
import jax.numpy as jnp
from jax import Array

from dgmlang.compiler.lower.missing import absent, lacking, mask
from dgmlang.compiler.program import ScoreLaw, Variable
from dgmlang.objectives.objective import Params, Values
from dgmlang.objectives.variables import only
from dgmlang.verify.densities import DRAWS, ERRORS, mass, matches
from dgmlang.verify.directions import along_directions, held_along
from dgmlang.verify.finding import Finding, Untested
from dgmlang.verify.instance import Instance
from dgmlang.verify.nodes import Nodes, fits, mean_and_error, nodes

CENTRES = 512
"""Draws of the guide around which its latents are covered."""


def bounds(instance: Instance) -> Iterator[Finding | Untested]:
    """The guide's law, the value of `elbo`, and its gradient, at one example."""
    facts = instance.lowered.facts
    if not facts.bounded or facts.density.value != "bound" or not facts.flags["guided"]:
        return
    latents = [instance.lowered.program.variables[b.variable] for b in facts.bounded]
    names = ", ".join(v.name for v in latents)
    if not fits(latents):
        yield Untested(f"bound by the guide of {names}", "no small instance can be integrated")
        return
    at = _bound(instance, latents)
    yield mass(f"guide of {names}", at.over, at.guided)
    drawn, over = at.drawn, at.over
    yield matches(f"draws of {names}", latents, drawn, over, at.log_q, at.guided, instance.seed)
    if any(isinstance(v.law, ScoreLaw) for v in latents):
        yield Untested("elbo", "its prior is a score, whose density no integral knows")
    elif instance.model.plan.objectives["elbo"].legal:
        yield from _elbo(at)


@dataclass(frozen=True, eq=False)
class Bound:
    """One example, draws of the guide's latents for it, and nodes over all values of these.

    Attributes:
        example: Data of one example, and its givens; without those that the guide draws.
        drawn: Draws of the guide, [DRAWS, …].
        over: Nodes over the latents.
    """

    instance: Instance
    example: Values
    drawn: Values
    over: Nodes

    @property
    def gone(self) -> Values:
        """That the data which the guide draws are missing, for densities that have their values."""
        program = self.instance.lowered.program
        missing = [program.variables[name] for name in self.drawn]
        return {mask(v.name): lacking(absent(v)) for v in missing if v.role == "data"}

    def log_q(self, latents: Values, params: Params | None = None) -> Array:
        """The guide's log density at one value of its latents."""
        held = self.instance.params if params is None else params
        return self.instance.lowered.guide_log_prob(held, {**self.example, **self.gone, **latents})

    def log_p(self, latents: Values, params: Params | None = None) -> Array:
        """The log p(x, z) at one value of the guide's latents."""
        held = self.instance.params if params is None else params
        return self.instance.lowered.log_prob(held, {**self.example, **self.gone, **latents})

    @cached_property
    def guided(self) -> Array:
        """The guide's log density at the nodes, [points, states]."""
        return self.over.each(self.log_q)

    @cached_property
    def joint(self) -> Array:
        """The log p(x, z) at the nodes, [points, states]."""
        return self.over.each(self.log_p)

    @property
    def elbo(self) -> tuple[float, float]:
        """The bound and its error: a ratio, which the cover's own mass does not disturb.

        Log densities may be a hundred times what the mistake in them is, and so is their error.
        """
        values = jnp.where(self.over.weights(self.guided) > 0, self.joint - self.guided, 0.0)
        mean, error = self.over.mean(self.guided, values[:, :, None])
        return float(mean[0]), float(error[0])

    @property
    def entropy(self) -> float:
        """The guide's entropy."""
        return float(jnp.mean(self._mean_under_guide(jnp.zeros_like(self.guided), self.guided)))

    def terms(self, params: Params) -> Array:
        """The bound's terms as a function of parameters."""
        log_p = self.over.each(partial(self.log_p, params=params))
        log_q = self.over.each(partial(self.log_q, params=params))
        return self._mean_under_guide(log_p, log_q)

    def _mean_under_guide(self, log_p: Array, log_q: Array) -> Array:
        """The mean of log p − log q under q."""
        weights = self.over.weights(log_q)
        inside = weights > 0  # elsewhere log q may be −∞, and 0 · ∞ is no number
        values = jnp.where(inside, log_p - jnp.where(inside, log_q, 0.0), 0.0)
        return jnp.sum(weights * values, axis=1)


def _bound(instance: Instance, latents: list[Variable]) -> Bound:
    seen = {n: v[0] for n, v in instance.examples(1).items()}
    missing = {v.name: absent(v) for v in latents if v.role == "data"}
    example = {**instance.given, **seen, **missing}
    names, keys = tuple(v.name for v in latents), jax.random.split(instance.key("guide"), DRAWS)

    def draw(key: Array) -> Values:
        return only(instance.lowered.guide_draw(instance.params, key, example)[0], names)

    drawn = jax.jit(jax.vmap(draw))(keys)
    centres = {name: v[:CENTRES] for name, v in drawn.items()}
    return Bound(instance, example, drawn, nodes(latents, centres, instance.key("latents")))


def _elbo(at: Bound) -> Iterator[Finding]:
    estimator = at.instance.objective("elbo")
    values = along_directions(at.instance, estimator, at.example)
    mean, error = mean_and_error(-values.losses)
    expected, own = at.elbo
    allowed = float(ERRORS * jnp.sqrt(error**2 + own**2)) + 1e-4 * (1.0 + abs(expected))
    yield Finding(
        "elbo", "is the mean of log p(x, z) − log q(z | x) under the guide",
        f"{len(values.losses):,} estimates against an integral over z",
        float(jnp.abs(mean - expected)), allowed,
        "the guide's entropy left out", float(jnp.abs(mean - expected + at.entropy)),
    )  # fmt: skip
    yield _below(at, float(mean), float(error))
    yield held_along("elbo", values, at.terms, at.instance)


def _below(at: Bound, bound: float, error: float) -> Finding:
    """The bound against log p(x), the integral of p(x, z)."""
    evidence, spread = mean_and_error(at.over.masses(at.joint))
    log_evidence, own = float(jnp.log(evidence)), float(spread / evidence)
    above = bound - log_evidence
    return Finding(
        "elbo", "stays below log p(x)", "the integral of p(x, z) over z",
        max(above, 0.0), ERRORS * (error**2 + own**2) ** 0.5 + 1e-4 * (1 + abs(log_evidence)),
        "as far above log p(x) as it is below", abs(above),
    )  # fmt: skip
