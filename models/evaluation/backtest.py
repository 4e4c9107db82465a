"""A tag judged on several past snapshots, trained again before each: what can be said of its quality over time.

Each window is one test snapshot with the model that could have been trained then: rows of later snapshots
are dropped before training, so nothing of a later window reaches an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.decisions.policy import cut_from_scores, decide
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.evaluation.random_audiences import AudiencePromise, audience_promise
from tagcast.models.stats.metrics import (
    METRICS,
    CalibrationBin,
    Estimate,
    calibration_bins,
    evaluate,
)
from tagcast.models.stats.observed_accuracy import PromiseBand, promise_and_reality
from tagcast.models.stats.segments import SegmentRow, segment_rows, segments_of
from tagcast.models.training.dataset import Floats, Labels, TrainingFrame

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.training.binary import TestScores, TrainingResult

CONFIDENCE_LEVELS = (0.0, 0.6, 0.8, 0.9)


@dataclass(frozen=True)
class Window:
    """One past snapshot, scored by a model that knew nothing of it.

    Parameters
    ----------
    test : date
        The snapshot.
    snapshots : int
        That the model could learn from, the test snapshot not among them.
    chosen : str
        The candidate that won.
    test_metrics : dict of str to dict of str to Estimate
        ``tagcast``, ``rfm`` and ``base_rate``.
    differences : dict of str to dict of str to Estimate
        tagcast minus ``rfm`` and ``base_rate`` in ``auc`` and ``log_loss``, over the same resamples.
    profile_id, y, score, value, confidence, percentile : ndarray of shape (n,)
        Of the test snapshot, in order of profile.
    X : DataFrame of shape (n, p)
        Its features.
    attributes : DataFrame of shape (n, a) or None
    audiences : AudiencePromise
    notes : tuple of str
    """

    test: date
    snapshots: int
    chosen: str
    test_metrics: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Estimate]]
    profile_id: npt.NDArray[np.str_]
    y: Labels
    score: Floats
    value: npt.NDArray[np.object_]
    confidence: Floats
    percentile: Floats
    X: pd.DataFrame
    attributes: pd.DataFrame | None
    audiences: AudiencePromise
    notes: tuple[str, ...]

    @property
    def promise(self) -> list[PromiseBand]:
        """What was said with which confidence, and what share was right."""
        return promise_and_reality(self.y, self.value, self.confidence, CONFIDENCE_LEVELS)


@dataclass(frozen=True)
class Pooled:
    """All windows together; a profile has a row in each, so intervals rest on resampled profiles.

    Parameters
    ----------
    metrics : dict of str to Estimate
    segments : list of SegmentRow
    calibration : list of CalibrationBin
    promise : list of PromiseBand
    """

    metrics: Mapping[str, Estimate]
    segments: Sequence[SegmentRow]
    calibration: Sequence[CalibrationBin]
    promise: Sequence[PromiseBand]


def until(frame: TrainingFrame, test: date) -> TrainingFrame:
    """Return the frame as it was when ``test`` was the last snapshot.

    Rows of later snapshots go, and with them features that were not known of anybody until then.
    """
    rows = frame.as_of <= np.datetime64(test)
    X = frame.X.loc[rows]
    return replace(
        frame,
        X=X.loc[:, X.notna().any()].reset_index(drop=True),
        y=frame.y[rows],
        as_of=frame.as_of[rows],
        profile_id=frame.profile_id[rows],
        rfm=frame.rfm.loc[rows].reset_index(drop=True),
    )


def said(definition: TagDefinition, test: TestScores) -> tuple[npt.NDArray[np.object_], Floats]:
    """Return value and confidence of the test snapshot, as a scoring run at that time would have decided."""
    cut = cut_from_scores(definition.decision, test.score) if test.cut is None else test.cut
    return decide(test.score, test.lower, test.upper, cut=cut, min_confidence=definition.min_confidence)


def percentiles(score: Floats) -> Floats:
    """Return the share scored lower, ties counted half, times 100: as a published run ranks."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(score) - 0.5) / len(score) * 100, np.float64)


def judge_window(
    result: TrainingResult,
    frame: TrainingFrame,
    attributes: pd.DataFrame | None,
    *,
    audiences: int,
    seed: int,
) -> Window:
    """Put together what one window shows.

    Parameters
    ----------
    result : TrainingResult
        Of training on ``frame``.
    frame : TrainingFrame
    attributes : DataFrame, optional
        Indexed by profile id; profiles that it lacks have nothing known.
    audiences : int
        Random audiences to judge.
    seed : int
    """
    test, scores = result.split.test, result.test_scores
    at_test = np.flatnonzero(frame.as_of == np.datetime64(test))
    at_test = at_test[np.argsort(frame.profile_id[at_test].astype(str), kind="stable")]
    X = frame.X.iloc[at_test].reset_index(drop=True)
    mine = None if attributes is None else attributes.reindex(scores.profile_id).reset_index(drop=True)
    value, confidence = said(result.model.definition, scores)
    percentile = percentiles(scores.score)
    return Window(
        test=test,
        snapshots=len(result.split.test_fold.train),
        chosen=result.chosen,
        test_metrics=result.test,
        differences=result.differences,
        profile_id=scores.profile_id,
        y=scores.y,
        score=scores.score,
        value=value,
        confidence=confidence,
        percentile=percentile,
        X=X,
        attributes=mine,
        audiences=audience_promise(
            X, mine, value, confidence, percentile, scores.y, audiences=audiences, seed=seed
        ),
        notes=result.notes,
    )


def pool(windows: Sequence[Window], *, seed: int) -> Pooled:
    """Return the figures of all windows together.

    Segments by feature are taken within each window (high spend of December is not that of June), those by
    attribute over all rows.
    """
    import pandas as pd

    y, score, profile_id, value, confidence = (
        np.concatenate([getattr(w, name) for w in windows])
        for name in ("y", "score", "profile_id", "value", "confidence")
    )
    masks: dict[tuple[str, str], list[npt.NDArray[np.bool_]]] = {}
    for place, window in enumerate(windows):
        for key, rows in segments_of(window.X).items():
            parts = masks.setdefault(key, [np.zeros(len(w.y), bool) for w in windows])
            parts[place] = rows
    pooled = {key: np.concatenate(parts) for key, parts in masks.items()}
    known = [w.attributes for w in windows if w.attributes is not None]
    if known:
        nothing = pd.DataFrame(index=range(len(y)))
        pooled |= segments_of(nothing, pd.concat(known, ignore_index=True))
    return Pooled(
        evaluate(y, score, np.random.default_rng(seed), tuple(METRICS), profile_id),
        segment_rows(y, score, pooled, np.random.default_rng(seed), profile_id),
        calibration_bins(y, score),
        promise_and_reality(y, value, confidence, CONFIDENCE_LEVELS),
    )
