"""A question to the one table of profiles, put to the tables that a run has in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlglot import exp

from tagcast.serving.store.postgres.layout import Column, Layout

_NO_SUCH_WORD = -1


@dataclass(frozen=True)
class _Output:
    """A column of the answer: its name, the logical column to read it by (None: as it is), whether as plain text."""

    name: str
    column: Column | None
    text: bool
    width: int


class PhysicalQuery:
    """A select over ``profiles``, translated.

    Parameters
    ----------
    select : exp.Select
        Columns ``profile_id``, attributes and ``tag:part``.
    layout : Layout
    table : callable
        Group number to table.
    """

    def __init__(self, select: exp.Select, layout: Layout, table: dict[int, exp.Table]) -> None:
        self._layout = layout
        self._known = layout.by_name()
        self._groups: set[int] = set()
        outputs: list[_Output] = []
        projections: list[exp.Expr] = []
        for projection in select.expressions:
            output, stored = self._project(projection)
            outputs.append(output)
            for one in stored:
                projections.append(exp.alias_(one, f"o{len(projections)}", copy=False))
        self._outputs = outputs
        # Hundreds of tags are thousands of columns: each that sqlglot copies is a millisecond of them.
        query = exp.select(*projections, copy=False)
        for part, clause in select.args.items():
            if clause is not None and part not in {"expressions", "from_", "joins"}:
                query.set(part, clause.transform(self._physical) if isinstance(clause, exp.Expr) else clause)
        # Each table has a row of everybody: one that nothing is read of is not joined, the first neither.
        first, *joined = sorted(self._groups) or [0]
        query = query.from_(table[first].as_(f"g{first}"), copy=False)
        for group in joined:
            on = exp.column("n", table=f"g{first}").eq(exp.column("n", table=f"g{group}"))
            query = query.join(table[group].as_(f"g{group}"), on=on, copy=False)
        self.query = query

    def sql(self) -> str:
        """Return it in PostgreSQL's words."""
        return self.query.sql("postgres", copy=False)

    def _project(self, projection: exp.Expr) -> tuple[_Output, Sequence[exp.Expr]]:
        name = projection.alias_or_name
        inner = projection.this if isinstance(projection, exp.Alias) else projection
        text = isinstance(inner, exp.Cast) and isinstance(inner.this, exp.Column)
        bare = inner.this if text else inner
        column = self._known.get(bare.name) if isinstance(bare, exp.Column) else None
        if column is None or (text and column.kind != "word"):
            return _Output(name, None, False, 1), [inner.transform(self._physical)]
        self._groups.add(column.group)
        stored = [exp.column(place, table=f"g{column.group}") for place, _ in column.physical()]
        return _Output(name, column, text, len(stored)), stored

    def _physical(self, node: exp.Expr) -> exp.Expr:
        """Replace logical columns; texts that are compared with a word become its number."""
        if isinstance(node, exp.EQ | exp.NEQ) and (column := self._word(node.this)):
            return type(node)(this=self._column(column), expression=self._code(column, node.expression))
        if isinstance(node, exp.In) and (column := self._word(node.this)):
            codes = [self._code(column, value) for value in node.expressions]
            return exp.In(this=self._column(column), expressions=codes)
        if isinstance(node, exp.Ordered) and node.this.name == "profile_id":
            # Never null; with nulls first, PostgreSQL sorts all members instead of following the index.
            down = bool(node.args.get("desc"))
            return exp.Ordered(this=self._physical(node.this), desc=down, nulls_first=down)
        if isinstance(node, exp.Column) and not node.table:
            if node.name == "profile_id":
                self._groups.add(0)
                return exp.column("profile_id", table="g0")
            if node.name in self._known:
                return self._column(self._known[node.name])
        return node

    def _word(self, node: exp.Expr) -> Column | None:
        """Return the column of words that ``node`` is, as a text or as it is."""
        inner = node.this if isinstance(node, exp.Cast) else node
        column = self._known.get(inner.name) if isinstance(inner, exp.Column) else None
        return column if column is not None and column.kind == "word" else None

    def _column(self, column: Column) -> exp.Column:
        self._groups.add(column.group)
        return exp.column(column.place, table=f"g{column.group}")

    def _code(self, column: Column, word: exp.Expr) -> exp.Expr:
        words = self._layout.words[column.name]
        return exp.Literal.number(words.index(word.name) if word.name in words else _NO_SUCH_WORD)

    def answer(self, stored: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Return the answer in logical columns, batch by batch."""
        fields = []
        place = 0
        for output in self._outputs:
            kind = stored.schema.field(place).type
            if output.column is not None:
                kind = pa.string() if output.text else self._layout.kind(output.column)
            fields.append(pa.field(output.name, kind))
            place += output.width
        schema = pa.schema(fields)
        return pa.RecordBatchReader.from_batches(schema, self._read(stored, schema))

    def one(self, stored: Sequence[Any]) -> dict[str, Any]:
        """Return a single row of the answer in logical columns."""
        found, place = {}, 0
        for output in self._outputs:
            physical = stored[place : place + output.width]
            place += output.width
            found[output.name] = (
                self._layout.read_one(output.column, physical) if output.column else physical[0]
            )
        return found

    def _read(self, stored: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        for batch in stored:
            columns, place, found = [], 0, batch.columns
            for output in self._outputs:
                physical = found[place : place + output.width]
                place += output.width
                if output.column is None:
                    columns.append(physical[0])
                    continue
                values = self._layout.read(output.column, physical)
                columns.append(values.dictionary_decode() if output.text else values)
            yield pa.record_batch(columns, schema=schema)
