"""Answers of Snowflake's and BigQuery's ADBC drivers as Arrow streams, and a connection that gives them.

Nobody runs these warehouses on a machine of their own. What lies in ``recorded/`` was made by ``python -m tests.support.databases.recorded``
from the types that the drivers' documentation names for each type of the warehouse, as an answer without lines and one with lines have
them. A connection stands in at the drivers' DBAPI alone: what tagcast asks, and what it makes of the answers, is its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

FOLDER = Path(__file__).with_name("recorded")
NOON = datetime(2024, 1, 1, 12, 30, 0, 125_000)  # noqa: DTZ001 - of columns without a zone
DAY = 19_723
"""The first of January 2024, counted from 1970."""
IDS = [7, 8, None, 9]
TIMES = [
    NOON,
    NOON.replace(day=2),
    NOON.replace(year=1969),
    NOON.replace(day=3, hour=0, minute=0, microsecond=0),
]
PRICES = ["12.50", "0.01", "3.00", None]
WORDS = ["tea", "", None, "cup"]
INSIDE = ['{"kind":"a"}', "{}", None, '{"kind":"b"}']
LATER_PRICE = "99.90"
"""Of the second line, after it was corrected."""


@dataclass
class Recorded:
    """A connection of a driver's DBAPI that answers from recordings.

    Parameters
    ----------
    warehouse : {"snowflake", "bigquery"}
    edition : {"", "-later"}
        Whether the correction was made.
    refuses : callable, optional
        Returns what the warehouse raises at a statement.
    loses : bool
        The first answer with lines ends early.
    """

    warehouse: str
    edition: str = ""
    refuses: Callable[[str], Exception | None] = lambda _: None
    loses: bool = False
    asked: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    def connect(self, db_kwargs: dict[str, str], *, autocommit: bool) -> Recorded:
        """Stand in for the driver's own function."""
        assert autocommit
        self.given = db_kwargs
        return self

    def __enter__(self) -> Recorded:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        yield Cursor(self)

    def answer(self, statement: str) -> pa.Table:
        """Return what the warehouse says to a statement."""
        self.asked.append(statement)
        if (error := self.refuses(statement)) is not None:
            raise error
        if statement.startswith("ALTER SESSION"):
            return pa.table({"status": ["Statement executed successfully."]})
        if statement == "SELECT 1":
            return pa.table({"f0_": [1]})
        if "CURRENT_TIMESTAMP" in statement or "SYSDATE" in statement:
            return pa.table({"t": ["2024-02-01T00:00:00.000000" + "Z" * (self.warehouse == "bigquery")]})
        if statement.endswith("LIMIT 0"):
            return read(f"{self.warehouse}-types")
        if "__digest" in statement:
            return read(f"{self.warehouse}-days{self.edition}")
        lines = read(f"{self.warehouse}-lines{self.edition}")
        # As the warehouse would: the columns that are asked for, in their order.
        picked = re.findall(r"""asked\.["`](\w+)["`]\)? AS ["`]__\d+["`]""", statement)
        columns = [lines[name] for name in picked]
        if "__label" in lines.column_names and f"__{len(picked)}" in statement:
            columns.append(lines["__label"])
        return pa.table(columns, [f"__{n}" for n in range(len(columns))])


class Cursor:
    """A cursor of a :class:`Recorded` connection."""

    def __init__(self, connection: Recorded) -> None:
        self._connection = connection
        self.adbc_statement = self
        self.rowcount = -1

    def set_options(self, **options: str) -> None:
        self._connection.options |= options

    def adbc_cancel(self) -> None:
        """Nothing runs."""

    def execute(self, statement: str) -> None:
        self._answer = self._connection.answer(statement)
        self.rowcount = self._answer.num_rows
        if self._connection.loses and "__0" in statement:
            self._connection.loses = False
            self._answer = self._answer.slice(0, 1)

    def fetch_record_batch(self) -> pa.RecordBatchReader:
        return self._answer.to_reader()


def read(name: str) -> pa.Table:
    """Return a recorded answer."""
    with pa.ipc.open_stream(FOLDER / f"{name}.arrows") as stream:
        return stream.read_all()


