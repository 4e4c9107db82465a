"""What a scoring run holds: each tag as the store describes it, and as people read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.models.calibration.binary_season import SeasonOffset
from tagcast.models.definitions.diff import deciding_id
from tagcast.models.definitions.rule_tag import sensitivity_of
from tagcast.pipelines.scoring.movement import TagMovement

if TYPE_CHECKING:
    from collections.abc import Collection

    from tagcast.models.inference.estimated_quality import EstimatedQuality
    from tagcast.models.inference.feature_drift import FeatureDrift
    from tagcast.pipelines.scoring.run_tags import RunTags
    from tagcast.pipelines.scoring.validity import Validity
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.scoring.ranges.range_counts import RunFigures
    from tagcast.serving.scoring.rule_columns import LoadedRule
    from tagcast.serving.store.manifest import Manifest
    from tagcast.serving.store.schema import TagRun


@dataclass(frozen=True)
class ScoredTag:
    """One tag of a run: how many are in its population, how many of each value, how sure.

    ``reasons_top_in_three`` and ``reasons_overlap`` say how far path attribution agreed with exact SHAP when
    the version was trained (:class:`tagcast.models.evaluation.global_drivers.ReasonAgreement`); None where it was not measured. A rule's
    ``version`` is empty. ``season`` is what last year's season added to the log-odds, None where nothing.
    """

    tag: str
    version: str
    population: int
    predicted: dict[str, int]
    unknown: int
    unknown_because: dict[str, int]
    mean_confidence: float | None
    reasons_top_in_three: float | None = None
    reasons_overlap: float | None = None
    unseen_season: float = 0.0
    season: SeasonOffset | None = None
    horizon_days: int = 0
    unlike_training: float = 0.0
    unlike_because: str = ""
    drift: FeatureDrift | None = None
    expected: EstimatedQuality | None = None
    kind: str = "model"
    feature_set: str = ""


@dataclass(frozen=True)
class ScoringRun:
    """What a scoring run published."""

    run_id: str
    as_of: date
    profiles: int
    tags: tuple[ScoredTag, ...]
    out: str | None
    last_run: str | None = None
    moved: tuple[TagMovement, ...] = ()
    active_as_of: date | None = None
    """Day of the run that stays active where this one is of an older day and only kept for the history."""

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        return asdict(self)


def tag_runs(
    figures: RunFigures, chosen: RunTags, as_of: date, valid: Validity, sensitive: Collection[str] = ()
) -> tuple[TagRun, ...]:
    """Return the tags of a run as the store describes them, good as long as ``valid`` says; rules on ``sensitive`` attributes are so, too."""
    from tagcast.serving.store.schema import TagRun

    def described(tag: LoadedTag | LoadedRule, bands: tuple[str, ...], **more: Any) -> TagRun:
        definition = tag.definition
        return TagRun(
            tag=definition.name,
            model_version=tag.version,
            title_en=definition.title.en,
            title_zh=definition.title.zh,
            path=definition.path,
            owner=definition.owner,
            expires_at=valid.until(tag.expires_after),
            life_days=tag.expires_after.days,
            bands=bands,
            population=figures.population[definition.name],
            sensitivity=sensitivity_of(definition, sensitive),
            question=definition.question,
            values=definition.values,
            kind=definition.kind,
            **more,
        )

    models = [
        described(
            tag,
            tuple(tag.definition.levels),
            feature_set=tag.model.feature_set,
            deciding=deciding_id(tag.definition),
            unseen_season=tag.model.unseen_season(as_of),
            outlook=tag.model.outlook(as_of),
            season=tag.model.season_ahead(as_of),
            drift=figures.drifts.get(tag.definition.name),
            expected=figures.expected(tag),
            **_range_of_run(figures, tag.definition.name),
        )
        for tag in chosen.models
    ]
    rules = [described(r, r.definition.values, feature_set=r.feature_set.spec) for r in chosen.rules]
    return (*models, *rules)


def scored_tags(
    figures: RunFigures, chosen: RunTags, manifest: Manifest, as_of: date
) -> tuple[ScoredTag, ...]:
    """Return the tags of a published run as people read them, by name."""
    more: dict[str, dict[str, Any]] = {
        t.definition.name: {
            "reasons_top_in_three": t.metrics.get("reasons_top_in_three"),
            "reasons_overlap": t.metrics.get("reasons_overlap"),
            "unseen_season": t.model.unseen_season(as_of),
            "horizon_days": t.definition.horizon_days,
            **_range_of_run(figures, t.definition.name),
        }
        for t in chosen.models
    }
    return tuple(
        ScoredTag(
            about.tag,
            about.model_version,
            count.population,
            count.predicted,
            count.unknown,
            count.unknown_because,
            count.mean_confidence,
            season=about.season,
            drift=about.drift,
            expected=about.expected,
            kind=about.kind,
            feature_set=about.feature_set,
            **more.get(about.tag, {}),
        )
        for about in sorted(manifest.run.tags, key=lambda tag: tag.tag)
        for count in [manifest.tags[about.tag]]
    )


def _range_of_run(figures: RunFigures, tag: str) -> dict[str, Any]:
    share, because = figures.unlike_training(tag)
    return {"unlike_training": share, "unlike_because": because}
