"""What views of attributes, and those that a query makes, hold at a date, as SQL over a table or the event log.

The table of a view of attributes has ``profile_id``; ``valid_from`` and ``known_at`` (UTC; NULL where attributes are constant), ``known_day`` (the
local day of ``known_at``), and the declared columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.attribute_views import Attribute, AttributeView, level_names
from tagcast.features.catalog.sql_views import SqlColumn, SqlView
from tagcast.features.compute.dated_statements import as_written, sql_day
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.ingest.queries.query import checked_query
from tagcast.features.ingest.queries.rewritten import known_before, without_errors
from tagcast.features.ingest.sql_casts import finite


def attribute_rows(view: AttributeView, as_of: date) -> exp.Select:
    """Return the features of every profile with a row that was known before ``as_of``, from a table called like the view.

    Of several rows the one that is true since last counts; of those, the one that was written last.
    """
    order = exp.Order(
        expressions=[exp.Ordered(this=exp.column(name), desc=True) for name in ("valid_from", "known_at")]
    )
    newest = exp.Window(this=exp.RowNumber(), partition_by=[exp.column("profile_id")], order=order).eq(
        exp.Literal.number(1)
    )
    known = (
        exp.select("*")
        .from_(exp.table_(view.name, quoted=True))
        .where(exp.column("known_day") < sql_day(as_of))
    )
    known.set("qualify", exp.Qualify(this=newest))
    columns = [column for one in view.attributes for column in _columns(one, as_of)]
    return exp.select("profile_id", *columns).from_(known.subquery("known"))


def _columns(attribute: Attribute, as_of: date) -> Iterable[exp.Expr]:
    value = exp.column(attribute.name, quoted=True)
    if attribute.kind == "word":
        for level, name in level_names(attribute.name, attribute.levels).items():
            yield _number(value.copy().eq(exp.Literal.string(level)), name)
    else:
        yield _number(_days(value, as_of) if attribute.kind == "date" else value, attribute.name)


def sql_rows(
    view: SqlView, columns: Sequence[str], as_of: date, events: exp.Expr | None = None
) -> exp.Select:
    """Return what the query of a view gives of the events before ``as_of``; rows without a key are of nobody.

    Parameters
    ----------
    view : SqlView
    columns : sequence of str
        Of the event log.
    as_of : date
    events : sqlglot expression
        The event log; default: a table called :data:`tagcast.features.compute.dated_statements.EVENTS`.
    """
    tree = checked_query(view.sql, columns, f"views.{view.name}.sql")
    as_written(tree)
    query = without_errors(known_before(tree, columns, sql_day(as_of), events)).subquery("q")
    keys = [exp.column(key, quoted=True) for key in view.keys]
    rows = exp.select(*keys, *(_value(column, as_of) for column in view.columns)).from_(query)
    return rows.where(*(key.copy().is_(exp.null()).not_() for key in keys))


def by_key(view: SqlView, columns: Sequence[str]) -> bool:
    """Return whether the query of a view gives of some profiles' events what it gives of these profiles among all.

    It is one SELECT over the events alone, grouped by profile. Others may be so too: they are taken for what needs all events.
    """
    tree = checked_query(view.sql, columns, f"views.{view.name}.sql")
    group = tree.args.get("group")
    if group is None or tree.find(exp.Join, exp.Window) or len(list(tree.find_all(exp.Select))) > 1:
        return False
    # Nothing else is called like the key, so whoever groups by the name groups by the column.
    called = {one.alias_or_name.lower(): one.unalias() for one in tree.expressions}
    if [one.name.lower() for one in called.values() if isinstance(one, exp.Column)].count("profile_id") != 1:
        return False
    shown = called["profile_id"]
    if not isinstance(shown, exp.Column) or shown.name.lower() != "profile_id":
        return False
    named = [one.name.lower() for one in group.expressions if isinstance(one, exp.Column)]
    return bool(group.args.get("all")) or "profile_id" in named


@contextmanager
def running(view: str) -> Iterator[None]:
    """Raise what DuckDB finds while it runs the query of a view as a DataError that names it."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise DataError(
            msg("views.{view}: the query cannot be run: {reason}", view=view, reason=reason_of(error)),
            hint=msg(
                "CAST what grows beyond its type, or leave out the events that it cannot be computed of"
            ),
        ) from error


def several_rows(connection: Any, view: SqlView, file: Path) -> int:
    """Return of how many entities a query gave several rows, where it should give one.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    view : SqlView
    file : Path
        What it gave.
    """
    keys = [exp.column(key, quoted=True) for key in view.keys]
    rows = exp.select("*").from_(exp.func("read_parquet", exp.Literal.string(escape(str(file)))))
    several = exp.select(*keys).from_(rows.subquery("r")).group_by(*keys).having("count(*) > 1")
    counted = exp.select(exp.Count(this=exp.Star())).from_(several.subquery("s"))
    ((many,),) = connection.execute(counted.sql("duckdb")).fetchall()
    return int(many)


def refused_rows(view: SqlView, several: int) -> DataError:
    """Return the error of a query that gave several rows of so many entities."""
    return DataError(
        msg("views.{view}: the query gives several rows of {n:,} entities", view=view.name, n=several),
        hint=msg("GROUP BY {keys}", keys=", ".join(view.keys)),
    )


def _value(column: SqlColumn, as_of: date) -> exp.Expr:
    value: exp.Expr = exp.column(column.name, quoted=True)
    number = exp.cast(_days(value, as_of) if column.kind == "date" else value, "DOUBLE")
    return exp.alias_(finite(number), column.name, quoted=True)


def _days(value: exp.Expr, as_of: date) -> exp.Expr:
    return exp.Anonymous(this="date_diff", expressions=[exp.Literal.string("day"), value, sql_day(as_of)])


def _number(value: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(exp.cast(exp.paren(value), "DOUBLE"), name, quoted=True)
