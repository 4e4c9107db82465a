"""Whom campaigns approached, and when: what labels, promises and uplift have to know of each profile."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from tagcast.features.loads.former_ids import FormerIds
from tagcast.registry.operations.campaigns import all_campaigns, given_ids, held_out_ids
from tagcast.registry.state.database import State

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.registry.operations.campaigns import Campaign


def approaches(
    state: State, former: FormerIds | None = None, campaigns: Collection[str] | None = None
) -> pa.Table:
    """Return who was in which campaign: a row for each campaign and member, approached or held out.

    DuckDB reads the table as it is: ``connection.register("approaches", approaches(state, former))``. A window
    ``[as_of, as_of + horizon)`` is touched by an approach where
    ``NOT held_out AND first_day < as_of + horizon AND as_of <= last_day``.

    Parameters
    ----------
    state : State
        Of the entity whose members are asked for (``project.state``): campaigns of other entities are in theirs.
    former : FormerIds, optional
        As ``project.former_ids``: members get the ids that they have today. A former id of an account that was taken
        apart becomes each of its parts; who is in both arms of a campaign, since accounts of two persons became one, was
        approached.
    campaigns : collection of str, optional
        Ids or names of those that count; default: all.

    Returns
    -------
    pyarrow.Table
        By start, campaign and profile:

        - ``profile_id`` : string
        - ``campaign`` : dictionary of string, its id
        - ``name`` : dictionary of string, its name; several may have one
        - ``held_out`` : bool, true of the control group, which was not approached
        - ``first_day``, ``last_day`` : date32, both of the approach; ``last_day`` is ``starts + days - 1``
        - ``propensity`` : float64, the probability with which a member was given: 1 - share; 1 where nobody was to be held
          out

        The standing control group is in none of them: it was never drawn for one campaign.
    """
    import pyarrow as pa

    former = former or FormerIds()
    chosen = [
        one
        for one in sorted(all_campaigns(state), key=lambda one: (one.starts, one.id))
        if campaigns is None or one.id in campaigns or one.name in campaigns
    ]
    parts = [_members(state, one, former) for one in chosen]
    return pa.concat_tables([_schema().empty_table(), *parts]).unify_dictionaries()


def _members(state: State, campaign: Campaign, former: FormerIds) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    arm: dict[str, bool] = {}
    for held_out, ids in ((True, held_out_ids), (False, given_ids)):  # the arm of the latter counts
        for one in ids(state, campaign.id):
            for person in former.persons.get(one, (one,)):
                arm[person] = held_out
    members = sorted(arm)
    n = len(members)
    code = pa.array(np.zeros(n, np.int32))
    values = {
        "profile_id": members,
        "campaign": pa.DictionaryArray.from_arrays(code, [campaign.id]),
        "name": pa.DictionaryArray.from_arrays(code, [campaign.name]),
        "held_out": [arm[one] for one in members],
        "first_day": [campaign.starts] * n,
        "last_day": [campaign.starts + timedelta(days=campaign.days - 1)] * n,
        "propensity": np.full(n, 1.0 - campaign.share),
    }
    schema = _schema()
    return pa.table(
        {
            name: pa.array(column, schema.field(name).type) if not isinstance(column, pa.Array) else column
            for name, column in values.items()
        },
        schema=schema,
    )


def _schema() -> pa.Schema:
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("profile_id", pa.string()),
            ("campaign", word),
            ("name", word),
            ("held_out", pa.bool_()),
            ("first_day", pa.date32()),
            ("last_day", pa.date32()),
            ("propensity", pa.float64()),
        ]
    )
