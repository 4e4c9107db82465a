"""Promised vs. actual: what the tags predicted with which confidence, and what share turned out right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DefinitionError, ModelError
from tagcast.features.core.home.publication import publication, publishing
from tagcast.features.core.messages import listed, msg
from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS, promise_and_reality, value_figures
from tagcast.pipelines.evaluation.challengers import compared, figures_of, persons
from tagcast.pipelines.evaluation.outcomes import due_day, is_over, with_outcomes
from tagcast.pipelines.evidence.promise_metrics import promise_metrics
from tagcast.pipelines.project.champions import load_versions
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.training.labelling.approached import approached
from tagcast.registry.governance.observed_accuracy import (
    judged,
    newest_of,
    observed_promises,
    promise_rows,
    record_promises,
)
from tagcast.registry.governance.observed_metrics import metric_rows, record_metrics
from tagcast.registry.governance.shadows import record_comparisons
from tagcast.registry.operations.floors import FloorRow, observed_floors
from tagcast.serving.publishing.kept_predictions import (
    judged_versions,
    keep_predictions,
    kept_predictions,
    seen_runs,
    versions_in,
)

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.stats.metrics import Estimate
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.registry.governance.observed_metrics import MetricRow
    from tagcast.registry.governance.shadows import Comparison
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.store.manifest import Manifest


@dataclass(frozen=True)
class YesOutcome:
    """What became of those whom a tag called yes in the newest run whose window is over.

    Parameters
    ----------
    called, came_true : int
        Profiles called yes, and those of them for whom it came true.
    base_rate : float
        Share of the whole population for whom it came true.
    """

    called: int
    came_true: int
    base_rate: float


def judge_closed(project: Project) -> list[PromiseRow]:
    """Hold every run whose window is over against what happened, tag by tag, once and for good; return what is new.

    Whom a campaign approached within the window is not judged: what a profile does by itself was predicted, unless the tag says
    ``campaigns: ignore``. Of one day the last run that was published is judged, and a challenger on the same people. What was found goes to
    MLflow as metrics of the versions, too.
    """
    with publication():
        publishing(project.settings.whole.home)
        keep_predictions(project.store, project.state, project.settings.home)
    done = judged(project.state)
    models = _Models(project)
    rows: list[PromiseRow] = []
    for run in reversed(seen_runs(project.store)):
        for name, number in judged_versions(run).items():
            if (name, run.run.as_of, number) in done:
                continue
            found = models.of(run, name)
            predicted = None if found is None else _of_closed(project, run, found[0])
            if found is None or predicted is None:
                continue
            judgement = _judged(project, run, *found, predicted)
            # MLflow first, which takes the same figures of the same day but once: a kill before the record has them judged anew.
            _export(project, found[1], judgement)
            # Together or not at all: what has no promise on record is judged anew, from what is kept until then.
            with project.state.writing():
                record_promises(project.state, judgement.promises)
                record_metrics(project.state, judgement.metrics)
                record_comparisons(project.state, judgement.beside)
            rows.extend(judgement.promises)
    return rows


def promise_beside_reality(project: Project) -> list[PromiseRow]:
    """Judge what can be judged, and return of each tag of the active run its newest judgement.

    Of an uplift tag that is its floor on the newest campaign. Of a tag that was never judged the test snapshot of the active run's model is shown instead, scored by the same recipe
    trained on what came before it.
    """
    with project.store.reader() as reader:
        active = reader.manifest
    judge_closed(project)
    rows: list[PromiseRow] = []
    for name, number in versions_in(active).items():
        if observed := observed_promises(project.state, name):
            rows.extend(newest_of(observed))
            continue
        if floors := observed_floors(project.state, name):
            rows.append(floors[0])
            continue
        ((tag, version),) = load_versions(project, {name: number})
        due = due_day(tag.definition, active.run.as_of)
        test = max(tag.model.snapshots)
        own = promise_rows(name, version.version, test, due, version.metrics, observed=False)
        rows.extend(own if tag.definition.shows_alone else [FloorRow(**vars(row)) for row in own])
    return rows


def promise_record(project: Project, tag: str, since: date | None) -> list[PromiseRow]:
    """Judge what can be judged, and return all that is on record of a tag: newest day first, levels of confidence rising.

    Of an uplift tag these are its floors on campaigns, a row each, which a night has measured.

    Raises
    ------
    DefinitionError
        When no tag of the active run has that name.
    """
    with project.store.reader() as reader:
        known = sorted(versions_in(reader.manifest))
    if tag not in known:
        raise DefinitionError(
            msg("{tag}: no model of the active run predicts it", tag=tag),
            hint=msg("name one of {known}", known=listed(known) or msg("none")),
        )
    judge_closed(project)
    return observed_promises(project.state, tag, since=since) or [
        *observed_floors(project.state, tag, since=since)
    ]


def yes_outcome(project: Project, tag: str) -> YesOutcome | None:
    """Return what became of those whom a yes/no model tag called yes; None while its window is open."""
    models = _Models(project)
    for run in seen_runs(project.store):
        found = models.of(run, tag) if tag in judged_versions(run) else None
        predicted = None if found is None else _of_closed(project, run, found[0])
        if found is None or predicted is None:
            continue
        rows = with_outcomes(project, found[0], run.run.as_of, predicted)
        person = rows.assign(profile_id=rows["person"], as_of=run.run.as_of)
        rows = rows[rows["known"] & ~approached(project, found[0].definition, person)]
        called = rows[rows["value"] == "yes"]
        return YesOutcome(len(called), int(called["y"].sum()), float(rows["y"].mean()))
    return None


def _of_closed(project: Project, run: Manifest, tag: LoadedTag) -> pd.DataFrame | None:
    """Return what a run predicted of a tag; None while its window is open, and where it was deleted before it could be kept."""
    as_of = run.run.as_of
    if as_of >= project.observed_until or not is_over(project, tag.definition, as_of):
        return None
    return kept_predictions(project.store, project.settings.home, run, tag.definition.name)


class _Models:
    """What predicted the tags of runs, each version loaded once; None of one whose files are lost or changed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._loaded: dict[tuple[str, int], tuple[LoadedTag, Version] | None] = {}

    def of(self, run: Manifest, tag: str) -> tuple[LoadedTag, Version] | None:
        key = tag, versions_in(run)[tag]
        if key not in self._loaded:
            try:
                (self._loaded[key],) = load_versions(self._project, dict([key]))
            except ModelError as error:
                log.warning(
                    msg(
                        "{tag}: the run of {as_of} is not judged: {problem}",
                        tag=tag,
                        as_of=run.run.as_of,
                        problem=error.message,
                    )
                )
                self._loaded[key] = None
        return self._loaded[key]


