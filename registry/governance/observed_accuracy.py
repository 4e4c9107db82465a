"""Promised against actual, stored: how confident each tag's predictions were, and what share turned out right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    Integer,
    Row,
    Select,
    String,
    Table,
    and_,
    func,
    select,
)

from tagcast.features.core.messages import Message, nmsg
from tagcast.models.stats.numerics import wilson
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

APPROACHED = Table(
    "observed_promises_approached",
    METADATA,
    Column("tag", String(250), primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False, comment="in the order of at_least"),
    Column(
        "approached", BigInteger, nullable=False, comment="predicted for profiles that a campaign approached"
    ),
)

_KEYS = ("tag", "as_of", "version", "place")


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
    approached : int
        Further values that are not judged: of profiles that a campaign approached within the window.
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
    approached: int = 0

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between what shares the true one lies, by Wilson's 95 % interval; None where nothing was predicted."""
        if not self.predicted or self.right is None:
            return None
        low, _, high = wilson([self.right * self.predicted], [self.predicted])
        return float(low[0]), float(high[0])

    @property
    def is_kept(self) -> bool:
        """Whether at least as many turned out right as promised, or so nearly that it may be chance."""
        return not self.is_broken

    @property
    def is_broken(self) -> bool:
        """Whether fewer turned out right than promised, by more than chance."""
        between = self.interval
        return between is not None and self.promised is not None and between[1] < self.promised

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def promises_judged(state: State) -> dict[str, tuple[int, int]]:
    """Return of each tag how many runs were judged, and how many of these broke their promise, over all values."""
    found: dict[str, tuple[int, int]] = {}
    for row in _closed_since(state, date.min):
        judged, broken = found.get(row.tag, (0, 0))
        found[row.tag] = judged + 1, broken + row.is_broken
    return found


def newest_of(rows: Sequence[PromiseRow]) -> list[PromiseRow]:
    """Return those of the newest run, of rows as :func:`observed_promises` gives them."""
    return [row for row in rows if (row.as_of, row.version) == (rows[0].as_of, rows[0].version)]


def by_week(rows: Iterable[PromiseRow]) -> list[PromiseRow]:
    """Return a row for each week of runs, Monday first, oldest first: means over its runs, of one level of confidence.

    The runs of a week speak of much the same people and days: a week is as exact as its largest run, not as all together.
    """
    weeks: dict[date, list[PromiseRow]] = {}
    for row in rows:
        if row.predicted and row.promised is not None and row.right is not None:
            weeks.setdefault(row.as_of - timedelta(days=row.as_of.weekday()), []).append(row)
    return [
        replace(
            max(some, key=lambda row: row.as_of),
            as_of=monday,
            predicted=max(row.predicted for row in some),
            promised=_mean(some, [row.promised for row in some]),
            right=_mean(some, [row.right for row in some]),
            gone=max(row.gone for row in some),
            approached=max(row.approached for row in some),
        )
        for monday, some in sorted(weeks.items())
    ]


def _mean(rows: Sequence[PromiseRow], values: Sequence[float | None]) -> float:
    whole = sum(row.predicted for row in rows)
    return sum(row.predicted * (value or 0.0) for row, value in zip(rows, values, strict=True)) / whole


def kept_weeks(weeks: Sequence[PromiseRow]) -> Message:
    """Say in how many weeks a promise was kept."""
    kept = sum(week.is_kept for week in weeks)
    return nmsg("kept in {kept} of {n} week", "kept in {kept} of {n} weeks", len(weeks), kept=kept)


def not_judged(row: PromiseRow) -> list[Message]:
    """Say how many of the values predicted are not judged, and why; nothing where all are."""
    every = row.predicted + row.gone + row.approached
    said = []
    if row.gone:
        said.append(
            nmsg(
                "{n:,} of {predicted:,} values is not judged: its profile is no longer in the data",
                "{n:,} of {predicted:,} values are not judged: their profiles are no longer in the data",
                row.gone,
                predicted=every,
            )
        )
    if row.approached:
        said.append(
            nmsg(
                "{n:,} of {predicted:,} values is not judged: a campaign approached its profile",
                "{n:,} of {predicted:,} values are not judged: a campaign approached their profiles",
                row.approached,
                predicted=every,
            )
        )
    return said


