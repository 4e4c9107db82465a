"""The promise to audiences: is mean confidence a floor on the share that turns out right?

A band of confidence may keep its promise while an audience cut from it does not. So many random filters
are drawn as a marketer would make them, and each audience's mean confidence is held against the share of
its members whose value turned out right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Rows = npt.NDArray[np.bool_]
Draw = Callable[[np.random.Generator], tuple[str, Rows]]

LEAST_MEMBERS = 200
STANDARD_ERRORS = 2.0
CONDITIONS = 3
TRIES_PER_AUDIENCE = 20
QUANTILES = tuple(round(0.1 * k, 1) for k in range(1, 10))
CONFIDENCES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
FEW_VALUES = 10
_WEIGHTS = {"value": 0.2, "confidence": 0.25, "percentile": 0.15, "feature": 0.25, "attribute": 0.15}
_UNIT = 2.0**30
"""Confidence is summed in whole units of 2^-30: exact up to eight million rows, whatever their order."""


@dataclass(frozen=True)
class Audience:
    """One random audience: its filter, members with a value, mean confidence, share that was right."""

    filter: str
    n: int
    mean_confidence: float
    share_right: float

    @property
    def excess(self) -> float:
        """Share right minus mean confidence: below zero less was kept than promised."""
        return self.share_right - self.mean_confidence

    @property
    def broken(self) -> bool:
        """Whether the share right is below mean confidence by more than two standard errors."""
        c = self.mean_confidence
        return self.excess < -STANDARD_ERRORS * np.sqrt(c * (1 - c) / self.n)


@dataclass(frozen=True)
class AudiencePromise:
    """What many random audiences show.

    Parameters
    ----------
    audiences : int
        How many were judged; fewer than asked where not enough different filters had enough members.
    asked, least : int
        How many were wanted, and members that each needed.
    broken_share, mean_excess : float
        Share of audiences whose realised share is below mean confidence by more than two standard errors
        (chance alone gives about .023 where confidence is exact), and the mean of share right minus mean
        confidence. NaN without audiences.
    rows : tuple of Audience
        In the order drawn.
    """

    audiences: int
    asked: int
    least: int
    broken_share: float
    mean_excess: float
    rows: tuple[Audience, ...]

    def worst(self, count: int) -> tuple[Audience, ...]:
        """Return the ``count`` audiences that fell furthest below their promise, worst first."""
        return tuple(sorted(self.rows, key=lambda a: (a.excess, a.filter))[:count])


def audience_promise(
    X: pd.DataFrame,
    attributes: pd.DataFrame | None,
    value: npt.NDArray[np.object_],
    confidence: Floats,
    percentile: Floats,
    y: Labels,
    *,
    audiences: int = 1000,
    least: int = LEAST_MEMBERS,
    seed: int = 0,
) -> AudiencePromise:
    """Draw random filters over one held-out snapshot and judge their audiences.

    A filter has one to three conditions joined by AND or OR: on the value, the confidence, the percentile,
    a feature (at a tenth of its distribution) or an attribute. Its audience are the matching rows whose
    value was said. No two audiences have the same members.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Features; NaN matches no condition.
    attributes : DataFrame of shape (n, a), optional
        Row by row beside X, whatever its index.
    value : ndarray of shape (n,)
        ``yes``, ``no`` or ``unknown``.
    confidence, percentile : ndarray of shape (n,)
        In 0 to 1, and in 0 to 100.
    y : ndarray of shape (n,)
        What happened, 0 or 1.
    audiences, least : int
        How many to judge, and members that each needs.
    seed : int
        The same seed gives the same filters, whatever the order of rows.
    """
    said = value != "unknown"
    right = ((value == "yes") == (y == 1))[said]
    units = np.round(confidence[said] * _UNIT)
    rng = np.random.default_rng(seed)
    kinds = _kinds(X, attributes, value, confidence, percentile, said)
    names = list(kinds)
    weights = np.array([_WEIGHTS[name] for name in names])
    weights /= weights.sum()

    rows: list[Audience] = []
    seen: set[bytes] = set()
    tries = TRIES_PER_AUDIENCE * audiences if said.sum() >= least else 0
    for _ in range(tries):
        if len(rows) == audiences:
            break
        text, members = _filter(rng, [kinds[names[k]] for k in rng.choice(len(names), CONDITIONS, p=weights)])
        n = int(np.count_nonzero(members))
        if n < least:
            continue
        who = blake2b(np.packbits(members).tobytes(), digest_size=16).digest()
        if who in seen:
            continue
        seen.add(who)
        kept = int(np.count_nonzero(right & members))
        rows.append(Audience(text, n, float(units[members].sum() / _UNIT / n), kept / n))
    return AudiencePromise(
        len(rows),
        audiences,
        least,
        float(np.mean([a.broken for a in rows])) if rows else float("nan"),
        float(np.mean([a.excess for a in rows])) if rows else float("nan"),
        tuple(rows),
    )


def _filter(rng: np.random.Generator, draws: Sequence[Draw]) -> tuple[str, Rows]:
    """Return one to ``len(draws)`` conditions joined from left to right, as text and members."""
    count = int(rng.integers(1, len(draws) + 1))
    text, members = draws[0](rng)
    joined = ""
    for draw in draws[1:count]:
        more, rows = draw(rng)
        word = "AND" if rng.random() < 0.6 else "OR"
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
    said: Rows,
) -> dict[str, Draw]:
    """Return what draws a condition of each kind that the data bear, as text and members among ``said``."""
    yes, sure, place = value[said] == "yes", confidence[said], percentile[said]

    def by_value(rng: np.random.Generator) -> tuple[str, Rows]:
        return ("value = 'yes'", yes) if rng.random() < 0.5 else ("value = 'no'", ~yes)

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
    if features := _numeric(numbers, said):
        kinds["feature"] = features
    if words:
        kinds["attribute"] = _worded(words, said)
    return kinds


def _numeric(columns: dict[str, Floats], said: Rows) -> Draw | None:
    grids = {n: np.unique(np.quantile(k, QUANTILES)) for n, v in columns.items() if len(k := v[~np.isnan(v)])}
    # Limits that nobody passes divide nothing: a constant makes no condition.
    usable = [n for n, grid in grids.items() if len(grid) > 1]
    mine = {name: columns[name][said] for name in usable}
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


def _worded(columns: dict[str, npt.NDArray[np.object_]], said: Rows) -> Draw:
    names = list(columns)
    values = {name: sorted({v for v in column.tolist() if v is not None}) for name, column in columns.items()}
    members: dict[tuple[str, str], Rows] = {}

    def draw(rng: np.random.Generator) -> tuple[str, Rows]:
        name = names[int(rng.integers(len(names)))]
        word = values[name][int(rng.integers(len(values[name])))]
        if (name, word) not in members:
            members[name, word] = columns[name][said] == word
        return f"{name} = '{word}'", members[name, word]

    return draw
