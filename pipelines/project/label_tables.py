"""Labels of a company's own: its tables, read once for each open project, and the days that they have labels for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import listed, msg

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import pyarrow as pa

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.project.project import Project

ENOUGH_LABELS = 100
"""Known labels of a day that make it a snapshot: with fewer it would measure nothing."""
_MOST_NAMED = 6
_READ: WeakKeyDictionary[Project, dict[str, pa.Table]] = WeakKeyDictionary()


def labels_at(project: Project, definition: TagDefinition, as_of: date, now: date) -> pd.DataFrame:
    """Return ``profile_id`` and ``y`` of the labels as of a day that are known before ``now``.

    Raises
    ------
    DataError
        Where the table cannot be read.
    """
    import pyarrow.compute as pc

    table = _known(project, definition, now)
    rows = table.filter(pc.equal(table["as_of"], as_of)).select(["profile_id", "y"])
    found: pd.DataFrame = rows.to_pandas()
    return found


def labelled_days(project: Project, definition: TagDefinition, now: date) -> tuple[date, ...]:
    """Return the days that a tag with a table of labels may learn from at ``now``, rising.

    Those of the definition, or the newest with enough labels, ``every_days`` from one another.

    Raises
    ------
    DataError
        Where the table cannot be read, or no day has enough labels that are known.
    """
    counts = {
        day: n
        for day, n in _counted(_known(project, definition, now)).items()
        if n >= ENOUGH_LABELS and day > project.events.first_day
    }
    rule, found = definition.snapshots, sorted(counts)
    if rule.dates is not None:
        for day in rule.dates:
            if day not in counts:
                raise DataError(
                    msg(
                        "{tag}: snapshots.dates: fewer than {least} labels as of {day} are known before {now}",
                        tag=definition.name,
                        least=ENOUGH_LABELS,
                        day=day,
                        now=now,
                    ),
                    hint=_days_hint(found),
                )
        return rule.dates
    earliest = project.events.first_day + timedelta(days=rule.min_history_days or 1)
    days = newest_apart([day for day in found if day >= earliest], rule.every_days, rule.max_snapshots)
    if not days:
        raise DataError(
            msg(
                "{tag}: outcome.label: no day has {least} labels that are known before {now} and events before it",
                tag=definition.name,
                least=ENOUGH_LABELS,
                now=now,
            ),
            hint=_days_hint(sorted(_counted(_table(project, definition)))),
        )
    return days


def newest_apart(days: Sequence[date], apart_days: int, most: int) -> tuple[date, ...]:
    """Return at most so many of ``days``, both rising: the newest, and before it those that lie so far from the next one."""
    chosen: list[date] = []
    for day in reversed(days):
        if (not chosen or (chosen[0] - day).days >= apart_days) and len(chosen) < most:
            chosen.insert(0, day)
    return tuple(chosen)


def _days_hint(days: list[date]) -> Any:
    if not days:
        return msg("the table has none: check as_of and value, or wait until labels are known")
    shown = [*map(str, days[:_MOST_NAMED]), *(["…"] if len(days) > _MOST_NAMED else [])]
    return msg(
        "labels are as of {days}; one is known when horizon_days are over, and seen_at", days=listed(shown)
    )


def _counted(table: pa.Table) -> dict[date, int]:
    counted = table.group_by("as_of").aggregate([([], "count_all")]).to_pydict()
    return dict(zip(counted["as_of"], counted["count_all"], strict=True))


def _known(project: Project, definition: TagDefinition, now: date) -> pa.Table:
    import pyarrow.compute as pc

    table = _table(project, definition)
    return table.filter(pc.less_equal(table["known_on"], now))


def _table(project: Project, definition: TagDefinition) -> pa.Table:
    from tagcast.features.ingest.attributes.labels import read_labels
    from tagcast.models.definitions.window_outcomes import Label

    outcome = definition.outcome
    assert isinstance(outcome, Label)  # noqa: S101 - asked of others
    read, key = _READ.setdefault(project, {}), outcome.model_dump_json()
    if key not in read:
        where = f"{definition.name}: outcome.label"
        try:
            read[key] = read_labels(
                project.settings, outcome.label, where, outcome.horizon_days, project.places
            )
        except ConfigError as error:  # of a tag's file: it does not keep the others from being trained
            raise DataError(error.message, hint=error.hint) from error
    return read[key]
