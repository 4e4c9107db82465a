"""Declared SQL views made certain: run over no events and over made ones, before any source is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.catalog.sql_views import SqlDeclaration, SqlView, settled_query
from tagcast.features.catalog.view_files import sql_views
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.aggregates import check_aggregates
from tagcast.features.ingest.log_columns import column_kinds, log_columns
from tagcast.features.ingest.queries.calls import calls_of, is_grouped, of_window
from tagcast.features.ingest.queries.functions import EXACT
from tagcast.features.ingest.queries.query import checked_query
from tagcast.features.ingest.queries.rewritten import EVENTS, known_before, without_errors
from tagcast.features.ingest.sql_casts import NUMERIC, base_type, day_literal

if TYPE_CHECKING:
    from tagcast.features.catalog.view_declarations import ColumnKind

_DAY = date(2000, 7, 1)
_MADE_ROWS = 400
_WORDS = ("a", "b")
_INEXACT = frozenset({"FLOAT", "DOUBLE"})


def check_views_of_events(settings: Settings) -> None:
    """Check the declared aggregates and queries, before any source is read; DefinitionError as of each."""
    check_aggregates(settings)
    check_sql_views(settings)


def check_sql_views(settings: Settings) -> None:
    """Check that every declared query can be run, and gives a row an entity, before any source is read.

    Raises
    ------
    DefinitionError
        Naming the view, what was found and what would be right.
    """
    for view in sql_views(settings):
        settled_sql(view, settings)


def settled_sql(view: SqlDeclaration, settings: Settings) -> SqlView:
    """Return a view with the kinds of its columns, as DuckDB finds them over no events.

    Raises
    ------
    DefinitionError
        As :func:`check_sql_views`.
    """
    import duckdb

    where = f"{view.place}: sql"
    kinds = dict.fromkeys(log_columns(settings), "VARCHAR") | column_kinds(settings)
    checked = checked_query(view.sql, [*kinds], where)
    day = day_literal(_DAY)
    written = known_before(checked, [*kinds], day)
    query = without_errors(written.copy())
    with duckdb.connect(config={"enable_external_access": False, "threads": 1}) as connection:
        connection.execute(_made_log(kinds, _literals(query)).sql("duckdb"))
        try:
            answer = connection.sql(query.sql("duckdb"))
            types = dict(zip(answer.columns, map(str, answer.types), strict=True))
            found = {name: _kind(name, types[name], where) for name in view.column_names}
            _check_keys(view, types, where)
            _check_sums(connection, written, where)
            places = [answer.columns.index(key) for key in view.keys]
            # All of it: a column that nobody reads is not computed.
            rows = [tuple(row[place] for place in places) for row in answer.fetchall()]
        except duckdb.Error as error:
            raise DefinitionError(
                msg("{where}: the query cannot be run: {reason}", where=where, reason=reason_of(error)),
                hint=msg(
                    "it is run over made events; compare numbers with numbers and words with words, and CAST what may grow beyond its "
                    "type, as in CAST(event_hour AS INT) * 60"
                ),
            ) from error
    several = [row for row in rows if None not in row]
    if len(set(several)) < len(several):
        raise DefinitionError(
            msg(
                "{where}: the query gives several rows of one {entity}, as a run over made events shows",
                where=where,
                entity=listed(view.keys),
            ),
            hint=msg("GROUP BY {keys}", keys=", ".join(view.keys)),
        )
    return settled_query(view, found)


def _check_sums(connection: Any, query: exp.Select, where: str) -> None:
    """Refuse sums and means of floating point: what is added first decides their last bits."""
    for select in list(query.find_all(exp.Select)):
        for call in calls_of(select, EXACT):
            value = call.this.expressions[0] if isinstance(call.this, exp.Distinct) else call.this
            kind = _type_of(connection, select, value, grouped=of_window(call) and is_grouped(select))
            if not kind:
                raise DefinitionError(
                    msg(
                        "{where}: {part!r} is of a value that cannot be computed where it stands",
                        where=where,
                        part=call.sql("duckdb"),
                    ),
                    hint=msg(
                        "a subquery has to stand on its own: JOIN it, or compute the value in WITH … AS (…)"
                    ),
                )
            if kind in _INEXACT or (kind not in NUMERIC and kind != "BOOLEAN"):
                raise DefinitionError(
                    msg(
                        "{where}: {part!r} is of {type}: its last bits depend on the order of the rows",
                        where=where,
                        part=call.sql("duckdb"),
                        type=kind,
                    ),
                    hint=msg(
                        "add up whole numbers or DECIMAL, as in {example}",
                        example=f"{call.key}(CAST({_short(value)} AS DECIMAL(18, 6)))",
                    ),
                )


def _type_of(connection: Any, select: exp.Select, value: exp.Expr, *, grouped: bool) -> str:
    """Return the type of a value in the place of a SELECT's columns; empty where it cannot stand there."""
    import duckdb

    probe = select.copy()
    probe.set("expressions", [exp.alias_(value.copy(), "x")])
    for name in ("order", "having", "qualify", "distinct", *(() if grouped else ("group",))):
        probe.set(name, None)
    above = [*_with_above(select)]
    if above:
        own = probe.args["with_"].expressions if probe.args.get("with_") else []
        probe.set("with_", exp.With(expressions=[*(cte.copy() for cte in above), *own]))
    try:
        return base_type(str(connection.sql(probe.sql("duckdb")).types[0]))
    except duckdb.Error:
        return ""


