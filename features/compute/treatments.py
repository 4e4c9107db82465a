"""Who was approached when, and who was left alone, as the event log says: the rows that effects are learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.compute.window_aggregates import condition

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd


@dataclass(frozen=True)
class TreatmentRule:
    """Two conditions over the event log's columns.

    Parameters
    ----------
    approached, control : str
        SQL: events of those who were approached, and of those who were chosen not to be.
    """

    approached: str
    control: str


def treatments(events: ir.Table, rule: TreatmentRule) -> pd.DataFrame:
    """Return ``profile_id``, ``day`` and ``treated`` (int8) of everybody who was approached or left alone, by day and profile.

    This is all that learning effects asks of a campaign: a record of campaigns gives the same table. A profile that is in
    both arms on one day was approached.

    Parameters
    ----------
    events : ibis table
        The event log, a table or view of a DuckDB connection.
    rule : TreatmentRule
    """
    import ibis
    import pandas as pd

    approached, control = (condition(text, events.columns) for text in (rule.approached, rule.control))
    profile, day = exp.column("profile_id", quoted=True), exp.column("event_day", quoted=True)
    one, none = exp.Literal.number(1), exp.Literal.number(0)
    treated = exp.Max(this=exp.Case(default=none).when(approached, one))
    rows = (
        exp.select(
            profile, exp.alias_(day, "day", quoted=True), exp.alias_(exp.cast(treated, "TINYINT"), "treated")
        )
        .from_(exp.table_(events.get_name(), quoted=True))
        .where(exp.or_(approached.copy(), control))
        .group_by(profile.copy(), day.copy())
        .order_by(day.copy(), profile.copy())
    )
    types = ibis.schema({"profile_id": "string", "day": "date", "treated": "int8"})
    found: pd.DataFrame = events.get_backend().sql(rows.sql("duckdb"), schema=types).execute()
    return found.assign(day=pd.to_datetime(found["day"]).dt.date)
