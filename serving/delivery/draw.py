"""The arms of an export: who is given, who is held out of it, and who is left out of all exports."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from tagcast.features.loads.former_ids import FormerIds
from tagcast.serving.campaigns.members import member_columns
from tagcast.serving.delivery.frequency import NOBODY, Contacted
from tagcast.serving.delivery.holdouts import (
    Earlier,
    drawn_again,
    drawn_within,
    earlier_draw,
    in_standing_group,
    strata_of,
)
from tagcast.serving.filters.where import quoted
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.frequency import RecentContacts
    from tagcast.serving.store.base import StoreReader


@dataclass(frozen=True)
class DrawnArms:
    """The arms of an export.

    Parameters
    ----------
    seed : int
        Chose who is held out.
    members : pyarrow.Table
        Given and held out, by rising id: ``profile_id`` and the columns that a campaign keeps of its tags. Empty where nobody
        is left out and nothing is kept.
    given : ndarray of bool of shape (members,)
    stratum : ndarray of int8 of shape (members,)
    stratified : bool
        Whether the held out were drawn within strata.
    standing : int
        Members beside these who belong to the standing control group.
    contacted : Contacted
        How many of the others were contacted of late; who is left out for that is beside ``members``, too.
    rows : ndarray of bool or None
        Of all rows of the audience, by rising id, those that are given; None: all.
    """

    seed: int
    members: pa.Table
    given: npt.NDArray[np.bool_]
    stratum: npt.NDArray[np.int8]
    stratified: bool
    standing: int
    rows: npt.NDArray[np.bool_] | None
    contacted: Contacted = NOBODY

    def ids(self, *, given: bool) -> list[str]:
        """Return the ids of one arm, rising."""
        ids: list[str] = self.members["profile_id"].filter(pa.array(self.given == given)).to_pylist()
        return ids

    @property
    def held_out(self) -> list[str]:
        """The ids that are held out, rising."""
        return self.ids(given=False)


def draw_arms(
    context: ServiceContext,
    reader: StoreReader,
    where: exp.Expr,
    tags: Sequence[str],
    *,
    share: float,
    seed: int | None,
    floors: Collection[str] = (),
    recent: RecentContacts | None = None,
) -> DrawnArms:
    """Draw the arms of an export.

    Parameters
    ----------
    context : ServiceContext
    reader : StoreReader
    where : sqlglot expression
        Finds the members of the audience who can be given.
    tags : sequence of str
        Of a campaign: those whose predictions are kept, first the one whose score makes the strata, "" for none. Empty of a
        plain export, whose held out are drawn by id alone.
    share : float
        To hold out.
    seed : int, optional
        Draws again whom an earlier export with it held out; without one it is drawn.
    floors : collection of str
        Uplift tags whose lower bounds are kept too.
    recent : RecentContacts, optional
        How often each was contacted of late, where that is limited.

    Raises
    ------
    ConflictError
        Where the seed is of a campaign that held out another share.
    """
    given_seed = seed is not None
    seed = secrets.randbelow(2**31) if seed is None else seed
    settings = context.settings.campaigns
    if not (tags or share or settings.standing_holdout or recent):
        none = pa.table({"profile_id": pa.array([], pa.string())})
        return DrawnArms(seed, none, np.empty(0, bool), np.empty(0, np.int8), False, 0, None)
    kept = [tag for tag in tags if tag]
    columns = [quoted(name) for name in member_columns(kept, floors)]
    query = exp.select("profile_id", *columns).from_("profiles").where(where).order_by("profile_id")
    every: pa.Table = reader.query(query).read_all()
    ids: list[str] = every["profile_id"].to_pylist()
    former = context.former_ids
    standing = np.array([in_standing_group(one, settings.standing_holdout, former) for one in ids], bool)
    left_out, contacted = standing, NOBODY
    if recent is not None:
        times = recent.of(ids)
        contacted = Contacted.count(times[~standing], recent)
        if recent.leaves_out:
            left_out = standing | (times >= recent.at_most)
    members = every.filter(pa.array(~left_out))
    ids = members["profile_id"].to_pylist()
    stratum = np.zeros(len(ids), np.int8)
    if kept and tags[0]:
        scores = members[column_name(tags[0], "score")].to_numpy(zero_copy_only=False).astype(float)
        stratum = strata_of(scores)
    stratified = bool(tags) and not given_seed
    if stratified:
        held_out = drawn_within(ids, stratum, share, seed)
    elif given_seed:
        held_out = drawn_again(ids, share, seed, former, earlier_draw(context.state, seed, share, former))
    else:  # a new draw binds nobody to an earlier one
        held_out = drawn_again(ids, share, seed, FormerIds(), Earlier())
    rows = ~left_out
    rows[rows] = ~held_out
    return DrawnArms(seed, members, ~held_out, stratum, stratified, int(standing.sum()), rows, contacted)


def given_rows(batches: pa.RecordBatchReader, arms: DrawnArms) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an audience, by rising id, that are given."""
    place = 0
    for batch in batches:
        if arms.rows is None:
            yield batch
            continue
        yield batch.filter(pa.array(arms.rows[place : place + batch.num_rows]))
        place += batch.num_rows
