"""All that is on record of a tag's quality beside its promises: each run's metrics, and its challengers beside the champion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tagcast.registry.governance.observed_metrics import MetricRow, observed_metrics
from tagcast.registry.governance.shadows import Comparison, Standing, comparisons, standings

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.governance.observed_accuracy import PromiseRow


@dataclass(frozen=True)
class QualityRecord:
    """What is on record of a tag beside its promises.

    Parameters
    ----------
    metrics : tuple of MetricRow
        Newest day first.
    comparisons : tuple of Comparison
        Oldest day first.
    standings : tuple of Standing
        Of the challengers of today's champion, the newest first.
    """

    metrics: tuple[MetricRow, ...]
    comparisons: tuple[Comparison, ...]
    standings: tuple[Standing, ...]

    @property
    def weeks(self) -> dict[date, dict[str, MetricRow]]:
        """The metrics of the newest run of each week, by its Monday, oldest first."""
        weeks: dict[date, dict[str, MetricRow]] = {}
        for row in reversed(self.metrics):  # oldest first: newer days take the place of older ones
            monday = row.as_of - timedelta(days=row.as_of.weekday())
            week = weeks.setdefault(monday, {})
            if any(other.as_of < row.as_of for other in week.values()):
                week.clear()
            week[row.metric] = row
        return weeks

    def beside(self, promises: Sequence[PromiseRow]) -> list[dict[str, Any]]:
        """Return promises as JSON values; those over all values with the ``metrics`` of their run, and how its ``challenger`` did.

        Neither is there of what was judged without metrics: a floor, and a run that was judged before they were kept.
        """
        found = []
        for row in promises:
            values, of_run = row.to_dict(), (row.as_of, row.version)
            metrics = [one for one in self.metrics if (one.as_of, one.version) == of_run]
            if metrics and not row.at_least:
                beside = [one for one in self.comparisons if (one.as_of, one.champion) == of_run]
                values["metrics"] = {one.metric: one.to_dict() for one in metrics}
                values["challenger"] = {one.metric: one.to_dict() for one in beside}
            found.append(values)
        return found


def quality_record(project: Project, tag: str, since: date | None) -> QualityRecord:
    """Return what is on record of ``tag``, of runs as of ``since`` or later."""
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions

    settings, state = project.settings, project.state
    known = tracking_exists(settings.whole.home, settings.mlflow)
    return QualityRecord(
        tuple(observed_metrics(state, tag, since=since)),
        tuple(comparisons(state, tag, since=since)),
        tuple(standings(state, versions(tracking_of(settings), tag)) if known else ()),
    )
