"""A campaign as somebody sees it who sees some profiles only: that of its members whom they see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.serving.campaigns.members import Arms
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

_MEMBERS = "members"


def visible_arms(context: ServiceContext, reader: StoreReader, arms: Arms) -> Arms:
    """Return of the members those whom a reader shows, under any id of theirs."""
    former = context.former_ids
    frozen = {_MEMBERS: former.same_person(arms.persons).keys()}
    _, where = where_in(reader, Filter(root=InAudience(name=_MEMBERS)), context.now, frozen)
    found = reader.query(exp.select("profile_id").from_("profiles").where(where)).read_all()
    shown = set(found.column(0).to_pylist())
    chosen = [not shown.isdisjoint((one, *former.other_ids(one))) for one in arms.persons]
    return arms.only(np.array(chosen, bool))


def of_members(campaign: Campaign, arms: Arms) -> Campaign:
    """Return a campaign with the numbers of some of its members: what was recorded of all of them is left out."""
    expected = None
    if campaign.promised.get("expected") is not None and arms.scores.shape[1] and len(arms.persons):
        known = arms.scores[~np.isnan(arms.scores[:, 0]), 0]
        expected = float(known.mean()) if len(known) else None
    given = int(arms.given.sum())
    return replace(
        campaign,
        given=given,
        held_out=len(arms.persons) - given,
        standing=0,
        promised={"expected": expected, "tags": {}},
        final=None,
    )
