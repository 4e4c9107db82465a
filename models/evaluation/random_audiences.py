"""The promise to audiences: is mean confidence a floor on the share that turns out right?

A band of confidence may keep its promise while an audience cut from it does not. So many random filters
are drawn as a marketer would make them, and each audience's mean confidence is held against the share of
its members whose value turned out right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from tagcast.models.evaluation.random_filters import RandomFilters
from tagcast.models.filters.fields import YES_NO
from tagcast.models.stats.draws import Weight, part, total, weighted_mean
from tagcast.models.stats.observed_accuracy import as_words

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Words = npt.NDArray[np.object_]
Rows = npt.NDArray[np.bool_]

LEAST_MEMBERS = 200
STANDARD_ERRORS = 2.0
TRIES_PER_AUDIENCE = 20
FRUITLESS_TRIES = 500
"""Drawing ends after so many filters in a row without a new audience: small populations hold few."""
SNAPSHOTS, CELLS, BATCH = 100, 20_000_000, 32
"""Made-up snapshots that say what chance does: fewer where rows are many; audiences counted at a time."""
_UNIT = 2.0**30
"""Confidence is summed in whole units of 2^-30: exact up to eight million rows, whatever their order."""


@dataclass(frozen=True)
class Audience:
    """One random audience: its filter, members with a value, mean confidence, share that was right.

    Where members stand for several, ``n`` are those that tell a share of mean confidence as exactly.
    """

    filter: str
    n: float
    mean_confidence: float
    share_right: float

    @property
    def excess(self) -> float:
        """Share right minus mean confidence: below zero less was kept than promised."""
        return self.share_right - self.mean_confidence

    @property
    def deviation(self) -> float:
        """The excess in standard errors that a share of mean confidence has among ``n`` members."""
        error = math.sqrt(self.mean_confidence * (1 - self.mean_confidence) / self.n)
        return self.excess / error if error else math.copysign(math.inf, self.excess) if self.excess else 0.0

    @property
    def broken(self) -> bool:
        """Whether the share right is below mean confidence by more than two standard errors."""
        return self.deviation < -STANDARD_ERRORS


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
        Share of audiences whose realised share is below mean confidence by more than two standard errors,
        and the mean of share right minus mean confidence. NaN without audiences.
    by_chance : float
        Audiences overlap, so one snapshot's luck is shared by many of them. If every confidence were exactly
        right, the broken share would stay at or below this in 95 of 100 such snapshots (simulated).
    rows : tuple of Audience
        In the order drawn; of effects :class:`tagcast.models.evaluation.random_floors.FloorAudience`.
    """

    audiences: int
    asked: int
    least: int
    broken_share: float
    mean_excess: float
    by_chance: float
    rows: tuple[Any, ...]

    def worst(self, count: int) -> tuple[Any, ...]:
        """Return the ``count`` audiences furthest below their promise in standard errors, worst first."""
        return tuple(sorted(self.rows, key=lambda a: (a.deviation, a.filter))[:count])


def audience_promise(
    X: pd.DataFrame,
    attributes: pd.DataFrame | None,
    value: npt.NDArray[np.object_],
    confidence: Floats,
    percentile: Floats,
    y: Labels | Words,
    *,
    values: tuple[str, ...] = YES_NO,
    audiences: int = 1000,
    least: int = LEAST_MEMBERS,
    seed: int = 0,
    weight: Weight = None,
) -> AudiencePromise:
    """Draw random filters over one held-out snapshot and judge their audiences.

    A filter has one to three conditions joined by AND or OR: on the value, the confidence, the percentile,
    a feature (at a tenth of its distribution) or an attribute. Its audience are the matching rows whose
    value was predicted. No two audiences have the same members.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Features; NaN matches no condition.
    attributes : DataFrame of shape (n, a), optional
        Row by row beside X, whatever its index.
    value : ndarray of shape (n,)
        One of ``values``, or ``unknown``.
    confidence, percentile : ndarray of shape (n,)
        In 0 to 1, and in 0 to 100.
    y : ndarray of shape (n,)
        What happened: 0 or 1, or as text the one of ``values`` that came.
    values : tuple of str
        What can be predicted beside unknown: yes and no, or the tiers of an amount.
    audiences, least : int
        How many to judge, and members that each needs.
    seed : int
        The same seed gives the same filters, whatever the order of rows; ``by_chance`` needs the same order.
    weight : ndarray of shape (n,), optional
        How many profiles each row stands for.
    """
    said = value != "unknown"
    right = (value == as_words(y))[said]
    counts = part(weight, said)
    units = np.round(confidence[said] * _UNIT)
    rng = np.random.default_rng(seed)
    filters = RandomFilters(X, attributes, value, confidence, percentile, said, values)
    luck = _Luck(confidence[said], np.random.default_rng([seed, 1]), counts)
    rows: list[Audience] = []
    for text, members in different_audiences(filters, rng, int(said.sum()), audiences, least):
        n = int(np.count_nonzero(members))
        if counts is None:
            kept = int(np.count_nonzero(right & members))
            rows.append(Audience(text, n, float(units[members].sum() / _UNIT / n), kept / n))
        else:
            rows.append(_weighed(text, confidence[said][members], right[members], counts[members]))
        luck.add(members)
    return AudiencePromise(
        len(rows),
        audiences,
        least,
        float(np.mean([a.broken for a in rows])) if rows else float("nan"),
        float(np.mean([a.excess for a in rows])) if rows else float("nan"),
        luck.broken_share(rows),
        tuple(rows),
    )


