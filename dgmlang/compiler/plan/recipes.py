"""How each objective trains unless the program or the caller says otherwise: numbers only.

`explain` prints a recipe; `runtime/optimizers.py` makes it an Optax optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.library import library


@frozen()
class Recipe:
    """An optimiser by its Optax name, with its schedule.

    `warmup` steps lead linearly to `rate`; with `decay` a cosine leads back to 0 at the last step.
    `clip` bounds the gradient's norm over all parameters. `average` is the decay of the averaged
    parameters (EMA), None where there is no average. Without a `batch` a step takes all data.
    """

    optimizer: str = "adam"
    rate: float = 1e-3
    arguments: Mapping[str, float] = field(default_factory=dict)
    warmup: int = 100
    decay: bool = True
    clip: float | None = None
    average: float | None = None
    steps: int = 5_000
    batch: int | None = 128

    def __str__(self) -> str:
        settings = {"learning_rate": self.rate, **self.arguments}
        named = ", ".join(f"{name} = {value:g}" for name, value in settings.items())
        parts = [f"{self.optimizer}({named})"]
        if self.warmup:
            parts.append(f"warm-up {self.warmup} steps")
        parts += ["cosine decay"] if self.decay else []
        parts += [f"gradient norm ≤ {self.clip:g}"] if self.clip else []
        parts += [f"averaged with decay {self.average:g}"] if self.average else []
        size = "all the data" if self.batch is None else self.batch
        return ", ".join([*parts, f"{self.steps} steps of {size}"])


LIKELIHOOD = Recipe(rate=3e-3, clip=10.0)
# The gradient of a contrastive divergence is noisy and its chains must keep up with the model, so
# the rate falls (Tieleman 2008) and the parameters are averaged.
CONTRASTIVE = Recipe(rate=3e-3, clip=1.0, average=0.999)
# Averaged weights matter most for scores (Song & Ermon 2020, section 3.4).
DENOISING = Recipe(rate=2e-3, clip=1.0, average=0.999, steps=20_000)
# Two players chase each other: no momentum of the old gradients (Mescheder et al. 2018), and rates
# that fall, so that they come to rest.
ADVERSARIAL = Recipe(
    rate=2e-3, arguments={"b1": 0.0, "b2": 0.99}, warmup=0, average=0.999, steps=10_000
)

RECIPES: Mapping[str, Recipe] = {
    "likelihood": LIKELIHOOD,
    "expectation": replace(LIKELIHOOD, steps=200, batch=None),
    "variational": Recipe(rate=2e-3),
    "contrastive": CONTRASTIVE,
    "matching": Recipe(rate=1e-3, clip=10.0),
    "denoising": DENOISING,
    "adversarial": ADVERSARIAL,
    "flow_contrastive": Recipe(clip=1.0, average=0.999),
    "wasserstein": replace(ADVERSARIAL, steps=5_000),
}
"""By the word that an objective's line in the library gives: `trains(denoising)`."""


def recipe(*objectives: str) -> Recipe:
    """The recipe of an objective by name; a plain one where its line says nothing.

    A sum trains as its first term does, for as long as any term asks, and its parameters are
    averaged where any term asks.
    """
    first, *others = map(_recipe, objectives)
    average = next((r.average for r in (first, *others) if r.average is not None), None)
    return replace(first, steps=max(r.steps for r in (first, *others)), average=average)


def _recipe(objective: str) -> Recipe:
    extern = library().space("objective").get(objective)
    word = next(iter(extern.argument("trains")), "") if extern else ""
    return RECIPES.get(word, Recipe())
