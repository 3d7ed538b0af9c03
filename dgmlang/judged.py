"""Queries of how a model and data agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dgmlang.compiler.plan.expression import Expression
from dgmlang.evaluate.compress import compressed, decompressed
from dgmlang.evaluate.features import last_hidden
from dgmlang.evaluate.purify import purified
from dgmlang.evaluate.result import Result
from dgmlang.kept import AbstractFitted

if TYPE_CHECKING:
    from dgmlang.evaluate.anomaly import Anomaly
    from dgmlang.evaluate.compare import Comparison
    from dgmlang.fitted import Fitted


@dataclass(frozen=True, eq=False, repr=False)
class AbstractJudged(AbstractFitted):
    """What a fitted model says of examples, and they of it."""

    def _whole(self, params: str | None) -> Fitted:
        """This one, of which these queries are a part, at the parameters that are named."""
        return cast("Fitted", self._at(params))

    def compare(
        self,
        data: Any,
        *,
        train: Any = None,
        features: Fitted | Callable[[Any], Any] | None = None,
        modes: Any = None,
        radius: float | None = None,
        examples: int = 500,
        permutations: int = 199,
        sampler: str | Expression | None = None,
        seed: int = 0,
        params: str | None = None,
    ) -> Comparison:
        """Draws beside held-out data: two-sample tests with p-values, and measures.

        `mmd`, `energy distance`, `classifier`, `moments`: p is uniform where the model's law is the
        data's. `precision` and `recall`: the shares of draws and of data that lie among the other's
        neighbours. `memorisation`, with `train`: p is small where draws are nearer to the training
        data than held-out data are. `frechet`, with `features`: the Fréchet distance there.
        `modes`, with `modes`: how many of them draws come to, a fifth of their share at least.

        Args:
            data: As for `fit`, held out; data that were trained on are too near.
            train: The data that were trained on.
            features: A fit whose `features` are the space, such as a classifier's of `x`, or any
                function of data to numbers [n, k].
            modes: Places [k, …] of the law's modes, alike likely.
            radius: How near to a mode a draw must be to be its own; needed with `modes`.
            examples: How many are compared, chosen by the seed, beside as many draws; tests cost
                the square of it.
            permutations: Behind each p-value that goes by them.
            sampler: As for `draws`.
            seed: The source of randomness.
            params: Which of the fit's parameters: `last`, `best` or `ema`; by default `which`.

        Raises:
            DgmError: DGM0860, DGM0861, DGM0897.
        """
        from dgmlang.evaluate.compare import Beside, compared  # with SciPy, which no training needs

        beside = Beside(train, features, modes, radius)
        return compared(self._whole(params), data, beside, examples, permutations, sampler, seed)

    def anomaly(
        self,
        data: Any,
        *,
        reference: Any = None,
        simpler: Fitted | None = None,
        method: str | None = None,
        seed: int = 0,
        params: str | None = None,
    ) -> Anomaly:
        """How usual examples are: log p(x), its rank among a reference, and the area between both.

        Args:
            data: As for `fit`.
            reference: Data that count as usual, as those that were trained on; by default 1000
                draws of the model.
            simpler: Another fitted model of the same data: scores are log p less its log q, which
                is not fooled by what makes all data likely (Ren et al. 2019, arXiv 1906.02845).
            method: As for `log_prob`; minus the energy where p has no known normaliser.
            seed: For methods that draw.
            params: Which of the fit's parameters: `last`, `best` or `ema`; by default `which`.

        Raises:
            DgmError: As `log_prob` does; DGM0870 for givens without a reference.
        """
        from dgmlang.evaluate.anomaly import anomaly

        return anomaly(self._whole(params), data, reference, simpler, method, seed)

    def purify(self, data: Any, radius: float, *, params: str | None = None) -> Any:
        """Examples with each entry moved by at most `radius`, to where the model finds them likely.

        A finite variable whose levels have an order and that reads its past: entry by entry, each
        at its most likely level given those before it. Reals: along the gradient of log p. The
        radius is in levels, or in the units that the model sees; more likely than the result some
        other point within it may be.

        Raises:
            DgmError: DGM0871 for a radius below 0, DGM0872 where neither way is there.

        Source: Song et al. 2018, PixelDefend, arXiv 1710.10766.
        """
        return purified(self._whole(params), data, radius)

    def features(self, data: Any, *, seed: int = 0, params: str | None = None) -> Result:
        """What the last hidden layer of the critic, or of a classifier, says [n, numbers].

        Latents that the critic reads are drawn by the guide, by the seed. Of a model without a
        critic it is the layer below the parameters of its finite variable's law, and `data` are
        the givens that it reads.

        Raises:
            DgmError: DGM0873 where neither is there, or has layers.
        """
        return last_hidden(self._whole(params), data, seed)

    def compress(self, data: Any, *, params: str | None = None) -> bytes:
        """Examples as a lossless code, as long as −log₂ p(data) and a few bytes.

        For finite data whose law reads `past`, or whose entries are independent given variables
        before them. What is coded is the data as the model sees them; steps of the preparation that
        can be undone are, by `decompress`. Givens are not in the code.

        Raises:
            DgmError: DGM0880 where entries have no conditionals one after the other; DGM0818
                without the extra `dgmlang[compress]`.
        """
        return compressed(self._whole(params), data)

    def decompress(
        self, code: bytes, *, given: Mapping[str, Any] | None = None, params: str | None = None
    ) -> Any:
        """The data of a code, on one machine and with one version of JAX what was compressed.

        Raises:
            DgmError: DGM0881 to DGM0883 for another model's, damaged or other bytes; as `compress`.
        """
        found = self.inlet.invert(decompressed(self._whole(params), code, given or {}))
        return next(iter(found.values())) if len(found) == 1 else found
