"""Populations and outcomes as statements over a range of the event log, and where a top share of everybody ends."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.compute.dated_statements import (
    DIALECT,
    STANDS_FOR_LAST,
    Statement,
    compiler,
    dated_statement,
)
from tagcast.features.compute.labels import (
    TOP_SHARE,
    Eligibility,
    OutcomeRule,
    check_observed,
    label_columns,
    outcome_of,
    population,
    spent,
)
from tagcast.features.compute.window_aggregates import BOUND, WindowRule

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis import Schema

POPULATION, MEMBERS, OUTCOMES = "population", "members", "outcomes"
"""Tables of a day: who is eligible, those of them whose outcome is asked for, and what came of these."""

_CUT = """
SELECT max(net) FROM (
  SELECT net, sum(n) OVER (ORDER BY net DESC) AS upto FROM (SELECT net, sum(n) AS n FROM read_parquet($files) GROUP BY net)
) WHERE upto >= {inside}
"""


def population_statement(events: ir.Table, eligibility: Eligibility) -> Statement:
    """Return what makes the table :data:`POPULATION` of any day: :func:`population`, put together once."""
    return _population_statement(events.get_name(), events.schema(), eligibility)


def outcome_statement(
    events: ir.Table, as_of: date, rule: OutcomeRule | WindowRule, *, observed_until: date
) -> Statement:
    """Return what makes the table :data:`OUTCOMES` of those in :data:`MEMBERS`: :func:`outcome_of`.

    Of a ``top_share`` it holds ``net`` (float64) in place of ``y``: where the share ends is a matter of everybody
    (:func:`top_share_cut`).

    Parameters
    ----------
    events : ibis table
        The event log, a table or view of a DuckDB connection; the statement reads one of that name.
    as_of, rule, observed_until
        As in :func:`outcome_of`.

    Raises
    ------
    DataError
        When the window is not fully observed.
    """
    check_observed(as_of, rule, observed_until)
    if not isinstance(rule, WindowRule):
        return _outcome_statement(events.get_name(), events.schema(), rule)
    import ibis

    # What conditions compare with is people's own, however near it is to a day: no parameters stand for it.
    columns = {"profile_id": "string", **({BOUND: "float64"} if rule.bound is None else {})}
    members = ibis.table(columns, name=MEMBERS)
    rows = outcome_of(events, members, as_of, rule, observed_until=observed_until)
    return Statement(_made(OUTCOMES, rows).sql(DIALECT), {}, {})


@lru_cache(maxsize=256)
def _population_statement(name: str, schema: Schema, eligibility: Eligibility) -> Statement:
    import ibis

    return dated_statement(
        _made(POPULATION, population(ibis.table(schema, name=name), STANDS_FOR_LAST, eligibility))
    )


@lru_cache(maxsize=256)
def _outcome_statement(name: str, schema: Schema, rule: OutcomeRule) -> Statement:
    import ibis

    joined = spent(
        ibis.table(schema, name=name),
        ibis.table({"profile_id": "string"}, name=MEMBERS),
        STANDS_FOR_LAST,
        rule,
    )
    columns = {"net": joined.net} if rule.kind == TOP_SHARE else label_columns(joined, rule)
    return dated_statement(_made(OUTCOMES, joined.select("profile_id", **columns)))


def _made(table: str, rows: ir.Table) -> exp.Create:
    query = compiler().to_sqlglot(rows)
    return exp.Create(this=exp.table_(table, quoted=True), kind="TABLE", expression=query, replace=True)


def top_share_cut(connection: Any, files: str, members: int, share: float) -> float:
    """Return the net spend from which on, above zero, members are inside the top ``share`` of all.

    Those who tie with the last one inside are inside too, as in :func:`tagcast.features.compute.labels.outcome_of`.

    Parameters
    ----------
    connection : DuckDB connection
    files : str
        Pattern of Parquet files that hold each ``net`` above zero and how many (``n``) have it; one may stand in several.
    members : int
    share : float
    """
    # The product is that of SQL's exact decimals, as everywhere that a share of rows is counted.
    inside = exp.Ceil(this=exp.cast(exp.Placeholder(this="members"), "BIGINT") * exp.Literal.number(share))
    statement = _CUT.format(inside=inside.sql(DIALECT))
    (found,) = connection.execute(statement, {"files": files, "members": members}).fetchone()
    return 0.0 if found is None else float(found)
