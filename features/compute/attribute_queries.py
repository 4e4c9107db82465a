"""What a view of attributes holds at a date, as SQL over its table.

The table has ``profile_id``; ``valid_from`` and ``known_at`` (UTC; NULL where attributes are constant), ``known_day`` (the
local day of ``known_at``), and the declared columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlglot import exp

from tagcast.features.catalog.attribute_views import Attribute, AttributeView, level_names
from tagcast.features.compute.dated_statements import sql_day


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
    elif attribute.kind == "date":
        days = exp.Anonymous(this="date_diff", expressions=[exp.Literal.string("day"), value, sql_day(as_of)])
        yield _number(days, attribute.name)
    else:
        yield _number(value, attribute.name)


def _number(value: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(exp.cast(exp.paren(value), "DOUBLE"), name, quoted=True)