def _with_above(select: exp.Select) -> Iterator[exp.CTE]:
    """Yield the common table expressions that a SELECT sees beside its own, outermost first."""
    above: list[exp.CTE] = []
    node: exp.Expr = select
    while node.parent is not None:
        parent = node.parent
        if isinstance(parent, exp.With):
            seen = parent.expressions[: parent.expressions.index(node)]
            above = [*seen, *above]
        elif isinstance(parent, exp.Select) and node.arg_key != "with_" and parent.args.get("with_"):
            above = [*parent.args["with_"].expressions, *above]
        node = parent
    yield from above


def _short(value: exp.Expr) -> str:
    text = value.sql("duckdb")
    return text if len(text) <= 40 else "…"


def _kind(name: str, found: str, where: str) -> ColumnKind:
    kind = found if found.endswith("]") else base_type(found)
    if kind in NUMERIC:
        return "number"
    if kind == "BOOLEAN":
        return "flag"
    if kind == "DATE":
        return "date"
    hint: Text = msg(
        "a feature is a number, a condition or a day: count the word (count(DISTINCT …)), or compare it (max(device) = 'mobile'); first "
        "and last words are aggregates of a view without sql"
    )
    if kind.startswith("TIMESTAMP"):
        hint = msg("CAST it to DATE, or take event_day: it becomes days before the snapshot")
    elif kind == "INTERVAL":
        hint = msg("count days: date_diff('day', …, as_of)")
    raise DefinitionError(
        msg("{where}: the column {name} is of {type}", where=where, name=name, type=found), hint=hint
    )


def _check_keys(view: SqlDeclaration, types: Mapping[str, str], where: str) -> None:
    for key in view.keys:
        if types[key] != "VARCHAR":
            raise DefinitionError(
                msg("{where}: the column {name} is of {type}", where=where, name=key, type=types[key]),
                hint=msg("select the {key} of events as it is", key=key),
            )


def _literals(query: exp.Select) -> list[str]:
    """Return the words that a query compares with: made events hold them, so that its conditions are met."""
    found = {node.this for node in query.find_all(exp.Literal) if node.is_string}
    return [*_WORDS, *sorted(found)]


def _made_log(kinds: Mapping[str, str], words: list[str]) -> exp.Expr:
    """Return the statement that makes some events of a few profiles, with the greatest numbers of the log's own columns."""
    number = exp.column("n")

    def drawn(place: int, many: int) -> exp.Expr:
        mixed = exp.Anonymous(this="hash", expressions=[number.copy(), exp.Literal.number(place)])
        return exp.Mod(this=mixed, expression=exp.Literal.number(many))

    def value(place: int, name: str, kind: str) -> exp.Expr:
        one = exp.cast(exp.paren(drawn(place, 50)), "INT")
        day = exp.Sub(this=day_literal(_DAY), expression=one.copy())
        made: dict[str, exp.Expr] = {
            "TINYINT": exp.cast(exp.paren(drawn(place, 24)), kind),
            "BOOLEAN": drawn(place, 2).eq(0),
            "DATE": day,
            "TIMESTAMP": exp.cast(day, kind),
            "DECIMAL": exp.cast(exp.Sub(this=one, expression=exp.Literal.number(9)), kind),
        }
        several = [exp.Literal.string(word) for word in (_WORDS if name == "profile_id" else words)]
        chosen = exp.Anonymous(
            this="list_extract",
            expressions=[
                exp.Array(expressions=several),
                exp.Add(
                    this=exp.cast(exp.paren(drawn(place, len(several))), "INT"),
                    expression=exp.Literal.number(1),
                ),
            ],
        )
        return made.get(base_type(kind), chosen)

    counted = exp.Anonymous(this="range", expressions=[exp.Literal.number(_MADE_ROWS)])
    rows = exp.select(
        *(
            exp.alias_(value(place, name, kind), name, quoted=True)
            for place, (name, kind) in enumerate(kinds.items())
        )
    ).from_(exp.select(exp.alias_(exp.Anonymous(this="unnest", expressions=[counted]), "n")).subquery("made"))
    return exp.Create(this=exp.to_table(EVENTS), kind="TABLE", expression=rows)
