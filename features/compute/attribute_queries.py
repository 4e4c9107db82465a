"""What a view of attributes holds at a date, as SQL over its table.

The table has ``profile_id``; ``valid_from`` and ``known_at`` (UTC; NULL where attributes are constant), ``known_day`` (the
local day of ``known_at``), and the declared columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.catalog.attribute_views import Attribute, AttributeView

if TYPE_CHECKING:
    from tagcast.features.catalog.view_declarations import AttributesDeclaration


MOST_LEVELS = 20
"""Of a word, the commonest get a column."""
MIN_LEVEL_SHARE = 0.005
"""Of the profiles; a rarer word says something of too few to learn from."""


def commonest_levels(
    connection: Any, table: Path, view: AttributesDeclaration, as_of: date
) -> dict[str, tuple[str, ...]]:
    """Return the levels of each word that get a column, in order: the commonest among the rows known before ``as_of``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    table : Path
        Of the view.
    view : AttributesDeclaration
    as_of : date
    """
    found = {}
    rows = exp.func("read_parquet", exp.Literal.string(escape(str(table))))
    for name, given in view.columns.items():
        if given.kind != "word":
            continue
        word = exp.column(name, quoted=True)
        profiles = exp.Count(this=exp.Distinct(expressions=[exp.column("profile_id")]))
        counted = exp.select(exp.alias_(word, "word"), exp.alias_(profiles, "profiles")).from_(rows.copy())
        counted = counted.where(exp.column("known_day") < exp.cast(exp.Literal.string(str(as_of)), "DATE"))
        counted = counted.where(word.copy().is_(exp.null()).not_()).group_by("word")
        levels = connection.execute(counted.sql("duckdb")).fetchall()
        least = MIN_LEVEL_SHARE * sum(n for _, n in levels)
        ranked = sorted((level for level in levels if level[1] >= least), key=lambda one: (-one[1], one[0]))
        found[name] = tuple(sorted(level for level, _ in ranked[:MOST_LEVELS]))
    return found


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
        exp.select("*").from_(exp.table_(view.name, quoted=True)).where(exp.column("known_day") < _day(as_of))
    )
    known.set("qualify", exp.Qualify(this=newest))
    columns = [column for one in view.attributes for column in _columns(one, as_of)]
    return exp.select("profile_id", *columns).from_(known.subquery("known"))


def _columns(attribute: Attribute, as_of: date) -> Iterable[exp.Expr]:
    value = exp.column(attribute.name, quoted=True)
    if attribute.kind == "word":
        for level, name in attribute.level_names.items():
            yield _number(value.copy().eq(exp.Literal.string(level)), name)
    elif attribute.kind == "date":
        days = exp.Anonymous(this="date_diff", expressions=[exp.Literal.string("day"), value, _day(as_of)])
        yield _number(days, attribute.name)
    else:
        yield _number(value, attribute.name)


def _number(value: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(exp.cast(exp.paren(value), "DOUBLE"), name, quoted=True)


def _day(as_of: date) -> exp.Expr:
    """Return a date as statements of many days write it (:mod:`tagcast.features.compute.dated_statements`)."""
    parts = {part: exp.Literal.number(getattr(as_of, part)) for part in ("year", "month", "day")}
    return exp.DateFromParts(**parts)
