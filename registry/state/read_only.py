"""A SQLite database where this process only reads: a backup, a read-only mount, another user's home, none yet."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, StaticPool, create_engine
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from tagcast.registry.state.tables import METADATA


def readable_only(file: Path) -> bool:
    """Return whether a SQLite database lies where this process may only read."""
    return file.exists() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def connect_readable(file: Path) -> sqlite3.Connection:
    """Open a SQLite database where nothing can be written beside it.

    A log beside the database holds what is newest, and is read with it; where there is none nobody is writing, and SQLite
    has to know it, or it would want to make one.
    """
    quiet = "" if file.with_name(f"{file.name}-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{quiet}", uri=True, check_same_thread=False)


def add_missing_tables(connection: sqlite3.Connection, _: Any) -> None:
    """Add what an older or unused state has no table for, empty and for this connection alone."""
    connection.execute("PRAGMA temp_store = MEMORY")
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in METADATA.sorted_tables:
        if table.name not in there:
            made = str(CreateTable(table).compile(dialect=sqlite.dialect()))
            connection.execute(made.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1))


@contextmanager
def empty_state() -> Iterator[Connection]:
    """Yield a connection to empty tables in memory."""
    with _empty_tables(frozenset(METADATA.tables)).connect() as connection:
        yield connection


@cache
def _empty_tables(names: frozenset[str]) -> Engine:
    """Return an engine whose every connection finds tables of its own, empty.

    ``names`` is which there are: a module brings its own when it is imported.
    """
    del names
    plain = sqlite3.connect(":memory:", check_same_thread=False)
    METADATA.create_all(create_engine("sqlite://", creator=lambda: plain, poolclass=StaticPool))
    copying = threading.Lock()

    def made() -> sqlite3.Connection:
        # A copy: making the tables anew would be most of what a command takes that asks ten times.
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        with copying:
            plain.backup(connection)
        return connection

    return create_engine("sqlite://", creator=made, poolclass=NullPool)
