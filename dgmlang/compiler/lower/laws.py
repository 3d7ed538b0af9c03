"""Laws become NumPyro distributions whose event is the whole of one variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from numpyro import distributions as dist
from numpyro.distributions.transforms import ComposeTransform, Transform

from dgmlang.bijections.bijection import pull, push
from dgmlang.compiler.diagnostics.codes import sampling as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.library import Parameter
from dgmlang.compiler.lower import quantized
from dgmlang.compiler.lower.built import at
from dgmlang.compiler.lower.chosen import either
from dgmlang.compiler.lower.marginal import of_model
from dgmlang.compiler.lower.turns import piecewise
from dgmlang.compiler.program import (
    Binned,
    Chain,
    Chosen,
    ComputedLaw,
    Expr,
    Law,
    Literal,
    Marginal,
    Mixture,
    Named,
    Pushed,
    Quantized,
    Repeated,
    Stage,
    WithinBin,
)
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.types.kinds import own_rank
from dgmlang.distributions.categorical import categorical
from dgmlang.distributions.cooled import COLDEST, cooled
from dgmlang.registry import implementation

if TYPE_CHECKING:  # evaluating an expression may need a law, and a law its expressions
    from dgmlang.compiler.lower.evaluate import Evaluation


EVERYWHERE = frozenset({"real", "bit", "cat", "grey"})
"""Supports that no value of the kind lies outside of, so that none need be looked for."""


class PushedForward(dist.TransformedDistribution):
    """A base law through bijections: log p(y) = log p(x) − log |det ∂y/∂x|, of one example.

    NumPyro's own runs each bijection twice, once for the inverse and once for the Jacobian.
    """

    def log_prob(self, value: ArrayLike, intermediates: Any = None) -> Array:
        x, log_det = pull(ComposeTransform(self.transforms), jnp.asarray(value))
        return jnp.asarray(self.base_dist.log_prob(x)) - log_det

    def draw(self, key: Array) -> tuple[Array, Array]:
        """(y, log p(y)) of one draw, which knows the x that it came from."""
        x, log_p = drawn(self.base_dist, key)
        y, log_det = push(ComposeTransform(self.transforms), x)
        return y, log_p - log_det


def drawn(law: dist.Distribution, key: Array) -> tuple[Array, Array]:
    """A draw of a law with its log density; of what is pushed forward without looking back."""
    if isinstance(law, PushedForward | quantized.Placed):
        return law.draw(key)
    value = jnp.asarray(law.sample(key))
    return value, jnp.asarray(law.log_prob(value))


def distribution(law: Law, inside: Evaluation) -> dist.Distribution:
    """The law at the evaluation's values; its event has the variable's whole shape."""
    match law:
        case Named():
            entries = named(law, inside)
            return entries.to_event(len(entries.batch_shape))
        case Pushed(base=base, chain=chain):
            return PushedForward(distribution(base, inside), transforms(chain, inside))
        case Mixture():
            return mixture(law, inside)
        case Chosen():
            found = either(law, inside, apart)
            return found.to_event(len(found.batch_shape))
        case Quantized(base=Named() as base):
            entries = named(base, inside)
            return quantized.ByCdf(entries, _levels(law), entries)
        case Quantized(base=Mixture(component=Named() as component) as base):
            weights = jnp.log(jnp.asarray(inside.value(base.weights)))
            whole = mixture(base, inside)
            return quantized.ByCdf(named(component, inside), _levels(law), whole, weights)
        case Binned(latent=latent):
            return quantized.Bin(jnp.asarray(inside.value(latent)), _levels(law))
        case WithinBin(variable=variable, levels=levels, place=place):
            k, count = jnp.asarray(inside.value(variable)), numbers((levels,))[0]
            if place is None:
                return quantized.Within(k, count)
            return quantized.Placed(k, count, distribution(place, inside), drawn)
        case Marginal():
            return of_model(law, inside)
        case ComputedLaw(latent=latent, chain=chain) if latent and chain:
            base = distribution(inside.built.law(latent), inside)
            return PushedForward(base, transforms(chain, inside))
    raise TypeError(f"{type(law).__name__} has no density of its own")


def _levels(law: Law) -> int:
    assert law.type.kind.levels is not None
    return numbers((law.type.kind.levels,))[0]


def log_density(law: Law, value: ArrayLike, inside: Evaluation) -> Array:
    """The log density of one value of the variable, a number."""
    if isinstance(law, Repeated):
        parts = piecewise(law, inside, lambda e, here, own: log_density(e, own, here), value)
        return jnp.sum(jnp.stack([jnp.sum(part) for part in parts]))
    drawn, density = inside.drawn.get(id(law), (None, None))
    if density is not None and drawn is value:
        return density
    return jnp.asarray(distribution(law, inside).log_prob(value))


def log_density_of(law: Law, value: ArrayLike, counted: ArrayLike, inside: Evaluation) -> Array:
    """The log density of those entries that count, where the law draws them independently.

    `counted` has the value's shape. What a law draws together counts together: it adds 0 where one
    of its entries does not count.
    """
    counted = jnp.asarray(counted)
    if isinstance(law, Repeated):

        def run(entry: Law, here: Evaluation, own: tuple[Array, Array]) -> Array:
            return log_density_of(entry, *own, here)

        parts = piecewise(law, inside, run, (jnp.asarray(value), counted))
        return jnp.sum(jnp.stack([jnp.sum(part) for part in parts]))
    each = jnp.asarray(apart(law, inside).log_prob(value))
    whole = jnp.all(counted, axis=tuple(range(each.ndim, counted.ndim)))
    return jnp.sum(jnp.where(whole, each, 0.0))


def apart(law: Law, inside: Evaluation) -> dist.Distribution:
    """The law as independent laws of its first axes, as many of them as it has."""
    match law:
        case Named():
            return named(law, inside)
        case Mixture():
            return mixture(law, inside, apart=True)
        case Chosen():
            return either(law, inside, apart)
        case Quantized(base=Named() as base):
            return quantized.ByCdf(
                entries := named(base, inside), _levels(law), entries, apart=True
            )
    return distribution(law, inside)


def sample(law: Law, key: Array, inside: Evaluation) -> Array:
    """One value of the variable; what is known of its density is kept for `log_density`."""
    if isinstance(law, ComputedLaw):
        return _computed(law, inside)
    found = distribution(law, inside)
    if isinstance(found, PushedForward):
        inside.drawn[id(law)] = found.draw(key)
        return inside.drawn[id(law)][0]
    return jnp.asarray(found.sample(key))


def sample_alone(law: Law, key: Array, inside: Evaluation) -> Array:
    """One value of the variable whose density nobody asks for, which may cost more than it."""
    if isinstance(law, ComputedLaw):
        return jnp.asarray(inside.value(law.value))
    return jnp.asarray(distribution(law, inside).sample(key))


def _computed(law: ComputedLaw, inside: Evaluation) -> Array:
    """The value; of a chain of bijections of a latent that is there also the density."""
    base = None if law.latent is None else inside.values.get(law.latent)
    if base is None or law.chain is None or law.latent is None:
        return jnp.asarray(inside.value(law.value))
    y, log_det = push(ComposeTransform(transforms(law.chain, inside)), base)
    inside.drawn[id(law)] = y, log_density(inside.built.law(law.latent), base, inside) - log_det
    return y


def named(law: Named, inside: Evaluation) -> dist.Distribution:
    """A distribution of the library, one entry for each index of the declared shape.

    Arguments of lower rank repeat over the shape: each is broadcast to the entries' shape and the
    axes of its own declared type. Where the support leaves some of the reals out, the density is 0
    there.
    """
    shape = numbers(law.type.array_shape)
    result = law.extern.type
    assert result is not None
    batch = shape[: len(shape) - own_rank(result)]
    declared = {parameter.name: parameter for parameter in law.extern.parameters}
    arguments: dict[str, Any] = {
        name: _argument(expr, batch, declared[name], inside) for name, expr in law.arguments.items()
    }
    checked = result.kind not in EVERYWHERE
    entries = implementation("dist", law.extern.name)(**arguments, validate_args=checked)
    if inside.built.temperature != 1.0:
        entries = _at_temperature(entries, law, inside.built.temperature)
    entries = entries if entries.batch_shape == batch else entries.expand(batch)
    tilt = inside.built.tilts.get(id(law))
    return entries if tilt is None else tilt.over(entries, arguments, inside)


def _at_temperature(
    entries: dist.Distribution, law: Named, temperature: float
) -> dist.Distribution:
    """The entries' laws cooled, or warmed (DGM0890 where that is no law that is known)."""
    found = cooled(entries, temperature)
    if found is None:
        raise DgmError(codes.no_temperature(law.span, law.extern.name))
    return found


