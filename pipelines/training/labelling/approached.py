"""Rows of people whom a campaign approached within their window: what they would have done by themselves is not known."""

from __future__ import annotations

from dataclasses import dataclass
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
APPROACHES = "approaches"
REACHED = (
    "EXISTS (SELECT 1 FROM approaches AS one WHERE one.profile_id = asked.profile_id "
    "AND one.first_day < asked.day + $horizon_days::INTEGER AND one.last_day >= asked.day)"
)
"""SQL: whether one of :data:`APPROACHES` reached the person of a row of ``asked`` within the window that begins at its ``day``."""
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


def asked_of(project: Project, definition: TagDefinition) -> pa.Table:
    """Return the approaches that a tag's rows are held against, the table :data:`APPROACHES`: none where it does not ask.

    Who was held out of a campaign was not approached by it.

    Parameters
    ----------
    project : Project
    definition : TagDefinition
        With ``campaigns: ignore`` it does not ask.

    Returns
    -------
    pyarrow.Table
        ``profile_id``, as of today's ids, ``first_day`` and ``last_day``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = pa.schema({"profile_id": pa.string(), "first_day": pa.date32(), "last_day": pa.date32()})
    # What an approach changes is learned from whom it reached.
    if definition.campaigns == "ignore" or definition.treatment is not None:
        return kinds.empty_table()
    table = campaign_approaches(project)
    return table.filter(pc.invert(table["held_out"])).select(kinds.names).cast(kinds)


def approached(project: Project, definition: TagDefinition, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return whether a campaign approached the person of a row within the window, where the tag asks (:func:`asked_of`).

    Parameters
    ----------
    project : Project
    definition : TagDefinition
    rows : DataFrame of shape (n, ...)
        With ``profile_id``, as of today's ids, and ``as_of``, where the window starts.

    Returns
    -------
    ndarray of shape (n,)
    """
    import duckdb
    import numpy as np
    import pyarrow as pa

    found, table = np.zeros(len(rows), bool), asked_of(project, definition)
    if rows.empty or not table.num_rows:
        return found
    days = pa.array(rows["as_of"].to_list(), pa.date32())
    ids = pa.array(rows["profile_id"].to_list(), pa.string())
    with duckdb.connect() as connection:
        connection.register(APPROACHES, table)
        connection.register("asked", pa.table({"profile_id": ids, "day": days, "row": np.arange(len(rows))}))
        reached = connection.sql(
            f"SELECT row FROM asked WHERE {REACHED}",  # noqa: S608 - of our own
            params={"horizon_days": definition.horizon_days},
        )
        found[reached.to_arrow_table()["row"].to_numpy()] = True
    return found


@dataclass(frozen=True)
class Reached:
    """Whom campaigns approached within the window of a row.

    Parameters
    ----------
    rows : int
    looked_at : DataFrame of shape (n, ...)
        At most :data:`MOST_LOOKED_AT` of them, evenly spaced: ``profile_id``, ``as_of``, and what else is a key of their features.
    """

    rows: int
    looked_at: pd.DataFrame


def notes_on_approached(
    project: Project, plan: TagPlan, frame: TrainingFrame, reached: Reached, feature_set: FeatureSet
) -> tuple[Message, ...]:
    """Return how many rows campaigns took from a training, and a warning where they approached most of a stratum.

    Strata are tenths of each snapshot, ranked by recency, frequency and value, or what stands for these.

    Parameters
    ----------
    project : Project
    plan : TagPlan
    frame : TrainingFrame
        What is learned from.
    reached : Reached
    feature_set : FeatureSet
    """
    import numpy as np

    from tagcast.models.estimators.rfm import rfm_rank
    from tagcast.pipelines.training.labelling.label_files import as_of_features

    if not reached.rows:
        return ()
    left_out, frame = frame.approached is None, frame.unapproached
    n, kept, looked_at = reached.rows, frame.stands_for, reached.looked_at
    counted = msg(
        "{count:,} of {total:,} rows are left out: a campaign approached them within their window, and scores say what "
        "happens without one (campaigns: exclude)",
        count=n,
        total=n + kept,
    )
    notes = (counted,) if left_out else ()
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
