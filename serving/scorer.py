"""The batch scorer: stream a snapshot, predict every tag, decide, write to the store's staging.

Two passes over the snapshot. The first is taken only by tags whose decision depends on all scores of the
run (the top share of a population has no threshold before everyone is scored); the second decides,
explains and writes. Features are read twice rather than kept: memory does not grow with profiles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from features.windows import FeatureSet
from models.amount_model import PredictedAmount
from models.decision import band, decide
from models.reasons import explain
from models.unknown import Familiar, say_unknown
from serving.predictions import PREDICTION_SCHEMA

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from features.snapshots import Snapshots
    from features.streaming import FeatureBatch
    from models.amount_model import AmountModel
    from models.tag import TagDefinition
    from models.tag_model import TagModel
    from serving.past_values import PastValues

BATCH_ROWS = 32_768
EXACT_REASONS_CAP = 10_000
"""Yes-tags (highest tiers) a run and tag that get exact TreeSHAP; path attribution is 100 times cheaper."""


@dataclass(frozen=True)
class LoadedTag:
    """A champion ready to score.

    Parameters
    ----------
    model : TagModel or AmountModel
    version : str
    metrics : mapping of str to float
        Of the version.
    """

    model: TagModel | AmountModel
    version: str
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def definition(self) -> TagDefinition:
        """The definition as it was when the model was trained."""
        return self.model.definition

    @property
    def feature_set(self) -> FeatureSet:
        """The features the model was trained on."""
        return FeatureSet.parse(self.model.feature_set)

    @property
    def category(self) -> str | None:
        """The category whose pair features it needs."""
        return self.definition.outcome.category if self.definition.feature_service == "interest" else None

    @property
    def expires_after(self) -> timedelta:
        """How long a tag of this run is good for."""
        return timedelta(days=self.definition.expires_after_days)


def eligible(
    definition: TagDefinition, feature_set: FeatureSet, batch: FeatureBatch
) -> npt.NDArray[np.bool_]:
    """Return which profiles of ``batch`` belong to the tag's population, from their features alone.

    ``recency_days <= N`` is the same as a purchase in the last N days, so the events need not be read
    again; a test holds this against ``features.outcomes.population``.
    """
    import numpy as np

    mask = np.ones(len(batch.profile_id), dtype=bool)
    population = definition.population
    if population.active_within_days:
        names = [f.name for f in feature_set.features("profile_activity")]
        with np.errstate(invalid="ignore"):
            mask &= batch.profile[:, names.index("recency_days")] <= population.active_within_days
    if population.not_bought_within_days and definition.outcome.category:
        names = [f.name for f in feature_set.features("profile_category")]
        recency = batch.category[definition.outcome.category][:, names.index("category_recency_days")]
        mask &= ~(recency <= population.not_bought_within_days)
    return mask


class Scorer:
    """Scores every profile of a snapshot with a set of champions.

    Parameters
    ----------
    tags : sequence of LoadedTag
    snapshots : dict of str to Snapshots
        By ``FeatureSet.spec``; the partitions at ``as_of`` are built.
    as_of : date
    scored_at : datetime
        UTC.
    progress : callable
        ``(stage, done, total)``.
    past : PastValues, optional
        What was published before, for tags with hysteresis.
    """

    def __init__(
        self,
        tags: Sequence[LoadedTag],
        snapshots: dict[str, Snapshots],
        as_of: date,
        scored_at: datetime,
        progress: Callable[[str, int, int], None],
        past: PastValues | None = None,
    ) -> None:
        self.tags = tags
        self.snapshots = snapshots
        self.as_of = as_of
        self.scored_at = scored_at.astimezone(UTC)
        self.progress = progress
        self.past = past
        self._familiar = {tag.definition.name: Familiar(tag.model) for tag in tags}
        self.population = dict.fromkeys((tag.definition.name for tag in tags), 0)
        self._unlike: dict[str, Counter[str]] = {name: Counter() for name in self.population}
        self._exact_left = dict.fromkeys(self.population, EXACT_REASONS_CAP)

    def scores(self, tags: Sequence[LoadedTag]) -> Iterator[tuple[LoadedTag, pa.RecordBatch]]:
        """Yield ``profile_id, tag, score`` for ``tags``: the first pass."""
        import pyarrow as pa

        for tag, ids, X in self._stream(tags, "ranking"):
            names = pa.array([tag.definition.name] * len(ids))
            yield (
                tag,
                pa.record_batch(
                    {
                        "profile_id": pa.array(ids, pa.string()),
                        "tag": names,
                        "score": tag.model.predict(X, self.as_of).score,
                    }
                ),
            )

    def predictions(self, cuts: dict[str, float]) -> Iterator[pa.RecordBatch]:
        """Yield the predicted tags: the second pass.

        Parameters
        ----------
        cuts : dict of str to float
            Score at which each tag says yes; amounts have none.
        """
        for tag, ids, X in self._stream(self.tags, "scoring"):
            self.population[tag.definition.name] += len(ids)
            yield self._predict(tag, ids, X, cuts)

    def unlike_training(self, tag: str) -> tuple[float, str]:
        """Return the share of a tag's population that is unlike what training saw, and the commonest reason.

        Of the second pass; 0 and empty before it, and where everyone is like training. Of reasons that are
        equally common, the first by letters.
        """
        found = self._unlike[tag]
        if not found:
            return 0.0, ""
        commonest = min(found, key=lambda reason: (-found[reason], reason))
        return found.total() / self.population[tag], commonest

    def _stream(
        self, tags: Sequence[LoadedTag], stage: str
    ) -> Iterator[tuple[LoadedTag, npt.NDArray[np.object_], npt.NDArray[np.float64]]]:
        """Yield each tag's eligible profiles and their model matrix, batch by batch."""
        import numpy as np

        total = sum(
            s.rows(self.as_of)
            for spec, s in self.snapshots.items()
            if any(t.model.feature_set == spec for t in tags)
        )
        done = 0
        for spec, snapshots in self.snapshots.items():
            mine = [tag for tag in tags if tag.model.feature_set == spec]
            if not mine:
                continue
            feature_set = FeatureSet.parse(spec)
            categories = sorted({tag.category for tag in mine if tag.category})
            places = {tag.definition.name: _places(tag, feature_set) for tag in mine}
            for batch in snapshots.stream(self.as_of, categories, BATCH_ROWS):
                self.progress(stage, done, total)
                for tag in mine:
                    mask = eligible(tag.definition, feature_set, batch)
                    if mask.any():
                        parts = [batch.profile[mask]]
                        if tag.category:
                            parts.append(batch.category[tag.category][mask])
                        X = np.hstack(parts)[:, places[tag.definition.name]]
                        yield tag, batch.profile_id[mask], np.ascontiguousarray(X)
                done += len(batch.profile_id)
        self.progress(stage, total, total)

    def _predict(
        self,
        tag: LoadedTag,
        ids: npt.NDArray[np.object_],
        X: npt.NDArray[np.float64],
        cuts: Mapping[str, float],
    ) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        definition, n = tag.definition, len(ids)
        predicted = tag.model.predict(X, self.as_of)
        if isinstance(predicted, PredictedAmount):
            value = np.array(definition.values, dtype=object)[predicted.tier]
            confidence = predicted.confidence
        else:
            value, confidence = decide(
                predicted.score,
                predicted.lower,
                predicted.upper,
                cut=cuts[definition.name],
                min_confidence=definition.min_confidence,
                hysteresis=definition.hysteresis,
                past=self.past.of(definition.name, ids) if self.past and definition.hysteresis else None,
            )
        unlike = self._familiar[definition.name].reasons(X)
        self._unlike[definition.name].update(unlike[unlike != ""].tolist())
        value, because = say_unknown(value, confidence, definition.min_confidence, [unlike])
        reasons: list[Any] = [None] * n
        method = np.full(n, "path", dtype=object)
        # People ask why of a yes, or of the highest amounts.
        asked = definition.values[-1] if definition.is_amount else "yes"
        exact = np.flatnonzero(value == asked)[: self._exact_left[definition.name]]
        self._exact_left[definition.name] -= len(exact)
        method[exact] = "shap"
        for is_exact, rows in ((True, exact), (False, np.flatnonzero(method == "path"))):
            if len(rows):
                for row, reason in zip(rows, explain(tag.model, X[rows], exact=is_exact), strict=True):
                    reasons[row] = [{"feature": f, "value": v, "contribution": c} for f, v, c in reason]
        columns: dict[str, Any] = {
            "profile_id": ids,
            "tag": [definition.name] * n,
            "value": value,
            "unknown_because": because,
            "score": predicted.score,
            "lower": predicted.lower,
            "upper": predicted.upper,
            "confidence": confidence,
            "percentile": np.full(n, np.nan),
            "band": band(predicted.score, definition.levels),
            "reasons": reasons,
            "reasons_method": method,
            "model_version": [tag.version] * n,
            "as_of": [self.as_of] * n,
            "scored_at": [self.scored_at] * n,
            "expires_at": [self.scored_at + tag.expires_after] * n,
        }
        return pa.record_batch(
            [
                pa.array(columns[field.name], field.type)
                for field in PREDICTION_SCHEMA
                if field.name in columns
            ],
            schema=PREDICTION_SCHEMA,
        )


def _places(tag: LoadedTag, feature_set: FeatureSet) -> list[int]:
    """Return where the model's features stand among the service's columns."""
    names = feature_set.names(tag.definition.feature_service)
    return [names.index(feature) for feature in tag.model.features]
