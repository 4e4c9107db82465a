"""Rows of people whom a campaign approached within their window: what they would have done by themselves is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tagcast.features.core.messages import Message, msg
from tagcast.features.core.schema.entities import PROFILE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.pipelines.project.project import Project, TagPlan

STRATA = 10
MUCH = 0.5
"""Share of a stratum that was approached from which the rest is too little, or too unlike it, to speak for all."""
MOST_LOOKED_AT = 50_000
"""Rows that were left out whose features are fetched to see where they lie."""
STANDARD = 3
"""Columns of the ranking where it is by recency, frequency and value."""
_COLUMNS = ["profile_id", "campaign", "held_out", "first_day", "last_day"]
_READ: WeakKeyDictionary[Project, pa.Table] = WeakKeyDictionary()


def campaign_approaches(project: Project) -> pa.Table:
    """Return whom campaigns approached: tagcast's own, and those of other tools that the configuration names.

    Read once for each open project.

    Returns
    -------
    pyarrow.Table
        ``profile_id`` (string), ``campaign`` (its id here, or its name there), ``held_out`` (bool), ``first_day`` and ``last_day`` of the
        approach (date32).

    Raises
    ------
    ConfigError, DataError
        Where the table of the other tools cannot be read.
    """
    import pyarrow as pa

    from tagcast.features.ingest.attributes.approaches import read_approaches
    from tagcast.registry.operations.approaches import approaches

    if project not in _READ:
        own = approaches(project.state, project.former_ids)
        tables = [
            own.set_column(own.schema.get_field_index("campaign"), "campaign", own["campaign"].cast("string"))
        ]
        declared = project.settings.campaigns.approached
        if declared is not None and project.settings.entity == PROFILE:  # others are in no list of profiles
            tables.append(read_approaches(project.settings, declared, project.places))
        _READ[project] = pa.concat_tables([table.select(_COLUMNS) for table in tables])
    return _READ[project]


def approached(project: Project, definition: TagDefinition, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return whether a campaign approached the person of a row within the window, where the tag asks.

    Who was held out of a campaign was not approached by it.

    Parameters
    ----------
    project : Project
    definition : TagDefinition
        With ``campaigns: ignore`` it does not.
    rows : DataFrame of shape (n, ...)
        With ``profile_id``, as of today's ids, and ``as_of``, where the window starts.

    Returns
    -------
    ndarray of shape (n,)
    """
    import ibis
    import numpy as np

    found = np.zeros(len(rows), bool)
    # What an approach changes is learned from whom it reached.
    if definition.campaigns == "ignore" or definition.treatment is not None or rows.empty:
        return found
    table = campaign_approaches(project)
    if not table.num_rows:
        return found
    campaigns = ibis.memtable(table.select(["profile_id", "held_out", "first_day", "last_day"]))
    reached = campaigns.filter(~campaigns.held_out)
    asked = ibis.memtable(
        rows[["profile_id", "as_of"]].assign(row=np.arange(len(rows))).reset_index(drop=True)
    )
    day = asked.as_of.cast("date")
    touched = asked.semi_join(
        reached,
        [
            asked.profile_id == reached.profile_id,
            reached.first_day < day + ibis.interval(days=definition.horizon_days),
            reached.last_day >= day,
        ],
    )
    found[project.duckdb.to_pyarrow(touched.select("row"))["row"].to_numpy()] = True
    return found


def notes_on_approached(
    project: Project, plan: TagPlan, frame: TrainingFrame, reached: pd.DataFrame, feature_set: FeatureSet
) -> tuple[Message, ...]:
    """Return how many rows campaigns took from a training, and a warning where they approached most of a stratum.

    Strata are tenths of each snapshot, ranked by recency, frequency and value, or what stands for these.

    Parameters
    ----------
    project : Project
    plan : TagPlan
    frame : TrainingFrame
        What is learned from.
    reached : DataFrame of shape (n, ...)
        ``profile_id`` and ``as_of`` of who was approached, with what else is a key of the features.
    feature_set : FeatureSet
    """
    import numpy as np

    from tagcast.models.estimators.rfm import rfm_rank
    from tagcast.pipelines.training.labels import as_of_features

    if reached.empty:
        return ()
    left_out, frame = frame.approached is None, frame.unapproached
    n, kept = len(reached), frame.stands_for
    counted = msg(
        "{count:,} of {total:,} rows are left out: a campaign approached them within their window, and scores say what "
        "happens without one (campaigns: exclude)",
        count=n,
        total=n + kept,
    )
    notes = (counted,) if left_out else ()
    looked_at = reached.iloc[np.linspace(0, n - 1, min(n, MOST_LOOKED_AT)).astype(int)]
    keys = as_of_features(plan, looked_at)
    second = feature_set.second(plan.definition.chosen)
    names = ["as_of", "profile_id", *([second] if second else [])]
    rows = keys[names].merge(
        project.repo(feature_set).training_rows(plan.definition.service, keys[names]), on=names, how="left"
    )
    ranked = list(frame.rfm.columns)
    values = np.vstack([frame.rfm.to_numpy("float64"), rows[ranked].to_numpy("float64")])
    days = np.concatenate([frame.as_of, looked_at["as_of"].to_numpy("datetime64[D]")])
    ones = np.ones(len(frame.y)) if frame.weight is None else frame.weight
    weight = np.concatenate([ones, np.full(len(looked_at), n / len(looked_at))])
    approached = np.arange(len(days)) >= len(frame.y)
    stratum = np.minimum((rfm_rank(values, days, weight) * STRATA).astype(int), STRATA - 1)
    taken = np.bincount(stratum, weight * approached, STRATA)
    share = taken / np.maximum(np.bincount(stratum, weight, STRATA), 1)
    worst = int(share.argmax())
    if share[worst] <= MUCH:
        return notes
    left = int(((stratum == worst) & ~approached).sum())
    return (
        *notes,
        msg(
            "campaigns approached {share:.0%} of the tenth number {place} by {ranking}: what its profiles do without one rests "
            "on {left:,} rows; hold some out of each campaign at random, or learn what happens under campaigns: campaigns: ignore",
            share=float(share[worst]),
            place=worst + 1,
            ranking=msg("recency, frequency and value") if len(ranked) == STANDARD else ranked[0],
            left=left,
        ),
    )
