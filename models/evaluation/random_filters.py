"""Random filters over a snapshot as a marketer would make them: on value, confidence, features, attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.filters.fields import YES_NO

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Draw = Callable[[np.random.Generator], tuple[str, Rows]]

CONDITIONS = 3
QUANTILES = tuple(round(0.1 * k, 1) for k in range(1, 10))
CONFIDENCES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
FEW_VALUES = 10
WEIGHTS = {"value": 0.2, "confidence": 0.25, "percentile": 0.15, "feature": 0.25, "attribute": 0.15}
"""How often each kind of condition is drawn; kinds that the data do not bear are left out."""


class RandomFilters:
    """Draws filters of one to ``CONDITIONS`` conditions joined by AND or OR.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
    attributes : DataFrame of shape (n, a), optional
    value : ndarray of shape (n,)
    confidence, percentile : ndarray of shape (n,)
    predicted : ndarray of shape (n,)
        Rows that an audience may hold; limits come from all rows.
    values : tuple of str
        What ``value`` can be beside unknown: yes and no, or the tiers of an amount.
    """

    def __init__(
        self,
        X: pd.DataFrame,
        attributes: pd.DataFrame | None,
        value: npt.NDArray[np.object_],
        confidence: Floats,
        percentile: Floats,
        predicted: Rows,
        values: tuple[str, ...] = YES_NO,
    ) -> None:
        kinds = _kinds(X, attributes, value, confidence, percentile, predicted, values)
        weights = np.array([WEIGHTS[name] for name in kinds])
        self._draws = list(kinds.values())
        self._weights = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> tuple[str, Rows]:
        """Return a filter as text, and its members among the rows ``predicted``."""
        kinds = rng.choice(len(self._draws), CONDITIONS, p=self._weights)
        count = int(rng.integers(1, CONDITIONS + 1))
        text, members = self._draws[kinds[0]](rng)
        joined = ""
        for kind in kinds[1:count]:
            more, rows = self._draws[kind](rng)
            word = "AND" if rng.random() < 0.6 else "OR"
            # Joined from left to right: parentheses where AND would bind more tightly.
            text = f"({text}) {word} {more}" if joined not in {"", word} else f"{text} {word} {more}"
            members = members & rows if word == "AND" else members | rows
            joined = word
        return text, members


def _kinds(
    X: pd.DataFrame,
    attributes: pd.DataFrame | None,
    value: npt.NDArray[np.object_],
    confidence: Floats,
    percentile: Floats,
    predicted: Rows,
    values: tuple[str, ...],
) -> dict[str, Draw]:
    """Return what draws a condition of each kind that the data bear, as text and members among ``predicted``."""
    sure, place = confidence[predicted], percentile[predicted]
    answers = {word: value[predicted] == word for word in values}

    def by_value(rng: np.random.Generator) -> tuple[str, Rows]:
        word = values[int(rng.random() * len(values))]
        return f"value = '{word}'", answers[word]

    def by_confidence(rng: np.random.Generator) -> tuple[str, Rows]:
        least = CONFIDENCES[int(rng.integers(len(CONFIDENCES)))]
        return f"confidence >= {least:g}", sure >= least

    def by_percentile(rng: np.random.Generator) -> tuple[str, Rows]:
        low, high = sorted(int(p) for p in rng.choice(np.arange(0, 101, 5), 2, replace=False))
        which = int(rng.integers(3))
        if which == 0 and low:
            return f"percentile >= {low}", place >= low
        if which == 1 and high < 100:
            return f"percentile < {high}", place < high
        return f"(percentile >= {low} AND percentile < {high})", (place >= low) & (place < high)

    kinds: dict[str, Draw] = {
        "value": by_value,
        "confidence": by_confidence,
        "percentile": by_percentile,
    }
    numbers = {str(name): X[name].to_numpy(np.float64) for name in X.columns}
    words: dict[str, npt.NDArray[np.object_]] = {}
    if attributes is not None:
        more, words = _attribute_columns(attributes)
        numbers |= more
    if features := _numeric(numbers, predicted):
        kinds["feature"] = features
    if words:
        kinds["attribute"] = _worded(words, predicted)
    return kinds


def _numeric(columns: dict[str, Floats], predicted: Rows) -> Draw | None:
    grids = {n: np.unique(np.quantile(k, QUANTILES)) for n, v in columns.items() if len(k := v[~np.isnan(v)])}
    # Limits that nobody passes divide nothing: a constant makes no condition.
    usable = [n for n, grid in grids.items() if len(grid) > 1]
    mine = {name: columns[name][predicted] for name in usable}
    if not usable:
        return None

    def draw(rng: np.random.Generator) -> tuple[str, Rows]:
        name = usable[int(rng.integers(len(usable)))]
        limit = float(grids[name][int(rng.integers(len(grids[name])))])
        if rng.random() < 0.5:
            return f"{name} >= {limit:.6g}", mine[name] >= limit
        return f"{name} <= {limit:.6g}", mine[name] <= limit

    return draw


def _attribute_columns(
    attributes: pd.DataFrame,
) -> tuple[dict[str, Floats], dict[str, npt.NDArray[np.object_]]]:
    """Return the many-valued numbers, and the rest as words (None where missing)."""
    import pandas as pd

    numbers, words = {}, {}
    for name in attributes.columns:
        column = attributes[name]
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if numeric and column.nunique() > FEW_VALUES:
            numbers[str(name)] = column.to_numpy(np.float64)
        elif column.notna().any():
            text = column.astype(str).to_numpy(object, copy=True)
            text[column.isna().to_numpy(bool)] = None
            words[str(name)] = text
    return numbers, words


def _worded(columns: dict[str, npt.NDArray[np.object_]], predicted: Rows) -> Draw:
    names = list(columns)
    values = {name: sorted({v for v in column.tolist() if v is not None}) for name, column in columns.items()}
    members: dict[tuple[str, str], Rows] = {}

    def draw(rng: np.random.Generator) -> tuple[str, Rows]:
        name = names[int(rng.integers(len(names)))]
        word = values[name][int(rng.integers(len(values[name])))]
        if (name, word) not in members:
            members[name, word] = columns[name][predicted] == word
        return f"{name} = '{word}'", members[name, word]

    return draw
