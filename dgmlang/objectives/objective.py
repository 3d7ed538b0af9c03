"""What an objective is to the training loop.

An objective owns no parameters and no loop. It is built once for a lowered model and its settings;
it may ask for companions (parameters that only training needs: a critic, log Z, a noise law) and
for a state that is carried from step to step (persistent chains, running baselines).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jax import Array

if TYPE_CHECKING:
    from dgmlang.posterior.chains import Chains
    from dgmlang.runtime.preparation import Preparation, States

Params = dict[str, Any]
"""Parameters: nested dictionaries of arrays whose paths are the program's names."""

Values = dict[str, Array]
"""Arrays by variable name; in a loss with a leading batch axis."""

State = dict[str, Any]
Metrics = dict[str, Array]
"""Scalars worth showing, by name."""

Loss = Callable[[Params, State, Values, Array], tuple[Array, tuple[State, Metrics]]]
"""(params, state, batch, key) → (loss, (new state, metrics)); differentiated in params."""


Watch = Callable[[Params, Values, Values, Array], Metrics]
"""(params, some training data, data held out, key) → numbers beside the loss, by name."""


Leap = Callable[[Params, frozenset[str], State, Values, Array], tuple[Params, Metrics]]
"""(params, names, state, batch, key) → the params of these names as they are to become."""


@dataclass(frozen=True)
class Player:
    """One side of the training: a loss and the top-level parameter names that it moves.

    A step runs its players in order, each `steps` times on batches of its own. Where there is a
    `leap`, that is the move, in place of an optimiser's step along the gradient of the loss; it
    must tell the loss among its metrics, as `loss`. `trains` names the objective whose recipe its
    optimiser follows, where that is not the whole's.
    """

    name: str
    loss: Loss
    owns: Callable[[str], bool]
    steps: int = 1
    leap: Leap | None = None
    trains: str = ""


def anyhow(_: Preparation, __: States) -> None:
    """`prepared` of an objective that looks at the prepared data alone."""


@dataclass(frozen=True)
class Objective:
    """A training objective bound to one lowered model.

    `quantity` names what the loss is, for people: "negative log-likelihood, exact",
    "negative ELBO, a bound", "contrastive difference, not a likelihood".
    `validate` is the per-example loss for held-out data, or None where it means nothing there.
    `prepared` raises where the data may not be prepared, and the steps have been fitted, like this.
    `sample` draws the parameters given all the data, of an objective that does not train them and
    so has no players: (data, key, whether to show a bar) → chains.
    `posterior` draws the params from the law over them that training left: (params, key) → draws.
    `unpriced` is the same without log p(w)/N of the priors, where it has that.
    `watch` measures what tells how training goes where the loss does not, now and then.
    """

    name: str
    quantity: str
    players: tuple[Player, ...]
    companions: Callable[[Array, Values], Params]
    start: Callable[[Array, Params, Values], State]
    validate: Callable[[Params, Values, Array], Array] | None
    frozen: tuple[str, ...] = ()
    prepared: Callable[[Preparation, States], None] = anyhow
    sample: Callable[[Values, Array, bool], Chains] | None = None
    posterior: Callable[[Params, Array], Chains] | None = None
    unpriced: Objective | None = None
    rows: Callable[[Array, Values, int], Params] | None = None
    watch: Watch | None = None


def everything(_: str) -> bool:
    """`owns` of an objective with one player."""
    return True


def nothing(_: Array, __: Values) -> Params:
    """`companions` of an objective that needs none."""
    return {}


def stateless(_: Array, __: Params, ___: Values) -> State:
    """`start` of an objective that carries nothing."""
    return {}
