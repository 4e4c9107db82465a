"""An aggregate over the events of the window ahead, as SQL over the event log: any events, any column of theirs.

Conditions come from definitions: they are parsed, allow-listed and have to be conditions before any of them is run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.entities.pair import Pair
from tagcast.features.ingest.log_columns import check_column, check_condition, never_met, unmet_names
from tagcast.features.ingest.readers.nested.value_paths import spelt_as
from tagcast.features.ingest.sql_allow_list import checked
from tagcast.features.ingest.sql_casts import day_literal

if TYPE_CHECKING:
    import ibis.expr.types as ir

_OF_ACTIVITY = ("count", "days", "distinct")
"""Aggregates that rows given back are left out of."""
_ZERO_OF_NOTHING = (*_OF_ACTIVITY, "sum")
BOUND = "bound"
"""Column of members with what each is held against, where it is not one number for all."""


@dataclass(frozen=True)
class WindowRule:
    """An aggregate over the window that starts at ``as_of``, and what it is held against.

    Parameters
    ----------
    measure : str
        ``count`` (rows), ``sum``, ``mean``, ``min``, ``max``, ``distinct`` (values) or ``days`` (distinct local days).
    column : str or None
        What of; None of rows and days.
    horizon_days : int
    at_most : bool
        Whether the bound is an upper one.
    bound : float or None
        None: of each member its own, :data:`BOUND`.
    where, unless : str, optional
        SQL conditions over the event log's columns: which events count, and which of them make the outcome false.
    pair : Pair, optional
        Only events of this category, or of this one of an entity.
    """

    measure: str
    column: str | None
    horizon_days: int
    at_most: bool
    bound: float | None
    where: str | None = None
    unless: str | None = None
    pair: Pair | None = None


def check_window(events: ir.Table, rule: WindowRule, where: str, names: Collection[str]) -> None:
    """Check what ``rule`` names against the event log, before anything is counted.

    Parameters
    ----------
    events : ibis table
        The event log, a table or view of a DuckDB connection.
    rule : WindowRule
    where : str
        Names the outcome in errors, as in ``churn_risk: outcome``.
    names : collection of str
        Of the events in the log.

    Raises
    ------
    DefinitionError
        For a column that the log does not have or that is no number, an expression that is no condition, and an event that
        never happened.
    """
    connection = events.get_backend().con
    rows = connection.table(events.get_name())
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    if rule.column is not None:
        check_column(rule.column, kinds, f"{where}.{rule.measure}", number=rule.measure != "distinct")
    given = {"where": rule.where, "unless": rule.unless}
    check_conditions(
        events, {f"{where}.{key}": text for key, text in given.items() if text is not None}, names
    )


def check_conditions(events: ir.Table, conditions: Mapping[str, str], names: Collection[str]) -> None:
    """Check conditions over the event log, by the place that errors name; ``names`` are of the events in the log.

    Raises
    ------
    DefinitionError
        For a column that the log does not have, an expression that is no condition, and an event that never happened.
    """
    connection = events.get_backend().con
    rows = connection.table(events.get_name())
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    for place, text in conditions.items():
        tree = check_condition(connection, text, kinds, place)
        if asked := unmet_names(tree, names):
            problem, hint = never_met(place, asked, names)
            raise DefinitionError(problem, hint=hint)


def measured(events: ir.Table, as_of: date, rule: WindowRule) -> ir.Table:
    """Return ``profile_id``, ``measured`` (float64) and ``stopped`` (rows of ``unless``) of whoever has an event in the window."""
    import ibis

    returned = exp.column("is_return", quoted=True)
    kept: list[exp.Expr] = []
    own = None if rule.where is None else condition(rule.where, events.columns)
    if own is not None:
        kept.append(own)
    if rule.pair is not None:
        kept.append(exp.column(rule.pair.entity, quoted=True).eq(exp.Literal.string(rule.pair.value)))
    if rule.measure in _OF_ACTIVITY and not _names(own, "is_return"):
        kept.append(exp.not_(returned.copy()))
    value = _aggregate(events, rule)
    if kept:
        value = exp.Filter(this=value, expression=exp.Where(this=exp.and_(*kept)))
    stops: exp.Expr = exp.Literal.number(0)
    if rule.unless is not None:
        other = condition(rule.unless, events.columns)
        if not _names(other, "is_return"):
            other = exp.and_(other, exp.not_(returned.copy()))
        stops = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=other))
    day, end = exp.column("event_day", quoted=True), as_of + timedelta(days=rule.horizon_days)
    rows = exp.select(
        exp.column("profile_id", quoted=True),
        exp.alias_(exp.cast(value, "DOUBLE"), "measured"),
        exp.alias_(exp.cast(stops, "BIGINT"), "stopped"),
    )
    rows = rows.from_(exp.table_(events.get_name(), quoted=True)).group_by(
        exp.column("profile_id", quoted=True)
    )
    rows = rows.where(exp.and_(day >= day_literal(as_of), day.copy() < day_literal(end)))
    types = ibis.schema({"profile_id": "string", "measured": "float64", "stopped": "int64"})
    found: ir.Table = events.get_backend().sql(rows.sql("duckdb"), schema=types)
    return found


@contextmanager
def wrong_values(tag: str) -> Iterator[None]:
    """Turn a value that a condition cannot take, such as a text where it compares numbers, into one error."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise DefinitionError(
            msg("{tag}: outcome: a value cannot be used: {reason}", tag=tag, reason=reason_of(error)),
            hint=msg(
                "compare a column with values of its kind, or use TRY_CAST, which is unknown where CAST fails"
            ),
        ) from error


def window_label(joined: ir.Table, rule: WindowRule) -> ir.BooleanValue:
    """Return whether the outcome is true of each member, beside whom what :func:`measured` found stands."""
    found = joined.measured.fill_null(0.0) if rule.measure in _ZERO_OF_NOTHING else joined.measured
    bound = joined[BOUND] if rule.bound is None else rule.bound
    kept = (found <= bound) if rule.at_most else (found >= bound)
    return kept.fill_null(False) & (joined.stopped.fill_null(0) == 0)


def _aggregate(events: ir.Table, rule: WindowRule) -> exp.Expr:
    if rule.measure == "count":
        return exp.Count(this=exp.Star())
    name = spelt_as(rule.column or "event_day", events.columns) or ""
    column: exp.Expr = exp.column(name, quoted=True)
    if rule.measure in {"days", "distinct"}:
        return exp.Count(this=exp.Distinct(expressions=[column]))
    function = {"sum": exp.Sum, "mean": exp.Avg, "min": exp.Min, "max": exp.Max}[rule.measure]
    if events.schema()[name].is_floating() and rule.measure in {"sum", "mean"}:
        # Of numbers with a floating point the order counts: the same events give the same bits.
        column = exp.Order(this=column, expressions=[exp.Ordered(this=column.copy())])
    return function(this=column)


def condition(text: str, columns: Collection[str]) -> exp.Expr:
    """Return a condition over the event log's columns as a tree, once it is allowed."""
    return exp.paren(checked(text, columns, "where"))


def _names(tree: exp.Expr | None, column: str) -> bool:
    return tree is not None and any(node.name == column for node in tree.find_all(exp.Column))
