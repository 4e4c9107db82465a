"""The page of one tag: what it means, its values, how far to trust it, where it is used, who decided what."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import Language, Text, msg
from tagcast.models.calibration.binary_season import SeasonOffset
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.inference.estimated_quality import EstimatedQuality
from tagcast.models.stats.metrics import CalibrationBin
from tagcast.registry.access.audit_log import Uses, uses_of
from tagcast.registry.access.roles import require
from tagcast.registry.governance.feedback import Feedback, feedback
from tagcast.registry.governance.lifecycle import LifeStep, Status, history, next_steps
from tagcast.registry.governance.observed_accuracy import PromiseRow
from tagcast.registry.governance.observed_metrics import MetricRow
from tagcast.serving.catalog.catalog import TagRow, row_of
from tagcast.serving.catalog.cautions import cautions, valid_until
from tagcast.serving.catalog.definition_text import words_of
from tagcast.serving.catalog.known_tags import KnownTag, find_model_version, find_tag
from tagcast.serving.catalog.shown_counts import (
    MOST_RUNS,
    shown_bins,
    shown_floor,
    shown_metrics,
    shown_quality,
    shown_record,
    shown_share,
    shown_size,
    smallest_cell,
)
from tagcast.serving.catalog.stored_models import card_page, plot_png
from tagcast.serving.catalog.tag_evidence import (
    DecisionRow,
    DriverRow,
    ShadowRow,
    SourceFeature,
    VersionRow,
    active_definition,
    advice_of,
    evidence_of,
)
from tagcast.serving.filters.value_counts import visible_counts
from tagcast.serving.publishing.quality_over_runs import RunQuality, quality_over_runs

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

FEW = 20  # small cells: with fewer profiles nothing is said of how good their values should be


@dataclass(frozen=True)
class ValueShare:
    """One value: how many profiles, and their share of the population."""

    value: str
    members: int
    share: float


@dataclass(frozen=True)
class TrendPoint:
    """The tag in a published run: shares of the population by value, unknown among them."""

    run: int
    as_of: date
    scored_at: datetime
    population: int
    shares: dict[str, float]
    mean_confidence: float | None


@dataclass(frozen=True)
class LastRun:
    """The active run.

    ``unseen_season`` and ``unlike_training`` are shares: of the window that lies in a season training never saw, of the
    population whose features lie outside what it saw (``unlike_because`` is the commonest reason). ``valid_until`` counts from
    the day of the data, ``cautions`` speak against relying on the values today. ``expected`` is how good its values should be,
    ``season`` what last year's added to its scores.
    """

    run_id: str
    number: int
    as_of: date
    scored_at: datetime
    profiles: int
    unseen_season: float
    unlike_training: float
    unlike_because: str
    valid_until: date
    cautions: tuple[Text, ...]
    expected: EstimatedQuality | None
    season: SeasonOffset | None


@dataclass(frozen=True)
class TagDetails:
    """All that is known of one tag; texts by language where they are dictionaries.

    Parameters
    ----------
    row : TagRow
        As in the catalogue.
    description, question, population, decision : dict of str to str
        What it means, what it answers, whom it covers, when it has which value; empty where no definition is at hand.
    refresh : str
        Cron, five fields.
    expires_after_days : int or None
    values : tuple of ValueShare
        In the active run, unknown last.
    trend : tuple of TrendPoint
        Over the published runs and those kept for the history, oldest day of the data first; empty for who sees some
        profiles only.
    last_run : LastRun or None
    quality : tuple of RunQuality
        What the runs of a year expected, and what was measured; oldest first, of many runs the newest of each week.
    advice : Text or None
        Why it should be trained anew, where no night does so.
    features : tuple of SourceFeature
        What it is made of: of a model its features, of a rule the fields that it uses.
    grade_reasons : tuple of str
        Why the champion has its grade.
    plots : tuple of str
        Names for :func:`plot`.
    calibration : tuple of CalibrationBin
        Of the champion's test snapshot, scores rising; empty of an amount.
    drivers : tuple of DriverRow
        Largest first.
    versions, decisions : tuple
        Newest first.
    promise : tuple of PromiseRow
        Of the champion's test snapshot.
    observed : tuple of PromiseRow
        Of published runs whose windows have passed, newest first.
    measured : tuple of MetricRow
        How good their predictions were, beside what they expected of themselves, newest first.
    shadows : tuple of ShadowRow
        Challengers beside the champion, the newest first.
    uses : Uses
    feedback : Feedback
    history : tuple of LifeStep
        Oldest first.
    next_steps : tuple of str
        Where its life may go from here.
    """

    row: TagRow
    description: dict[str, str]
    question: dict[str, str]
    population: dict[str, str]
    decision: dict[str, str]
    refresh: str
    expires_after_days: int | None
    values: tuple[ValueShare, ...]
    trend: tuple[TrendPoint, ...]
    last_run: LastRun | None
    quality: tuple[RunQuality, ...]
    advice: Text | None
    features: tuple[SourceFeature, ...]
    grade_reasons: tuple[str, ...]
    plots: tuple[str, ...]
    calibration: tuple[CalibrationBin, ...]
    drivers: tuple[DriverRow, ...]
    versions: tuple[VersionRow, ...]
    decisions: tuple[DecisionRow, ...]
    promise: tuple[PromiseRow, ...]
    observed: tuple[PromiseRow, ...]
    measured: tuple[MetricRow, ...]
    shadows: tuple[ShadowRow, ...]
    uses: Uses
    feedback: Feedback
    history: tuple[LifeStep, ...]
    next_steps: tuple[Status, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the page as JSON values."""
        return asdict(self)


