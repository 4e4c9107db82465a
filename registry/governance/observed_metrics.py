"""How good a run's predictions were, stored: each metric once its window has closed, beside what the run expected of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, Date, Float, Integer, String, Table, select

from tagcast.features.core.messages import Text, msg
from tagcast.models.stats.metrics import Estimate
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA

METRIC_TITLES: dict[str, Text] = {
    "auc": "AUC",
    "log_loss": msg("log loss"),
    "precision": msg("precision of yes"),
    "recall": msg("recall of yes"),
    "rate": msg("rate"),
    "mae": "MAE",
    "rmse": "RMSE",
}
"""In the order in which they are shown."""

METRICS = Table(
    "observed_metrics",
    METADATA,
    Column("tag", String(250), primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("metric", String(40), primary_key=True),
    Column("people", BigInteger, nullable=False, comment="whom it was measured on"),
    Column("value", Float, nullable=False),
    Column("low", Float, nullable=False, comment="of a 95 % interval"),
    Column("high", Float, nullable=False),
    Column("expected", Float, comment="by the run itself, before anybody knew"),
    Column("expected_low", Float),
    Column("expected_high", Float),
)


@dataclass(frozen=True)
class MetricRow:
    """One metric of what one run predicted of one tag.

    Parameters
    ----------
    tag : str
    as_of : date
        Snapshot of the run.
    version : int
        Of the model that predicted.
    metric : str
        ``auc``, ``log_loss``, ``precision``, ``recall`` or ``rate``; of an amount ``mae`` or ``rmse``, in the currency of the data.
    people : int
        Whom it was measured on.
    value, low, high : float
        As measured, with its 95 % interval.
    expected, expected_low, expected_high : float or None
        What the run expected of itself, with its interval; None where it said nothing.
    """

    tag: str
    as_of: date
    version: int
    metric: str
    people: int
    value: float
    low: float
    high: float
    expected: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def metric_rows(
    tag: str,
    as_of: date,
    version: int,
    people: int,
    measured: Mapping[str, Estimate],
    expected: Mapping[str, Estimate],
) -> list[MetricRow]:
    """Return a row for each metric that was measured, beside what was expected of it."""
    rows = []
    for metric, one in measured.items():
        before = expected.get(metric)
        beside = (None, None, None) if before is None else (before.value, before.low, before.high)
        rows.append(MetricRow(tag, as_of, version, metric, people, one.value, one.low, one.high, *beside))
    return rows


def record_metrics(state: State, rows: Iterable[MetricRow]) -> None:
    """Store what was measured for good: what is on record of the same version, day and metric stays."""
    with state.writing() as connection:
        for row in rows:
            keys = [METRICS.c[name] == getattr(row, name) for name in ("tag", "as_of", "version", "metric")]
            if connection.execute(select(METRICS.c.tag).where(*keys)).first() is None:
                connection.execute(METRICS.insert(), row.to_dict())


def observed_metrics(state: State, tag: str, *, since: date | None = None) -> list[MetricRow]:
    """Return what was measured of ``tag``: newest day first, metrics by name.

    Parameters
    ----------
    state : State
    tag : str
    since : date, optional
        Only of runs as of this day or later.
    """
    query = (
        select(METRICS)
        .where(METRICS.c.tag == tag, *([METRICS.c.as_of >= since] if since is not None else []))
        .order_by(METRICS.c.as_of.desc(), METRICS.c.version.desc(), METRICS.c.metric)
    )
    with state.reading() as connection:
        return [MetricRow(**row) for row in connection.execute(query).mappings()]