@dataclass(frozen=True)
class _Judgement:
    """What is put on record of one run and tag: its promise, its metrics, and its challenger beside it."""

    promises: list[PromiseRow]
    metrics: list[MetricRow]
    beside: list[Comparison]


def _judged(
    project: Project, run: Manifest, tag: LoadedTag, version: Version, predicted: pd.DataFrame
) -> _Judgement:
    from tagcast.models.decisions.policy import came_true

    as_of, name = run.run.as_of, tag.definition.name
    every = with_outcomes(project, tag, as_of, predicted)
    reached = approached(project, tag.definition, every.assign(profile_id=every["person"], as_of=as_of))
    known = every[every["known"] & ~reached]
    value, confidence = known["value"].to_numpy(object), known["confidence"].to_numpy(float)
    bands = promise_and_reality(came_true(tag.definition, known), value, confidence, CONFIDENCE_BANDS)
    metrics = {
        **promise_metrics(bands),
        **_counted("gone", every[~every["known"] & ~reached]),
        **_counted("approached", every[reached]),
    }
    due = due_day(tag.definition, as_of)
    about = next(one for one in run.run.tags if one.tag == name)
    expected = {} if about.expected is None else about.expected.estimates
    return _Judgement(
        promise_rows(name, version.version, as_of, due, metrics, observed=True),
        metric_rows(name, as_of, version.version, len(known), _measured(tag, known), expected),
        compared(project, run, tag.definition, version.version, known),
    )


def _measured(tag: LoadedTag, known: pd.DataFrame) -> dict[str, Estimate]:
    """Return what the outcomes can tell: AUC, log loss, precision and recall of yes, and the rate; of an amount the errors."""
    import numpy as np

    whose = persons(known)
    found = {name: one.estimate(whose) for name, one in figures_of(tag.definition, known).items()}
    if tag.definition.outcome.levels:
        return found
    return found | value_figures(known["y"].to_numpy(np.int8), (known["value"] == "yes").to_numpy())


def _export(project: Project, version: Version, found: _Judgement) -> None:
    """Give MLflow what was found, of a challenger too; where that fails it stays on record here all the same."""
    from tagcast.registry.versions.recording import log_observed
    from tagcast.registry.versions.tracking import tracking_of
    from tagcast.registry.versions.versions import find_version

    first, tag = found.promises[0], version.tag
    metrics = dict(_observed(found.promises)) | {f"observed_{one.metric}": one.value for one in found.metrics}
    metrics |= {f"expected_{one.metric}": one.expected for one in found.metrics if one.expected is not None}
    try:
        tracking = tracking_of(project.settings)
        log_observed(tracking, version, metrics, as_of=first.as_of, due=first.due)
        if found.beside:
            own = {f"observed_{one.metric}": one.of_challenger for one in found.beside}
            challenger = find_version(tracking, tag, found.beside[0].version)
            log_observed(tracking, challenger, own, as_of=first.as_of, due=first.due)
    except ModelError as error:
        log.warning(
            msg("{tag}: MLflow was not given what happened: {problem}", tag=tag, problem=error.message)
        )


def _observed(rows: list[PromiseRow]) -> Iterator[tuple[str, float]]:
    for row in rows:
        stem = f"observed_{round(row.at_least * 100)}"
        yield f"{stem}_predicted", float(row.predicted)
        if row.promised is not None and row.right is not None:
            yield f"{stem}_promised", row.promised
            yield f"{stem}_right", row.right


def _counted(what: str, rows: pd.DataFrame) -> dict[str, float]:
    """Return how many values of each confidence are among rows that are not judged."""
    said = rows.loc[rows["value"] != "unknown", "confidence"]
    return {
        f"promise_{round(least * 100)}_{what}": float((said >= least).sum()) for least in CONFIDENCE_BANDS
    }
