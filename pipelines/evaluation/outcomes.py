"""What became of the people whom a published run spoke of, once the window of a tag is over."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tagcast.features.compute.labels import outcome_of
from tagcast.models.definitions.model_tag import Population
from tagcast.models.definitions.window_outcomes import Label
from tagcast.pipelines.project.label_rules import members_at, outcome_rule
from tagcast.pipelines.project.label_tables import labels_at

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.project.project import Project
    from tagcast.serving.scoring.loaded_tag import LoadedTag


def due_day(definition: TagDefinition, as_of: date) -> date:
    """Return the day on which the window of a tag is over that was predicted as of ``as_of``."""
    return as_of + timedelta(days=definition.horizon_days)


def is_over(project: Project, definition: TagDefinition, as_of: date) -> bool:
    """Return whether it is known what came: the window is over, and labels of its day are there."""
    now = project.observed_until
    if due_day(definition, as_of) > now:
        return False
    return not isinstance(definition.outcome, Label) or not labels_at(project, definition, as_of, now).empty


def with_outcomes(project: Project, tag: LoadedTag, as_of: date, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return predictions beside what happened: ``known``, ``y``, and ``amount`` of an amount.

    Whoever the run spoke of is judged, whether or not today's events would still count them to the population, as the
    person that they are today. Who is not ``known`` any more cannot be: nothing tells a silent from a deleted profile.

    Parameters
    ----------
    project : Project
    tag : LoadedTag
        What predicted them.
    as_of : date
        Of the run.
    predicted : DataFrame of shape (n, ...)
        With ``profile_id``.
    """
    import ibis

    definition = tag.definition
    predicted = predicted.assign(person=predicted["profile_id"].map(project.former_ids.person))
    known = project.events.everyone(project.duckdb)
    said = ibis.memtable(predicted[["person"]].drop_duplicates().rename(columns={"person": "profile_id"}))
    if isinstance(definition.outcome, Label):
        # Whoever has no label cannot be judged, today as then; the others are known.
        labels = labels_at(project, definition, as_of, project.observed_until)
        labelled: pd.DataFrame = predicted.merge(labels.rename(columns={"profile_id": "person"}), on="person")
        return labelled.assign(known=True)
    members = said.semi_join(known, "profile_id")
    if definition.outcome.bound is not None:
        # What each was to be held against is a matter of the day of the run, whatever its population is today.
        snapshots = project.snapshots(tag.feature_set)
        snapshots.ensure([as_of], project.progress)
        everyone = definition.model_copy(update={"population": Population()})
        bounds = ibis.memtable(members_at(snapshots.at(as_of), everyone).table)
        members = members.inner_join(bounds, "profile_id")
    happened = outcome_of(
        project.event_table, members, as_of, outcome_rule(definition), observed_until=project.observed_until
    ).execute()
    rows: pd.DataFrame = predicted.merge(
        happened.rename(columns={"profile_id": "person"}), on="person", how="left", validate="many_to_one"
    )
    rows["known"] = rows["y"].notna()
    return rows
