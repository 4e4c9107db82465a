"""Promised vs. actual: what the tags predicted with which confidence, and what share turned out right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tagcast.features.compute.labels import outcome_of
from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import msg
from tagcast.models.definitions.model_tag import Population
from tagcast.models.definitions.window_outcomes import Label
from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS, promise_and_reality
from tagcast.pipelines.evidence.promise_metrics import promise_metrics
from tagcast.pipelines.project.label_rules import members_at, outcome_rule
from tagcast.pipelines.project.label_tables import labels_at
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.registry.governance.observed_accuracy import PromiseRow
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


def promise_beside_reality(project: Project) -> list[PromiseRow]:
    """Hold each tag's newest run whose window is over against the events that followed, and keep it for the tag's page.

    While no such run is stored, the test snapshot of the active run's model is shown instead, scored by the same recipe
    trained on what came before it.
    """
    from tagcast.models.decisions.policy import came_true
    from tagcast.registry.governance.observed_accuracy import promise_rows, record_promises

    with project.store.reader() as reader:
        active = reader.manifest
    rows: list[PromiseRow] = []
    runs = _published(project, active)
    for name in [t.tag for t in active.run.tags if t.model_version]:
        over = _newest_over(project, runs, active, name)
        if over is None:
            tag, version = _predicted_by(project, active, name)
            test, due = max(tag.model.snapshots), _due(active, tag.definition)
            rows.extend(promise_rows(name, version.version, test, due, version.metrics, observed=False))
            continue
        run, tag, version = over
        every = _with_outcomes(project, run, tag)
        known = every[every["known"]]
        value, confidence = known["value"].to_numpy(object), known["confidence"].to_numpy(float)
        bands = promise_and_reality(came_true(tag.definition, known), value, confidence, CONFIDENCE_BANDS)
        metrics = {**promise_metrics(bands), **_gone(every)}
        due = _due(run, tag.definition)
        rows.extend(promise_rows(name, version.version, run.run.as_of, due, metrics, observed=True))
    record_promises(project.state, rows)
    return rows


def yes_outcome(project: Project, tag: str) -> YesOutcome | None:
    """Return what became of those whom a yes/no model tag called yes; None while its window is open."""
    with project.store.reader() as reader:
        active = reader.manifest
    over = _newest_over(project, _published(project, active), active, tag)
    if over is None:
        return None
    rows = _with_outcomes(project, over[0], over[1])
    rows = rows[rows["known"]]
    called = rows[rows["value"] == "yes"]
    return YesOutcome(len(called), int(called["y"].sum()), float(rows["y"].mean()))


def _newest_over(
    project: Project, runs: Sequence[Manifest], active: Manifest, tag: str
) -> tuple[Manifest, LoadedTag, Version] | None:
    """Return the newest of ``runs`` with a tag whose window is over, and the model that predicted it."""
    models: dict[str, tuple[LoadedTag, Version]] = {}
    for run in runs:
        if run.run.as_of >= project.observed_until or all(t.tag != tag for t in run.run.tags):
            continue
        number = _version(run, tag)
        try:
            if number not in models:
                models[number] = _predicted_by(project, run, tag)
        except ModelError as error:
            if run.number == active.number:
                raise
            log.warning(
                msg(
                    "{tag}: the run of {as_of} is not judged: {problem}",
                    tag=tag,
                    as_of=run.run.as_of,
                    problem=error.message,
                )
            )
            continue
        if _is_over(project, run, models[number][0].definition):
            return run, *models[number]
    return None


def _published(project: Project, active: Manifest) -> list[Manifest]:
    """Return the stored runs that people saw, newest day first; of one day the last that was published first.

    Not those that were scored afterwards for the history: their models may have learned from what came.
    """
    stored = project.store.stored()
    runs = {e.run.number: e.run for e in project.store.log() if e.action == "publish" and e.number in stored}
    runs[active.number] = active
    return sorted(runs.values(), key=lambda run: (run.run.as_of, run.number), reverse=True)


def _predicted_by(project: Project, run: Manifest, tag: str) -> tuple[LoadedTag, Version]:
    from tagcast.pipelines.project.champions import load_versions

    (loaded,) = load_versions(project, {tag: int(_version(run, tag))})
    return loaded


def _version(run: Manifest, tag: str) -> str:
    return next(t.model_version for t in run.run.tags if t.tag == tag)


def _due(run: Manifest, definition: TagDefinition) -> date:
    return run.run.as_of + timedelta(days=definition.horizon_days)


def _is_over(project: Project, run: Manifest, definition: TagDefinition) -> bool:
    """Return whether it is known what became of a run: its window is over, and labels of its day are there."""
    now = project.observed_until
    if _due(run, definition) > now:
        return False
    return (
        not isinstance(definition.outcome, Label)
        or not labels_at(project, definition, run.run.as_of, now).empty
    )


def _with_outcomes(project: Project, run: Manifest, tag: LoadedTag) -> pd.DataFrame:
    """Return every prediction of a tag in a run beside what happened: ``known``, ``y``, and ``amount`` of an amount.

    Whoever the run spoke of is judged, whether or not today's events would still count them to the population, as the
    person that they are today. Who is not ``known`` any more cannot be: nothing tells a silent from a deleted profile.
    """
    import ibis

    from tagcast.serving.store.long_form import predictions

    definition = tag.definition
    with project.store.open(run) as reader:
        predicted = predictions(reader, definition.name).to_pandas()
    predicted["person"] = predicted["profile_id"].map(project.former_ids.person)
    tables = [
        project.engine.read_parquet(str(file)).select("profile_id") for file in project.events.known_ids
    ]
    known = ibis.union(*tables, distinct=True) if len(tables) > 1 else tables[0].distinct()
    said = ibis.memtable(predicted[["person"]].drop_duplicates().rename(columns={"person": "profile_id"}))
    if isinstance(definition.outcome, Label):
        # Whoever has no label cannot be judged, today as then; the others are known.
        labels = labels_at(project, definition, run.run.as_of, project.observed_until)
        labelled: pd.DataFrame = predicted.merge(labels.rename(columns={"profile_id": "person"}), on="person")
        return labelled.assign(known=True)
    members = said.semi_join(known, "profile_id")
    if definition.outcome.bound is not None:
        # What each was to be held against is a matter of the day of the run, whatever its population is today.
        snapshots = project.snapshots(tag.feature_set)
        snapshots.ensure([run.run.as_of], project.progress)
        everyone = definition.model_copy(update={"population": Population()})
        bounds = ibis.memtable(members_at(snapshots, everyone, run.run.as_of).table)
        members = members.inner_join(bounds, "profile_id")
    happened = outcome_of(
        project.event_table,
        members,
        run.run.as_of,
        outcome_rule(definition),
        observed_until=project.observed_until,
    ).execute()
    rows: pd.DataFrame = predicted.merge(
        happened.rename(columns={"profile_id": "person"}), on="person", how="left", validate="many_to_one"
    )
    rows["known"] = rows["y"].notna()
    return rows


def _gone(rows: pd.DataFrame) -> dict[str, float]:
    """Return how many values of each confidence are of profiles that are no longer known."""
    gone = rows[~rows["known"] & (rows["value"] != "unknown")]
    return {
        f"promise_{round(least * 100)}_gone": float((gone["confidence"] >= least).sum())
        for least in CONFIDENCE_BANDS
    }
