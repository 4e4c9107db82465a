"""Rivals of uplift tags, each fitted as its own documentation shows it; libraries are imported where they are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Fit = Callable[[Floats, Labels, Labels, Floats], Floats]
"""Of features, arms and outcomes to learn from, and features to score."""


@dataclass(frozen=True)
class Rival:
    """One learner; a slow one is fitted fewer times."""

    fit: Fit
    slow: bool = False


def _line(C: float = 0.1) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    return make_pipeline(
        FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression(C=C, max_iter=500)
    )


def propensity(X: Floats, treated: Labels, y: Labels, Z: Floats) -> Floats:
    """Return how likely an outcome is without an approach: what a tag of yes or no would pick."""
    return np.asarray(_line().fit(X[treated == 0], y[treated == 0]).predict_proba(Z)[:, 1])


def two_models(X: Floats, treated: Labels, y: Labels, Z: Floats) -> Floats:
    """Return the difference of two logistic regressions of scikit-learn."""
    with_it, without = (
        _line().fit(X[treated == arm], y[treated == arm]).predict_proba(Z)[:, 1] for arm in (1, 0)
    )
    return np.asarray(with_it - without)


def causalml_x(X: Floats, treated: Labels, y: Labels, Z: Floats) -> Floats:
    """Return causalml's X-learner over LightGBM."""
    from causalml.inference.meta import BaseXClassifier
    from lightgbm import LGBMClassifier, LGBMRegressor

    shape = {
        "n_estimators": 100,
        "num_leaves": 8,
        "learning_rate": 0.05,
        "min_child_samples": 200,
        "verbose": -1,
    }
    shape |= {"n_jobs": 1, "random_state": 0}
    model = BaseXClassifier(
        outcome_learner=LGBMClassifier(**shape), effect_learner=LGBMRegressor(**shape), control_name=0
    )
    share = np.full(len(X), treated.mean())
    model.fit(X=X, treatment=treated.astype(int), y=y.astype(int), p=share)
    return np.asarray(model.predict(X=Z, p=np.full(len(Z), treated.mean()))).ravel()


def causalml_forest(X: Floats, treated: Labels, y: Labels, Z: Floats) -> Floats:
    """Return causalml's uplift random forest."""
    from causalml.inference.tree import UpliftRandomForestClassifier

    model = UpliftRandomForestClassifier(
        control_name="0", n_estimators=50, max_depth=5, min_samples_leaf=200, min_samples_treatment=100,
        random_state=0, n_jobs=1,
    )  # fmt: skip
    model.fit(X=X, treatment=treated.astype(int).astype(str), y=y.astype(int))
    return np.asarray(model.predict(Z)).reshape(len(Z), -1)[:, -1]


def econml_dr(X: Floats, treated: Labels, y: Labels, Z: Floats) -> Floats:
    """Return econml's linear doubly robust learner."""
    from econml.dr import LinearDRLearner
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    model = LinearDRLearner(
        model_propensity=DummyClassifier(strategy="prior"),
        model_regression=LogisticRegression(C=0.1, max_iter=500),
        discrete_outcome=True,
        random_state=0,
    )
    own, asked = (np.log1p(part) for part in (X, Z))
    centre, scale = own.mean(axis=0), own.std(axis=0)
    model.fit(y.astype(int), treated.astype(int), X=(own - centre) / scale)
    return np.asarray(model.effect((asked - centre) / scale)).ravel()


def econml_forest(X: Floats, treated: Labels, y: Labels, Z: Floats) -> Floats:
    """Return econml's causal forest."""
    from econml.grf import CausalForest

    model = CausalForest(n_estimators=200, min_samples_leaf=100, max_depth=6, random_state=0, n_jobs=1)
    model.fit(X, treated.reshape(-1, 1).astype(float), y.astype(float))
    return np.asarray(model.predict(Z)).ravel()


RIVALS = {
    "propensity": Rival(propensity),
    "two_models": Rival(two_models),
    "causalml_x": Rival(causalml_x),
    "causalml_forest": Rival(causalml_forest, slow=True),
    "econml_dr": Rival(econml_dr),
    "econml_forest": Rival(econml_forest, slow=True),
}
