"""How often profiles change value from snapshot to snapshot, and what a margin against it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat

import numpy as np
import numpy.typing as npt

from tagcast.models.decisions.policy import decide
from tagcast.models.stats.draws import counted, part, total, weighted_mean
from tagcast.models.stats.observed_accuracy import as_words

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.object_]
Ids = npt.NDArray[np.str_]
Scored = tuple[Ids, npt.NDArray[np.int8], Floats, Floats, Floats]
"""Of one snapshot: profile ids, outcomes, scores, lower and upper bounds, each of shape (n,)."""

Weights = Sequence[Floats] | None
"""Of each snapshot how many rows each case stands for; None where each counts once."""

MARGINS = (0.0, 0.02, 0.05, 0.1)
"""Hysteresis tried, in score."""


@dataclass(frozen=True)
class Margin:
    """What one margin does over consecutive snapshots.

    Parameters
    ----------
    margin : float
        Hysteresis, in score.
    own : bool
        The definition's.
    pairs, flips : int
        Profiles present in two consecutive snapshots, and those whose value differs between them
        (``unknown`` is a value: entering or leaving it changes an audience too).
    removed : float or None
        Share of the flips without a margin that this one removes; None where there are none.
    predicted : int
        Values that are not unknown.
    mean_confidence, share_right : float or None
        Of the values said.
    """

    margin: float
    own: bool
    pairs: int
    flips: int
    removed: float | None
    predicted: int
    mean_confidence: float | None
    share_right: float | None


def flips(values_by_snapshot: Sequence[tuple[Ids, Words]], weights: Weights = None) -> tuple[int, int]:
    """Return how many profiles stand in two consecutive snapshots, and how many change value between them.

    Parameters
    ----------
    values_by_snapshot : sequence of (profile_id, value)
        Of each snapshot in order of time; ids are unique in it and in any order.
    weights : sequence of ndarray, optional
        How many rows each value stands for. Snapshots draw profiles independently of one another
        (:data:`tagcast.models.stats.draws.PLACE_BITS`), so somebody drawn at both stands for the product.

    Returns
    -------
    pairs, flips : int
    """
    pairs = changed = 0
    of_pairs = pairwise(weights) if weights else repeat((None, None))
    for ((before_ids, before), (ids, after)), (earlier, later) in zip(
        pairwise(values_by_snapshot), of_pairs, strict=False
    ):
        _, a, b = np.intersect1d(before_ids, ids, assume_unique=True, return_indices=True)
        both = None if earlier is None or later is None else earlier[a] * later[b]
        pairs += round(total(a, both))
        changed += counted(before[a] != after[b], both)
    return pairs, changed


def past_of(ids: Ids, before_ids: Ids, before: Words) -> Words:
    """Return the value that each of ``ids`` had, None for one that had none."""
    out = np.full(len(ids), None, dtype=object)
    _, here, there = np.intersect1d(ids, before_ids, assume_unique=True, return_indices=True)
    out[here] = before[there]
    return out


def values_over_time(
    scored: Sequence[Scored], thresholds: Sequence[float], *, min_confidence: float, hysteresis: float
) -> list[tuple[Ids, Words, Floats]]:
    """Decide snapshot after snapshot, each with the values of the one before as its past.

    Parameters
    ----------
    scored : sequence of Scored
        In order of time.
    thresholds : sequence of float
        One a snapshot.
    min_confidence, hysteresis : float
        Of the definition.

    Returns
    -------
    list of (profile_id, value, confidence)
    """
    predicted: list[tuple[Ids, Words, Floats]] = []
    for (ids, _, score, lower, upper), threshold in zip(scored, thresholds, strict=True):
        past = past_of(ids, predicted[-1][0], predicted[-1][1]) if predicted else None
        value, confidence = decide(
            score,
            lower,
            upper,
            threshold=threshold,
            min_confidence=min_confidence,
            hysteresis=hysteresis,
            past=past,
        )
        predicted.append((ids, value, confidence))
    return predicted


def stability(
    scored: Sequence[Scored],
    thresholds: Sequence[float],
    *,
    min_confidence: float,
    own: float = 0.0,
    weights: Weights = None,
) -> list[Margin]:
    """Return what each of ``MARGINS`` and the definition's ``own`` does, the smallest first."""
    came = as_words(np.concatenate([outcomes for _, outcomes, *_ in scored]))
    rows: list[Margin] = []
    for margin in sorted({*MARGINS, own}):
        over_time = values_over_time(scored, thresholds, min_confidence=min_confidence, hysteresis=margin)
        without = rows[0] if rows else None
        rows.append(margin_of(over_time, came, margin, own=margin == own, without=without, weights=weights))
    return rows


def margin_of(
    over_time: Sequence[tuple[Ids, Words, Floats]],
    came: Words,
    margin: float,
    *,
    own: bool,
    without: Margin | None = None,
    weights: Weights = None,
) -> Margin:
    """Return what values over time came to; ``came`` are the right ones, ``without`` what they do without a margin."""
    pairs, changed = flips([(ids, value) for ids, value, _ in over_time], weights)
    weight = None if weights is None else np.concatenate(weights)
    value = np.concatenate([v for _, v, _ in over_time])
    confidence = np.concatenate([c for *_, c in over_time])
    predicted = value != "unknown"
    said = part(weight, predicted)
    before = without.flips if without else changed
    return Margin(
        margin=margin,
        own=own,
        pairs=pairs,
        flips=changed,
        removed=1 - changed / before if before else None,
        predicted=counted(predicted, weight),
        mean_confidence=weighted_mean(confidence[predicted], said) if predicted.any() else None,
        share_right=weighted_mean((value == came)[predicted], said) if predicted.any() else None,
    )
