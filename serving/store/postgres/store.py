"""The production store: runs as tables of PostgreSQL, put active by one transaction.

::

    <schema>.log        what was activated, when
    <schema>.current    which line of it is active
    <schema>.changes    what each changed
    <schema>.layouts    which runs are there, and what their tables hold
    <schema>.r12_g0 …   the run 12; r12_s0 … a sample of it

A publication, from CREATE TABLE on, is one transaction: whatever dies, there is nothing to clear. Readers hold their tables.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.registry.state.state_url import schema_of
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.erased import Taken, renewed, stored_manifests
from tagcast.serving.store.errors import RunGoneError
from tagcast.serving.store.lock_and_sync import CHECK_EVERY_SECONDS, busy, staging_in
from tagcast.serving.store.manifest import Entry, Manifest
from tagcast.serving.store.postgres import erasing
from tagcast.serving.store.postgres.connection import (
    PUBLISH_AGAIN,
    Server,
    commit,
    fetch,
    holder_of,
    perform,
    unlock,
)
from tagcast.serving.store.postgres.kept_history import PostgresHistory
from tagcast.serving.store.postgres.layout import Layout, table_of
from tagcast.serving.store.postgres.reader import PostgresReader
from tagcast.serving.store.postgres.run_tables import drop_run, vacuum_run, write_sample
from tagcast.serving.store.schema import RunInfo

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection


class PostgresStore(ProfileStore):
    """The store of one project in a PostgreSQL database.

    Parameters
    ----------
    url : str
        ``postgresql://…``
    folder : Path
        For what a writer has under way.
    project : str
        Names the schema.
    """

    def __init__(self, url: str, folder: Path, project: str) -> None:
        super().__init__(folder)
        self.server = Server(url, schema_of(project), folder)
        self._writing: Connection | None = None
        self._layout: Layout | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what other processes read it by; a writer's connection stays here."""
        return {**self.__dict__, "_writing": None, "_layout": None}

    @property
    def place(self) -> str:
        """Server, database and schema, without user and password."""
        return self.server.place

    def log(self) -> list[Entry]:
        """Return what was activated, oldest first."""
        query = exp.select("number", "entry").from_(self.server.table("log"))
        return [self.server.entry(row) for row in self._read(query.order_by("number"))]

    def current(self) -> Manifest | None:
        """Return the active manifest."""
        query = exp.select("number", "entry").from_(self.server.table("log"))
        rows = self._read(query.join(self.server.table("current"), using="number"))
        return self.server.entry(rows[0]).manifest if rows else None

    def stored(self) -> set[int]:
        """Return the numbers of the runs whose tables are there."""
        return {
            int(row["number"]) for row in self._read(exp.select("number").from_(self.server.table("layouts")))
        }

    def changes_of(self, profile_id: str, after: int) -> list[Mapping[str, Any]]:
        """Read the history of one profile."""
        query = exp.select("*").from_(self.server.table("changes"))
        query = query.where(exp.column("profile_id").eq(exp.Literal.string(profile_id)))
        query = query.where(exp.column("entry") > exp.Literal.number(after))
        return self._read(query.order_by(exp.column("entry").desc()))

    def _read(self, query: exp.Select) -> list[Mapping[str, Any]]:
        """Answer a small question; nothing where the schema was never made."""
        try:
            with self.server.errors(), self.server.connect("tagcast reader") as connection:
                return fetch(connection, query)
        except RunGoneError:
            return []

    @contextmanager
    def open(self, manifest: Manifest) -> Iterator[PostgresReader]:
        """Open the tables of a run, and hold them until the end."""
        number = manifest.number
        with self.server.errors(), self.server.connect("tagcast reader") as connection:
            perform(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            layout = self._stored_layout(connection, number)
            if layout is None:
                gone = msg("the run {run} is not in {place} any more", run=number, place=self.place)
                raise RunGoneError(gone, hint=PUBLISH_AGAIN)
            tables = ", ".join(self.server.name(table_of(manifest, "g", g)) for g in layout.groups)
            perform(connection, f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
            reader = PostgresReader(self.server, connection, manifest, layout)
            try:
                yield reader
            finally:
                reader.let_go()

    @contextmanager
    def lock(self, run_id: str, wait_seconds: float) -> Iterator[Path]:
        """Hold an advisory lock of the database: it goes with the connection."""
        key = int.from_bytes(sha256(self.server.schema.encode()).digest()[:8], "big", signed=True)
        take = exp.select(exp.alias_(exp.func("pg_try_advisory_lock", exp.Literal.number(key)), "held"))
        with self.server.connect(f"tagcast run {run_id}") as connection:
            with self.errors():
                waited = 0.0
                while not fetch(connection, take)[0]["held"]:
                    connection.rollback()
                    if waited >= wait_seconds:
                        raise busy(self.place, holder_of(connection, key), waited)
                    time.sleep(CHECK_EVERY_SECONDS)
                    waited += CHECK_EVERY_SECONDS
                self._prepare(connection)
            self._writing = connection
            try:
                with staging_in(self.folder) as staging:
                    yield staging
            finally:
                self._writing = self._layout = None
                unlock(connection, key)

    def _prepare(self, connection: Connection) -> None:
        """Make what is not there yet."""
        schema = exp.to_identifier(self.server.schema, quoted=True).sql("postgres")
        parts = ", ".join(
            f"{when}_value text, {when}_band text, {when}_confidence float8" for when in ("was", "now")
        )
        tables = {
            "log": "number integer PRIMARY KEY, entry text NOT NULL",
            "current": "only_row boolean PRIMARY KEY CHECK (only_row), number integer NOT NULL",
            "layouts": "number integer PRIMARY KEY, layout text NOT NULL",
            "changes": f'entry integer, profile_id text COLLATE "C", tag text, {parts}',
        }
        perform(connection, f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for name, columns in tables.items():
            perform(connection, f"CREATE TABLE IF NOT EXISTS {self.server.name(name)} ({columns})")
        by_profile = f"ON {self.server.name('changes')} (profile_id, entry)"
        perform(connection, f"CREATE INDEX IF NOT EXISTS changes_by_profile {by_profile}")
        connection.commit()

    def _connection(self) -> Connection:
        if self._writing is None:
            raise StoreError(msg("the store is written without its lock"))
        return self._writing

    def next_number(self) -> int:
        """Return one more than the last, also where somebody deleted its row of the log."""
        last = exp.alias_(exp.Max(this=exp.column("number")), "last")
        found = [
            fetch(self._connection(), exp.select(last).from_(self.server.table(name)))[0]["last"] or 0
            for name in ("log", "layouts")
        ]
        return int(max(found)) + 1

    def write(
        self, number: int, run: RunInfo, schema: pa.Schema, batches: Iterator[pa.RecordBatch], folder: Path
    ) -> tuple[int, ...]:
        """Write the tables of a run, all in the transaction that :meth:`activate` ends."""
        del folder
        connection = self._connection()
        kinds = {pa.float64(): "number", pa.bool_(): "boolean"}
        attributes = {f.name: kinds.get(f.type, "text") for f in list(schema)[1:] if ":" not in f.name}
        layout = Layout.of(attributes, run)
        for group in layout.groups:
            columns = ", ".join(f"{name} {kind}" for name, kind in layout.definition(group))
            perform(connection, f"CREATE TABLE {self.server.name(f'r{number}_g{group}')} ({columns})")
        count = size = 0
        with connection.cursor() as cursor:
            for batch in batches:
                for group, rows in layout.rows(batch, count):
                    cursor.adbc_ingest(
                        f"r{number}_g{group}", rows, mode="append", db_schema_name=self.server.schema
                    )
                count += batch.num_rows
        for group in layout.groups:
            table = self.server.name(f"r{number}_g{group}")
            if group == 0:
                perform(connection, f"CREATE UNIQUE INDEX ON {table} (profile_id)")
            perform(connection, f"CREATE UNIQUE INDEX ON {table} (n)")
            layout.sample_rows = write_sample(self.server, connection, number, group, count)
            perform(connection, f"ANALYZE {table}")
            measured = exp.func("pg_table_size", exp.Literal.string(table))
            size += fetch(connection, exp.select(exp.alias_(measured, "bytes")))[0]["bytes"]
        self._insert("layouts", {"number": [number], "layout": [layout.text()]})
        self._layout = layout
        return (size,)

    def _insert(self, table: str, rows: dict[str, list[Any]]) -> None:
        kinds = {bool: pa.bool_(), int: pa.int32(), str: pa.string()}
        columns = {name: pa.array(values, kinds[type(values[0])]) for name, values in rows.items()}
        with self._connection().cursor() as cursor:
            cursor.adbc_ingest(table, pa.table(columns), mode="append", db_schema_name=self.server.schema)

    def _stored_layout(self, connection: Connection, number: int) -> Layout | None:
        """Return what the tables of a run hold, None where it is not there."""
        query = (
            exp.select("layout").from_(self.server.table("layouts")).where(exp.column("number").eq(number))
        )
        rows = fetch(connection, query)
        return Layout.parse(rows[0]["layout"]) if rows else None

    def activate(self, entry: Entry, changes: Path) -> None:
        """Write the log, the changes and what is active, and commit everything at once."""
        connection = self._connection()
        with connection.cursor() as cursor, pq.ParquetFile(changes, pre_buffer=False) as file:
            for batch in file.iter_batches():
                numbered = pa.array([entry.number] * len(batch), pa.int32())
                rows = pa.record_batch([numbered, *batch.columns], names=["entry", *batch.schema.names])
                if len(batch):
                    cursor.adbc_ingest("changes", rows, mode="append", db_schema_name=self.server.schema)
        self._insert("log", {"number": [entry.number], "entry": [entry.text()]})
        perform(connection, exp.delete(self.server.table("current")).sql("postgres"))
        self._insert("current", {"only_row": [True], "number": [entry.number]})
        commit(connection, lambda: any(entry.text() == one.text() for one in self.log()))
        if entry.action != "rollback" and self._layout is not None:
            vacuum_run(self.server, self._layout, entry.number)

    def drop(self, numbers: Collection[int]) -> list[int]:
        """Delete the tables of runs; those that readers hold stay until the next call."""
        connection = self._connection()
        connection.rollback()  # what a refused run has written
        gone = []
        for number in numbers:
            if self._stored_layout(connection, number) is not None:
                if not drop_run(self.server, connection, number):
                    continue
                where = exp.column("number").eq(number)
                perform(connection, exp.delete(self.server.table("layouts"), where).sql("postgres"))
            connection.commit()
            gone.append(number)
        return gone

    def every_id(self) -> Iterator[str]:
        """Yield the ids in the tables of runs and of the history."""
        yield from erasing.ids_of_tables(self.server, stored_manifests(self))

    def take_out(self, ids: Collection[str], runs: Mapping[int, Manifest], folder: Path) -> Taken:
        """Write the tables of the runs anew, in one transaction with what leads to them, and drop those that were."""
        del folder
        connection, written = self._connection(), {}
        for number, after in runs.items():
            layout = self._stored_layout(connection, number)
            assert layout is not None  # noqa: S101 - the caller holds the lock and has read it
            written[number] = erasing.write_edition(self.server, connection, after, layout, ids)
        lines = [renewed(entry, written) for entry in self.log()] if written else []
        erasing.update_log(self.server, connection, lines)
        changes = erasing.delete_changes(self.server, connection, ids)
        connection.commit()
        waiting = erasing.drop_others(self.server, connection, stored_manifests(self).values())
        return Taken(changes=changes, waiting=waiting + (not erasing.rewrite_changes(self.server)))

    def newest_line(self) -> str | None:
        """Return what stands in the newest row of the log."""
        query = exp.select("entry").from_(self.server.table("log")).order_by(exp.column("number").desc())
        return next((str(row["entry"]) for row in self._read(query.limit(1))), None)

    @property
    def history(self) -> PostgresHistory:
        """How far back rows of changes are there."""
        return PostgresHistory(self.server, self._read, self._connection)

    def errors(self) -> AbstractContextManager[None]:
        """Turn what the database and the disk raise while writing into one StoreError."""
        return self.server.errors(writing=True)
