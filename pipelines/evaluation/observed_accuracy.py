"""Promised vs. actual: what the tags predicted with which confidence, and what share turned out right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tagcast.features.compute.labels import outcome
from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS, promise_and_reality
from tagcast.pipelines.evidence.promise_metrics import promise_metrics
from tagcast.pipelines.project.label_rules import eligibility, outcome_rule
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.serving.store.base import StoreReader


@dataclass(frozen=True)
class YesOutcome:
    """What became of those whom a tag called yes in the active run.

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
    """Hold the active run against the events that followed it, and keep what came of it for the pages of the tags.

    A window that is not fully observed is not judged: the test snapshot of the tag's model is shown
    instead, scored by the same recipe trained on what came before it.
    """
    from tagcast.models.decisions.policy import came_true
    from tagcast.pipelines.project.champions import load_versions
    from tagcast.registry.governance.observed_accuracy import promise_rows, record_promises
    from tagcast.registry.state.database import open_state

    with project.store.reader() as reader:
        run = reader.manifest.run
        loaded = load_versions(project, {t.tag: int(t.model_version) for t in run.tags if t.model_version})
        rows: list[PromiseRow] = []
        for tag, version in loaded:
            name = tag.definition.name
            due = run.as_of + timedelta(days=tag.definition.horizon_days)
            if due > project.observed_until:
                test = max(tag.model.snapshots)
                rows.extend(promise_rows(name, version.version, test, due, version.metrics, observed=False))
                continue
            both = _with_outcomes(project, reader, tag.definition)
            value, confidence = both["value"].to_numpy(object), both["confidence"].to_numpy(float)
            bands = promise_and_reality(came_true(tag.definition, both), value, confidence, CONFIDENCE_BANDS)
            metrics = promise_metrics(bands)
            rows.extend(promise_rows(name, version.version, run.as_of, due, metrics, observed=True))
    record_promises(open_state(project.settings), rows)
    return rows


def yes_outcome(project: Project, tag: str) -> YesOutcome | None:
    """Return what became of those whom a yes/no model tag called yes; None while its window is open."""
    from tagcast.pipelines.project.champions import load_versions

    with project.store.reader() as reader:
        run = reader.manifest.run
        version = next(t.model_version for t in run.tags if t.tag == tag)
        ((loaded, _),) = load_versions(project, {tag: int(version)})
        if run.as_of + timedelta(days=loaded.definition.horizon_days) > project.observed_until:
            return None
        rows = _with_outcomes(project, reader, loaded.definition)
    called = rows[rows["value"] == "yes"]
    return YesOutcome(len(called), int(called["y"].sum()), float(rows["y"].mean()))


def _with_outcomes(project: Project, reader: StoreReader, definition: TagDefinition) -> pd.DataFrame:
    """Return the predictions of a tag in a run beside what happened: ``y``, and ``amount`` of an amount."""
    import pandas as pd

    from tagcast.serving.store.long_form import predictions

    happened = outcome(
        project.event_table,
        reader.manifest.run.as_of,
        eligibility(definition),
        outcome_rule(definition),
        observed_until=project.observed_until,
    ).execute()
    predicted = predictions(reader, definition.name).to_pandas()
    return pd.merge(predicted, happened, on="profile_id", validate="one_to_one")
