"""Labels of every snapshot of a tag: what came of its population, without whom a campaign approached meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tagcast.features.compute.labels import OutcomeRule, outcome_of, outcome_rows, population
from tagcast.features.compute.window_aggregates import wrong_values
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.models.definitions.window_outcomes import Label
from tagcast.pipelines.project.label_rules import (
    check_question,
    eligibility,
    members_at,
    outcome_rule,
    reads_features,
)
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project, TagPlan
from tagcast.pipelines.training.approached import approached
from tagcast.pipelines.training.known_rows import labelled, treated

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition


def label_rows(project: Project, plan: TagPlan, now: date) -> pd.DataFrame:
    """Return ``profile_id, as_of, y`` (and ``amount``, ``treated`` and ``propensity``, the pair's entity) of every snapshot of ``plan``.

    Rows whose person a campaign approached within the window are left out, or marked, as the tag has it (:func:`learned_rows`).

    Raises
    ------
    DataError
        When a window is not observed before ``now``, or nobody is eligible at a snapshot, or only who was approached.
    DefinitionError
        When population or outcome name what is not there.
    """
    return learned_rows(plan.definition, all_label_rows(project, plan, now))


def all_label_rows(project: Project, plan: TagPlan, now: date) -> pd.DataFrame:
    """Return what :func:`label_rows` chooses from: with ``approached``, which says what it leaves out or marks.

    Raises
    ------
    DataError, DefinitionError
        As :func:`label_rows`.
    """
    import pandas as pd

    definition = plan.definition
    check_question(project, definition, now)
    parts = []
    for as_of, rows in _outcomes(project, plan, now):
        if rows.empty:
            raise DataError(
                msg("{tag}: nobody is in the population at {as_of}", tag=definition.name, as_of=as_of),
                hint=_empty_hint(definition),
            )
        parts.append(rows.assign(as_of=as_of))
    frame: pd.DataFrame = pd.concat(parts, ignore_index=True)
    frame["approached"] = approached(project, definition, as_of_features(plan, frame))
    pair = definition.pair
    return frame if pair is None else frame.assign(**{pair.entity: pair.value})


def learned_rows(definition: TagDefinition, every: pd.DataFrame) -> pd.DataFrame:
    """Return those rows of :func:`all_label_rows` that no campaign approached; with ``campaigns: told`` all, ``approached`` saying which.

    Raises
    ------
    DataError
        Where nobody of a snapshot is left, or nobody of the last to measure on.
    """
    knows, last = definition.campaigns == "told", every["as_of"].max()
    for as_of, reached in every.groupby("as_of")["approached"]:
        if reached.all() and (as_of == last or not knows):
            raise DataError(
                msg(
                    "{tag}: campaigns approached everybody in the population at {as_of}",
                    tag=definition.name,
                    as_of=as_of,
                ),
                hint=msg(
                    "hold some out of each campaign; or, if campaigns go on as they are, learn what happens under them: "
                    "campaigns: ignore"
                ),
            )
    return every if knows and every["approached"].any() else unapproached(every)


def unapproached(labels: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of labels that no campaign approached, without the column that says so."""
    if "approached" not in labels:
        return labels
    return labels[~labels["approached"]].drop(columns="approached").reset_index(drop=True)


def _outcomes(project: Project, plan: TagPlan, now: date) -> Iterator[tuple[date, pd.DataFrame]]:
    """Yield each snapshot of ``plan`` with ``profile_id, y`` (and ``amount``) of its population."""
    definition = plan.definition
    if isinstance(definition.outcome, Label):
        yield from labelled(project, plan, now)
        return
    if definition.treatment is not None:
        yield from treated(project, plan, now)
        return
    rule, events = outcome_rule(definition), project.event_table
    if isinstance(rule, OutcomeRule) and not reads_features(definition):
        who = eligibility(definition)
        for as_of in plan.split.snapshots:
            yield as_of, outcome_rows(events, as_of, who, rule, observed_until=now)
        return
    import ibis

    snapshots, left_out, total = None, 0, 0
    if reads_features(definition):
        snapshots = project.snapshots(project.feature_set(project.definitions(now), now))
        snapshots.ensure(plan.split.snapshots, project.progress)
    for as_of in plan.split.snapshots:
        if snapshots is None:
            members = population(events, as_of, eligibility(definition))
        else:
            found = members_at(snapshots, definition, as_of)
            members = ibis.memtable(found.table)
            left_out, total = left_out + found.left_out, total + found.left_out + found.table.num_rows
        with wrong_values(definition.name):
            rows = outcome_of(events, members, as_of, rule, observed_until=now).execute()
        yield as_of, rows
    if left_out:
        log.warning(
            msg(
                "{tag}: {count:,} of {total:,} rows are left out: {bound} is unknown there",
                tag=definition.name,
                count=left_out,
                total=total,
                bound=definition.outcome.bound,
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


def check_cases(plan: TagPlan, labels: pd.DataFrame) -> tuple[int, int]:
    """Return how many true and false outcomes there are to learn from, before the test snapshot, of those whom no campaign approached.

    Of an amount: with and without any spend.

    Raises
    ------
    ModelError
        When they, or those of the test snapshot, are too few even for the reference that stands in for a
        model: said before any feature is built.
    """
    from tagcast.models.calibration.case_minimum import CASE_CHECKS

    counts, labels = [], unapproached(labels)
    for days, where in plan.split.measured_days:
        rows = labels.loc[labels["as_of"].isin(days), "y"]
        yes, no = int(rows.sum()), int(len(rows) - rows.sum())
        CASE_CHECKS[plan.definition.kind](plan.definition.name, where, yes, no)
        counts.append((yes, no))
    return counts[0]


def as_of_features(plan: TagPlan, labels: pd.DataFrame) -> pd.DataFrame:
    """Return labels with the days that their features are as of."""
    return labels.assign(as_of=plan.split.test) if plan.split.one_day else labels
