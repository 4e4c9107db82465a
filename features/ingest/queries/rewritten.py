"""A checked query as it is run: of the past alone, its rows in an order that no two different ones share, without errors at night."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, msg
from tagcast.features.ingest.queries.calls import calls_of, is_grouped
from tagcast.features.ingest.queries.functions import OF_FRAMES, OF_ROWS

EVENTS, AS_OF = "events", "as_of"


def known_before(
    tree: exp.Select, columns: Sequence[str], day: exp.Expr, events: exp.Expr | None = None
) -> exp.Select:
    """Return a checked query that sees the events of local days before ``day`` alone.

    Parameters
    ----------
    tree : sqlglot expression
        Is changed.
    columns : sequence of str
        Of the event log.
    day : sqlglot expression
    events : sqlglot expression
        The event log; default: a table called :data:`EVENTS`.
    """
    named = {node.name.lower() for node in tree.find_all(exp.Column, exp.Identifier)}
    stars = [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    read = [name for name in columns if stars or name.lower() in named]
    for column in list(tree.find_all(exp.Column)):
        if column.name.lower() == AS_OF:
            column.replace(day.copy())
    for table in list(tree.find_all(exp.Table)):
        if table.name.lower() == EVENTS:
            known = exp.select(*(exp.column(name, quoted=True) for name in read)).from_(
                events.copy() if events else EVENTS
            )
            known = known.where(exp.LT(this=exp.column("event_day"), expression=day.copy()))
            table.replace(known.subquery(table.alias or EVENTS))
    return tree


def order_rows(select: exp.Select, where: str) -> None:
    """Write named windows out, and put rows that a window counts one by one in an order that no two different rows share."""
    named = {window.name.lower(): window for window in select.args.get("windows") or ()}
    select.set("windows", None)
    for window in [call for call in calls_of(select, (exp.Window,)) if isinstance(call, exp.Window)]:
        _write_out(window, named)
        call = (
            window.this.this if isinstance(window.this, exp.IgnoreNulls | exp.RespectNulls) else window.this
        )
        spec = window.args.get("spec")
        by_rows = spec is not None and str(spec.args.get("kind")).upper() == "ROWS"
        if isinstance(call, tuple(OF_FRAMES.values())) and not by_rows:
            raise refused(
                where,
                shown(window),
                msg("say which rows: … ORDER BY … ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"),
            )
        if not by_rows and not isinstance(call, tuple(OF_ROWS.values())):
            continue
        if is_grouped(select):
            raise refused(
                where, shown(window), msg("group in a query of its own, WITH … AS (…), and number its rows")
            )
        order = window.args.get("order") or exp.Order(expressions=[])
        order.set("expressions", [*order.expressions, *map(_by_row, _sources(select))])
        window.set("order", order)


def _write_out(window: exp.Window, named: dict[str, exp.Expr]) -> None:
    definition = named.get(window.alias.lower()) if window.alias else None
    if definition is not None:
        for name in ("partition_by", "order", "spec"):
            if not window.args.get(name) and definition.args.get(name):
                kept = definition.args[name]
                window.set(name, [part.copy() for part in kept] if isinstance(kept, list) else kept.copy())
        window.set("alias", None)


def _sources(select: exp.Select) -> list[str]:
    """Return the tables whose rows a SELECT joins, as it calls them."""
    joins = [
        join for join in select.args.get("joins") or () if str(join.kind).upper() not in {"SEMI", "ANTI"}
    ]
    first = select.args.get("from_")
    return [part.this.alias_or_name for part in ([first] if first else []) + joins]


def _by_row(table: str) -> exp.Expr:
    # A table's name where a column is expected is its whole row.
    return exp.Ordered(this=exp.column(exp.to_identifier(table, quoted=True)), desc=False, nulls_first=False)


def without_errors(tree: exp.Select) -> exp.Select:
    """Make what has no value unknown, so that no event of some night stops a run: what CAST cannot read, what is divided by 0, roots and logarithms of no such number."""
    for node in reversed(list(tree.find_all(exp.Cast, exp.Div, exp.IntDiv, exp.Mod, exp.Sqrt, exp.Ln))):
        if isinstance(node, exp.Cast):
            if not isinstance(node, exp.TryCast):
                node.replace(
                    exp.TryCast(**{key: value for key, value in node.args.items() if value is not None})
                )
        elif isinstance(node, exp.Sqrt | exp.Ln):
            zero = exp.Literal.number(0)
            kind = exp.GTE if isinstance(node, exp.Sqrt) else exp.GT
            node.replace(exp.case().when(kind(this=node.this.copy(), expression=zero), node.copy()))
        else:
            node.set("expression", exp.func("nullif", node.expression.copy(), exp.Literal.number(0)))
    return tree


def shown(node: exp.Expr) -> str:
    """Return a part of a query as text."""
    return node.sql("duckdb").strip()


def refused(where: str, part: str, hint: Text) -> DefinitionError:
    """Return the error of a part that a query must not hold."""
    return DefinitionError(
        msg("{where}: {part!r} is not allowed in a query over events", where=where, part=part), hint=hint
    )
