"""A company's own models for tests: a module beside tagcast.toml, and tags that name it."""

from __future__ import annotations

from pathlib import Path

LAB = '''
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC


class Roots(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.sign(X) * np.sqrt(np.abs(X))


class Forgetful(LogisticRegression):
    """Keeps what it learns where skops does not look."""

    kept = {}

    def fit(self, X, y):
        Forgetful.kept[id(self)] = float(np.mean(y))
        return self

    def predict_proba(self, X):
        p = np.full(len(X), Forgetful.kept.get(id(self), 0.25))
        return np.column_stack([1 - p, p])


def pipeline(seed):
    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=0.05))


def boosting(seed):
    return HistGradientBoostingClassifier(max_iter=20, random_state=seed)


def without_a_seed():
    return pipeline(0)


def unseeded():
    return HistGradientBoostingClassifier(max_iter=15, early_stopping=True)


def roots(seed):
    return make_pipeline(SimpleImputer(keep_empty_features=True), Roots(), StandardScaler(), LogisticRegression())


def no_imputer(seed):
    return make_pipeline(StandardScaler(), LogisticRegression())


def hidden(seed):
    return make_pipeline(SimpleImputer(keep_empty_features=True), FunctionTransformer(lambda X: X), StandardScaler(), LogisticRegression())


def forgetful(seed):
    return Forgetful()


def no_probabilities(seed):
    return LinearSVC()


def neighbours(seed):
    return make_pipeline(SimpleImputer(keep_empty_features=True), KNeighborsClassifier())


def nothing(seed):
    return None


def a_class(seed):
    return LogisticRegression


def broken(seed):
    return 1 / 0


def amounts(seed):
    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LinearRegression())


def amount_neighbours(seed):
    return make_pipeline(SimpleImputer(keep_empty_features=True), KNeighborsRegressor())


def boosted_amounts(seed):
    return HistGradientBoostingRegressor(max_iter=20, random_state=seed)


not_a_function = 3
'''


def write_lab(folder: Path, name: str) -> None:
    """Write the module ``name`` into ``folder``: modules are imported once, so each test folder has its own name."""
    (folder / f"{name}.py").write_text(LAB, encoding="utf-8")
    (folder / f"{name}_torn.py").write_text("import tagcast\nimport a_package_nobody_has\n", encoding="utf-8")


def with_candidates(text: str, *candidates: str, trusted: str = "") -> str:
    """Return a tag's text with the candidates."""
    listed = ", ".join(f'"{one}"' for one in candidates)
    return f"{text}candidates: [{listed}]\n" + (f"trusted: [{trusted}]\n" if trusted else "")
