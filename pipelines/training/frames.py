"""Training frames: labels of every snapshot joined to the features that were known then."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import FeatureSet
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
from tagcast.pipelines.project.label_tables import labels_at
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project, TagPlan

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame


def label_rows(project: Project, plan: TagPlan, now: date) -> pd.DataFrame:
    """Return ``profile_id, as_of, y`` (and ``amount``, and the pair's entity) of every snapshot of ``plan``.

    Raises
    ------
    DataError
        When a window is not observed before ``now``, or nobody is eligible at a snapshot.
    DefinitionError
        When population or outcome name what is not there.
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
    pair = definition.pair
    return frame if pair is None else frame.assign(**{pair.entity: pair.value})


def _outcomes(project: Project, plan: TagPlan, now: date) -> Iterator[tuple[date, pd.DataFrame]]:
    """Yield each snapshot of ``plan`` with ``profile_id, y`` (and ``amount``) of its population."""
    definition = plan.definition
    if isinstance(definition.outcome, Label):
        yield from _labelled(project, plan, now)
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


def _labelled(project: Project, plan: TagPlan, now: date) -> Iterator[tuple[date, pd.DataFrame]]:
    """Yield each snapshot of ``plan`` with what a table of labels says of its population."""
    definition, split, snapshots = plan.definition, plan.split, None
    if reads_features(definition):
        snapshots = project.snapshots(project.feature_set(project.definitions(now), now))
        snapshots.ensure(split.feature_days, project.progress)
    beyond, total = 0, 0
    for as_of in split.feature_days:
        labels = labels_at(project, definition, as_of, now)
        if snapshots is None:
            members = population(project.event_table, as_of, eligibility(definition)).execute()["profile_id"]
        else:
            members = members_at(snapshots, definition, as_of).table["profile_id"].to_pandas()
        rows = labels[labels["profile_id"].isin(members)]
        beyond, total = beyond + len(labels) - len(rows), total + len(labels)
        if split.one_day:
            held_back = rows["profile_id"].map(_held_back).astype(bool)
            yield split.snapshots[0], rows[~held_back]
            yield split.test, rows[held_back]
        else:
            yield as_of, rows
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


def _held_back(profile_id: str) -> bool:
    """Return whether a profile is of the fifth to measure on, by a hash that no fold of profiles is made with."""
    return hashlib.blake2b(f"held back: {profile_id}".encode(), digest_size=8).digest()[0] % 5 == 0


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
    """Return how many true and false outcomes there are to learn from, before the test snapshot.

    Of an amount: with and without any spend.

    Raises
    ------
    ModelError
        When they, or those of the test snapshot, are too few even for the reference that stands in for a
        model: said before any feature is built.
    """
    from tagcast.models.calibration.case_minimum import CASE_CHECKS

    counts = []
    for days, where in plan.split.measured_days:
        rows = labels.loc[labels["as_of"].isin(days), "y"]
        yes, no = int(rows.sum()), int(len(rows) - rows.sum())
        CASE_CHECKS[plan.definition.kind](plan.definition.name, where, yes, no)
        counts.append((yes, no))
    return counts[0]


def drawn(labels: pd.DataFrame, definition: TagDefinition) -> pd.DataFrame:
    """Return the rows that are learned from, with their ``weight`` where they are not all.

    Outcomes are known of everybody; features are fetched of the drawn rows alone.

    Parameters
    ----------
    labels : DataFrame
        What :func:`label_rows` gave.
    definition : TagDefinition
    """
    from tagcast.models.stats.draws import draw
    from tagcast.models.training.tag_kind import kind_of

    found = draw(
        labels["profile_id"].to_numpy(object),
        labels["as_of"].to_numpy(object),
        labels["y"].to_numpy("int8"),
        by_outcome=kind_of(definition).draws_by_outcome,
    )
    if found is None:
        return labels
    return labels.iloc[found.rows].assign(weight=found.weight).reset_index(drop=True)


def training_frames(
    project: Project,
    plans: Sequence[TagPlan],
    labels: dict[str, pd.DataFrame],
    feature_set: FeatureSet,
    views: Collection[str],
) -> dict[str, TrainingFrame]:
    """Return one frame a tag; each FeatureService is asked once for all tags that use it.

    Parameters
    ----------
    project : Project
    plans : sequence of TagPlan
    labels : dict of str to DataFrame
        What ``label_rows`` gave for each tag, or :func:`drawn` made of it.
    feature_set : FeatureSet
    views : collection of str
        Views that snapshots have to hold: those of all tags of the project (:func:`views_read`), not of ``plans`` alone, or
        the next training would build them again.
    """
    import numpy as np
    import pandas as pd

    from tagcast.models.training.dataset import TrainingFrame

    dates = sorted({d for plan in plans for d in plan.split.feature_days})
    repo = project.repo(feature_set)
    repo.check()  # before long work: what is not tagcast's in a shared registry is not overwritten
    repo.snapshots.ensure(dates, project.progress, views)

    frames: dict[str, TrainingFrame] = {}
    services = sorted({plan.definition.service for plan in plans})
    for done, service in enumerate(services):
        project.progress(msg("feature frames"), done, len(services))
        mine = [plan for plan in plans if plan.definition.service == service]
        second = feature_set.second(mine[0].definition.chosen)
        keys = ["as_of", "profile_id", *([second] if second else [])]
        known = {p.definition.name: _as_of_features(p, labels[p.definition.name]) for p in mine}
        rows = repo.training_rows(service, pd.concat([known[p.definition.name][keys] for p in mine]))
        for plan in mine:
            joined = known[plan.definition.name].merge(rows, on=keys, how="left", validate="one_to_one")
            joined["as_of"] = labels[plan.definition.name]["as_of"].to_numpy()
            joined = joined.sort_values(["as_of", "profile_id"], ignore_index=True)
            X = joined[list(feature_set.names(plan.definition.chosen))]
            X = X.loc[:, X.notna().any()]
            y, as_of = joined["y"].to_numpy("int8"), joined["as_of"].to_numpy("datetime64[D]")
            before = as_of < np.datetime64(plan.split.test)
            frames[plan.definition.name] = TrainingFrame(
                X=X,
                y=y,
                as_of=as_of,
                profile_id=joined["profile_id"].to_numpy(object),
                rfm=X[_ranking(feature_set, plan.definition, X, y, before)],
                growing=feature_set.growing,
                amount=joined["amount"].to_numpy("float64") if "amount" in joined else None,
                weight=joined["weight"].to_numpy("float64") if "weight" in joined else None,
            )
    project.progress(msg("feature frames"), len(services), len(services))
    return frames


def _as_of_features(plan: TagPlan, labels: pd.DataFrame) -> pd.DataFrame:
    """Return labels with the days that their features are as of."""
    return labels.assign(as_of=plan.split.test) if plan.split.one_day else labels


def views_read(definitions: Sequence[TagDefinition]) -> frozenset[str]:
    """Return the views that models of these tags learn from."""
    return frozenset(one.partition(".")[0] for d in definitions for one in d.chosen)


def _ranking(
    feature_set: FeatureSet,
    definition: TagDefinition,
    X: pd.DataFrame,
    y: npt.NDArray[np.int8],
    known: npt.NDArray[np.bool_],
) -> list[str]:
    """Return the features of the ranking that a model has to beat: recency, frequency and value, or the best feature alone.

    Parameters
    ----------
    feature_set : FeatureSet
    definition : TagDefinition
    X : DataFrame of shape (n, p)
        Features that hold something.
    y : ndarray of shape (n,)
    known : ndarray of bool, shape (n,)
        Rows before the test snapshot: the best feature is chosen by them.
    """
    from tagcast.models.stats.leakage import powers

    for names in feature_set.rankings(definition.chosen):
        if names[0] in X:
            return [name for name in names if name in X]
    alone = powers(y[known], X.loc[known].to_numpy("float64"), list(X.columns))
    return [alone[0].feature]
