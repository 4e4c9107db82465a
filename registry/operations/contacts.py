"""Whom exports have handed out to be contacted, and when: campaigns, and other exports to a channel where contacts are limited."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Date, String, Table, select
from sqlalchemy import delete as delete_from

from tagcast.registry.operations.campaigns import all_campaigns, given_list
from tagcast.registry.state.id_lists import IdList, delete_ids, ids_of, save_ids
from tagcast.registry.state.tables import METADATA

if TYPE_CHECKING:
    from tagcast.features.loads.former_ids import FormerIds
    from tagcast.registry.state.database import State

CONTACTS = Table(
    "contacts",
    METADATA,
    Column("export", String(16), primary_key=True, comment="one that is no campaign"),
    Column("day", Date, nullable=False, comment="on which its members are contacted"),
    Column("channel", String(200), nullable=False),
    Column("given", BigInteger, nullable=False),
)


def save_contacts(
    state: State, export: str, day: date, channel: str, given: IdList, *, forget_before: date
) -> None:
    """Keep whom an export that is no campaign has handed out, and forget those of days that no limit looks back to.

    Within ``state.writing()`` with the rest of the block.
    """
    with state.writing() as connection:
        old = connection.scalars(select(CONTACTS.c.export).where(CONTACTS.c.day < forget_before)).all()
        for one in old:
            delete_ids(connection, given_list(one))
        connection.execute(delete_from(CONTACTS).where(CONTACTS.c.export.in_(old)))
        save_ids(connection, given_list(export), given)
        row = {"export": export, "day": day, "channel": channel, "given": given.count}
        connection.execute(CONTACTS.insert().values(row))


def contacts_since(state: State, since: date) -> tuple[str, ...]:
    """Return the exports whose members are contacted on a day or later, those that are yet to start among them, sorted."""
    with state.reading() as connection:
        plain = connection.scalars(select(CONTACTS.c.export).where(CONTACTS.c.day >= since)).all()
    return tuple(sorted({*plain, *(one.id for one in all_campaigns(state) if one.starts >= since)}))


def contact_days(state: State) -> dict[str, tuple[date, str]]:
    """Return of each export that is no campaign and is kept the day and the channel."""
    with state.reading() as connection:
        return {row.export: (row.day, row.channel) for row in connection.execute(select(CONTACTS))}


def times_contacted(state: State, former: FormerIds, exports: tuple[str, ...]) -> Counter[str]:
    """Return how many of some exports handed out each person, by every id that they have or had."""
    times: Counter[str] = Counter()
    for export in exports:
        persons: set[str] = set()
        for one in ids_of(state, given_list(export)):
            persons.update(former.persons.get(one, (one,)))
        times.update(persons)
    for person in [one for one in times if former.persons and former.other_ids(one)]:
        for other in former.other_ids(person):
            times[other] = max(times[other], times[person])
    return times
