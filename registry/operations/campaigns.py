"""Campaigns on record: who was given to one and who was held out, its goal, and the figures it ended with.

A campaign is an export with a goal; it has the export's id. Lists of ids keep who is in which of its arms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    Row,
    String,
    Table,
    Text,
    select,
)

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import msg
from tagcast.registry.state.database import State
from tagcast.registry.state.id_lists import IdList, ids_of, save_ids
from tagcast.registry.state.tables import METADATA, NAME_LENGTH, UtcDateTime

CAMPAIGNS = Table(
    "campaigns",
    METADATA,
    Column("id", String(16), primary_key=True, comment="of the export"),
    Column("name", String(200), nullable=False),
    Column("entity", String(100), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", String(NAME_LENGTH), nullable=False),
    Column("filter", Text, nullable=False),
    Column("names", JSON, nullable=False, comment="tags and attributes that the filter and the goal name"),
    Column("channel", String(200), nullable=False),
    Column("goal", JSON, nullable=False, comment="an outcome in the words of a tag"),
    Column("wanted", String(4), nullable=False, comment="more or less of it"),
    Column("tag", String(250), nullable=False, comment="whose scores predict the goal; empty: none"),
    Column("starts", Date, nullable=False),
    Column("days", Integer, nullable=False),
    Column("share", Float, nullable=False, comment="to hold out"),
    Column("seed", BigInteger, nullable=False),
    Column("stratified", Boolean, nullable=False, comment="whether by deciles of the tag's score"),
    Column("given", BigInteger, nullable=False),
    Column("held_out", BigInteger, nullable=False),
    Column("standing", BigInteger, nullable=False, comment="left out as standing control group"),
    Column("run", Integer, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("promised", JSON, nullable=False, comment="what scores said of the members at export"),
    Column("final", JSON, comment="what was measured once the window had closed"),
    Column("measured_at", UtcDateTime),
)


@dataclass(frozen=True)
class Campaign:
    """A campaign.

    Parameters
    ----------
    id : str
        Of its export.
    name : str
    entity : str
        What its members are.
    made_at : datetime
        UTC.
    made_by : str
    filter : str
        Whom it was made for.
    names : tuple of str
        Tags and attributes that filter and goal name: who may not see one of them may not see the campaign.
    channel : str
        Empty where none was named.
    goal : dict
        An outcome in the words of a tag's ``outcome``, counted from ``starts`` for ``days`` days.
    wanted : {"more", "less"}
        Of what the goal counts.
    tag : str
        Whose scores, as they were at export, predict the goal; empty where none does.
    starts : date
        First day of the approach, local.
    days : int
    share : float
        Of the members that was to be held out.
    seed : int
        Chose them.
    stratified : bool
        Whether they were drawn within each decile of the tag's score.
    given, held_out : int
        Members in each arm.
    standing : int
        Left out beside them, since they belong to the standing control group.
    run : int
        Its number in the store.
    as_of : date
        Of that run.
    promised : dict
        ``expected``, the share of the goal that scores promised for all members at export without a campaign, or None; and
        ``tags``, of each tag that the campaign names ``mean_score`` and ``mean_confidence`` then.
    final : dict or None
        What was measured once the window had closed, for good.
    measured_at : datetime or None
    """

    id: str
    name: str
    entity: str
    made_at: datetime
    made_by: str
    filter: str
    names: tuple[str, ...]
    channel: str
    goal: Mapping[str, Any]
    wanted: str
    tag: str
    starts: date
    days: int
    share: float
    seed: int
    stratified: bool
    given: int
    held_out: int
    standing: int
    run: int
    as_of: date
    promised: Mapping[str, Any]
    final: Mapping[str, Any] | None = None
    measured_at: datetime | None = None

    @property
    def ends(self) -> date:
        """The first day after its window."""
        return self.starts + timedelta(days=self.days)


_COLUMNS = tuple(field.name for field in fields(Campaign))


def given_list(campaign: str) -> str:
    """Return the name of the list of ids that were given to a campaign."""
    return f"given {campaign}"


def holdout_list(export: str) -> str:
    """Return the name of the list of ids that were held out of an export."""
    return f"holdout {export}"


def save_campaign(state: State, campaign: Campaign, given: IdList, held_out: IdList) -> None:
    """Put a new campaign on record with the ids of both arms, rising; within ``state.writing()`` with the rest of the block."""
    values = {name: getattr(campaign, name) for name in _COLUMNS}
    values |= {
        "names": list(campaign.names),
        "goal": dict(campaign.goal),
        "promised": dict(campaign.promised),
    }
    with state.writing() as connection:
        save_ids(connection, given_list(campaign.id), given)
        save_ids(connection, holdout_list(campaign.id), held_out)
        connection.execute(CAMPAIGNS.insert(), values)


def save_final(state: State, campaign: str, final: Mapping[str, Any], now: datetime) -> None:
    """Record what a campaign ended with; what was recorded first stays."""
    with state.writing() as connection:
        open_ones = CAMPAIGNS.update().where(CAMPAIGNS.c.id == campaign, CAMPAIGNS.c.measured_at.is_(None))
        connection.execute(open_ones.values(final=dict(final), measured_at=now))


def all_campaigns(state: State) -> list[Campaign]:
    """Return every campaign of an entity's state, newest first."""
    query = select(CAMPAIGNS).order_by(CAMPAIGNS.c.made_at.desc(), CAMPAIGNS.c.id)
    with state.reading() as connection:
        return [_campaign(row) for row in connection.execute(query)]


def get_campaign(state: State, campaign: str) -> Campaign:
    """Return the campaign of an id.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    with state.reading() as connection:
        row = connection.execute(select(CAMPAIGNS).where(CAMPAIGNS.c.id == campaign)).first()
    if row is None:
        raise no_campaign(campaign)
    return _campaign(row)


def no_campaign(campaign: str) -> NotFoundError:
    """Return the error of an id that no campaign has, or none that the caller may know of."""
    return NotFoundError(
        msg("there is no campaign {campaign!r}", campaign=campaign[:NAME_LENGTH]),
        hint=msg("{command} shows them", command="tagcast campaign list"),
    )


def given_ids(state: State, campaign: str) -> Iterator[str]:
    """Yield the ids that were given to a campaign, rising; memory holds a part of them."""
    yield from ids_of(state, given_list(campaign))


def held_out_ids(state: State, campaign: str) -> Iterator[str]:
    """Yield the ids that a campaign held out at random, rising; memory holds a part of them."""
    yield from ids_of(state, holdout_list(campaign))


def _campaign(row: Row[Any]) -> Campaign:
    return Campaign(**{**{name: getattr(row, name) for name in _COLUMNS}, "names": tuple(row.names)})
