"""A run in PostgreSQL, open for reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from serving.manifest import Manifest
from serving.postgres_layout import Layout
from serving.postgres_query import PhysicalQuery
from serving.postgres_server import Server

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection


class PostgresReader:
    """One run, open for reading in a transaction of its own."""

    def __init__(self, server: Server, connection: Connection, manifest: Manifest, layout: Layout) -> None:
        self.manifest = manifest
        self._server = server
        self._connection = connection
        self._layout = layout
        self._cursor: Any = None

    @property
    def sample_rows(self) -> int:
        """How many profiles the sample has; 0 where the base is so small that there is none."""
        return self._layout.sample_rows

    def query(self, select: exp.Select, *, sample: bool = False) -> pa.RecordBatchReader:
        """Return the answer to ``select`` over the table ``profiles``; one at a time."""
        kind = "s" if sample and self.sample_rows else "g"
        tables = {g: self._server.table(f"r{self.manifest.number}_{kind}{g}") for g in self._layout.groups}
        query = PhysicalQuery(select, self._layout, tables)
        return query.answer(self._fetch(query.sql()))

    def _fetch(self, sql: str) -> pa.RecordBatchReader:
        with self._server.errors("cannot be read"):
            self.close()
            self._cursor = self._connection.cursor()
            self._cursor.execute(sql)
            reader: pa.RecordBatchReader = self._cursor.fetch_record_batch()
            return reader

    def close(self) -> None:
        """Let go of the last answer."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def stream(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield ``profile_id`` and ``columns`` of every profile by rising id."""
        quoted = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
        select = exp.select("profile_id", *quoted, copy=False).from_("profiles", copy=False)
        select = select.order_by(exp.column("n", table="g0"), copy=False)
        with self._server.errors("cannot be read"):
            yield from self.query(select)
