"""Lines are written with their place in the chain, in the transaction that what they speak of is part of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from tagcast.registry.access.chain.digests import (
    LOGS,
    Head,
    LogName,
    digest_of,
    head_of,
    key_name,
    seal_of,
)
from tagcast.registry.access.chain.heads import keep_head
from tagcast.registry.access.chain.stream import stream_now
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import AUDIT, AUDIT_CHAIN

START = "audit.start"
"""Action of the line that seals what was written before there was a chain."""


def append(state: State, log: LogName, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[int]:
    """Write lines of a log, each chained to the one before; return their ids in the log.

    Within ``state.writing()`` they are part of that block: writers wait for one another, so the line before is the last one.
    """
    with state.writing() as connection:
        head = head_of(connection)
        if not head.number:
            head = _start(connection, head, now)
        lines, head = _chained(connection, log, rows, head)
        state.after_writing("head", lambda: keep_head(state, head))
        state.after_writing("stream", lambda: stream_now(state, head.number))
    return lines


def _chained(
    connection: Connection, log: LogName, rows: Sequence[Mapping[str, Any]], head: Head
) -> tuple[list[int], Head]:
    table, key, entries = LOGS[log], key_name(), []
    # As they will be read: what is no JSON by itself is a text there.
    rows = [{**row, "detail": json.loads(json.dumps(row["detail"], default=str))} for row in rows]
    insert = table.insert().returning(table.c.id, sort_by_parameter_order=True)
    lines = list(connection.scalars(insert, rows))
    for line, row in zip(lines, rows, strict=True):
        place = {"number": head.number + 1, "log": log, "line": line, "before": head.digest, "key": key}
        head = Head(head.number + 1, digest_of(place, {"id": line, **row}))
        entries.append({**place, "digest": head.digest})
    connection.execute(AUDIT_CHAIN.insert(), entries)
    return lines, head


def _start(connection: Connection, head: Head, now: datetime) -> Head:
    """Seal the lines that were written before there was a chain, with a line that says so; return it as the head."""
    old = connection.scalar(select(func.count()).select_from(AUDIT))
    if not old:
        return head
    detail = {"lines": old, "sha256": seal_of(connection, None)}
    row = {"at": now, "who": "tagcast", "action": START, "subject": "", "detail": detail}
    return _chained(connection, "audit", [row], head)[1]
