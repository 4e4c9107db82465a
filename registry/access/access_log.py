"""The access log: who looked at whom, when, from where and what for. A line is written before the answer is given."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import select

from tagcast.features.core.messages import msg
from tagcast.registry.access.accessed_profiles import (
    NOBODY,
    Digests,
    digests_of,
    lines_with,
    rows_of,
    seals_of,
)
from tagcast.registry.access.chain.entries import append
from tagcast.registry.access.origin import origin
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import ACCESS_PROFILES, ACCESSES, NAME_LENGTH

log = logging.getLogger("tagcast")

Kind = Literal[
    "profile", "members", "sample", "examples", "portrait", "export", "predictions", "features", "training"
]
MOST_ENTRIES = 1_000
_MOST_IN_QUERY = 30_000  # values that both databases take
_EMPTY: dict[str, Any] = {}


@dataclass(frozen=True)
class Access:
    """One line.

    Parameters
    ----------
    id : int
        Rises in the order of writing.
    at : datetime
        UTC.
    who : str
        Name of a person or a key.
    kind : str
        What was shown: a ``profile``, ``members`` or a ``sample`` of an audience, the ``portrait`` of a few,
        ``examples``; or handed out: an ``export``,
        ``predictions``, ``features``, rows of ``training``.
    via : str
        ``api``, ``console``, ``cli`` or ``python``.
    address, request, purpose : str
        As in :class:`tagcast.registry.access.origin.Origin`.
    profiles : int
        How many were shown.
    everyone : bool
        Whether it was everyone, or everyone of a tag: who they were is not kept then.
    detail : dict
        What else is worth knowing; never ids.
    """

    id: int
    at: datetime
    who: str
    kind: Kind
    via: str
    address: str
    request: str
    purpose: str
    profiles: int
    everyone: bool
    detail: dict[str, Any]


@dataclass
class _Waiting:
    """A line on its way into the state."""

    row: dict[str, Any]
    digests: Digests
    now: datetime
    written: bool = False
    error: BaseException | None = None


@dataclass
class _Queue:
    """Lines of one process: who writes takes along what others have to write meanwhile, in one transaction."""

    lines: list[_Waiting] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    turn: Lock = field(default_factory=Lock)


_queues: WeakKeyDictionary[State, _Queue] = WeakKeyDictionary()
_lock = Lock()


def record_access(
    state: State,
    *,
    now: datetime,
    who: str,
    kind: Kind,
    ids: Iterable[str] = (),
    digests: Digests | None = None,
    everyone: int | None = None,
    detail: Mapping[str, Any] = _EMPTY,
) -> None:
    """Put on record that ``who`` is about to be shown profiles; from where is what :func:`origin` says.

    Parameters
    ----------
    state : State
    now : datetime
    who, kind : str
        As in :class:`Access`.
    ids : iterable of str
        Of the profiles.
    digests : array of int64, optional
        Or their digests (:func:`digests_of`), of an export whose ids were not held together.
    everyone : int, optional
        Or how many they are, where they are all; 0 where nobody has counted them yet.
    detail : mapping

    Raises
    ------
    StateError
        When it cannot be written: what is not on record must not be shown. Who reads the files of a home that cannot be
        written, without a key, is warned instead: nothing here keeps them from reading.
    DataError
        When the key of the home can be neither read nor made.
    """
    where = origin()
    if state.read_only and where.owns_files:
        log.warning(msg("{home} cannot be written: that you looked is not on record", home=state.home))
        return
    shown = (
        NOBODY if everyone is not None else np.sort(digests_of(state, ids) if digests is None else digests)
    )
    row = {
        "at": now,
        "who": who[:NAME_LENGTH],
        "kind": kind,
        "via": where.via,
        "address": where.address[:64],
        "request": where.request[:64],
        "purpose": where.purpose,
        "profiles": len(shown) if everyone is None else everyone,
        "everyone": everyone is not None,
        "seals": seals_of(shown),
        "detail": dict(detail),
    }
    line = _Waiting(row, shown, now)
    if state.in_transaction:
        _write(state, [line])
        return
    with _lock:
        queue = _queues.setdefault(state, _Queue())
    with queue.lock:
        queue.lines.append(line)
    with queue.turn:
        if not line.written:
            with queue.lock:
                lines, queue.lines = queue.lines, []
            _write_for_all(state, lines)
    if line.error is not None:
        raise line.error


def _write_for_all(state: State, lines: list[_Waiting]) -> None:
    try:
        with state.writing():
            _write(state, lines)
    except BaseException as error:
        for line in lines:
            line.error = error  # each of them raises it
        if not isinstance(error, Exception):
            raise
    finally:
        for line in lines:
            line.written = True


def _write(state: State, lines: Sequence[_Waiting]) -> None:
    with state.writing() as connection:
        numbers = append(state, "access", [line.row for line in lines], lines[0].now)
        parts = [
            part
            for number, line in zip(numbers, lines, strict=True)
            for part in rows_of(number, line.digests)
        ]
        if parts:
            connection.execute(ACCESS_PROFILES.insert(), parts)


def accesses(
    state: State,
    *,
    profiles: Sequence[str] = (),
    who: str | None = None,
    since: datetime | None = None,
    limit: int = 200,
    before: int | None = None,
) -> list[Access]:
    """Return lines, newest first.

    Parameters
    ----------
    state : State
    profiles : sequence of str
        Ids of one profile, of today and of before: only lines that showed it, or everyone.
    who : str, optional
        Only what was shown to them.
    since : datetime, optional
        Only lines from then on.
    limit : int
        At most 1,000.
    before : int, optional
        Only lines older than the one of this id: the next page.
    """
    columns = [column for column in ACCESSES.c if column.name != "seals"]
    query = select(*columns).order_by(ACCESSES.c.id.desc()).limit(min(max(limit, 1), MOST_ENTRIES))
    if who is not None:
        query = query.where(ACCESSES.c.who == who)
    if since is not None:
        query = query.where(ACCESSES.c.at >= since)
    if before is not None:
        query = query.where(ACCESSES.c.id < before)
    with state.reading() as connection:
        if profiles:
            lines = sorted(lines_with(connection, digests_of(state, profiles)))
            if before is not None:
                lines = [line for line in lines if line < before]
            lines = lines[-_MOST_IN_QUERY:]
            query = query.where(ACCESSES.c.id.in_(lines) | ACCESSES.c.everyone)
        return [Access(**row) for row in connection.execute(query).mappings()]
