"""Which segments a model is weak in: scored too high or too low as a whole, or ranked worse than the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.models.stats.segments import SegmentRow, segment_rows, segments_of

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import TrainingResult

ERRORS = 2.0
"""Standard errors between mean score and observed rate from which a segment counts as scored wrongly."""


@dataclass(frozen=True)
class WeakSegment:
    """A segment and why it is weak."""

    row: SegmentRow
    why: str


def weak_segments(rows: Sequence[SegmentRow]) -> list[WeakSegment]:
    """Return the weak segments in the order of ``rows``, each group of the same profiles once.

    Ranking is held against what the segment's own scores imply, not against the whole: among profiles that
    are much alike no model ranks well, and one that says so is not weak there.
    """
    found = []
    seen = set()
    for row in rows:
        why = [text for text in (_wrongly_scored(row), _worse_ranked(row)) if text]
        who = (row.n, row.yes, row.mean_score)  # "not known" of several attributes is often one group
        if why and who not in seen:
            seen.add(who)
            found.append(WeakSegment(row, "; ".join(why)))
    return found


def _wrongly_scored(row: SegmentRow) -> str:
    rate, said = row.yes / row.n, row.mean_score
    error = math.sqrt(said * (1 - said) / row.n)
    if not abs(said - rate) > ERRORS * error:
        return ""
    word = "high" if said > rate else "low"
    return f"scored too {word}: {said:.3f} said, {rate:.3f} came true"


def _worse_ranked(row: SegmentRow) -> str:
    auc = row.metrics.get("auc")
    if auc is None or not auc.high < row.implied_auc:  # false for NaN: one outcome only cannot be ranked
        return ""
    return (
        f"ranks worse than its scores imply: AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}), "
        f"implied {row.implied_auc:.3f}"
    )


def measured_segments(
    result: TrainingResult, frame: TrainingFrame, attributes: pd.DataFrame | None
) -> list[SegmentRow]:
    """Return the figures of each segment of the test snapshot.

    Parameters
    ----------
    result : TrainingResult
    frame : TrainingFrame
        That the tag was trained on.
    attributes : DataFrame, optional
        Of profiles, by id.
    """
    import numpy as np

    test = result.test_scores
    rows = np.flatnonzero(frame.as_of == np.datetime64(result.split.test))
    rows = rows[np.argsort(frame.profile_id[rows].astype(str), kind="stable")]  # as the scores are
    mine = None if attributes is None else attributes.reindex(test.profile_id).reset_index(drop=True)
    masks = segments_of(frame.X.iloc[rows].reset_index(drop=True), mine)
    return segment_rows(test.y, test.score, masks, np.random.default_rng(result.model.seed), metrics=("auc",))
