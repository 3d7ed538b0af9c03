"""The noise law that a program writes, over all its data."""

from __future__ import annotations

from jax import Array

from dgmlang.compiler.lower.built import Built
from dgmlang.compiler.lower.domains import stored
from dgmlang.compiler.lower.draw import site_key
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.joint import total
from dgmlang.compiler.lower.laws import log_density, sample
from dgmlang.objectives.objective import Params, Values


def noise_log_prob(built: Built, params: Params, values: Values) -> Array:
    """The log density of one example's data under the noise."""
    inside = evaluation(built, params, values)
    laws = built.program.noise.items()
    return total(log_density(law, values[name], inside) for name, law in laws)


def noise_draw(built: Built, params: Params, key: Array) -> Values:
    """One draw of the noise for each data variable."""
    inside = evaluation(built, params, {})
    kinds = {name: built.program.variables[name].type.kind for name in built.program.noise}
    return {
        name: stored(kinds[name], sample(law, site_key(key, name), inside))
        for name, law in built.program.noise.items()
    }
