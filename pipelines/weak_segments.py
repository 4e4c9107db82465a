"""Which segments a model is weak in: scored too high or too low as a whole, or ranked worse than the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.metrics import Estimate

ERRORS = 2.0
"""Standard errors between mean score and observed rate from which a segment counts as scored wrongly."""


class SegmentFigures(Protocol):
    """One segment of the test snapshot with its figures."""

    @property
    def segment(self) -> str:
        """What divides the profiles."""

    @property
    def value(self) -> str:
        """Which part this is."""

    @property
    def n(self) -> int:
        """Profiles."""

    @property
    def yes(self) -> int:
        """True outcomes among them."""

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """By name, with intervals."""

    @property
    def mean_score(self) -> float:
        """Mean of the calibrated scores."""


@dataclass(frozen=True)
class WeakSegment:
    """A segment and why it is weak."""

    row: SegmentFigures
    why: str


def weak_segments(rows: Sequence[SegmentFigures], overall_auc: float) -> list[WeakSegment]:
    """Return the weak segments in the order of ``rows``.

    Parameters
    ----------
    rows : sequence of SegmentFigures
    overall_auc : float
        Of the whole test snapshot.
    """
    found = []
    for row in rows:
        why = [text for text in (_wrongly_scored(row), _worse_ranked(row, overall_auc)) if text]
        if why:
            found.append(WeakSegment(row, "; ".join(why)))
    return found


def _wrongly_scored(row: SegmentFigures) -> str:
    rate, said = row.yes / row.n, row.mean_score
    error = math.sqrt(said * (1 - said) / row.n)
    if not abs(said - rate) > ERRORS * error:
        return ""
    word = "high" if said > rate else "low"
    return f"scored too {word}: {said:.3f} said, {rate:.3f} came true"


def _worse_ranked(row: SegmentFigures, overall_auc: float) -> str:
    auc = row.metrics.get("auc")
    if auc is None or not auc.high < overall_auc:  # false for NaN: one outcome only cannot be ranked
        return ""
    return f"ranks worse: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}) against {overall_auc:.3f} overall"
