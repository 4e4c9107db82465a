"""Training rows that are not everybody's: those of a table of labels, and those who were approached or left alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tagcast.features.compute.labels import outcome_of, population
from tagcast.features.compute.window_aggregates import wrong_values
from tagcast.features.core.messages import msg
from tagcast.pipelines.project.label_rules import eligibility, members_at, outcome_rule, reads_features
from tagcast.pipelines.project.label_tables import labels_at
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project, TagPlan
from tagcast.pipelines.project.snapshot_choice import treatments_of

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd


def labelled(project: Project, plan: TagPlan, now: date) -> Iterator[tuple[date, pd.DataFrame]]:
    """Yield each snapshot of ``plan`` with what a table of labels says of its population."""
    definition, beyond, total = plan.definition, 0, 0
    for as_of, members in _members(project, plan, now):
        labels = labels_at(project, definition, as_of, now)
        rows = labels[labels["profile_id"].isin(members)]
        beyond, total = beyond + len(labels) - len(rows), total + len(labels)
        yield from _divided(plan, as_of, rows)
    if beyond:
        log.warning(
            msg(
                "{tag}: {count:,} of {total:,} labels are left out: their profiles are not in the population then, or have "
                "no event before",
                tag=definition.name,
                count=beyond,
                total=total,
            )
        )


def treated(project: Project, plan: TagPlan, now: date) -> Iterator[tuple[date, pd.DataFrame]]:
    """Yield each day of ``plan`` with ``profile_id, y, treated, propensity`` of those of its population who were approached or left alone.

    The propensity is the one that a campaign on record drew with. Of other approaches it is the share of that day who were
    approached where chance decided, and else unknown.
    """
    import ibis

    definition, treatment = plan.definition, plan.definition.treatment
    assert treatment is not None  # noqa: S101 - asked of others
    every, rule, beyond, total = treatments_of(project, definition), outcome_rule(definition), 0, 0
    for as_of, members in _members(project, plan, now):
        of_day = every.loc[every["day"] == as_of].drop(columns="day")
        known = of_day[of_day["profile_id"].isin(members)]
        beyond, total = beyond + len(of_day) - len(known), total + len(of_day)
        with wrong_values(definition.name):
            who = ibis.memtable(known[["profile_id"]])
            came = outcome_of(project.event_table, who, as_of, rule, observed_until=now).execute()
        rows = came.merge(known, on="profile_id", validate="one_to_one")
        if "propensity" not in rows:
            share = float(rows["treated"].mean()) if treatment.random and len(rows) else float("nan")
            rows = rows.assign(propensity=share)
        yield from _divided(plan, as_of, rows)
    if beyond:
        log.warning(
            msg(
                "{tag}: {count:,} of {total:,} people who were approached or left alone are left out: they are not in the population "
                "then, or have no event before",
                tag=definition.name,
                count=beyond,
                total=total,
            )
        )


def _members(project: Project, plan: TagPlan, now: date) -> Iterator[tuple[date, pd.Series]]:
    """Yield each day that features are as of with the profiles of the population then."""
    definition, split, snapshots = plan.definition, plan.split, None
    if reads_features(definition):
        snapshots = project.snapshots(project.feature_set(project.definitions(now), now))
        snapshots.ensure(split.feature_days, project.progress)
    for as_of in split.feature_days:
        if snapshots is None:
            yield (
                as_of,
                population(project.event_table, as_of, eligibility(definition)).execute()["profile_id"],
            )
        else:
            yield as_of, members_at(snapshots, definition, as_of).table["profile_id"].to_pandas()


def _divided(plan: TagPlan, as_of: date, rows: pd.DataFrame) -> Iterator[tuple[date, pd.DataFrame]]:
    """Yield the rows of a day; where there is no other, those to learn from and those to measure on."""
    split = plan.split
    if not split.one_day:
        yield as_of, rows
        return
    held_back = rows["profile_id"].map(_held_back).astype(bool)
    yield split.snapshots[0], rows[~held_back]
    yield split.test, rows[held_back]


def _held_back(profile_id: str) -> bool:
    """Return whether a profile is of the fifth to measure on, by a hash that no fold of profiles is made with."""
    return hashlib.blake2b(f"held back: {profile_id}".encode(), digest_size=8).digest()[0] % 5 == 0
