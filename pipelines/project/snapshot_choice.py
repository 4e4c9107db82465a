"""The snapshots a tag learns from: those of the definition, or laid over the data, without those that cannot be."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.project.label_rules import check_question
from tagcast.pipelines.project.label_tables import labelled_days, newest_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from tagcast.models.definitions.learned_from import Treatment
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.splits import Split
    from tagcast.pipelines.project.project import Project


ENOUGH_IN_ARM = 50
"""People approached, and people left alone, who make a day a snapshot: with fewer it would measure nothing."""
_TREATMENTS: WeakKeyDictionary[Project, dict[str, pd.DataFrame]] = WeakKeyDictionary()
_PURCHASE_DAYS: WeakKeyDictionary[Project, tuple[date, ...]] = WeakKeyDictionary()


def split_of(project: Project, definition: TagDefinition, as_of: date) -> Split:
    """Return the snapshots of one tag, and what may be learned from when.

    Where labels are all as of one day, the profiles are divided: a part is held back to measure on.

    Raises
    ------
    DataError
        When a window is not observed before ``as_of``, history is too short, or too few labels are known.
    """
    from tagcast.models.definitions.window_outcomes import Label
    from tagcast.models.training.splits import Split

    horizon_days = definition.horizon_days
    if isinstance(definition.outcome, Label):
        days = labelled_days(project, definition, as_of)
        return _one_day_or_more(days, horizon_days)
    if definition.treatment is not None:
        return _one_day_or_more(treated_days(project, definition, as_of), horizon_days)
    if project not in _PURCHASE_DAYS:
        _PURCHASE_DAYS[project] = days_with_purchases(project.event_table)
    first_day = project.events.first_day
    return Split(snapshot_dates(definition, first_day, as_of, _PURCHASE_DAYS[project]), horizon_days)


def _one_day_or_more(days: Sequence[date], horizon_days: int) -> Split:
    from tagcast.models.training.splits import Split

    if len(days) == 1:
        return Split((days[0] - timedelta(days=horizon_days), days[0]), horizon_days, one_day=True)
    return Split(tuple(days), horizon_days)


def treatments_of(project: Project, definition: TagDefinition) -> pd.DataFrame:
    """Return who was approached when, and who was left alone, read once for each open project.

    Returns
    -------
    DataFrame
        ``profile_id``, ``day``, ``treated``, and of campaigns on record ``propensity``.

    Raises
    ------
    DefinitionError
        Where a condition of the treatment cannot be asked.
    DataError
        Where a campaign is not there, or held nobody out.
    """
    treatment = definition.treatment
    assert treatment is not None  # noqa: S101 - asked of others
    read, key = _TREATMENTS.setdefault(project, {}), treatment.model_dump_json()
    if key not in read:
        check_question(project, definition, project.observed_until)
        read[key] = (
            _of_campaigns(project, definition) if treatment.campaigns else _of_events(project, treatment)
        )
    return read[key]


def _of_events(project: Project, treatment: Treatment) -> pd.DataFrame:
    from tagcast.features.compute.treatments import TreatmentRule, treatments

    assert treatment.approached is not None and treatment.control is not None  # noqa: S101, PT018 - it is checked
    return treatments(project.event_table, TreatmentRule(treatment.approached, treatment.control))


def _of_campaigns(project: Project, definition: TagDefinition) -> pd.DataFrame:
    from tagcast.registry.operations.treatments import drawn_treatments

    treatment, own = definition.treatment, project.settings.entity
    assert treatment is not None and treatment.campaigns is not None  # noqa: S101, PT018 - asked of others
    entities = (PROFILE, *project.settings.whole.entities)
    elsewhere = ((other, project.of(other).state) for other in entities if other != own)
    where = f"{definition.name}: treatment.campaigns"
    return drawn_treatments(project.state, project.former_ids, treatment.campaigns, where, elsewhere)


def treated_days(project: Project, definition: TagDefinition, now: date) -> tuple[date, ...]:
    """Return the days on which enough people were approached and left alone, whose windows are over at ``now``, rising.

    Those of the definition, or the newest, ``every_days`` or a horizon from one another.

    Raises
    ------
    DefinitionError, DataError
        As of :func:`treatments_of`, and where no day has enough of both.
    """
    import numpy as np

    rule, rows = definition.snapshots, treatments_of(project, definition)
    horizon = timedelta(days=definition.horizon_days)
    counts = rows.groupby("day")["treated"].agg(["sum", "size"])
    smaller = dict(
        zip(counts.index, np.minimum(counts["sum"], counts["size"] - counts["sum"]).tolist(), strict=True)
    )
    open_until = now - horizon
    possible = [
        day
        for day, n in sorted(smaller.items())
        if n >= ENOUGH_IN_ARM and project.events.first_day < day <= open_until
    ]
    if rule.dates is not None:
        possible = [day for day in rule.dates if day in possible]
    days = newest_apart(possible, min(rule.every_days, definition.horizon_days), rule.max_snapshots)
    if not days:
        best = max(smaller, key=lambda day: smaller[day], default=None)
        nobody, check = msg("no event meets either condition"), msg("check the conditions of treatment")
        if definition.treatment is not None and definition.treatment.campaigns:
            nobody, check = msg("the campaigns have no members"), msg("hold out more people next time")
        found = (
            nobody
            if best is None
            else msg("most were on {day}: {count:,} in the smaller arm", day=best, count=smaller[best])
        )
        raise DataError(
            msg(
                "{tag}: treatment: no day has {least} people who were approached and {least} who were left alone, events before it, and "
                "a window of {horizon_days} days that is over before {now}; {found}",
                tag=definition.name,
                least=ENOUGH_IN_ARM,
                horizon_days=definition.horizon_days,
                now=now,
                found=found,
            ),
            hint=msg("{check}, choose a shorter horizon_days, or wait until the window is over", check=check),
        )
    return days


def snapshot_dates(
    definition: TagDefinition, first_day: date, as_of: date, purchase_days: Sequence[date]
) -> tuple[date, ...]:
    """Return the snapshots of a tag whose outcome is counted from events, rising.

    Where the definition names none, those are left out at which nobody can be in the population because nobody
    bought in the days it looks back: a shop that was closed has no active customers to learn from.

    Parameters
    ----------
    definition : TagDefinition
    first_day : date
        Of the first event.
    as_of : date
    purchase_days : sequence of date
        Days with a purchase.

    Raises
    ------
    DataError
        When a window is not observed before ``as_of``, or history is too short.
    """
    from tagcast.models.training.splits import choose_snapshots

    rule = definition.snapshots
    if rule.dates is None:
        laid = choose_snapshots(
            first_day=first_day,
            now=as_of,
            horizon_days=definition.horizon_days,
            every_days=rule.every_days,
            max_snapshots=rule.max_snapshots,
            min_history_days=rule.min_history_days,
        )
        within = definition.population.active_within_days
        if not within:
            return laid
        back = timedelta(days=within)
        possible = tuple(day for day in laid if any(day - back <= bought < day for bought in purchase_days))
        # Where not one is possible, the empty population is what has to be said.
        return possible or laid
    late = [d for d in rule.dates if d + timedelta(days=definition.horizon_days) > as_of]
    if late:
        raise DataError(
            msg(
                "{tag}: the window of snapshot {snapshot} ({horizon_days} days) is not observed before {as_of}",
                tag=definition.name,
                snapshot=late[0],
                horizon_days=definition.horizon_days,
                as_of=as_of,
            ),
            hint=msg(
                "snapshots.dates have to lie at or before {last}",
                last=as_of - timedelta(days=definition.horizon_days),
            ),
        )
    return rule.dates


def days_with_purchases(events: Any) -> tuple[date, ...]:
    """Return the days of the event log (an ibis table) on which somebody bought, rising."""
    bought = events.filter((events.event == PURCHASE) & ~events.is_return)
    return tuple(sorted(bought.select("event_day").distinct().event_day.execute().dt.date))
