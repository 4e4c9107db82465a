"""A tag evaluated on several past snapshots, trained again before each: what can be said of its quality over time.

Each window is one test snapshot with the model that could have been trained then: rows of later snapshots
are dropped before training, so nothing of a later window reaches an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Generic, Protocol

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text
from tagcast.models.definitions.learned_from import UPLIFT
from tagcast.models.evaluation.effect_measures import EffectWindows
from tagcast.models.evaluation.measures import MEASURES, Measures
from tagcast.models.evaluation.random_audiences import AudiencePromise, audience_promise
from tagcast.models.stats.draws import Weight, shares_below, weighted_mean
from tagcast.models.stats.effects import FloorBand
from tagcast.models.stats.metrics import CalibrationBin, Estimate
from tagcast.models.stats.observed_accuracy import PromiseBand, promise_and_reality
from tagcast.models.stats.segments import Segment, segments_of
from tagcast.models.training.dataset import Floats, TrainingFrame
from tagcast.models.training.result import AnyResult, AnyScores, joined

if TYPE_CHECKING:
    import pandas as pd

Words = npt.NDArray[np.object_]
TestMetrics = Mapping[str, Mapping[str, Estimate]]
CONFIDENCE_LEVELS = (0.0, 0.6, 0.8, 0.9)


@dataclass(frozen=True)
class Window(Generic[AnyScores]):
    """One past snapshot, scored by a model that knew nothing of it.

    Parameters
    ----------
    kind : str
        Of the tag.
    test : date
        The snapshot.
    snapshots : int
        That the model could learn from, the test snapshot not among them.
    chosen : str
        The candidate that won.
    references : dict of str to Message or str
        What the model has to beat, and what people call it.
    test_metrics : dict of str to dict of str to Estimate
        ``tagcast`` and each reference.
    differences : dict of str to dict of str to Estimate
        tagcast minus each reference, over the same resamples.
    scores : TestScores, AmountTest or EffectTest
        Of the test snapshot, in order of profile.
    y : ndarray of shape (n,)
        What scores are held against: 0 or 1, the amount, or the pseudo-outcome of an effect.
    value, came, confidence, percentile : ndarray of shape (n,)
        What was predicted, and what would have been right.
    X : DataFrame of shape (n, p)
        Its features.
    attributes : DataFrame of shape (n, a) or None
    audiences : AudiencePromise
    notes : tuple of Message or str
    """

    kind: str
    test: date
    snapshots: int
    chosen: str
    references: Mapping[str, Text]
    test_metrics: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Estimate]]
    scores: AnyScores
    y: npt.NDArray[Any]
    value: npt.NDArray[np.object_]
    came: npt.NDArray[np.object_]
    confidence: Floats
    percentile: Floats
    X: pd.DataFrame
    attributes: pd.DataFrame | None
    audiences: AudiencePromise
    notes: tuple[Text, ...]

    @property
    def measures(self) -> Measures:
        """How its kind of tag is measured."""
        return MEASURES[self.kind]

    @property
    def profile_id(self) -> npt.NDArray[np.str_]:
        """Whose rows they are."""
        return self.scores.profile_id

    @property
    def score(self) -> Floats:
        """Calibrated probability, or predicted amount."""
        return self.scores.score

    @property
    def mean_outcome(self) -> float:
        """Mean of what came, over the population."""
        return weighted_mean(self.y, self.scores.weight)

    @property
    def mean_score(self) -> float:
        """Mean score, over the population."""
        return weighted_mean(self.score, self.scores.weight)

    @property
    def promise(self) -> Sequence[PromiseBand | FloorBand]:
        """What was predicted with which confidence, and what share was right; of effects their floors, and what was measured."""
        return _window_kind(self.kind).promise(
            self.scores, self.came, self.value, self.confidence, CONFIDENCE_LEVELS
        )


@dataclass(frozen=True)
class Pooled:
    """All windows together; a profile has a row in each, so intervals rest on resampled profiles.

    Parameters
    ----------
    metrics : dict of str to Estimate
    segments : list of SegmentRow or AmountSegment
    calibration : list of CalibrationBin
    promise : list of PromiseBand or FloorBand
    """

    metrics: Mapping[str, Estimate]
    segments: Sequence[Segment]
    calibration: Sequence[CalibrationBin]
    promise: Sequence[PromiseBand | FloorBand]


class WindowKind(Protocol):
    """How windows of a kind of tag are held against what came; arrays are of shape (n,), of the test snapshot."""

    def figures(self, result: Any, seed: int) -> tuple[TestMetrics, TestMetrics]:
        """Return the metrics of the test snapshot, and differences from each reference."""

    def observed(self, scores: Any) -> npt.NDArray[Any]:
        """Return what scores are held against, as numbers."""

    def promise(
        self, scores: Any, came: Words, value: Words, confidence: Floats, levels: Sequence[float]
    ) -> Sequence[PromiseBand | FloorBand]:
        """Return what was promised at each level of confidence, and what came."""

    def audiences(
        self, X: pd.DataFrame, attributes: pd.DataFrame | None, value: Words, confidence: Floats, percentile: Floats,
        came: Words, scores: Any, values: tuple[str, ...], audiences: int, seed: int,
    ) -> AudiencePromise:  # fmt: skip
        """Return how the promise to random audiences was kept."""


class _AloneWindows:
    """Of tags that show of each profile if its value was right."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def figures(self, result: AnyResult, _seed: int) -> tuple[TestMetrics, TestMetrics]:
        return result.test, result.differences

    def observed(self, scores: Any) -> npt.NDArray[Any]:
        return self._measures.outcome(scores)

    def promise(
        self, scores: Any, came: Words, value: Words, confidence: Floats, levels: Sequence[float]
    ) -> Sequence[PromiseBand]:
        return promise_and_reality(came, value, confidence, levels, scores.weight)

    def audiences(
        self, X: pd.DataFrame, attributes: pd.DataFrame | None, value: Words, confidence: Floats, percentile: Floats,
        came: Words, scores: Any, values: tuple[str, ...], audiences: int, seed: int,
    ) -> AudiencePromise:  # fmt: skip
        return audience_promise(
            X, attributes, value, confidence, percentile, came,
            values=values, audiences=audiences, seed=seed, weight=scores.weight,
        )  # fmt: skip