def snowflake() -> dict[str, pa.Table]:
    """Return the answers of Snowflake: numbers as decimals, moments in UTC, VARIANT as text."""
    moments = [None if at is None else at.replace(tzinfo=UTC) for at in TIMES]
    held = {
        "ID": ("fixed", pa.decimal128(38, 0), [None if n is None else Decimal(n) for n in IDS]),
        "AT": ("timestamp_tz", pa.timestamp("us", "UTC"), moments),
        "LOCAL_AT": ("timestamp_ntz", pa.timestamp("us"), TIMES),
        "PRICE": ("fixed", pa.decimal128(12, 2), [None if p is None else Decimal(p) for p in PRICES]),
        "NOTE": ("text", pa.string(), WORDS),
        "ABOUT": ("variant", pa.string(), INSIDE),
        "SHARE": ("real", pa.float64(), [0.1, None, 2.5, 1.0]),
        "BORN": ("date", pa.date32(), [date(1965, 3, 4), None, date(2200, 1, 1), date(1970, 1, 1)]),
        "CLOCK": ("time", pa.time64("ns"), [time(10, 11, 12), None, time(0), time(23, 59, 59)]),
        "RAW": ("binary", pa.binary(), [b"ab", None, b"\xff", b""]),
    }
    empty = {  # every type of times has a zone in an answer without lines
        name: pa.timestamp("ns", "UTC") if kind.startswith("timestamp") else type_
        for name, (kind, type_, _) in held.items()
    }
    fields = [pa.field(name, empty[name], metadata={"SNOWFLAKE_TYPE": held[name][0]}) for name in held]
    count, day = pa.decimal128(18, 0), pa.decimal128(9, 0)
    return answers(held, pa.schema(fields), count, day)


def bigquery() -> dict[str, pa.Table]:
    """Return the answers of BigQuery: NUMERIC with nine digits, BIGNUMERIC of 256 bits, structures as JSON where they are asked for so."""
    moments = [None if at is None else at.replace(tzinfo=UTC) for at in TIMES]
    wide = [None if p is None else Decimal(p) for p in PRICES]
    held = {
        "id": ("INTEGER", pa.int64(), IDS),
        "at": ("TIMESTAMP", pa.timestamp("us", "UTC"), moments),
        "local_at": ("DATETIME", pa.timestamp("us"), TIMES),
        "price": ("NUMERIC", pa.decimal128(38, 9), wide),
        "large": ("BIGNUMERIC", pa.decimal256(76, 38), wide),
        "note": ("STRING", pa.string(), WORDS),
        "about": ("RECORD", pa.string(), INSIDE),
        "share": ("FLOAT", pa.float64(), [0.1, None, 2.5, 1.0]),
        "born": ("DATE", pa.date32(), [date(1965, 3, 4), None, date(2200, 1, 1), date(1970, 1, 1)]),
        "clock": ("TIME", pa.time64("us"), [time(10, 11, 12), None, time(0), time(23, 59, 59)]),
    }
    shape = {"about": pa.struct([("kind", pa.string())])}
    schema = pa.schema([pa.field(name, shape.get(name, type_)) for name, (_, type_, _) in held.items()])
    return answers(held, schema, pa.int64(), pa.int64())


def answers(
    held: dict[str, tuple[str, pa.DataType, list[Any]]],
    types: pa.Schema,
    count: pa.DataType,
    day: pa.DataType,
) -> dict[str, pa.Table]:
    """Return all answers, by what is asked: types, days and lines, before and after a correction."""
    lines = pa.table({name: pa.array(values, type_) for name, (_, type_, values) in held.items()})
    price = next(name for name in held if name.lower() == "price")
    corrected = [*held[price][2][:1], Decimal(LATER_PRICE), *held[price][2][2:]]
    later = lines.set_column(
        lines.schema.get_field_index(price), price, pa.array(corrected, held[price][1])
    ).slice(1, 1)
    labels = [DAY, DAY + 1, -365, DAY + 2]
    found: dict[str, pa.Table] = {
        "types": types.empty_table(),
        "lines": lines.append_column("__label", whole(labels, day)),
        "lines-later": later.append_column("__label", whole(labels[1:2], day)),
    }
    for edition, digests in (("", ["11", "-12", "13", "14"]), ("-later", ["11", "-120", "13", "14"])):
        found[f"days{edition}"] = pa.table(
            {
                "__lines": whole([1, 1, 1, 1], count),
                "__digest": pa.array(digests),
                "__label": whole(labels, day),
            }
        )
    return found


def whole(values: list[int | None], kind: pa.DataType) -> pa.Array:
    """Return whole numbers, which Snowflake counts in decimals."""
    return pa.array([v if v is None or kind == pa.int64() else Decimal(v) for v in values], kind)


def made() -> dict[str, pa.Table]:
    """Return every answer under the name of its file."""
    return {
        f"{warehouse}-{name}": answer
        for warehouse, answers_ in (("snowflake", snowflake()), ("bigquery", bigquery()))
        for name, answer in answers_.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, recorded in made().items():
        with pa.ipc.new_stream(FOLDER / f"{file}.arrows", recorded.schema) as target:
            target.write_table(recorded)
