"""A program as a scikit-learn estimator."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from dgmlang.compiler.diagnostics.codes import queries as codes
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.entry import load
from dgmlang.fitted import Fitted
from dgmlang.model import Model

FIT = frozenset(inspect.signature(Model.fit).parameters) - {"self", "data"}
"""Keywords that go to `fit`; all others are hyperparameters of the program."""

OWN = ("path", "X", "y")
"""What the estimator itself needs to know."""


class Estimator(BaseEstimator):
    """Fits a program to `X`, and to `y` where the program has such a variable.

    Args:
        path: A `.dgm` file.
        X: The variable that `X` is.
        y: The variable that `y` is; where the program has none, `y` is ignored, as scikit-learn's
            density estimators do.
        **settings: Keywords of `Model.fit` (`steps`, `objective`, `seed`, …) and hyperparameters
            of the program (`latents`). All are parameters to `clone` and to a grid search.

    Attributes:
        fitted_: The fitted model, with all its queries.
        classes_: The labels, sorted, where `y` was fitted and is finite.
    """

    def __init__(self, path: str | Path, X: str = "x", y: str = "y", **settings: Any) -> None:
        self.path, self.X, self.y = path, X, y
        self.settings = settings

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All settings by name; none of them holds an estimator, so `deep` changes nothing."""
        return {name: getattr(self, name) for name in OWN} | self.settings

    def set_params(self, **params: Any) -> Estimator:
        """Change settings; hyperparameters that were left to their defaults may be added.

        Raises:
            DgmError: DGM0803 for a name that is neither a setting nor a hyperparameter; what
                `load` says of a program that it cannot read.
        """
        own = {name: value for name, value in params.items() if name in OWN}
        for name, value in own.items():
            setattr(self, name, value)
        settings = {**self.settings, **{n: v for n, v in params.items() if n not in OWN}}
        new = [name for name in settings if name not in self.settings and name not in FIT]
        if new:
            self._known(new)
        self.settings = settings
        return self

    def _known(self, names: Iterable[str]) -> None:
        """DGM0803 for a setting that this program does not have."""
        chosen = {"model": self.settings["model"]} if "model" in self.settings else {}
        known = ("model", *load(self.path, **chosen).hypers, *sorted(FIT), *OWN)
        for name in names:
            if name not in known:
                raise DgmError(codes.unknown_choice("setting", name, known))

    def fit(self, X: Any, y: Any = None) -> Estimator:
        """Load the program and train it on examples.

        Raises:
            DgmError: As `load` and `Model.fit` do.
            ValueError: As scikit-learn's estimators do, for arrays that are none of numbers.
        """
        hypers = {name: v for name, v in self.settings.items() if name not in FIT}
        how = {name: v for name, v in self.settings.items() if name in FIT}
        self._known(hypers)
        model = load(self.path, **hypers)
        data = {self.X: self._taken(model, X, reset=True)}
        self.__dict__.pop("classes_", None)
        if y is not None and self.y in model.plan.program.variables:
            data[self.y] = y
            if model.plan.program.variables[self.y].type.kind.space == "finite":
                self.classes_, data[self.y] = np.unique(y, return_inverse=True)
        self.fitted_: Fitted = model.fit(data, **how)
        return self

    def _taken(self, model: Model, X: Any, reset: bool) -> Any:
        """The array as scikit-learn's estimators take it: numbers, dense, the features of `fit`."""
        variable = model.plan.program.variables.get(self.X)
        if variable is None:
            return X
        if np.ma.isMaskedArray(X):
            X = np.ma.filled(X.astype(float), np.nan)
        return validate_data(
            self,
            X,
            reset=reset,
            allow_nd=True,
            ensure_2d=bool(variable.type.array_shape),
            ensure_all_finite="allow-nan" if variable.type.may_miss else True,
        )

    def score_samples(self, X: Any, y: Any = None) -> Any:
        """The log p of each example [n], with its kind."""
        check_is_fitted(self, "fitted_")
        data = {self.X: self._taken(self.fitted_.model, X, reset=False)}
        if y is not None and self.y in self.fitted_.model.plan.program.variables:
            data[self.y] = self._levels(y) if hasattr(self, "classes_") else y
        return self.fitted_.log_prob(data)

    def _levels(self, y: Any) -> np.ndarray:
        """Labels as the numbers that the program sees (DGM0803 for one that `fit` did not see)."""
        known = {label: level for level, label in enumerate(self.classes_.tolist())}
        for label in np.unique(y).tolist():
            if label not in known:
                raise DgmError(codes.unknown_choice("label", str(label), map(str, known)))
        return np.array([known[label] for label in np.asarray(y).tolist()])

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log p of the examples, of `X` and `y` together where both are modelled."""
        return float(self.score_samples(X, y).mean())

    def sample(self, n_samples: int = 1, random_state: int = 0) -> Any:
        """Draws of the data; `random_state` is the seed."""
        check_is_fitted(self, "fitted_")
        return self.fitted_.sample(n_samples, seed=random_state)

    def _predicts(self) -> bool:
        """Whether labels can be predicted, by which scikit-learn sees what kind this one is."""
        if not hasattr(self, "fitted_"):
            return True
        program, facts = self.fitted_.model.plan.program, self.fitted_.model.plan.facts
        variable = program.variables.get(self.y)
        single = variable is not None and variable.role == "data" and not variable.type.shape
        if not (single and hasattr(self, "classes_") and facts.density.value == "exact"):
            raise DgmError(codes.no_prediction(self.y, program.name))
        return True

    @available_if(_predicts)
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities p(y | x) [n, classes], by Bayes' rule over the fitted labels.

        Raises:
            AttributeError: From DGM0819, where `y` is not one finite variable with data, or log p
                is not exact.
        """
        check_is_fitted(self, "fitted_")
        X = self._taken(self.fitted_.model, X, reset=False)
        levels = range(len(self.classes_))
        n = len(X)
        each = [self.fitted_.log_prob({self.X: X, self.y: np.full(n, k)}) for k in levels]
        logits = np.stack([found.value for found in each], axis=1)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    @available_if(_predicts)
    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each example [n]."""
        found = self.predict_proba(X).argmax(axis=1)
        return self.classes_[found]
