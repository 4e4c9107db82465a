"""Promised against actual, stored: how confident each tag's predictions were, and what share turned out right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, Date, Float, Integer, String, Table, delete, select

from tagcast.features.core.messages import Message, nmsg
from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA

PROMISES = Table(
    "observed_promises",
    METADATA,
    Column("tag", String(250), primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False, comment="in the order of at_least"),
    Column("at_least", Float, nullable=False),
    Column("due", Date, nullable=False),
    Column("predicted", BigInteger, nullable=False),
    Column("promised", Float),
    Column("right", Float),
    Column("gone", BigInteger, nullable=False, comment="predicted for profiles that are no longer known"),
)


@dataclass(frozen=True)
class PromiseRow:
    """One tag at one confidence or above.

    Parameters
    ----------
    tag : str
    version : int
        Of the model that predicted it.
    as_of : date
        Snapshot of the promise.
    due : date
        Day on which the published run's window is observed.
    observed : bool
        Whether this row evaluates a published run; else its model's own test snapshot.
    at_least : float
        Confidence; 0 for all predictions.
    predicted : int
        Values that are not unknown (which is no promise), of profiles that are still known.
    promised, right : float or None
        Mean confidence, and the share that turned out right; None where nothing was predicted.
    gone : int
        Values beside these that are not judged: of profiles that are no longer known.
    """

    tag: str
    version: int
    as_of: date
    due: date
    observed: bool
    at_least: float
    predicted: int
    promised: float | None
    right: float | None
    gone: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def not_judged(row: PromiseRow) -> Message:
    """Say how many of the values predicted are not judged, and why."""
    return nmsg(
        "{n:,} of {predicted:,} values is not judged: its profile is no longer in the data",
        "{n:,} of {predicted:,} values are not judged: their profiles are no longer in the data",
        row.gone,
        predicted=row.predicted + row.gone,
    )


def promise_rows(
    tag: str, version: int, as_of: date, due: date, metrics: Mapping[str, float], *, observed: bool
) -> list[PromiseRow]:
    """Return a row for each level of confidence, from ``promise_<level>_predicted|promised|right|gone`` of ``metrics``."""
    return [
        PromiseRow(
            tag,
            version,
            as_of,
            due,
            observed,
            least,
            int(metrics.get(f"{stem}_predicted", 0)),
            metrics.get(f"{stem}_promised"),
            metrics.get(f"{stem}_right"),
            int(metrics.get(f"{stem}_gone", 0)),
        )
        for least in CONFIDENCE_BANDS
        for stem in [f"promise_{round(least * 100)}"]
    ]


def record_promises(state: State, rows: Iterable[PromiseRow]) -> None:
    """Store the observed ones of ``rows``, in place of what the same version of the same day had before."""
    by_version: dict[tuple[str, date, int], list[PromiseRow]] = {}
    for row in rows:
        if row.observed:
            by_version.setdefault((row.tag, row.as_of, row.version), []).append(row)
    if not by_version:
        return
    with state.writing() as connection:
        for (tag, as_of, version), of_version in by_version.items():
            same = (PROMISES.c.tag == tag) & (PROMISES.c.as_of == as_of) & (PROMISES.c.version == version)
            connection.execute(delete(PROMISES).where(same))
            values = [{**row.to_dict(), "place": place} for place, row in enumerate(of_version)]
            for value in values:
                del value["observed"]
            connection.execute(PROMISES.insert(), values)


def observed_promises(state: State, tag: str) -> list[PromiseRow]:
    """Return what was recorded of ``tag``: newest day first, levels of confidence rising."""
    query = (
        select(PROMISES)
        .where(PROMISES.c.tag == tag)
        .order_by(PROMISES.c.as_of.desc(), PROMISES.c.version.desc(), PROMISES.c.place)
    )
    with state.reading() as connection:
        return [
            PromiseRow(
                r.tag, r.version, r.as_of, r.due, True, r.at_least, r.predicted, r.promised, r.right, r.gone
            )
            for r in connection.execute(query)
        ]
