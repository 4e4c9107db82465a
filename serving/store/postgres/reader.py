"""A run in PostgreSQL, open for reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.features.core.telemetry.traces import traced, traced_stream
from tagcast.serving.store.manifest import Manifest
from tagcast.serving.store.postgres.connection import Server
from tagcast.serving.store.postgres.layout import Layout, table_of
from tagcast.serving.store.postgres.query_rewrite import PhysicalQuery

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection


COLUMNS_AT_ONCE = 500
"""Logical columns of one answer: reasons are ten stored ones each, and a row of PostgreSQL has 1,664 at most."""


class PostgresReader:
    """One run, open for reading in a transaction of its own."""

    shown = ""

    def __init__(self, server: Server, connection: Connection, manifest: Manifest, layout: Layout) -> None:
        self.manifest = manifest
        self._server = server
        self._connection = connection
        self._layout = layout
        self._cursor: Any = None
        self._facts = [fact.name for fact in manifest.run.facts]
        self._row_queries: list[tuple[PhysicalQuery, str]] = []
        self._fact_queries: list[tuple[PhysicalQuery, str]] = []

    @property
    def sample_rows(self) -> int:
        """How many profiles the sample has; 0 where the base is so small that there is none."""
        return self._layout.sample_rows

    @traced("store query", {"db.system.name": "postgresql"})
    def query(self, select: exp.Select, *, sample: bool = False) -> pa.RecordBatchReader:
        """Return the answer to ``select`` over the table ``profiles``; one at a time."""
        kind = "s" if sample and self.sample_rows else "g"
        tables = {g: self._server.table(table_of(self.manifest, kind, g)) for g in self._layout.groups}
        query = PhysicalQuery(select, self._layout, tables)
        return query.answer(self._fetch(query.sql()))

    @traced("store figures", {"db.system.name": "postgresql"})
    def figures(self, select: exp.Select, *, sample: bool = False) -> dict[str, Any]:
        """Return the only row of an answer."""
        (row,) = self.query(select, sample=sample).read_all().to_pylist()
        return dict(row)

    @traced("store row", {"db.system.name": "postgresql"})
    def row(self, profile_id: str) -> dict[str, Any] | None:
        """Return the columns of one profile but its facts."""
        if not self._row_queries:
            facts = {*self._facts}
            self._row_queries = self._queries_of_a_row([n for n in self._layout.by_name() if n not in facts])
        return self._row(profile_id, self._row_queries)

    @traced("store facts", {"db.system.name": "postgresql"})
    def facts_of(self, profile_id: str) -> dict[str, Any] | None:
        """Return the facts of one profile."""
        if not self._fact_queries:
            self._fact_queries = self._queries_of_a_row(self._facts)
        found = self._row(profile_id, self._fact_queries)
        return None if found is None else {name: found[name] for name in self._facts}

    def _row(self, profile_id: str, queries: Sequence[tuple[PhysicalQuery, str]]) -> dict[str, Any] | None:
        if "\0" in profile_id:
            return None  # no text of PostgreSQL holds it
        found: dict[str, Any] = {}
        for query, sql in queries:
            stored = self._fetch(sql, profile_id).read_all()
            if not stored.num_rows:
                return None
            found |= query.one([column[0].as_py() for column in stored.columns])
        return found

    def _queries_of_a_row(self, names: Sequence[str]) -> list[tuple[PhysicalQuery, str]]:
        """Return the questions for columns of a row: of hundreds of tags it is more than the server gives at once."""
        tables = {g: self._server.table(table_of(self.manifest, "g", g)) for g in self._layout.groups}
        same_profile = exp.column("profile_id").eq(exp.Parameter(this=exp.Literal.number(1)))
        queries = []
        for start in range(0, max(1, len(names)), COLUMNS_AT_ONCE):
            columns = [
                exp.column(exp.to_identifier(n, quoted=True)) for n in names[start : start + COLUMNS_AT_ONCE]
            ]
            select = exp.select("profile_id", *columns, copy=False).from_("profiles", copy=False)
            query = PhysicalQuery(select.where(same_profile.copy(), copy=False), self._layout, tables)
            queries.append((query, query.sql()))
        return queries

    def _fetch(self, sql: str, *values: str) -> pa.RecordBatchReader:
        with self._server.errors():
            self.let_go()
            self._cursor = self._connection.cursor()
            self._cursor.execute(sql, values or None)
            reader: pa.RecordBatchReader = self._cursor.fetch_record_batch()
            return reader

    def let_go(self) -> None:
        """Let go of the last answer, read or not: the server keeps what is left of it."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    @traced_stream("store stream", {"db.system.name": "postgresql"})
    def stream(self, columns: Sequence[str], within: KeyRange = EVERYONE) -> Iterator[pa.RecordBatch]:
        """Yield ``profile_id`` and ``columns`` of every profile by rising id, or of those in a range."""
        quoted = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
        select = exp.select("profile_id", *quoted, copy=False).from_("profiles", copy=False)
        select = select.where(*within.conditions(), copy=False).order_by(
            exp.column("n", table="g0"), copy=False
        )
        with self._server.errors():
            yield from self.query(select)
