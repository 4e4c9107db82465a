"""How good the scores are within parts of a population: new and returning, low and high spend, attributes.

A model may be good on the whole and poor where it matters; a table by segment shows where.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.draws import Weight, cases_of, counted, part, share_of, weighted_mean
from tagcast.models.stats.metrics import METRICS, Estimate, Floats, Ids, Labels, evaluate, implied_auc

if TYPE_CHECKING:
    import pandas as pd

Rows = npt.NDArray[np.bool_]
Masks = Mapping[tuple[str, str], Rows]
"""Which rows belong to which (segment, value)."""

NEW_WITHIN_DAYS = 90
LEAST_MEMBERS = 50
"""Groups of an attribute with fewer members are put together as ``other``: their figures would be noise."""
FEW_VALUES = 10
"""A numeric attribute with at most so many values is taken as groups, another is cut into quarters."""
OTHER, MISSING = "other", "not known"
NEEDS_BOTH_OUTCOMES = frozenset({"auc", "average_precision", "lift_at_10"})
_SPEND = re.compile(r"spend_(\d+)d")


@dataclass(frozen=True)
class Segment:
    """One segment's figures, whatever the kind of tag.

    Parameters
    ----------
    segment, value : str
        What divides the rows (``tenure``, ``spend_90d``, an attribute), and which part this is.
    n, yes : int
        Rows, and how many outcomes among them are true; of an amount, how many spent anything. Where rows stand for
        several these are those that they stand for.
    metrics : dict of str to Estimate
        Every metric with its interval; NaN where it cannot be computed (ranking with one outcome only).
    mean_score : float
        Beside ``yes / n`` or the mean amount: whether the segment is scored too high or too low as a whole.
    """

    segment: str
    value: str
    n: int
    yes: int
    metrics: Mapping[str, Estimate]
    mean_score: float


@dataclass(frozen=True)
class SegmentRow(Segment):
    """One segment's figures of a yes or no.

    ``implied_auc`` stands beside the AUC: what it would be if each score were exactly right. ``error`` is the standard error
    of the observed rate around ``mean_score``, ``low`` and ``high`` are the ends of the rate's 95 % interval.
    """

    implied_auc: float
    error: float
    low: float
    high: float


def segments_of(X: pd.DataFrame, attributes: pd.DataFrame | None = None) -> dict[tuple[str, str], Rows]:
    """Return which rows belong to which segment.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Features by name. ``tenure_days`` (else ``tenure_bounded_days``) separates new from returning: first
        purchase within ``NEW_WITHIN_DAYS``. The ``spend_<days>d`` nearest to 90 days is split at its median.
    attributes : DataFrame of shape (n, a), optional
        Row by row beside X, whatever its index. Values with at least ``LEAST_MEMBERS`` rows are segments
        of their own, the rest is ``other``, what is missing ``not known``. Many-valued numbers are cut into
        quarters.

    Returns
    -------
    dict of (segment, value) to ndarray of shape (n,)
        Boolean, never empty of members; a segment that does not divide the rows is left out.

    Raises
    ------
    ValueError
        When ``attributes`` has another number of rows than X.
    """
    if attributes is not None and len(attributes) != len(X):
        raise ValueError(f"attributes need one row for each of the {len(X)} rows of X, got {len(attributes)}")
    masks = {**_tenure(X), **_spend(X)}
    if attributes is not None:
        for name in attributes.columns:
            groups = attribute_groups(attributes[name])
            if len(groups) > 1:
                masks |= {(str(name), value): rows for value, rows in groups.items()}
    return masks


def _tenure(X: pd.DataFrame) -> dict[tuple[str, str], Rows]:
    name = next((n for n in ("tenure_days", "tenure_bounded_days") if n in X.columns), None)
    if name is None:
        return {}
    days = X[name].to_numpy(np.float64)
    # Unknown (never bought) is neither; a bounded tenure that ends at 90 days separates nobody.
    return _dividing("tenure", {"new": days <= NEW_WITHIN_DAYS, "returning": days > NEW_WITHIN_DAYS})


def _spend(X: pd.DataFrame) -> dict[tuple[str, str], Rows]:
    windows = [int(m[1]) for m in map(_SPEND.fullmatch, map(str, X.columns)) if m]
    if not windows:
        return {}
    days = min(windows, key=lambda n: (abs(n - NEW_WITHIN_DAYS), n))
    spend = X[f"spend_{days}d"].to_numpy(np.float64)
    known = spend[~np.isnan(spend)]
    if not len(known):
        return {}
    middle = float(np.median(known))
    return _dividing(f"spend_{days}d", {"low": spend <= middle, "high": spend > middle})


def _dividing(segment: str, parts: Mapping[str, Rows]) -> dict[tuple[str, str], Rows]:
    """Return the parts unless one of them has no members."""
    if not all(rows.any() for rows in parts.values()):
        return {}
    return {(segment, value): rows for value, rows in parts.items()}


def attribute_groups(column: pd.Series) -> dict[str, Rows]:
    """Return the rows of each value of one attribute: by name, ``other`` and ``not known`` last.

    Parameters
    ----------
    column : Series of shape (n,)
        Text, booleans, categories or numbers.
    """
    import pandas as pd

    missing = column.isna().to_numpy(bool)
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numeric and column.nunique() > FEW_VALUES:
        groups = _quarters(column.to_numpy(np.float64), ~missing)
    else:
        text = np.array([f"{v:g}" if numeric else str(v) for v in column.tolist()], dtype=object)
        values = sorted(set(text[~missing].tolist()), key=_natural)
        groups = {value: (text == value) & ~missing for value in values}
    large = {value: rows for value, rows in groups.items() if rows.sum() >= LEAST_MEMBERS}
    rest = ~missing & ~np.logical_or.reduce([np.zeros(len(column), bool), *large.values()])
    for value, rows in ((OTHER, rest), (MISSING, missing)):
        if rows.any():
            # An attribute may hold the very word: both mean the same for a row.
            large[value] = large[value] | rows if value in large else rows
    return large


def _natural(text: str) -> tuple[float, bool, str]:
    """Sort by the first number ("under 5", "5-9", "10-14"), what has none by letters after that."""
    found = re.search(r"\d+", text)
    return (float(found[0]) if found else float("inf"), text[:1].isdigit(), text)


def _quarters(values: Floats, known: Rows) -> dict[str, Rows]:
    edges = np.unique(np.quantile(values[known], [0, 0.25, 0.5, 0.75, 1]))
    groups = {}
    for place, (low, high) in enumerate(pairwise(edges.tolist())):
        rows = known & (values <= high) & ((values > low) if place else (values >= low))
        groups[f"{low:g} to {high:g}" if not place else f"over {low:g} to {high:g}"] = rows
    return groups


def segment_rows(
    y: Labels,
    score: Floats,
    masks: Masks,
    rng: np.random.Generator,
    profile_id: Ids | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    weight: Weight = None,
) -> list[SegmentRow]:
    """Return the figures of every segment, in the order of ``masks``.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    score : ndarray of shape (n,)
        Probabilities in (0, 1).
    masks : dict of (segment, value) to ndarray of shape (n,)
        As :func:`segments_of` returns them; those without members are left out.
    rng : Generator
        A segment's intervals do not depend on which other segments there are.
    profile_id : ndarray of shape (n,), optional
        Whose row each is, where a profile has several (pooled snapshots): profiles are then resampled,
        since their rows are alike.
    metrics : sequence of str
        Those to compute.
    weight : ndarray of shape (n,), optional
        How many rows each stands for.
    """
    rows = []
    for names, members, own, whose in each_segment(masks, rng, profile_id):
        outcomes, predicted, weighs = y[members], score[members], part(weight, members)
        found = evaluate(outcomes, predicted, own, metrics, whose, weighs)
        if outcomes.all() or not outcomes.any():
            nothing = Estimate(float("nan"), float("nan"), float("nan"))
            found |= dict.fromkeys(NEEDS_BOTH_OUTCOMES & set(found), nothing)
        order = np.argsort(predicted, kind="stable")  # one order of addition, whatever that of the rows
        mean = weighted_mean(predicted[order], part(weighs, order))
        low, _, high = share_of(outcomes, weighs)
        n, yes = counted(np.ones(len(outcomes), bool), weighs), counted(outcomes, weighs)
        error = math.sqrt(mean * (1 - mean) / cases_of(outcomes, weighs)[1])
        implied = implied_auc(predicted, weighs)
        rows.append(SegmentRow(*names, n, yes, found, mean, implied, error, low, high))
    return rows


def each_segment(
    masks: Masks, rng: np.random.Generator, profile_id: Ids | None
) -> Iterator[tuple[tuple[str, str], Rows, np.random.Generator, Ids | None]]:
    """Yield names, rows, generator and profiles of each segment that has members."""
    seed = int(rng.integers(2**63))
    for names, members in masks.items():
        if members.any():
            whose = None if profile_id is None else profile_id[members]
            yield names, members, np.random.default_rng(seed), whose
