"""SQLite files in a backup: held as they are at one moment while others write on, copied by SQLite itself, compared by table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from tagcast.registry.state.read_only import connect_readable, readable_only

_HEADER = b"SQLite format 3\0"
_WAIT_S = 30
BESIDE = ("-wal", "-shm", "-journal")
"""Ends of the names of what SQLite keeps beside a database; a copy of its own has all that they hold."""


def is_sqlite(file: Path) -> bool:
    """Return whether a file is an SQLite database."""
    with file.open("rb") as reading:
        return reading.read(len(_HEADER)) == _HEADER


class HeldDatabase:
    """A database as it is when this is made, whatever others write to it until :meth:`close`.

    One that keeps a write-ahead log is held by a reader, which stops nobody. Another one has readers and writers wait for one
    another, so it is copied at once.

    Parameters
    ----------
    file : Path
    target : Path
        Where the copy will be.

    Raises
    ------
    sqlite3.Error
        When it cannot be read.
    """

    def __init__(self, file: Path, target: Path) -> None:
        self._target = target
        self._connection = connect_readable(file) if readable_only(file) else _connected(file)
        self._connection.isolation_level = None
        self._done = False
        try:
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if self._connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                self.copy()
        except BaseException:
            self._connection.close()
            raise

    def column(self, table: str, column: str) -> list[Any]:
        """Return a column of a table as it was; nothing where there is no such table."""
        there = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
        if self._done or not self._connection.execute(there, [table]).fetchone()[0]:
            return []
        return [value for (value,) in self._connection.execute(f"SELECT {column} FROM {table}")]  # noqa: S608 - names of ours

    def copy(self) -> None:
        """Copy it as it was."""
        if self._done:
            return
        self._target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._target)) as copy:
            self._connection.backup(copy)
        self.close()
        self._done = True

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


@contextmanager
def writers_wait(file: Path) -> Iterator[None]:
    """Let nobody write to a database within the block, after whoever does now has ended."""
    if not file.exists() or readable_only(file):
        yield
        return
    with closing(_connected(file)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        yield


def tables_of(file: Path) -> dict[str, tuple[int, str]]:
    """Return rows and a digest of every table of a database, SQLite's own counters among them.

    Raises
    ------
    sqlite3.Error
        When it is damaged.
    """
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        connection.text_factory = bytes
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != b"ok":
            raise sqlite3.DatabaseError(verdict.decode(errors="replace").splitlines()[0])
        names = [
            name.decode()
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
        ]
        return {name: _digest(connection, name) for name in names}


def _digest(connection: sqlite3.Connection, table: str) -> tuple[int, str]:
    digest, rows = sha256(), 0
    quoted = table.replace('"', '""')
    for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - a name is quoted, values are none
        digest.update(repr(row).encode())
        rows += 1
    return rows, digest.hexdigest()


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=_WAIT_S)
