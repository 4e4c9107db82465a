"""Numbers of profiles as a person may see them: rounded where they may not look at single profiles."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import floor
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, msg
from tagcast.registry.governance.observed_accuracy import observed_promises
from tagcast.registry.governance.observed_metrics import observed_metrics
from tagcast.registry.operations.floors import observed_floors
from tagcast.serving.publishing.quality_over_runs import by_week

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from tagcast.models.stats.metrics import CalibrationBin
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.registry.governance.observed_metrics import MetricRow
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.publishing.quality_over_runs import RunQuality

MOST_RUNS = 60
"""Runs that are shown one by one."""
_CONFIDENCE_STEP = 0.05
A_YEAR = timedelta(days=366)
"""So far back from the newest of it what came of promises is shown: data may end long before today."""


def smallest_cell(context: ServiceContext, person: Person) -> int:
    """Return of how many profiles ``person`` learns something at once; 1 for who may look at single ones."""
    return 1 if person.may("profiles") else context.settings.access.smallest_cell


def shown_size(profiles: int, cell: int) -> int:
    """Return a number of profiles rounded down to a multiple of the smallest cell."""
    return profiles - profiles % cell


def shown_share(share: float, of: int, cell: int) -> float:
    """Return the share of ``of`` profiles, counted in whole smallest cells; as it is for who may look at single ones."""
    total = shown_size(of, cell)
    if cell <= 1 or not total:
        return share if cell <= 1 else 0.0
    return shown_size(round(share * of), cell) / total


def shown_bins(bins: Sequence[CalibrationBin], cell: int) -> tuple[CalibrationBin, ...]:
    """Return the bins of a calibration that hold a smallest cell at least, their counts rounded down."""
    return tuple(replace(one, n=size) for one in bins if (size := shown_size(one.n, cell)))


def shown_floor(confidence: float | None, cell: int) -> float | None:
    """Return a mean confidence, rounded down where single profiles may not be looked at: it stays a floor."""
    if confidence is None or cell <= 1:
        return confidence
    return round(floor(confidence / _CONFIDENCE_STEP + 1e-9) * _CONFIDENCE_STEP, 2)


def shown_record(context: ServiceContext, tag: str, cell: int) -> tuple[PromiseRow, ...]:
    """Return what came of a tag's promises in the year until the newest, as it may be seen; newest day first."""
    rows = observed_promises(context.state, tag) or observed_floors(context.state, tag)
    return tuple(shown_promise(row, cell) for row in rows if row.as_of >= rows[0].as_of - A_YEAR)


def shown_metrics(context: ServiceContext, tag: str, cell: int) -> tuple[MetricRow, ...]:
    """Return how good a tag's predictions of that year were as it may be seen, newest day first: nothing of fewer than a smallest cell."""
    rows = observed_metrics(context.state, tag)
    recent = [row for row in rows if row.as_of >= rows[0].as_of - A_YEAR]
    return tuple(replace(row, people=size) for row in recent if (size := shown_size(row.people, cell)))


def shown_promise(row: PromiseRow, cell: int) -> PromiseRow:
    """Return what came of a promise as it may be seen: of fewer than a smallest cell nothing."""
    count = shown_size(row.predicted, cell)
    return replace(row, predicted=count) if count else replace(row, predicted=0, promised=None, right=None)


def rounded_note(cell: int) -> Message:
    """Return what a reader of rounded numbers should know."""
    return msg("Numbers are rounded down to multiples of {cell}; smaller groups are not shown.", cell=cell)


def shown_quality(
    context: ServiceContext, tag: str, runs: Sequence[RunQuality], least: int
) -> tuple[RunQuality, ...]:
    """Return what ``runs`` of a year until the newest expected of ``tag``, and what was measured, oldest first.

    Runs that spoke of fewer than ``least`` profiles are left out; of more than ``MOST_RUNS`` the newest of each week is shown.
    """
    recent = [run for run in runs if run.as_of >= runs[-1].as_of - A_YEAR]
    shown = [run for run in recent if run.population >= least and (run.expected or run.drift)]
    shown = shown if len(shown) <= MOST_RUNS else by_week(shown)
    measured: dict[tuple[str, date], dict[str, float]] = {}
    for row in observed_metrics(context.state, tag):
        measured.setdefault((str(row.version), row.as_of), {})[row.metric] = row.value
    return tuple(replace(run, measured=measured.get((run.version, run.as_of), {})) for run in shown)
