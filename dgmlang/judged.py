"""Queries of how a model and data agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dgmlang.compiler.plan.expression import Expression
from dgmlang.evaluate.compare import Comparison, compared
from dgmlang.kept import AbstractFitted

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted


@dataclass(frozen=True, eq=False, repr=False)
class AbstractJudged(AbstractFitted):
    """What a fitted model says of examples, and they of it."""

    @property
    def _whole(self) -> Fitted:
        """This one, of which these queries are a part."""
        return cast("Fitted", self)

    def compare(
        self,
        data: Any,
        *,
        train: Any = None,
        examples: int = 500,
        permutations: int = 199,
        sampler: str | Expression | None = None,
        seed: int = 0,
    ) -> Comparison:
        """Draws beside held-out data: two-sample tests with p-values, and measures.

        `mmd`, `energy distance`, `classifier`, `moments`: p is uniform where the model's law is the
        data's. `precision` and `recall`: the shares of draws and of data that lie among the other's
        neighbours. `memorisation`, with `train`: p is small where draws are nearer to the training
        data than held-out data are.

        Args:
            data: As for `fit`, held out; data that were trained on are too near.
            train: The data that were trained on.
            examples: How many are compared, chosen by the seed, beside as many draws; tests cost
                the square of it.
            permutations: Behind each p-value that goes by them.
            sampler: As for `draws`.
            seed: The source of randomness.

        Raises:
            DgmError: DGM0860, DGM0861.
        """
        return compared(self._whole, data, train, examples, permutations, sampler, seed)