def _window_kind(kind: str) -> WindowKind:
    return EffectWindows() if kind == UPLIFT else _AloneWindows(MEASURES[kind])


def until(frame: TrainingFrame, test: date) -> TrainingFrame:
    """Return the frame as it was when ``test`` was the last snapshot.

    Rows of later snapshots go, and with them features that were not known of anybody until then.
    """
    return frame.only(frame.as_of <= np.datetime64(test))


def percentiles(score: Floats, weight: Weight = None) -> Floats:
    """Return the share scored lower, ties counted half, times 100: as a published run ranks."""
    from scipy.stats import rankdata

    if weight is not None:
        return shares_below(score, weight) * 100
    return np.asarray((rankdata(score) - 0.5) / len(score) * 100, np.float64)


def rows_at(frame: TrainingFrame, test: date) -> npt.NDArray[np.intp]:
    """Return the places of the rows of ``test``, in order of profile, as test scores are."""
    rows = np.flatnonzero(frame.as_of == np.datetime64(test))
    return rows[np.argsort(frame.profile_id[rows].astype(str), kind="stable")]


def window_of(
    result: AnyResult,
    frame: TrainingFrame,
    attributes: pd.DataFrame | None,
    *,
    audiences: int,
    seed: int,
) -> Window[Any]:
    """Put together what one window shows.

    Parameters
    ----------
    result : TrainingResult or AmountResult
        Of training on ``frame``.
    frame : TrainingFrame
    attributes : DataFrame, optional
        Indexed by profile id; profiles that it lacks have nothing known.
    audiences : int
        Random audiences to draw.
    seed : int
    """
    definition, scores, test = result.model.definition, result.test_scores, result.split.test
    measures, held = MEASURES[definition.kind], _window_kind(definition.kind)
    test_metrics, differences = held.figures(result, seed)
    frame = frame.unapproached
    X = frame.X.iloc[rows_at(frame, test)].reset_index(drop=True)
    mine = None if attributes is None else attributes.reindex(scores.profile_id).reset_index(drop=True)
    value, confidence = measures.decided(definition, scores)
    came = measures.came(definition, scores)
    percentile = percentiles(scores.score, scores.weight)
    return Window(
        kind=definition.kind,
        test=test,
        snapshots=len(result.split.test_fold.train),
        chosen=result.chosen,
        references=result.references,
        test_metrics=test_metrics,
        differences=differences,
        scores=scores,
        y=held.observed(scores),
        value=value,
        came=came,
        confidence=confidence,
        percentile=percentile,
        X=X,
        attributes=mine,
        audiences=held.audiences(
            X, mine, value, confidence, percentile, came, scores, definition.values, audiences, seed
        ),
        notes=result.notes,
    )


def pool(windows: Sequence[Window[Any]], *, seed: int) -> Pooled:
    """Return the figures of all windows of one tag together.

    Segments by feature are taken within each window (high spend of December is not that of June), those by
    attribute over all rows.
    """
    import pandas as pd

    measures, scores = windows[0].measures, joined([w.scores for w in windows])
    value, came, confidence = (
        np.concatenate([getattr(w, name) for w in windows]) for name in ("value", "came", "confidence")
    )
    masks: dict[tuple[str, str], list[npt.NDArray[np.bool_]]] = {}
    for place, window in enumerate(windows):
        for key, rows in segments_of(window.X).items():
            parts = masks.setdefault(key, [np.zeros(len(w.y), bool) for w in windows])
            parts[place] = rows
    pooled = {key: np.concatenate(parts) for key, parts in masks.items()}
    known = [w.attributes for w in windows if w.attributes is not None]
    if known:
        nothing = pd.DataFrame(index=range(len(value)))
        pooled |= segments_of(nothing, pd.concat(known, ignore_index=True))
    whose = scores.profile_id
    return Pooled(
        measures.pooled(scores, np.random.default_rng(seed), whose),
        measures.segments(scores, pooled, np.random.default_rng(seed), whose),
        measures.bins(scores),
        _window_kind(windows[0].kind).promise(scores, came, value, confidence, CONFIDENCE_LEVELS),
    )
