"""Labels of every snapshot of a tag: what came of its population, without whom a campaign approached meanwhile.

They lie in files by range of profiles, and are counted there; this process holds the rows that it asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from glob import escape
from typing import TYPE_CHECKING

from tagcast.features.compute.building.label_statements import outcome_statement, population_statement
from tagcast.features.compute.building.range_tables import RangeTable, RangeTables, log_files
from tagcast.features.compute.labels import TOP_SHARE, OutcomeRule
from tagcast.features.compute.window_aggregates import WindowRule
from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.scratch import Scratch, kept_in
from tagcast.features.core.messages import Message, msg
from tagcast.models.definitions.window_outcomes import Label
from tagcast.pipelines.project.label_rules import check_question, eligibility, outcome_rule, reads_features
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project, TagPlan
from tagcast.pipelines.training.labelling.approached import APPROACHES, asked_of
from tagcast.pipelines.training.labelling.known_rows import beyond, given_rows, is_given
from tagcast.pipelines.training.labelling.label_files import Labels
from tagcast.pipelines.training.labelling.range_labels import (
    GIVEN,
    CountOutcomes,
    CutOutcomes,
    LabelPlace,
    RangeLabels,
    cuts,
)

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from tagcast.features.compute.dated_statements import Statement
    from tagcast.features.compute.snapshot_reader import SnapshotFiles
    from tagcast.models.definitions.model_tag import TagDefinition

_ROWS_OF_A_GROUP = 65_536
"""Of what is given: ranges read the groups that they need."""


def label_rows(project: Project, plan: TagPlan, now: date) -> pd.DataFrame:
    """Return ``profile_id, as_of, y`` (and ``amount``, ``treated`` and ``propensity``, the pair's entity) of every snapshot of ``plan``.

    Rows whose person a campaign approached within the window are left out, or marked, as the tag has it (:attr:`Labels.learns_from_approached`).

    Raises
    ------
    DataError
        When a window is not observed before ``now``, or nobody is eligible at a snapshot, or only who was approached.
    DefinitionError
        When population or outcome name what is not there.
    """
    with labelled(project, plan, now) as labels:
        labels.check()
        return labels.rows()


@contextmanager
def labelled(project: Project, plan: TagPlan, now: date) -> Iterator[Labels]:
    """Count what came of the population of every snapshot of ``plan``, and yield it while its files are there.

    Raises
    ------
    DataError
        When a window is not observed before ``now``, or nobody is eligible at a snapshot.
    DefinitionError
        When population or outcome name what is not there.
    """
    definition, settings = plan.definition, project.settings
    check_question(project, definition, now)
    with Scratch(settings.data) as folder:
        own = None if project.engine.elsewhere else folder
        # What is read later are the labels alone.
        place = LabelPlace(
            folder, RangeTables((), DuckDbConfig(settings.memory_limit, settings.threads, own))
        )
        reading = replace(place.tables, tables=_tables(project, plan, now, folder))
        ranges = project.engine.ranges(log_files(project.events.glob))
        work = _work(project, plan, now, LabelPlace(folder, reading))
        found = project.engine.each(work, ranges, msg("outcomes"))
        counts = [one.counts for one in found]
        rule = None if isinstance(definition.outcome, Label) else outcome_rule(definition)
        if isinstance(rule, OutcomeRule) and rule.kind == TOP_SHARE:
            members = {day: sum(one.members[day] for one in found) for day in plan.split.feature_days}
            _check_members(plan, members)
            cut = CutOutcomes(place, cuts(place, members, rule.share or 0.0))
            counts = project.engine.each(cut, ranges, msg("outcomes"))
        labels = Labels(project, plan, place, ranges, counts)
        _check_members(plan, {day: labels.counts.total([day]) for day in plan.split.snapshots})
        _say_what_is_left_out(plan, found)
        yield labels


def _tables(project: Project, plan: TagPlan, now: date, folder: Path) -> tuple[RangeTable, ...]:
    """Return what the statements read; what is known here alone is written where whoever works on a range sees it."""
    import pyarrow.parquet as pq

    def put(name: str, table: pa.Table) -> RangeTable:
        with kept_in(project.settings.data):
            pq.write_table(table, folder / f"{name}.parquet", row_group_size=_ROWS_OF_A_GROUP)
        return RangeTable(name, f"{escape(str(folder))}/{name}.parquet", "profile_id")

    events = RangeTable(project.event_table.get_name(), project.events.glob, "profile_id")
    reached = put(APPROACHES, asked_of(project, plan.definition).sort_by("profile_id"))
    return (events, reached, *([put(GIVEN, given_rows(project, plan, now))] if is_given(plan) else []))


def _work(project: Project, plan: TagPlan, now: date, place: LabelPlace) -> CountOutcomes:
    """Return what is done for each range."""
    definition, days, events = plan.definition, plan.split.feature_days, project.event_table
    population: Statement | dict[date, SnapshotFiles]
    if reads_features(definition):
        snapshots = project.snapshots(project.feature_set(project.definitions(now), now))
        snapshots.ensure(days, project.progress)
        population = {day: snapshots.at(day) for day in days}
    else:
        population = population_statement(events, eligibility(definition))
    outcomes: dict[date, Statement | None] = dict.fromkeys(days)
    checked = False
    if not isinstance(definition.outcome, Label):
        rule = outcome_rule(definition)
        checked = isinstance(rule, WindowRule)
        outcomes = {day: outcome_statement(events, day, rule, observed_until=now) for day in days}
    return CountOutcomes(place, definition, population, outcomes, is_given(plan), checked)


def _check_members(plan: TagPlan, members: Mapping[date, int]) -> None:
    for as_of, count in members.items():
        if not count:
            raise DataError(
                msg("{tag}: nobody is in the population at {as_of}", tag=plan.definition.name, as_of=as_of),
                hint=_empty_hint(plan.definition),
            )


def _say_what_is_left_out(plan: TagPlan, found: Sequence[RangeLabels]) -> None:
    rows, given, unknown = (
        sum(sum(one.members.values()) for one in found),
        sum(one.given for one in found),
        sum(one.left_out for one in found),
    )
    if is_given(plan):
        if given > rows:
            log.warning(beyond(plan, given - rows, given))
    elif unknown:
        log.warning(
            msg(
                "{tag}: {count:,} of {total:,} rows are left out: {bound} is unknown there",
                tag=plan.definition.name,
                count=unknown,
                total=unknown + rows,
                bound=plan.definition.outcome.bound,
            )
        )


def _empty_hint(definition: TagDefinition) -> Message:
    if definition.population.not_bought_within_days:
        return msg("widen population, or check that the outcome's category is spelt as in the data")
    if reads_features(definition):
        return msg(
            "no profile keeps to it then: widen population, or choose other days with snapshots: {{dates: […]}}"
        )
    return msg(
        "nobody bought in the days before: widen population, or choose other days with snapshots: {{dates: […]}}"
    )
