"""How a column of a table beside the events becomes a moment, a day or a flag: expressions for DuckDB, of views and of labels."""

from __future__ import annotations

from sqlglot import exp

from tagcast.features.core.schema.sources import TimedPlace
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import as_key
from tagcast.features.ingest.texts.times import proven_order
from tagcast.features.ingest.time_casts import NAIVE, as_timestamp, check_unit, needs_order

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
