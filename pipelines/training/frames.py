"""Training frames: labels of every snapshot joined to the features that were known then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tagcast.features.catalog.builtin import GROWING
from tagcast.features.catalog.feature_set import RFM_CATEGORY, RFM_PROFILE, FeatureSet
from tagcast.features.compute.labels import outcome_rows
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.pipelines.project.label_rules import eligibility, outcome_rule
from tagcast.pipelines.project.project import Project, TagPlan

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame


def label_rows(project: Project, plan: TagPlan, now: date) -> pd.DataFrame:
    """Return ``profile_id, as_of, y`` (and ``amount``, ``category``) of every snapshot of ``plan``.

    Raises
    ------
    DataError
        When a window is not observed before ``now``, or nobody is eligible at a snapshot.
    """
    import pandas as pd

    who, rule = eligibility(plan.definition), outcome_rule(plan.definition)
    parts = []
    for as_of in plan.split.snapshots:
        rows = outcome_rows(project.event_table, as_of, who, rule, observed_until=now)
        if rows.empty:
            raise DataError(
                msg(
                    "{tag}: nobody is in the population at {as_of}",
                    tag=plan.definition.name,
                    as_of=as_of,
                ),
                hint=msg("widen population, or check that the outcome's category is spelt as in the data")
                if who.not_bought_within_days
                else msg(
                    "nobody bought in the days before: widen population, or choose other days with snapshots: {{dates: […]}}"
                ),
            )
        parts.append(rows.assign(as_of=as_of))
    frame: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return frame if rule.category is None else frame.assign(category=rule.category)


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
    import pandas as pd

    from tagcast.models.training.dataset import TrainingFrame

    dates = sorted({d for plan in plans for d in plan.split.snapshots})
    repo = project.repo(feature_set)
    repo.snapshots.ensure(dates, project.progress, views)

    frames: dict[str, TrainingFrame] = {}
    services = sorted({plan.definition.service for plan in plans})
    for done, service in enumerate(services):
        project.progress(msg("feature frames"), done, len(services))
        mine = [plan for plan in plans if plan.definition.service == service]
        keys = ["as_of", "profile_id"] + (["category"] if mine[0].definition.of_pairs else [])
        rows = repo.training_rows(service, pd.concat([labels[p.definition.name][keys] for p in mine]))
        for plan in mine:
            joined = labels[plan.definition.name].merge(rows, on=keys, how="left", validate="one_to_one")
            joined = joined.sort_values(["as_of", "profile_id"], ignore_index=True)
            X = joined[list(feature_set.names(plan.definition.chosen))]
            rfm = joined[[c for c in rfm_columns(plan.definition) if c in joined.columns]]
            frames[plan.definition.name] = TrainingFrame(
                X=X.loc[:, X.notna().any()],
                y=joined["y"].to_numpy("int8"),
                as_of=joined["as_of"].to_numpy("datetime64[D]"),
                profile_id=joined["profile_id"].to_numpy(object),
                rfm=rfm,
                growing=GROWING,
                amount=joined["amount"].to_numpy("float64") if "amount" in joined else None,
                weight=joined["weight"].to_numpy("float64") if "weight" in joined else None,
            )
    project.progress(msg("feature frames"), len(services), len(services))
    return frames


def views_read(definitions: Sequence[TagDefinition]) -> frozenset[str]:
    """Return the views that models of these tags learn from."""
    return frozenset(one.partition(".")[0] for d in definitions for one in d.chosen)


def rfm_columns(definition: TagDefinition) -> tuple[str, ...]:
    """Return recency, frequency and monetary value as the features of a tag name them."""
    return RFM_CATEGORY if definition.of_pairs else RFM_PROFILE
