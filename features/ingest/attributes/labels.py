"""Read a table of labels: typed, each with the day from which on it may be learned from.

A table is read when it is asked for and kept nowhere: it is small beside the events, and always what the company says today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.duckdb import spilling
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.scratch import Scratch
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.label_tables import LabelTable
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.attributes.readings import (
    as_day,
    as_flag,
    as_moment,
    check_flags,
    check_times,
    local_day,
)
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import as_key
from tagcast.features.ingest.suppression.left_out import without_erased
from tagcast.features.ingest.time_casts import check_time_format

if TYPE_CHECKING:
    import pyarrow as pa


def read_labels(
    settings: Settings, place: LabelTable, where: str, horizon_days: int, places: Places | None = None
) -> pa.Table:
    """Return the labels of a table, by day and profile.

    Parameters
    ----------
    settings : Settings
    place : LabelTable
    where : str
        Names the table in errors, as in ``churned: outcome.label``.
    horizon_days : int
        Length of the window that a label is about.
    places : Places, optional
        What the tables of the project hold, where it was asked for before.

    Returns
    -------
    pyarrow.Table
        ``as_of`` (date), ``profile_id`` (string), ``y`` (int8), ``known_on`` (date): the first day as of which the label is known
        and its window over. Rows without an id, a day, a label or a moment at which it became known are left out.

    Raises
    ------
    ConfigError, DataError
        Naming the table and the column: missing, no days, no yes and no, two labels of one profile and day.
    """
    with Scratch(settings.home) as aside, spilling(settings, aside) as connection:
        reader = Reader(settings, connection, aside, places or Places(settings))
        table = reader.open(place, where, set(place.needed), {place.key, place.value})
        check_time_format(place, connection, where)
        with reader.reading(where):
            connection.execute(
                f"CREATE TEMP TABLE lines AS {without_erased(reader, _lines(reader, place, table, where)).sql('duckdb')}"
            )
        reader.sweep()
        _check(connection, place, where)
        found: pa.Table = connection.sql(
            """SELECT as_of, profile_id, y::TINYINT AS y, greatest(as_of + $horizon, seen_on + 1) AS known_on FROM lines
               WHERE as_of IS NOT NULL AND y IS NOT NULL AND seen_on IS NOT NULL ORDER BY as_of, profile_id""",
            params={"horizon": horizon_days},
        ).to_arrow_table()
        return found


def _lines(reader: Reader, place: LabelTable, table: Table, where: str) -> exp.Select:
    """Return ``profile_id, as_of, seen_on, y``, and what of a value or a moment could not be read."""
    zone = reader.settings.timezone
    key, value = (
        table.find(name, f"{where}.{at}") for at, name in (("key", place.key), ("value", place.value))
    )
    as_of = as_day(reader, place, table, place.as_of, where, "as_of")
    seen_on: exp.Expr = as_of.copy()
    unseen: exp.Expr = exp.false()
    if place.seen_at is not None:
        seen_on = local_day(as_moment(reader, place, table, place.seen_at, where, "seen_at"), zone)
        seen = table.find(place.seen_at, f"{where}.seen_at")
        there = as_key(column(seen), table.columns[seen]).is_(exp.null()).not_()
        unseen = exp.and_(there, seen_on.copy().is_(exp.null()))
    text = as_key(column(value), table.columns[value])
    profile = as_key(column(key), table.columns[key])
    flag = as_flag(text)
    lines = exp.select(
        exp.alias_(profile, "profile_id"),
        exp.alias_(as_of, "as_of"),
        exp.alias_(seen_on, "seen_on"),
        exp.alias_(flag, "y"),
        exp.alias_(exp.case().when(flag.copy().is_(exp.null()), text.copy()), "unread"),
        exp.alias_(exp.or_(as_of.copy().is_(exp.null()), unseen), "timeless"),
    )
    return lines.from_(table.relation.copy()).where(profile.copy().is_(exp.null()).not_())


def _check(connection: Any, place: LabelTable, where: str) -> None:
    """Refuse a table whose columns are not what they should be, or that says two things of one profile and day."""
    rows, timeless, unread, example = connection.execute(
        "SELECT count(*), count(*) FILTER (timeless), count(unread), min(unread) FROM lines"
    ).fetchall()[0]
    check_times(where, place.key, msg("as_of or seen_at"), rows, timeless)
    check_flags(f"{where}.value", rows, unread, example, msg("unknown"))
    twice, day = connection.execute(
        """SELECT count(*), min(as_of) FROM (SELECT as_of FROM lines WHERE as_of IS NOT NULL AND y IS NOT NULL
           GROUP BY profile_id, as_of HAVING count(*) > 1)"""
    ).fetchall()[0]
    if twice:
        raise DataError(
            msg(
                "{where}: {n:,} times two labels of one profile and day, the first as of {day}",
                where=where,
                n=twice,
                day=day,
            ),
            hint=msg("give one row a profile and day"),
        )
