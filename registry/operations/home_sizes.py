"""How large the home was after each night, by kind: what a night adds, and when the disk will be full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Column, String, Table, delete, func, select

from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA, UtcDateTime

HOME_SIZES = Table(
    "home_sizes",
    METADATA,
    Column("at", UtcDateTime, primary_key=True, comment="when the night began"),
    Column("kind", String(20), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
)


def record_sizes(state: State, sizes: Mapping[str, tuple[int, int]], now: datetime) -> None:
    """Put on record how many bytes and files there are of each kind; what was recorded at ``now`` before is replaced."""
    with state.writing() as connection:
        connection.execute(delete(HOME_SIZES).where(HOME_SIZES.c.at == now))
        rows = [
            {"at": now, "kind": kind, "bytes": size, "files": files} for kind, (size, files) in sizes.items()
        ]
        connection.execute(HOME_SIZES.insert(), rows)


def sizes_over_time(state: State) -> dict[str, list[tuple[datetime, int]]]:
    """Return when which bytes were counted, by kind and rising time."""
    found: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    with state.reading() as connection:
        for row in connection.execute(select(HOME_SIZES).order_by(HOME_SIZES.c.at)):
            found[row.kind].append((row.at, row.bytes))
    return dict(found)


def newest_sizes(state: State) -> dict[str, tuple[int, int]]:
    """Return how many bytes and files there were of each kind after the last night; nothing before the first."""
    newest = select(func.max(HOME_SIZES.c.at)).scalar_subquery()
    with state.reading() as connection:
        rows = connection.execute(select(HOME_SIZES).where(HOME_SIZES.c.at == newest))
        return {row.kind: (row.bytes, row.files) for row in rows}


def forget_sizes(state: State, before: datetime) -> int:
    """Delete what was counted before a moment; return how many rows that were."""
    with state.writing() as connection:
        return connection.execute(delete(HOME_SIZES).where(HOME_SIZES.c.at < before)).rowcount


def total_over_time(sizes: Mapping[str, list[tuple[datetime, int]]]) -> list[tuple[datetime, int]]:
    """Return the bytes of all kinds together, by rising time."""
    total: dict[datetime, int] = defaultdict(int)
    for measured in sizes.values():
        for at, size in measured:
            total[at] += size
    return sorted(total.items())
