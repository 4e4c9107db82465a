"""Lines of the chain, streamed to a file or to syslog as JSON: each once, in order, and none lost while that cannot be written.

What was streamed last is marked in the state. A file says so itself, too: a process that was killed between writing
there and marking it writes no line twice. Syslog cannot be asked; there such a line comes twice, with the same number.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging.handlers import SYSLOG_UDP_PORT, SysLogHandler
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, select

from tagcast.features.core.errors import StateError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.registry.access.chain.digests import LOGS, canonical, head_of
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import AUDIT_CHAIN, AUDIT_STREAMS

log = logging.getLogger("tagcast")

LINES_AT_ONCE = 500
DEVICE = "/dev/log"
LONGEST = 60_000
"""Bytes of a line to syslog, which comes in one packet; of a longer one the detail is left out."""
_TAIL = 1 << 20
Write = Callable[[list[dict[str, Any]]], None]


@dataclass
class _Place:
    """What one process knows of where it streams to."""

    turn: Lock = field(default_factory=Lock)
    failing: bool = False
    number: int = 0
    """Of the last line that this process has written there, or found there."""
    file: tuple[int, int] = (0, 0)
    """Inode and size of the file then: where they are the same still, nobody else has written to it."""


_places: WeakKeyDictionary[State, _Place] = WeakKeyDictionary()
_lock = Lock()


def stream_now(state: State, up_to: int | None = None) -> None:
    """Stream what is new; where that does not work it is said once, and the next call tries again.

    ``up_to`` is the line that was written last: where another thread has streamed it already, nothing is left to do.
    """
    if state.access.audit_to is None:
        return
    place = _place(state)
    try:
        stream(state, up_to)
    except StateError as error:
        before, place.failing = place.failing, True
        if not before:
            log.warning(
                msg(
                    "lines of the audit log wait: {problem}; they are kept until it works",
                    problem=error.message,
                )
            )
        return
    before, place.failing = place.failing, False
    if before:
        log.warning(msg("lines of the audit log are streamed to {place} again", place=state.access.audit_to))


def stream(state: State, up_to: int | None = None) -> int:
    """Stream what is new to ``state.access.audit_to``, and return how many lines that were.

    Raises
    ------
    StateError
        When it cannot be written there.
    """
    to, place, count = state.access.audit_to, _place(state), 0
    if to is None:
        return 0
    with place.turn:
        while up_to is None or place.number < up_to:
            try:
                with (
                    state.writing() as connection,
                    _opened(to, state.project, connection, place) as (after, write),
                ):
                    lines = list(_lines(connection, state.project, after))
                    if lines:
                        write(lines)
                        _mark(connection, to, lines[-1]["number"])
            except OSError as error:
                raise StateError(
                    msg("nothing can be written to {place}: {reason}", place=to, reason=reason_of(error)),
                    hint=msg(
                        "[access] audit_to names the place; {command} tries again",
                        command="tagcast audit stream",
                    ),
                ) from error
            count += len(lines)
            if len(lines) < LINES_AT_ONCE:
                break
    return count


def _place(state: State) -> _Place:
    with _lock:
        return _places.setdefault(state, _Place())


def waiting(state: State) -> int:
    """Return how many lines are not streamed yet."""
    if state.access.audit_to is None:
        return 0
    with state.reading() as connection:
        return head_of(connection).number - _marked(connection, state.access.audit_to)


def _lines(connection: Connection, project: str, after: int) -> Iterator[dict[str, Any]]:
    query = select(AUDIT_CHAIN).where(AUDIT_CHAIN.c.number > after).order_by(AUDIT_CHAIN.c.number)
    for entry in connection.execute(query.limit(LINES_AT_ONCE)).mappings().all():
        table = LOGS[entry["log"]]
        line = connection.execute(select(table).where(table.c.id == entry["line"])).mappings().one_or_none()
        # A line that is gone before it was streamed leaves its place: whoever reads the stream should know.
        place = {name: entry[name] for name in ("number", "log", "before", "digest", "key")}
        yield {"project": project, **place, "line": None if line is None else dict(line)}


def _marked(connection: Connection, place: str) -> int:
    query = select(AUDIT_STREAMS.c.number).where(AUDIT_STREAMS.c.place == place)
    return connection.scalar(query) or 0


def _mark(connection: Connection, place: str, number: int) -> None:
    update = AUDIT_STREAMS.update().where(AUDIT_STREAMS.c.place == place).values(number=number)
    if not connection.execute(update).rowcount:
        connection.execute(AUDIT_STREAMS.insert().values(place=place, number=number))


@contextmanager
def _opened(to: str, project: str, connection: Connection, place: _Place) -> Iterator[tuple[int, Write]]:
    """Yield after which line to go on, and what writes lines."""
    parts, marked = urlsplit(to), _marked(connection, to)
    if parts.scheme != "file":
        host = (parts.hostname or "", parts.port or SYSLOG_UDP_PORT)
        address = host if parts.scheme == "udp" else parts.path or DEVICE
        yield marked, lambda lines: _send(address, lines, place)
        return
    opened = os.open(Path(parts.path), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    with os.fdopen(opened, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # other projects may stream to it as well
        found = os.fstat(opened)
        if (found.st_ino, found.st_size) == place.file:
            after = max(marked, place.number)
        else:
            after = max(marked, _last_in(_tail(file), project, connection))
        yield after, lambda lines: _write(file, lines, place)


def _tail(file: Any) -> list[bytes]:
    """Return the last whole lines of a file, from which what a killed process or a full disk left of a line is cut."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _TAIL)
    file.seek(start)
    text = file.read()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        file.truncate(start + whole)
    lines: list[bytes] = text[:whole].splitlines()
    return lines[1:] if start else lines


def _last_in(tail: list[bytes], project: str, connection: Connection) -> int:
    """Return the last line of this chain that a file holds; 0 where it holds none, or one that the chain does not know.

    A state that was restored from a backup is behind the file: its lines are others, and have to be written.
    """
    for text in reversed(tail):
        try:
            line = json.loads(text)
            number, digest = int(line["number"]), line["digest"]
        except (ValueError, KeyError, TypeError):
            continue
        if line.get("project") == project:
            kept = connection.scalar(select(AUDIT_CHAIN.c.digest).where(AUDIT_CHAIN.c.number == number))
            return number if kept == digest else 0
    return 0


def _write(file: Any, lines: list[dict[str, Any]], place: _Place) -> None:
    start = file.seek(0, os.SEEK_END)
    try:
        file.write("".join(f"{canonical(line)}\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())  # before it is marked as streamed
    except OSError:
        os.ftruncate(file.fileno(), start)
        raise
    found = os.fstat(file.fileno())
    place.file, place.number = (found.st_ino, found.st_size), lines[-1]["number"]


class _Raising(SysLogHandler):
    """A handler that says when a line could not be sent."""

    append_nul = False
    ident = "tagcast: "

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Raise what was caught."""
        del record
        raise  # noqa: PLE0704 - called where it was caught


def _send(address: str | tuple[str, int], lines: list[dict[str, Any]], place: _Place) -> None:
    handler = _Raising(address, SysLogHandler.LOG_AUTHPRIV)
    try:
        for line in lines:
            text = canonical(line)
            if len(text) > LONGEST:
                text = canonical(
                    {**line, "line": {**line["line"], "detail": {"left_out": True}, "seals": []}}
                )
            handler.emit(logging.LogRecord("tagcast.audit", logging.INFO, "", 0, text, None, None))
    finally:
        handler.close()
    place.number = lines[-1]["number"]
