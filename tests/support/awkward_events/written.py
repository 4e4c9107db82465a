"""The drawn lines as each kind of source holds them; each writer returns the place of a source."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq

from tests.support.awkward_events.drawn import DEPARTMENTS, Line, as_table, zoned

NUMERIC_60 = "123456789012345678901234567890." + "1" * 30


def parquet(lines: list[Line], folder: Path) -> str:
    pq.write_table(as_table(lines), folder / "events.parquet")
    return 'path = "events.parquet"'


def parquet_folder(lines: list[Line], folder: Path) -> str:
    """Four files in two folders: one holds decimals of another width, one a dictionary in place of texts."""
    table = as_table(lines)
    (folder / "events" / "sub").mkdir(parents=True)
    size = len(lines) // 4
    for n in range(4):
        part = table.slice(n * size, size if n < 3 else None)
        if n == 1:
            part = part.set_column(2, "price", pc.cast(part["price"], pa.decimal128(30, 6)))
        if n == 2:
            part = part.set_column(5, "dept", pc.dictionary_encode(part["dept"]))
        pq.write_table(part, folder / "events" / ("sub" if n == 3 else "") / f"{n}.parquet")
    return 'path = "events"'


def hive(lines: list[Line], folder: Path) -> str:
    import pyarrow.dataset as ds

    table = as_table(lines)
    flavor = ds.partitioning(pa.schema([table.schema.field("site")]), flavor="hive")
    ds.write_dataset(table, folder / "events", format="parquet", partitioning=flavor)
    return 'path = "events"'


def _csv(lines: list[Line], target: Any) -> None:
    table = as_table(lines)
    texts = [zoned(line["at"]) for line in lines]
    pyarrow.csv.write_csv(table.set_column(1, "at", pa.array(texts)), target)


def csv(lines: list[Line], folder: Path) -> str:
    _csv(lines, folder / "events.csv")
    return 'path = "events.csv"'


def csv_gz(lines: list[Line], folder: Path) -> str:
    with gzip.open(folder / "events.csv.gz", "wb", compresslevel=1) as out:
        _csv(lines, out)
    return 'path = "events.csv.gz"'


def csv_zst(lines: list[Line], folder: Path) -> str:
    with pa.output_stream(str(folder / "events.csv.zst"), compression="zstd") as out:
        _csv(lines, out)
    return 'path = "events.csv.zst"'


def json_lines(lines: list[Line], folder: Path) -> str:
    """Numbers as they are, also those that no double holds."""
    with (folder / "events.jsonl").open("w", encoding="utf-8") as out:
        for n, line in enumerate(lines):
            numbers = {name: line[name] for name in ("price", "weight") if line[name] is not None}
            rest = {k: v for k, v in line.items() if k not in numbers} | {"at": zoned(line["at"])}
            exact = "".join(f', "{name}": {value}' for name, value in numbers.items())
            out.write(f"{json.dumps(rest, ensure_ascii=n % 2 == 0)[:-1]}{exact}}}\n")
    return 'path = "events.jsonl"'


def arrow(lines: list[Line], folder: Path) -> str:
    table = as_table(lines)
    table = table.set_column(5, "dept", pc.dictionary_encode(table["dept"]))
    pa.feather.write_feather(table, folder / "events.arrow", compression="zstd")
    return 'path = "events.arrow"'


def orc(lines: list[Line], folder: Path) -> str:
    pyarrow.orc.write_table(as_table(lines), folder / "events.orc")
    return 'path = "events.orc"'


def delta(lines: list[Line], folder: Path) -> str:
    import deltalake

    table = as_table(lines)
    for part in (table.slice(0, 30_000), table.slice(30_000)):
        deltalake.write_deltalake(str(folder / "events"), part, mode="append", partition_by=["site"])
    return 'path = "events"'


def iceberg(lines: list[Line], folder: Path) -> str:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("lake", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/lake")
    catalog.create_namespace("shop")
    table = as_table(lines)
    made = catalog.create_table("shop.events", schema=table.schema)
    for part in (table.slice(0, 30_000), table.slice(30_000)):
        made.append(part)
    catalog.close()
    return 'path = "lake/shop/events"'


def duckdb_file(lines: list[Line], folder: Path) -> str:
    import duckdb

    enum = ", ".join(f"'{name}'" for name in DEPARTMENTS)
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        connection.register("given", as_table(lines))
        connection.execute(
            f"CREATE TABLE events AS SELECT * REPLACE (dept::ENUM({enum}) AS dept, basket::UUID AS basket), "
            "TIMESTAMPTZ 'infinity' AS forever, DATE '0044-03-15 (BC)' AS ides, 18446744073709551615::UBIGINT AS big, "
            "[1, 2] AS list, MAP {'a': 1} AS map, '{}'::JSON AS empty, INTERVAL 1 YEAR AS span FROM given"
        )
    return 'url = "duckdb:///shop.duckdb"\ntable = "events"'


def sqlite(lines: list[Line], folder: Path) -> str:
    connection = sqlite3.connect(folder / "shop.db")
    # SQLite has no exact decimals: a column of numbers would hold doubles, so that exact amounts are kept as text there.
    connection.execute(
        "CREATE TABLE events (customer text, at datetime, price text, qty integer, saved real, dept text, sku text, basket text, "
        "site text, kind text, back boolean, weight text, note text, paid boolean, unmapped text, odd blob, never datetime)"
    )
    rows = [
        (*(str(v) if k in {"price", "weight"} and v is not None else zoned(v) if k == "at" else v
           for k, v in line.items()), b"\xff", "never")
        for n, line in enumerate(lines)
    ]  # fmt: skip
    connection.executemany(f"INSERT INTO events VALUES ({', '.join('?' * 17)})", rows)
    connection.commit()
    connection.close()
    return 'url = "sqlite:///shop.db"\ntable = "events"'


def object_store(lines: list[Line], client: Any) -> str:
    """A folder of two files in the bucket ``shop``."""
    table = as_table(lines)
    for name, part in {
        "events/a.parquet": table.slice(0, 1_000),
        "events/sub/b.parquet": table.slice(1_000),
    }.items():
        sink = pa.BufferOutputStream()
        pq.write_table(part, sink, compression="zstd")
        client.put_object(Bucket="shop", Key=name, Body=sink.getvalue().to_pybytes())
    return 'path = "s3://shop/events"'


def postgres(lines: list[Line], url: str, name: str) -> None:
    """Make a table on a server, beside columns that nothing maps."""
    import psycopg

    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(as_table(lines), sink, pyarrow.csv.WriteOptions(include_header=False))
    enum = ", ".join(f"'{name}'" for name in DEPARTMENTS)
    with psycopg.connect(url.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TYPE {name}_department AS ENUM ({enum})")
        cursor.execute(
            f"CREATE TABLE {name} (customer text, at timestamptz, price numeric(20,4), qty bigint, saved double precision, "
            f"dept {name}_department, sku text, basket uuid, site text, kind text, back boolean, weight numeric(12,3), note text, "
            "paid boolean, unmapped text)"
        )
        with cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
            copy.write(sink.getvalue().to_pybytes())
        cursor.execute(
            f"ALTER TABLE {name} ADD empty jsonb DEFAULT '{{}}', ADD list text[] DEFAULT '{{a,\"b c\"}}', ADD paid_in money DEFAULT 12.5, "
            "ADD forever timestamptz DEFAULT 'infinity', ADD ides date DEFAULT '0044-03-15 BC', ADD endless numeric DEFAULT 'Infinity', "
            f"ADD exact numeric DEFAULT {NUMERIC_60}, ADD big numeric(20) DEFAULT 18446744073709551615"
        )


def mariadb(lines: list[Line], cursor: Any, folder: Path, name: str) -> None:
    """Make a table on a server: times in UTC, as its DATETIME has no zone and its TIMESTAMP no 1969."""
    file = folder / "events.tsv"
    with file.open("w", encoding="utf-8", newline="") as out:
        for line in lines:
            out.write("\t".join(map(_escaped, line.values())) + "\n")
    file.chmod(0o644)
    enum = ", ".join(f"'{name}'" for name in DEPARTMENTS)
    cursor.execute("SET time_zone = '+00:00', sql_mode = ''")
    cursor.execute(
        f"CREATE TABLE {name} (customer varchar(40), at datetime(6), price decimal(20,4), qty bigint, saved double, "
        f"dept enum({enum}) COLLATE utf8mb4_bin, sku varchar(40), basket uuid, site varchar(40), kind varchar(40), back boolean, weight decimal(12,3), "
        "note mediumtext, paid boolean, unmapped text) CHARACTER SET utf8mb4"
    )
    cursor.execute(f"LOAD DATA INFILE '{file}' INTO TABLE {name} CHARACTER SET utf8mb4")
    cursor.execute(
        f"ALTER TABLE {name} ADD big bigint unsigned DEFAULT 18446744073709551615, ADD zero date DEFAULT '0000-00-00', "
        "ADD never datetime DEFAULT '0000-00-00 00:00:00', ADD exact decimal(65,30) DEFAULT 12345678901234567890.5, "
        "ADD empty json DEFAULT '{}', ADD early time DEFAULT '-838:59:59', ADD born year DEFAULT 0, ADD flags bit(3) DEFAULT 5"
    )


def clickhouse(lines: list[Line], url: str, folder: Path, name: str) -> None:
    """Make a table, beside columns that nothing maps."""
    import clickhouse_connect
    from sqlalchemy import make_url

    pq.write_table(as_table(lines), folder / f"{name}.parquet")
    given = make_url(url)
    client = clickhouse_connect.get_client(
        host=given.host or "", port=given.port or 0, username=given.username or "", password=str(given.password), database=given.database,
        autogenerate_session_id=False,
    )  # fmt: skip
    enum = ", ".join(f"'{name}'" for name in DEPARTMENTS)
    exact = "CAST({0} AS Nullable(Decimal({1})))"
    client.command(
        f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY tuple() AS SELECT customer, "
        f"CAST(at AS DateTime64(6, 'Asia/Shanghai')) AS at, {exact.format('price', '20, 4')} AS price, qty, saved, "
        f"CAST(dept AS Nullable(Enum8({enum}))) AS dept, CAST(sku AS LowCardinality(Nullable(String))) AS sku, "
        f"CAST(basket AS Nullable(UUID)) AS basket, site, kind, back, {exact.format('weight', '12, 3')} AS weight, note, paid, unmapped, "
        "18446744073709551615 AS big, [1, 2] AS list, map('a', 1) AS map, toDate32('1900-01-01') AS early, inf AS endless, "
        f"toInt256('{'9' * 60}') AS exact, tuple(1, 'a') AS pair FROM file('{folder / name}.parquet', Parquet)"
    )
    client.close()


def _escaped(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return str(int(value))
    if hasattr(value, "astimezone"):
        return str(value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"))
    text = str(value).replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n")
    return text.replace("\r", r"\r")


FILES: dict[str, Callable[[list[Line], Path], str]] = {
    "parquet": parquet, "parquet_folder": parquet_folder, "hive": hive, "csv": csv, "csv_gz": csv_gz, "csv_zst": csv_zst,
    "json_lines": json_lines, "arrow": arrow, "orc": orc, "delta": delta, "iceberg": iceberg, "duckdb_file": duckdb_file,
    "sqlite": sqlite,
}  # fmt: skip
"""Every kind that needs no server."""