def promise_rows(
    tag: str, version: int, as_of: date, due: date, metrics: Mapping[str, float], *, observed: bool
) -> list[PromiseRow]:
    """Return a row for each level of confidence, from ``promise_<level>_predicted|promised|right|gone|approached`` of ``metrics``."""
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
            int(metrics.get(f"{stem}_approached", 0)),
        )
        for least in CONFIDENCE_BANDS
        for stem in [f"promise_{round(least * 100)}"]
    ]


def record_promises(state: State, rows: Iterable[PromiseRow]) -> None:
    """Store the observed ones of ``rows`` for good: what the same version of the same day was judged before stays."""
    by_version: dict[tuple[str, date, int], list[PromiseRow]] = {}
    for row in rows:
        if row.observed:
            by_version.setdefault((row.tag, row.as_of, row.version), []).append(row)
    if not by_version:
        return
    with state.writing() as connection:
        for (tag, as_of, version), of_version in by_version.items():
            same = (PROMISES.c.tag == tag) & (PROMISES.c.as_of == as_of) & (PROMISES.c.version == version)
            if connection.execute(select(PROMISES.c.tag).where(same).limit(1)).first() is not None:
                continue
            values = [{**row.to_dict(), "place": place} for place, row in enumerate(of_version)]
            for table in (PROMISES, APPROACHED) if any(row.approached for row in of_version) else (PROMISES,):
                connection.execute(table.insert(), [{c.name: one[c.name] for c in table.c} for one in values])


def judged(state: State) -> set[tuple[str, date, int]]:
    """Return what was judged: tag, day and version."""
    keys = select(PROMISES.c.tag, PROMISES.c.as_of, PROMISES.c.version).distinct()
    with state.reading() as connection:
        return {(row.tag, row.as_of, row.version) for row in connection.execute(keys)}


def broken_since(state: State, day: date) -> list[PromiseRow]:
    """Return the broken promises, over all values, whose window closed on ``day`` or later; by tag and day."""
    return [row for row in _closed_since(state, day) if row.is_broken]


def newest_judged(state: State, day: date) -> list[PromiseRow]:
    """Return of each tag the last promise over all values whose window closed on ``day`` or later."""
    return list({row.tag: row for row in _closed_since(state, day)}.values())


def _closed_since(state: State, day: date) -> list[PromiseRow]:
    query = _rows().where(PROMISES.c.at_least == 0, PROMISES.c.due >= day)
    keys = PROMISES.c.tag, PROMISES.c.as_of, PROMISES.c.version
    with state.reading() as connection:
        return [_row(r) for r in connection.execute(query.order_by(*keys))]


def observed_promises(state: State, tag: str, *, since: date | None = None) -> list[PromiseRow]:
    """Return what was recorded of ``tag``: newest day first, levels of confidence rising.

    Parameters
    ----------
    state : State
    tag : str
    since : date, optional
        Only of runs as of this day or later.
    """
    query = (
        _rows()
        .where(PROMISES.c.tag == tag, *([PROMISES.c.as_of >= since] if since is not None else []))
        .order_by(PROMISES.c.as_of.desc(), PROMISES.c.version.desc(), PROMISES.c.place)
    )
    with state.reading() as connection:
        return [_row(r) for r in connection.execute(query)]


def _rows() -> Select[Any]:
    same = [PROMISES.c[name] == APPROACHED.c[name] for name in _KEYS]
    joined = PROMISES.outerjoin(APPROACHED, and_(*same))
    return select(PROMISES, func.coalesce(APPROACHED.c.approached, 0).label("approached")).select_from(joined)


def _row(r: Row[Any]) -> PromiseRow:
    return PromiseRow(
        r.tag,
        r.version,
        r.as_of,
        r.due,
        True,
        r.at_least,
        r.predicted,
        r.promised,
        r.right,
        r.gone,
        r.approached,
    )
