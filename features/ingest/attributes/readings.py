"""How a column of a table beside the events becomes a moment, a day or a flag, and how many of its rows may not.

Expressions for DuckDB, and checks of what they gave: of views, labels and approaches.
"""

from __future__ import annotations

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.schema.sources import TimedPlace
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import as_key
from tagcast.features.ingest.texts.times import proven_order
from tagcast.features.ingest.time_casts import NAIVE, as_timestamp, check_unit, needs_order

MAX_UNREAD_SHARE = 0.01
"""Share of rows whose times or values may be unreadable before a table is refused."""
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


def as_moment(reader: Reader, source: TimedPlace, table: Table, name: str, where: str, key: str) -> exp.Expr:
    """Return a column as a naive UTC timestamp; what cannot be read is NULL.

    Parameters
    ----------
    reader : Reader
    source : TimedPlace
        Says how its times are written.
    table : Table
    name : str
        The column, as the declaration names it.
    where, key : str
        Name the place and what the column is there, in errors.

    Raises
    ------
    DataError
        When there is no such column, or it does not show how its days are written.
    """
    found = table.find(name, f"{where}.{key}")
    kind, order = table.columns[found], None
    value: exp.Expr = column(found)
    if kind == "VARCHAR":
        value = as_key(value, kind)
    if needs_order(source, kind):
        text = as_key(column(found), kind)
        with reader.reading(where):
            check_unit(reader.connection, table.as_("raw"), text, name, where, key)
            order = proven_order(reader.connection, table.as_("raw"), text, where, key)
    return as_timestamp(source, value, kind, reader.settings.timezone, order)


def local_day(moment: exp.Expr, timezone: str) -> exp.Expr:
    """Return the day of a naive UTC timestamp in ``timezone``."""
    utc = exp.Anonymous(this="timezone", expressions=[exp.Literal.string("UTC"), moment.copy()])
    local = exp.Anonymous(this="timezone", expressions=[exp.Literal.string(timezone), utc])
    return exp.cast(local, "DATE")


def as_day(reader: Reader, source: TimedPlace, table: Table, name: str, where: str, key: str) -> exp.Expr:
    """Return a column as local days; a day without a zone is that day, whatever hour it is written with.

    Parameters and errors are those of :func:`as_moment`.
    """
    found = table.find(name, f"{where}.{key}")
    if table.columns[found] in NAIVE:
        return exp.cast(column(found), "DATE")
    return local_day(as_moment(reader, source, table, name, where, key), reader.settings.timezone)


def as_flag(text: exp.Expr) -> exp.Expr:
    """Return a text as yes or no; what is neither is NULL."""
    word = exp.func("lower", text)
    yes, no = (word.copy().isin(*map(exp.Literal.string, words)) for words in (_TRUE, _FALSE))
    return exp.case().when(yes, exp.true()).when(no, exp.false()).else_(exp.null())


def check_times(where: str, key: str, times: Message, rows: int, timeless: int) -> None:
    """Refuse a table without rows, or without times.

    Parameters
    ----------
    where, key : str
        Name the place and the column of ids, in errors.
    times : Message
        Names the columns of times.
    rows, timeless : int
        Rows with an id, and those of them whose times could not be read.

    Raises
    ------
    DataError
    """
    if not rows:
        raise DataError(
            msg("{where}: {key} is empty in every row", where=where, key=key), hint=msg("check key")
        )
    if timeless > rows * MAX_UNREAD_SHARE:
        raise DataError(
            msg(
                "{where}: {times} cannot be read in {n:,} of {rows:,} rows",
                where=where,
                times=times,
                n=timeless,
                rows=rows,
            ),
            hint=msg("say how the times are written: time_format = …"),
        )


def check_flags(where: str, rows: int, unread: int, example: str | None, empty: Message) -> None:
    """Refuse a column that is no yes and no.

    Parameters
    ----------
    where : str
        Names the column, in errors.
    rows, unread : int
        Rows with an id, and those of them that hold something else.
    example : str or None
        Of that.
    empty : Message
        What an empty one is.

    Raises
    ------
    DataError
    """
    if unread > rows * MAX_UNREAD_SHARE:
        raise DataError(
            msg(
                "{where}: {n:,} of {rows:,} rows hold no yes or no, as in {example!r}",
                where=where,
                n=unread,
                rows=rows,
                example=example,
            ),
            hint=msg("write yes or no, true or false, 1 or 0; an empty one is {empty}", empty=empty),
        )
