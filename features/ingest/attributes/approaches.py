"""Read a table of whom campaigns of other tools approached: who, from which day to which, and who was held out.

As a table of labels it is read when it is asked for and kept nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.duckdb import spilling
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.scratch import Scratch
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.campaigns import ApproachTable, CampaignTable
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.attributes.readings import as_day, as_flag, check_flags, check_times
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import as_key
from tagcast.features.ingest.suppression.left_out import without_erased
from tagcast.features.ingest.time_casts import check_time_format

if TYPE_CHECKING:
    import pyarrow as pa

WHERE = "campaigns.approached"


def read_approaches(settings: Settings, place: ApproachTable, places: Places | None = None) -> pa.Table:
    """Return whom a table says to be approached, by day and profile.

    Parameters
    ----------
    settings : Settings
    place : ApproachTable
    places : Places, optional
        What the tables of the project hold, where it was asked for before.

    Returns
    -------
    pyarrow.Table
        ``profile_id``, ``campaign`` (string; empty where no column names it), ``held_out`` (bool), ``first_day`` and ``last_day``
        (date32). Rows without an id or a first day are left out; a campaign without a last day lasts to this day.

    Raises
    ------
    ConfigError, DataError
        Naming the table and the column: missing, no days, no yes and no, an end before its start.
    """
    with Scratch(settings.home) as aside, spilling(settings, aside) as connection:
        reader = Reader(settings, connection, aside, places or Places(settings))
        table = reader.open(
            place, WHERE, set(place.needed), {place.key, *([place.campaign] if place.campaign else [])}
        )
        check_time_format(place, connection, WHERE)
        with reader.reading(WHERE):
            members = without_erased(reader, _members(reader, place, table))
            connection.execute(f"CREATE TEMP TABLE members AS {members.sql('duckdb')}")
        if place.calendar is None:
            connection.execute("ALTER TABLE members RENAME TO lines")
        else:
            _add_calendar(reader, place.calendar, place.days)
        reader.sweep()
        _check(connection, place.key)
        found: pa.Table = connection.sql(
            """SELECT profile_id, coalesce(campaign, '') AS campaign, held_out, first_day, last_day FROM lines
               WHERE first_day IS NOT NULL AND last_day IS NOT NULL ORDER BY ALL"""
        ).to_arrow_table()
        return found


def _members(reader: Reader, place: ApproachTable, table: Table) -> exp.Select:
    """Return who is in which campaign, from when to when it goes where the table says so, and what of it could not be read."""
    key = table.find(place.key, f"{WHERE}.key")
    profile = as_key(column(key), table.columns[key])
    held_out: exp.Expr = exp.false()
    unread: exp.Expr = exp.cast(exp.null(), "VARCHAR")
    if place.held_out is not None:
        flag = table.find(place.held_out, f"{WHERE}.held_out")
        text = as_key(column(flag), table.columns[flag])
        held_out = exp.func("coalesce", as_flag(text), exp.false())
        unread = exp.case().when(as_flag(text.copy()).is_(exp.null()), text.copy())
    members = exp.select(
        exp.alias_(profile, "profile_id"),
        exp.alias_(_name(table, place.campaign, WHERE), "campaign"),
        exp.alias_(held_out, "held_out"),
        exp.alias_(unread, "unread"),
    )
    if place.starts is not None:
        members = members.select(*_days(reader, place, table, place.starts, place.days, WHERE))
    return members.from_(table.relation.copy()).where(profile.copy().is_(exp.null()).not_())


def _add_calendar(reader: Reader, calendar: CampaignTable, days: int | None) -> None:
    """Add to each member from when to when their campaign goes.

    Raises
    ------
    DataError
        Where a campaign stands twice in the calendar, or not at all.
    """
    where, connection = f"{WHERE}.calendar", reader.connection
    table = reader.open(calendar, where, set(calendar.needed), {calendar.campaign})
    check_time_format(calendar, connection, where)
    when = exp.select(
        exp.alias_(_name(table, calendar.campaign, where), "campaign"),
        *_days(reader, calendar, table, calendar.starts, days, where),
    ).from_(table.relation.copy())
    with reader.reading(where):
        connection.execute(f"CREATE TEMP TABLE calendar AS {when.sql('duckdb')}")
    twice = connection.execute(
        "SELECT min(campaign) FROM (SELECT campaign FROM calendar GROUP BY campaign HAVING count(*) > 1)"
    ).fetchall()[0][0]
    if twice is not None:
        raise DataError(
            msg("{where}: the campaign {campaign!r} has more than one row", where=where, campaign=twice),
            hint=msg("give one row a campaign"),
        )
    ((lost, example),) = connection.execute(
        "SELECT count(*), min(campaign) FROM members ANTI JOIN calendar USING (campaign)"
    ).fetchall()
    if lost:
        raise DataError(
            msg(
                "{where}: {n:,} rows are of campaigns that it does not have, as {campaign!r}",
                where=where,
                n=lost,
                campaign=example,
            ),
            hint=msg("complete it"),
        )
    connection.execute("CREATE TEMP TABLE lines AS SELECT * FROM members JOIN calendar USING (campaign)")


def _name(table: Table, name: str | None, where: str) -> exp.Expr:
    if name is None:
        return exp.cast(exp.null(), "VARCHAR")
    found = table.find(name, f"{where}.campaign")
    return as_key(column(found), table.columns[found])


def _days(
    reader: Reader,
    place: ApproachTable | CampaignTable,
    table: Table,
    starts: str,
    days: int | None,
    where: str,
) -> list[exp.Expr]:
    """Return first and last day as columns; without a last day it lasts to this day."""
    first = as_day(reader, place, table, starts, "starts", where)
    last: exp.Expr = first.copy() + exp.Literal.number((days or 1) - 1)
    if place.ends is not None:
        end = table.find(place.ends, f"{where}.ends")
        open_end = as_key(column(end), table.columns[end]).is_(exp.null())
        never = exp.cast(exp.Literal.string("9999-12-31"), "DATE")
        last = exp.case().when(open_end, never).else_(as_day(reader, place, table, place.ends, "ends", where))
    return [exp.alias_(first, "first_day"), exp.alias_(last, "last_day")]


def _check(connection: Any, key: str) -> None:
    rows, timeless, unread, example, backwards = connection.execute(
        """SELECT count(*), count(*) FILTER (first_day IS NULL OR last_day IS NULL), count(unread), min(unread),
                  count(*) FILTER (last_day < first_day) FROM lines"""
    ).fetchall()[0]
    check_times(WHERE, key, msg("starts or ends"), rows, timeless)
    check_flags(f"{WHERE}.held_out", rows, unread, example, msg("no"))
    if backwards:
        raise DataError(
            msg("{where}: {n:,} rows end before they start", where=WHERE, n=backwards),
            hint=msg("check starts and ends"),
        )
