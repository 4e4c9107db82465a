"""What a morning left behind, read the way people read it: the store's runs, the record of nights and promises, models, news."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from tagcast.features.core.settings import load_settings
from tagcast.pipelines.nights.night import planned_nights
from tagcast.pipelines.nights.upkeep import KEEP
from tagcast.pipelines.project.project import Project
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.night_record import NIGHT_STEPS
from tagcast.registry.governance.observed_accuracy import PROMISES
from tagcast.registry.versions.tracking import open_tracking
from tagcast.registry.versions.versions import versions
from tagcast.serving.context import open_context
from tagcast.serving.monitoring.metrics import metrics_text
from tagcast.serving.store.long_form import predictions


@dataclass
class Morning:
    """What one morning left behind.

    Parameters
    ----------
    day : date
    calls : list of tuple
        When the scheduler called, and with which exit code it ended; None where it was killed.
    published : list of tuple
        ``(as_of, run id)`` of the runs that became active.
    values : DataFrame or None
        Of the run that is active after it: ``profile_id``, ``tag``, ``value``, ``score``, ``confidence``, ``model_version``.
    steps : list of tuple
        ``(due, step, outcome, inputs)`` of the night's steps that did or found nothing to do, in order.
    judged : dict
        Promises on record since this morning, by ``(tag, as_of, version, at_least)``.
    models : dict
        Versions by tag and number: whether it is champion.
    news : list of tuple
        ``(occasion, tag, text)`` that were posted.
    due_at_noon : tuple of str
        Tags that are due at noon: whose refresh came and was not followed by a run.
    overdue_at_noon : dict
        Of these, what the metrics say: seconds by tag.
    changed : list of tuple
        Promises that had been judged, and are different or gone.
    kills : int
        Calls that were killed while they worked.
    """

    day: date
    calls: list[tuple[datetime, int | None]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    published: list[tuple[date, str]] = field(default_factory=list)
    values: pd.DataFrame | None = None
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    judged: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    models: dict[tuple[str, int], bool] = field(default_factory=dict)
    news: list[tuple[str, str, str]] = field(default_factory=list)
    due_at_noon: tuple[str, ...] = ()
    overdue_at_noon: dict[str, float] = field(default_factory=dict)
    changed: list[tuple[Any, ...]] = field(default_factory=list)
    kills: int = 0


class Observer:
    """Reads a project after each morning, and tells what is new.

    Parameters
    ----------
    config, home : Path
    """

    def __init__(self, config: Path, home: Path) -> None:
        self._config, self._home = config, home
        self._entries, self._steps = 0, 0
        self._judged: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._values: pd.DataFrame | None = None
        self._versions: dict[tuple[str, int], bool] = {}
        self.changed: list[tuple[Any, ...]] = []

    def project(self) -> Project:
        return Project(load_settings(self._config, self._home, self._config.parent))

    def at_noon(self, morning: Morning, noon: datetime) -> None:
        """Add to ``morning`` what is due at noon, and what a monitoring system reads of it then."""
        project = self.project()
        planned = planned_nights(project, noon)
        morning.due_at_noon = tuple(one.tag for night in planned.values() for one in night.due)
        context = open_context(project.settings, lambda: noon)
        text = metrics_text(context, Person("prometheus", "owner")).decode()
        morning.overdue_at_noon = {
            sample.labels["tag"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "tagcast_tag_overdue_seconds" and sample.value
        }

    def fill(self, morning: Morning) -> None:
        """Add to ``morning`` what it left behind."""
        project = self.project()
        log = project.store.log()
        new = log[self._entries :]
        self._entries = len(log)
        morning.published = [(entry.run.run.as_of, entry.run.run.run_id) for entry in new]
        if new:
            with project.store.reader() as reader:
                frames = [predictions(reader, tag.tag).to_pandas() for tag in reader.manifest.run.tags]
            self._values = pd.concat(frames, ignore_index=True)[
                ["profile_id", "tag", "value", "score", "confidence", "model_version"]
            ]
        morning.values = self._values
        with project.state.reading() as connection:
            steps = connection.execute(
                select(NIGHT_STEPS).where(NIGHT_STEPS.c.id > self._steps, NIGHT_STEPS.c.step != KEEP)
            ).all()
            promises = connection.execute(select(PROMISES)).all()
        self._steps = max((row.id for row in steps), default=self._steps)
        morning.steps = [(row.due, row.step, row.outcome, row.inputs) for row in steps]
        every = {
            (row.tag, row.as_of, row.version, row.at_least): (
                row.due,
                row.predicted,
                row.promised,
                row.right,
                row.gone,
            )
            for row in promises
        }
        self.changed += [key for key, row in self._judged.items() if every.get(key) != row]
        morning.judged = {key: row for key, row in every.items() if key not in self._judged}
        self._judged = every
        if any(row.step == "train" and row.outcome != "nothing" for row in steps) or not self._versions:
            tracking = open_tracking(self._home, project=project.settings.name)
            self._versions = {(v.tag, v.version): "champion" in v.aliases for v in versions(tracking)}
        morning.models = self._versions
