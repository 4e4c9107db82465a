"""A definition's population and outcome in the words of features, and what they take from snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from tagcast.features.compute.labels import Eligibility, OutcomeRule
    from tagcast.features.compute.snapshot_reader import SnapshotFiles
    from tagcast.features.compute.window_aggregates import WindowRule
    from tagcast.models.definitions.definition import Definition
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.project.project import Project

_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Members:
    """A tag's population at a date by its snapshot.

    Parameters
    ----------
    table : pyarrow.Table
        ``profile_id``, rising, and ``bound`` where each outcome is held against a bound of its own.
    left_out : int
        Of the population, whose bound is unknown.
    """

    table: pa.Table
    left_out: int


def reads_features(definition: Definition) -> bool:
    """Return whether features decide who is in the population or what an outcome is held against."""
    from tagcast.models.definitions.rule_tag import RuleDefinition

    bound = None if isinstance(definition, RuleDefinition) else definition.outcome.bound
    return definition.population.rule is not None or bound is not None


def members_at(snapshot: SnapshotFiles, definition: TagDefinition, within: KeyRange = EVERYONE) -> Members:
    """Return those of the population by a snapshot whose ids are in a range, as scoring would find them."""
    import numpy as np
    import pyarrow as pa

    from tagcast.features.compute.window_aggregates import BOUND
    from tagcast.models.inference.membership import bounds, in_population, pair_read

    pair = pair_read(definition, snapshot.feature_set)
    parts, left_out = [], 0
    for batch in snapshot.stream([pair] if pair else [], _BATCH_ROWS, within):
        inside = in_population(definition, snapshot.feature_set, batch)
        held_against = bounds(definition, snapshot.feature_set, batch)
        columns = {}
        if held_against is not None:
            left_out += int((inside & np.isnan(held_against)).sum())
            inside &= ~np.isnan(held_against)
            columns[BOUND] = pa.array(held_against[inside])
        columns = {"profile_id": batch.profile_id.filter(pa.array(inside)), **columns}
        parts.append(pa.table(columns))
    if not parts:
        kinds = {"profile_id": pa.string(), **({BOUND: pa.float64()} if definition.outcome.bound else {})}
        return Members(pa.schema(kinds).empty_table(), 0)
    return Members(pa.concat_tables(parts), left_out)


def check_question(project: Project, definition: Definition, as_of: date) -> None:
    """Check that what a tag's population and outcome name is there, before anything is counted.

    Raises
    ------
    DefinitionError
        Naming the tag, the key, and what may be meant.
    """
    from tagcast.features.compute.window_aggregates import WindowRule, check_conditions, check_window
    from tagcast.models.definitions.rule_tag import RuleDefinition
    from tagcast.models.definitions.window_outcomes import Label
    from tagcast.models.inference.membership import check_membership
    from tagcast.pipelines.project.own_views import attributes_at

    if reads_features(definition):
        widest = project.widest_set(as_of)
        ruled = isinstance(definition, RuleDefinition)
        check_membership(
            definition,
            widest if ruled else project.feature_set(project.definitions(as_of), as_of),
            widest=widest,
            tags={tag.name for tag in project.tags(as_of)},
            attributes=attributes_at(project, as_of).kinds,
        )
    if isinstance(definition, RuleDefinition) or isinstance(definition.outcome, Label):
        return  # a table of labels is checked when it is read, for the days it has
    names = project.events.event_names
    if (treatment := definition.treatment) is not None and not treatment.campaigns:
        places = {
            f"{definition.name}: treatment.{arm}": getattr(treatment, arm)
            for arm in ("approached", "control")
        }
        check_conditions(project.event_table, places, names)
    if isinstance(rule := outcome_rule(definition), WindowRule):
        check_window(project.event_table, rule, f"{definition.name}: outcome", names)


def eligibility(definition: TagDefinition) -> Eligibility:
    """Return the definition's population in the words of ``features``."""
    from tagcast.features.compute.labels import Eligibility

    return Eligibility(
        definition.population.active_within_days,
        definition.outcome.category,
        definition.population.not_bought_within_days,
    )


def outcome_rule(definition: TagDefinition) -> OutcomeRule | WindowRule:
    """Return the definition's outcome in the words of ``features``; TypeError of labels, which are read."""
    return definition.outcome.rule
