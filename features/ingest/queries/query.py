"""A query over the event log, checked part by part and written so that it gives the same every time.

It is one SELECT that sees the table ``events`` and its own common table expressions, and holds nothing but what is on the lists
of :mod:`tagcast.features.ingest.sql_allow_list` and :mod:`tagcast.features.ingest.queries.functions`. Rows that an ORDER BY of a
window does not tell apart are put in the order of all that the query reads of them.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from tagcast.features.catalog.sql_views import parsed_query
from tagcast.features.core.errors import ConfigError, DefinitionError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.validation import InvalidValueError, suggested
from tagcast.features.ingest.queries.calls import is_grouped, of_window
from tagcast.features.ingest.queries.functions import (
    AGGREGATES,
    OF_FRAMES,
    OF_PEERS,
    OF_ROWS,
    SCALARS,
    instead_of,
)
from tagcast.features.ingest.queries.rewritten import AS_OF, EVENTS, order_rows, refused, shown
from tagcast.features.ingest.sql_allow_list import check_type, is_scalar

_PARTS = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.With, exp.CTE,
    exp.Subquery, exp.TableAlias, exp.Alias, exp.Table, exp.Star, exp.Exists, exp.Filter, exp.Distinct, exp.Window, exp.WindowSpec,
    exp.IgnoreNulls, exp.RespectNulls,
)  # fmt: skip
_FUNCTIONS = tuple(
    kind for kinds in (AGGREGATES, OF_PEERS, OF_ROWS, OF_FRAMES, SCALARS) for kind in kinds.values()
)
_OF_WINDOWS = tuple(kind for kinds in (OF_PEERS, OF_ROWS, OF_FRAMES) for kind in kinds.values())
# Their answer depends on the time zone of whoever runs the query.
_ZONED = (exp.AtTimeZone, exp.UnixToTime)
_ARGUMENTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset({
        "with_", "expressions", "from_", "joins", "where", "group", "having", "qualify", "windows", "distinct", "order",
    }),
    exp.Table: frozenset({"this", "alias"}),
    exp.Join: frozenset({"this", "on", "using", "kind", "side"}),
    exp.With: frozenset({"expressions"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.Group: frozenset({"expressions", "all"}),
    exp.Subquery: frozenset({"this", "alias"}),
    exp.Star: frozenset(),
    exp.Max: frozenset({"this"}),
    exp.Min: frozenset({"this"}),
}  # fmt: skip
"""What these parts may be given; what else the parser knows of them (LIMIT, SAMPLE, ASOF, RECURSIVE, …) is refused."""
_JOINS = {"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"}


def checked_query(text: str, columns: Collection[str], where: str) -> exp.Select:
    """Return a query over a table :data:`EVENTS` of ``columns``, checked, and written so that it gives the same every time.

    Parameters
    ----------
    text : str
    columns : collection of str
        Of the event log; :data:`AS_OF` stands for the day of the snapshot.
    where : str
        Names the place in errors.

    Raises
    ------
    DefinitionError
        With what is wrong, where, and what to use instead.
    """
    try:
        tree = parsed_query(text)
        for node in tree.walk():
            _check_part(node, where)
            check_type(node, where, left_out=("TIMESTAMPTZ",))
    except InvalidValueError as error:
        raise DefinitionError(msg("{where}: {problem}", where=where, problem=error.message)) from error
    except ConfigError as error:
        raise DefinitionError(error.message, hint=error.hint) from error
    _check_names(tree, columns, where)
    _check_subqueries(tree, where)
    for column in tree.find_all(exp.Column):
        column.this.set("quoted", not isinstance(column.this, exp.Star))
    for select in list(tree.find_all(exp.Select)):
        order_rows(select, where)
    return tree


def _check_part(node: exp.Expr, where: str) -> None:
    allowed = isinstance(node, (*_PARTS, *_FUNCTIONS)) or is_scalar(node)
    zoned = isinstance(node, _ZONED) or (isinstance(node, exp.Anonymous) and node.name.lower() == "timezone")
    if zoned:
        raise refused(where, shown(node), msg("event_day and event_hour are local, event_time is in UTC"))
    if not allowed:
        raise refused(where, shown(node), instead_of(node))
    given = {name for name, value in node.args.items() if value}
    known = _ARGUMENTS.get(type(node), given)
    if isinstance(node, exp.Join) and str(node.kind).upper() not in _JOINS:
        known = frozenset()
    if further := sorted(given - known):
        raise refused(where, _further(node, further[0]), _INSTEAD.get(further[0], _PLAIN))
    if isinstance(node, _OF_WINDOWS) and not of_window(node):
        raise refused(where, shown(node), msg("add OVER (PARTITION BY profile_id ORDER BY …)"))


_FILTERED = msg("a snapshot has a row for everybody: filter with WHERE, HAVING or QUALIFY")
_PLAIN = msg(
    "use JOIN … ON, LEFT JOIN, SEMI JOIN and ANTI JOIN, GROUP BY columns, and subqueries of the plain form"
)
_INSTEAD: dict[str, Text] = {
    "limit": _FILTERED,
    "offset": _FILTERED,
    "sample": _FILTERED,
    "on": msg("number the rows: QUALIFY row_number() OVER (PARTITION BY profile_id ORDER BY …) = 1"),
    "db": msg("a query sees the table events and what it defines by WITH"),
    "recursive": msg("leave RECURSIVE out"),
}


def _further(node: exp.Expr, name: str) -> str:
    value = node.args[name]
    value = value[0] if isinstance(value, list) else value
    if isinstance(value, exp.Expr) and name != "on":
        return shown(value)
    return {"on": "DISTINCT ON"}.get(name, name.strip("_").upper() if value is True else str(value))


def _check_names(tree: exp.Select, columns: Collection[str], where: str) -> None:
    """Refuse tables and columns that are not there, and names that would hide what is."""
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    given = {alias.alias.lower() for alias in tree.find_all(exp.Alias)}
    aliases = list(tree.find_all(exp.TableAlias))
    given |= {column.name.lower() for alias in aliases for column in alias.columns}
    tables = {alias.name.lower() for alias in aliases if alias.name}
    log = {column.lower() for column in columns}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.name.lower() not in {EVENTS, *own}:
            raise DefinitionError(
                msg("{where}: there is no table {table!r}", where=where, table=shown(table)),
                hint=_INSTEAD["db"],
            )
    if hiding := sorted({EVENTS} & own | {AS_OF} & (given | tables) | tables & (log | given)):
        raise DefinitionError(
            msg("{where}: {names} stands for something else already", where=where, names=listed(hiding)),
            hint=msg("call it otherwise"),
        )
    for column in tree.find_all(exp.Column):
        name = column.name
        if not isinstance(column.this, exp.Star) and name.lower() not in log | given | {AS_OF}:
            raise DefinitionError(
                msg("{where}: the event log has no column {column!r}", where=where, column=name),
                hint=msg(
                    "{meant}; a further column is named in numbers or words of its source",
                    meant=suggested(name, [*columns, AS_OF]),
                ),
            )


def _check_subqueries(tree: exp.Select, where: str) -> None:
    """A subquery that stands for one value has to give one, whatever the events are."""
    for node in tree.find_all(exp.Subquery):
        if isinstance(node.parent, exp.From | exp.Join | exp.In):
            continue
        query = node.this
        one = isinstance(query, exp.Select) and not query.args.get("group") and len(query.selects) == 1
        if not one or not is_grouped(query):
            raise refused(
                where,
                shown(node),
                msg("a subquery that stands for a value is an aggregate without GROUP BY"),
            )
