"""Training rows that are not everybody's: those of a table of labels, and those who were approached or left alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, msg
from tagcast.models.definitions.window_outcomes import Label
from tagcast.pipelines.project.label_tables import labels_at
from tagcast.pipelines.project.project import Project, TagPlan
from tagcast.pipelines.project.snapshot_choice import treatments_of

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    import pyarrow as pa


def is_given(plan: TagPlan) -> bool:
    """Return whether it is given of whom outcomes are asked, rather than of everybody in the population."""
    return isinstance(plan.definition.outcome, Label) or plan.definition.treatment is not None


def given_rows(project: Project, plan: TagPlan, now: date) -> pa.Table:
    """Return what is known of whom, whether or not they are in the population.

    Returns
    -------
    pyarrow.Table
        By id: ``profile_id``, ``day`` that features are as of, ``as_of`` of the snapshot that the row is of; and of a table of labels
        ``y`` (int8), of treatments ``treated`` (int8) and, of campaigns on record, ``propensity``.

    Raises
    ------
    DataError, DefinitionError
        Where what was given cannot be read.
    """
    import pandas as pd
    import pyarrow as pa

    definition, days = plan.definition, plan.split.feature_days
    if isinstance(definition.outcome, Label):
        rows = pd.concat([labels_at(project, definition, day, now).assign(day=day) for day in days])
        rows["y"] = rows["y"].astype("int8")
    else:
        every = treatments_of(project, definition)
        rows = every[every["day"].isin(days)]
    table = pa.Table.from_pandas(rows.assign(as_of=_snapshots(plan, rows)), preserve_index=False)
    for name, kind in (("profile_id", pa.string()), ("day", pa.date32()), ("as_of", pa.date32())):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(kind))
    return table.sort_by([("profile_id", "ascending"), ("day", "ascending")])


def beyond(plan: TagPlan, count: int, total: int) -> Message:
    """Return how many of those that were given are left out."""
    if isinstance(plan.definition.outcome, Label):
        return msg(
            "{tag}: {count:,} of {total:,} labels are left out: their profiles are not in the population then, or have "
            "no event before",
            tag=plan.definition.name,
            count=count,
            total=total,
        )
    return msg(
        "{tag}: {count:,} of {total:,} people who were approached or left alone are left out: they are not in the population "
        "then, or have no event before",
        tag=plan.definition.name,
        count=count,
        total=total,
    )


def _snapshots(plan: TagPlan, rows: pd.DataFrame) -> pd.Series:
    """Return the snapshot of each row: its day; where there is no other, that to learn from or that to measure on."""
    split = plan.split
    if not split.one_day:
        return rows["day"]
    held_back = rows["profile_id"].map(_held_back).astype(bool)
    return rows["day"].where(held_back, split.snapshots[0])


def _held_back(profile_id: str) -> bool:
    """Return whether a profile is of the fifth to measure on, by a hash that no fold of profiles is made with."""
    return hashlib.blake2b(f"held back: {profile_id}".encode(), digest_size=8).digest()[0] % 5 == 0
