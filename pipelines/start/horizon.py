"""How far ahead the first tag looks: by the gaps that customers usually leave between events."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from tagcast.features.ingest.attributes.readings import local_day
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.pipelines.start.event_tables import EventTable

HORIZONS = (7, 14, 30, 60, 90)
_GAPS = 2
"""A customer who comes as usual has come within so many usual gaps."""
_SPANS = 8
"""The data have to hold so many horizons, to learn from some of them and to measure on others."""
_SHORTEST_ACTIVE = 30


@dataclass(frozen=True)
class Horizon:
    """How far the first tag looks.

    Parameters
    ----------
    gap_days : float or None
        Usual days between two days with such an event; None where nobody has two.
    days, active_days : int
        How far ahead; how lately somebody must have been active.
    """

    gap_days: float | None
    days: int
    active_days: int


def usual_horizon(reader: Reader, made: EventTable, event: str, timezone: str) -> Horizon:
    """Return the horizon that the events of one name suggest.

    Parameters
    ----------
    reader : Reader
    made : EventTable
    event : str
    timezone : str
        The project's.
    """
    person = made.facts.text(made.columns["profile_id"].value)
    day = local_day(made.time.moment(made.facts, timezone), timezone)
    rows = exp.select(exp.alias_(person, "p"), exp.alias_(day, "d")).from_(made.facts.table.as_("raw"))
    if made.event is not None:
        rows = rows.where(made.facts.text(made.event.value).eq(exp.Literal.string(event)))
    first, last, days_seen = exp.column("first_day"), exp.column("last_day"), exp.column("days")
    people = (
        exp.select(
            exp.alias_(exp.Count(this=exp.Distinct(expressions=[exp.column("d")])), "days"),
            exp.alias_(exp.Min(this=exp.column("d")), "first_day"),
            exp.alias_(exp.Max(this=exp.column("d")), "last_day"),
        )
        .from_(rows.subquery("r"))
        .where(exp.column("d").is_(exp.null()).not_())
        .group_by("p")
    )
    usual = exp.Div(this=exp.paren(last - first), expression=exp.paren(days_seen - 1), typed=False, safe=True)
    several = exp.Where(this=days_seen.copy() > 1)
    asked = exp.select(
        exp.Filter(this=exp.Anonymous(this="median", expressions=[usual]), expression=several),
        exp.Max(this=last.copy()) - exp.Min(this=first.copy()),
    ).from_(people.subquery("people"))
    with reader.reading(made.facts.label):
        gap, span = reader.connection.execute(asked.sql("duckdb")).fetchall()[0]
    wanted = _GAPS * gap if gap is not None else _SHORTEST_ACTIVE
    days = next((h for h in HORIZONS if h >= wanted), HORIZONS[-1])
    fitting = [h for h in HORIZONS if h * _SPANS <= (span or 0)]
    days = min(days, max(fitting, default=HORIZONS[0]))
    return Horizon(gap, days, max(_SHORTEST_ACTIVE, 2 * days))