def mixture(law: Mixture, inside: Evaluation, *, apart: bool = False) -> dist.Distribution:
    """Weights of shape B + [K], the component's law of shape B + [K] + E, the whole of B + E.

    `apart`: as a law of E for each index of B.
    """
    weights = jnp.asarray(inside.value(law.weights))
    component = law.component
    entries = named(component, inside) if isinstance(component, Named) else None
    if entries is None:
        raise TypeError("a mixture's component is a distribution of the library")
    inner = entries.to_event(len(entries.batch_shape) - weights.ndim)
    tilt = inside.built.tilts.get(id(law))
    inner = inner if tilt is None else tilt.over_component(inner, inside)
    if inside.built.temperature != 1.0:
        weights = jax.nn.softmax(jnp.log(weights) / max(inside.built.temperature, COLDEST))
    mixing = categorical(probs=weights, validate_args=False)
    mixed = dist.MixtureSameFamily(mixing, inner, validate_args=False)
    return mixed if apart else mixed.to_event(weights.ndim - 1)


def transforms(chain: Chain, inside: Evaluation) -> list[Any]:
    """The chain's bijections at the evaluation's values, from base to data."""
    return [transform(stage, inside) for stage in chain.stages]


def transform(stage: Stage, inside: Evaluation) -> Transform[Any]:
    """The bijection of a stage at the evaluation's values, watched where that is looked into."""
    built = inside.built
    params = at(inside.params, built.paths[id(stage)])
    flow = built.bijections[id(stage)].transform(params, **inside.inputs(stage))
    return flow if built.watch is None else built.watch.over(stage, flow)


def encode(inside: Evaluation, latent: str) -> Array:
    """The latent from which a chain of bijections made the variable whose value is known."""
    name = inside.built.encoded[latent]
    law = inside.built.law(name)
    assert isinstance(law, ComputedLaw)
    assert law.chain is not None
    value = jnp.asarray(inside.values[name])
    return pull(ComposeTransform(transforms(law.chain, inside)), value)[0]


def _argument(
    expr: Expr, batch: tuple[int, ...], parameter: Parameter, inside: Evaluation
) -> ArrayLike:
    """A number that is fixed when the program is compiled, else an array over the entries."""
    if parameter.static and isinstance(expr, Literal) and not isinstance(expr.value, tuple):
        return int(expr.value) if parameter.type.kind == "int" else expr.value
    return _repeated(inside.value(expr), batch, parameter)


def _repeated(value: Any, batch: tuple[int, ...], parameter: Parameter) -> Array:
    """The argument, as floats, at every entry."""
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(jnp.result_type(float))
    own = array.shape[array.ndim - own_rank(parameter.type) :]
    return jnp.broadcast_to(array, (*batch, *own))