def different_audiences(
    filters: RandomFilters, rng: np.random.Generator, rows: int, audiences: int, least: int
) -> Iterator[tuple[str, Rows]]:
    """Yield filters and their members, no two with the same and each with ``least`` of them, until there are as many as asked; ``rows`` may be drawn."""
    seen: set[bytes] = set()
    fruitless = 0
    for _ in range(TRIES_PER_AUDIENCE * audiences if rows >= least else 0):
        if len(seen) == audiences or fruitless == FRUITLESS_TRIES:
            return
        fruitless += 1
        text, members = filters.draw(rng)
        if np.count_nonzero(members) < least:
            continue
        who = blake2b(np.packbits(members).tobytes(), digest_size=16).digest()
        if who not in seen:
            seen.add(who)
            fruitless = 0
            yield text, members


def _weighed(text: str, confidence: Floats, right: Rows, weight: Floats) -> Audience:
    """Return an audience whose members stand for several each."""
    promised = weighted_mean(confidence, weight)
    # As many as have the standard error that these have, were each confidence exactly right.
    variance = float((weight**2 * confidence * (1 - confidence)).sum()) / float(weight.sum()) ** 2
    n = promised * (1 - promised) / variance if variance > 0 else float(len(right))
    return Audience(text, n, promised, weighted_mean(right, weight))


class _Luck:
    """Broken shares of the same audiences in made-up snapshots whose confidence is exactly right.

    Parameters
    ----------
    confidence : ndarray of shape (n,)
    rng : Generator
    weight : ndarray of shape (n,), optional
        How many profiles each row stands for.
    """

    def __init__(self, confidence: Floats, rng: np.random.Generator, weight: Weight) -> None:
        draws = max(20, min(SNAPSHOTS, CELLS // max(1, len(confidence))))
        right = [rng.random(len(confidence)) < confidence for _ in range(draws)]
        # Whole numbers up to 2^24 are exact in float32, and its products are twice as fast.
        self._right = np.stack(right, axis=1).astype(np.float32)
        if weight is not None:
            self._right *= weight[:, None].astype(np.float32)
        self._whole: list[float] = []
        self._weight = weight
        self._waiting: list[Rows] = []
        self._kept: list[npt.NDArray[np.float32]] = []

    def add(self, members: Rows) -> None:
        """Take in one more audience."""
        self._waiting.append(members)
        self._whole.append(total(np.flatnonzero(members), part(self._weight, members)))
        if len(self._waiting) == BATCH:
            self._count()

    def _count(self) -> None:
        if self._waiting:
            # Windows are judged beside trainings: BLAS threads that wait for a core would only spin.
            with threadpool_limits(1):
                self._kept.append(np.stack(self._waiting).astype(np.float32) @ self._right)
            self._waiting = []

    def broken_share(self, rows: Sequence[Audience]) -> float:
        """Return the 95 % quantile over the made-up snapshots; NaN without audiences."""
        self._count()
        if not rows:
            return float("nan")
        n, promised = (np.array([[getattr(a, name)] for a in rows]) for name in ("n", "mean_confidence"))
        error = np.sqrt(promised * (1 - promised) / n)
        shares = np.concatenate(self._kept) / np.array(self._whole)[:, None]
        broken = shares - promised < -STANDARD_ERRORS * error
        return float(np.quantile(broken.mean(axis=0), 0.95))