def tag_details(context: ServiceContext, person: Person, name: str) -> TagDetails:
    """Return the page of the tag called ``name``.

    Raises
    ------
    NotFoundError
        When there is none.
    NotAllowedError
        Where it is sensitive and ``person`` has not the right.
    """
    require(person, "see")
    tag = find_tag(context, person, name)
    row, found = row_of(context, person, tag), evidence_of(context, tag)
    cell = smallest_cell(context, person)
    definition, runs = active_definition(context, tag), quality_over_runs(context.log, name)
    words, total = words_of(definition), row.population or 0
    return TagDetails(
        row=row,
        description=definition.description.model_dump() if definition else {},
        question=words["question"],
        population=words["population"],
        decision=words["decision"],
        refresh=definition.refresh if definition else "",
        expires_after_days=definition.expires_after_days if definition else None,
        values=tuple(ValueShare(v, n, n / total if total else 0.0) for v, n in row.predicted.items()),
        trend=_trend(context, person, name, cell),
        last_run=_last_run(context, person, tag, cell),
        quality=tuple(
            replace(one, population=0) if person.limits else one
            for one in shown_quality(context, name, runs, FEW * cell)
        ),
        advice=advice_of(context, tag, runs),
        features=found.features,
        grade_reasons=found.grade_reasons,
        plots=found.plots,
        calibration=shown_bins(found.calibration, cell),
        drivers=found.drivers,
        versions=found.versions,
        decisions=found.decisions,
        promise=found.promise,
        observed=shown_record(context, name, cell),
        measured=shown_metrics(context, name, cell),
        shadows=found.shadows,
        uses=uses_of(context.state, name),
        feedback=feedback(context.state, name),
        history=tuple(history(context.state, name)),
        next_steps=next_steps(row.status, second_person=context.settings.review.second_person),
    )


def card_html(
    context: ServiceContext, person: Person, name: str, version: int | None = None, language: Language = "en"
) -> str:
    """Return the card of a version as one HTML page; of the champion, else of the newest, where none is named.

    Raises
    ------
    NotFoundError
        When there is no such version, or it has no card.
    """
    tag = find_tag(context, person, name)
    chosen = find_model_version(tag, version)
    html = card_page(context, chosen, language)
    if html is None:
        raise NotFoundError(
            msg("{version} has no card", version=chosen.name),
            hint=msg("train the tag again: every training writes one"),
        )
    return html


def plot(context: ServiceContext, person: Person, name: str, which: str, version: int | None = None) -> bytes:
    """Return a figure of a version as PNG: one of :attr:`TagDetails.plots`.

    Raises
    ------
    NotFoundError
        When there is no such version or figure.
    """
    tag = find_tag(context, person, name)
    return plot_png(context, find_model_version(tag, version), which)


def dependents(context: ServiceContext, tag: str) -> list[str]:
    """Return the saved audiences that use ``tag``, themselves or through others."""
    return list(uses_of(context.state, tag).audiences)


def _trend(context: ServiceContext, person: Person, name: str, cell: int) -> tuple[TrendPoint, ...]:
    """Return how the values were spread over the runs; of whoever sees some profiles only it is not known."""
    points = []
    for entry in context.log if not person.limits else ():
        summary = entry.run.tags.get(name)
        if entry.action == "rollback" or summary is None:
            continue
        run, total = entry.run.run, shown_size(summary.population, cell)
        counted = {**summary.predicted, **({UNKNOWN: summary.unknown} if summary.unknown else {})}
        shares = {value: shown_size(n, cell) / total if total else 0.0 for value, n in counted.items()}
        points.append(TrendPoint(entry.number, run.as_of, run.scored_at, total, shares, shown_floor(summary.mean_confidence, cell)))  # fmt: skip
    # By the day of the data: one that was scored afterwards is no news.
    return tuple(sorted(points, key=lambda point: (point.as_of, point.run))[-MOST_RUNS:])


def _last_run(context: ServiceContext, person: Person, tag: KnownTag, cell: int) -> LastRun | None:
    manifest = context.store.current()
    if manifest is None or tag.run is None:
        return None
    run, scored = manifest.run, tag.run
    unlike = shown_share(scored.unlike_training, scored.population, cell)
    return LastRun(
        run.run_id, manifest.number, run.as_of, run.scored_at, shown_size(visible_counts(context, person).profiles, cell),
        scored.unseen_season, unlike, scored.unlike_because if unlike else "", valid_until(run, scored),
        cautions(run, scored, context.now), scored.expected if scored.population >= FEW * cell else None,
        scored.season,
    )  # fmt: skip
