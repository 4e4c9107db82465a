"""What is in the columns of a table: how much is filled, how many values differ, how many are numbers or days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Place
from tagcast.features.ingest.readers.scans import NOTHING, column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import NUMBER, NUMERIC, as_key, base_type, matches
from tagcast.features.ingest.time_casts import NAIVE, ZONED

SAMPLE_ROWS = 200_000
MOSTLY = 0.99
"""Share of the filled values from which on a column is what they are."""
_DAY = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"


@dataclass(frozen=True)
class ColumnFacts:
    """What a column holds, by a sample of its rows.

    Parameters
    ----------
    name : str
    kind : str
        Its DuckDB type.
    filled, different, numbers, days : int
        Values; different ones; those written as plain numbers; those that begin as days do.
    """

    name: str
    kind: str
    filled: int
    different: int
    numbers: int
    days: int

    @property
    def is_time(self) -> bool:
        """Whether its type is one of times."""
        return self.kind in NAIVE or self.kind in ZONED

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers as they stand."""
        return base_type(self.kind) in NUMERIC or (
            self.kind == "VARCHAR" and 0 < self.filled * MOSTLY <= self.numbers
        )

    def is_word(self, most: int) -> bool:
        """Whether its values repeat, and at most so many differ."""
        plain = self.kind in {"VARCHAR", "BOOLEAN"} and not self.is_number
        return plain and 2 <= self.different <= most and 2 * self.different <= self.filled


@dataclass(frozen=True)
class TableFacts:
    """A table that was looked at.

    Parameters
    ----------
    name : str
        As a source of the configuration is called.
    label : str
        As it was given.
    place : Place
        As the configuration names it.
    table : Table
    sample : str
        Temporary table of at most about :data:`SAMPLE_ROWS` of its rows.
    rows : int
    columns : dict of str to ColumnFacts
    nested : tuple of str
        Columns that hold no plain values.
    """

    name: str
    label: str
    place: Place
    table: Table
    sample: str
    rows: int
    columns: dict[str, ColumnFacts]
    nested: tuple[str, ...]

    def text(self, name: str) -> exp.Expr:
        """Return a column as text, without blanks around it."""
        return as_key(column(name), self.table.columns[name])

    def texts(self, name: str, *, sampled: bool = False) -> exp.Select:
        """Return the texts of a column as ``t``."""
        origin: exp.Expr = exp.to_table(self.sample) if sampled else self.table.as_("raw")
        return exp.select(exp.alias_(self.text(name), "t")).from_(origin)


def look_at_table(reader: Reader, opened: Place, written: Place, name: str, label: str) -> TableFacts:
    """Open a place and look at every column.

    Parameters
    ----------
    reader : Reader
    opened, written : Place
        Where it is now, and how the configuration will name it.
    name, label : str

    Raises
    ------
    DataError, ConfigError
        When it cannot be read or has no rows.
    """
    table, nested = _opened(reader, opened, label)
    connection = reader.connection
    sample = f"sample_{name}"
    with reader.reading(label):
        count = exp.select(exp.Count(this=exp.Star())).from_(table.relation.copy())
        rows = connection.execute(count.sql("duckdb")).fetchall()[0][0]
        if not rows:
            raise DataError(
                msg("{where}: the table is empty, no rows were read", where=label),
                hint=msg("bring data, or correct path"),
            )
        chosen = exp.select("*").from_(table.as_("r"))
        if rows > SAMPLE_ROWS:
            # By the rows themselves: the same data give the same sample, whatever order threads read them in.
            part = exp.Mod(
                this=exp.Anonymous(this="hash", expressions=[exp.column("r")]),
                expression=exp.Literal.number(-(-rows // SAMPLE_ROWS)),
            )
            chosen = chosen.where(part.eq(exp.Literal.number(0)))
        connection.execute(f"CREATE TEMP TABLE {sample} AS {chosen.sql('duckdb')}")
    held = {n: kind for n, kind in table.columns.items() if not _is_nested(kind) and kind != NOTHING}
    nested = tuple(sorted({*nested, *(n for n, kind in table.columns.items() if _is_nested(kind))}))
    facts = _counted(connection, sample, held)
    return TableFacts(name, label, written, table, sample, rows, facts, nested)


def _opened(reader: Reader, place: Place, label: str) -> tuple[Table, tuple[str, ...]]:
    """Return a table with all of its plain columns, and the names of those of JSON that hold objects or lists."""
    table = reader.open(place, label, (), whole=True)
    if not table.unread:  # the names of JSON are known once it was read
        return table, ()
    try:
        return reader.open(place, label, table.unread), ()
    except TagcastError:
        # Some name holds an object, and the error names one of them only.
        plain = {name for name in sorted(table.unread) if _can_be_opened(reader, place, label, name)}
        return reader.open(place, label, plain), tuple(sorted(table.unread - plain))


def _can_be_opened(reader: Reader, place: Place, label: str, name: str) -> bool:
    try:
        reader.open(place, label, {name})
    except TagcastError:
        return False
    return True


def _is_nested(kind: str) -> bool:
    return kind.startswith(("STRUCT", "MAP", "UNION", "BLOB")) or kind.endswith("]")


def _counted(connection: Any, sample: str, kinds: dict[str, str]) -> dict[str, ColumnFacts]:
    asked: list[exp.Expr] = []
    for name, kind in kinds.items():
        text = as_key(column(name), kind)
        asked += [exp.Count(this=text), exp.Count(this=exp.Distinct(expressions=[text.copy()]))]
        asked += [
            exp.Filter(
                this=exp.Count(this=exp.Star()), expression=exp.Where(this=matches(text.copy(), shape))
            )
            for shape in (NUMBER, _DAY)
        ]
    counts = connection.execute(exp.select(*asked).from_(sample).sql("duckdb")).fetchall()[0] if asked else ()
    return {
        name: ColumnFacts(name, kind, *counts[4 * n : 4 * n + 4])
        for n, (name, kind) in enumerate(kinds.items())
    }
