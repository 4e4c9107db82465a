"""Event logs from databases, the first time and night by night: ``python -m benchmarks.sources [--quick]``.

A table of 730 days lies in PostgreSQL and in SQLite. It is loaded into an empty home; again when nothing is new; when a day has come;
and when beside it a line of two years ago was *corrected*. *touched* is the table of PostgreSQL with ``loaded_at``. Reading alone
(digests, lines, Parquet in the home) stands beside what only copies the mapped columns of PostgreSQL to Parquet: ADBC, and ConnectorX in
the rivals' environment.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.results import write_result
from benchmarks.rows import Bar
from benchmarks.speed.kernel import RIVALS_PYTHON
from benchmarks.speed.scoring import server
from benchmarks.timing import Cost, Ratio, add_folder, alternate, report, run_apart, run_here
from tagcast.features.core.settings import Settings, load_settings
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.ingest.readers.databases.fetched import FETCHED, fetch
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.wanted import Wanted

DAYS = 730
SERVERS = ("postgresql", "sqlite")
STEPS = ("read", "load", "nothing", "day", "corrected")
COPIES = ("adbc to parquet", "connectorx to parquet")
TOUCHED = "touched"
RIVALS = (
    *(f"{kind} {step}" for kind in SERVERS for step in STEPS),
    *(f"{TOUCHED} {step}" for step in STEPS[2:]),
    *COPIES,
)
RATIOS = (
    Ratio("postgresql read", "adbc to parquet", "lower", Bar("at most", 1.3), "wall"),
    Ratio("postgresql read", "connectorx to parquet", "lower", of="wall"),
    Ratio("postgresql load", "adbc to parquet", "lower", of="wall"),
    Ratio("postgresql nothing", "postgresql load", "lower", Bar("at most", 0.1), "wall"),
    Ratio("postgresql day", "postgresql load", "lower", Bar("at most", 0.1), "wall"),
    Ratio("touched nothing", "postgresql load", "lower", Bar("at most", 0.1), "wall"),
    Ratio("touched day", "postgresql load", "lower", Bar("at most", 0.1), "wall"),
    Ratio("touched corrected", "postgresql load", "lower", of="wall"),
    Ratio("sqlite day", "sqlite load", "lower", Bar("at most", 0.1), "wall"),
)
CONFIG = """
name = "sources"
timezone = "UTC"
memory_limit = "2GB"
[[sources]]
name = "shop"
url = "${BENCHMARK_URL}"
table = "orders"
[sources.columns]
profile_id = "customer"
event_time = "ordered_at"
amount = "price"
quantity = "pieces"
category = "category"
item_id = "item"
order_id = "order_no"
channel = "channel"
"""
WITH_LOADED_AT = CONFIG.replace('table = "orders"', 'table = "orders"\nloaded_at = "loaded"')
LOADED, NOW = "2025-01-01 03:00+00", datetime(2025, 1, 1, 4, tzinfo=UTC)
"""When the new day and the correction come, and when they are looked for."""
MAPPED = "SELECT customer, ordered_at, price, pieces, category, item, order_no, channel FROM orders"
AS_TEXT = MAPPED.replace("price", "price::text AS price")
"""As ADBC gives exact numbers otherwise: in a type of its own."""
IN_POSTGRESQL = """
CREATE TABLE orders AS SELECT 'c' || (n::bigint * 7919 % {people}) AS customer,
    timestamptz '2023-01-01 00:00+00' + (n::float8 * {days} / {lines}) * interval '1 day' AS ordered_at,
    ((n::bigint * 31 % 10000) / 100.0)::numeric(12, 2) AS price, n % 4 + 1 AS pieces,
    (array['tea', 'coffee', 'cups'])[1 + n % 3] AS category, 'item' || n % 500 AS item, 'order' || n / 3 AS order_no,
    (array['web', 'shop'])[1 + n % 2] AS channel, 'what nothing maps, ' || n AS note,
    timestamptz '2023-01-01 03:00+00' + (n::float8 * {days} / {lines}) * interval '1 day' AS loaded
FROM generate_series(0, {lines} - 1) n
"""
IN_SQLITE = """
INSERT INTO orders
WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < {lines} - 1)
SELECT 'c' || (n * 7919 % {people}), datetime('2023-01-01', '+' || (n * {days} * 1440 / {lines}) || ' minutes'),
    (n * 31 % 10000) / 100.0, n % 4 + 1, CASE n % 3 WHEN 0 THEN 'tea' WHEN 1 THEN 'coffee' ELSE 'cups' END, 'item' || n % 500,
    'order' || n / 3, CASE n % 2 WHEN 0 THEN 'web' ELSE 'shop' END, 'what nothing maps, ' || n
FROM counted
"""
NEW_DAY = (
    """INSERT INTO orders (customer, ordered_at, price, pieces, category, item, order_no, channel, note) SELECT customer, {moved}, price, pieces, category, item, 'new' || order_no, channel, note
       FROM orders WHERE ordered_at >= '2024-12-29' AND ordered_at < '2024-12-30'""",
    "UPDATE orders SET price = price + 1{touched} WHERE order_no = 'order7'",
)
OLD_AGAIN = (
    "DELETE FROM orders WHERE order_no LIKE 'new%'",
    "UPDATE orders SET price = price - 1 WHERE order_no = 'order7'",
)


def config_of(folder: Path, kind: str) -> Path:
    """Return the configuration that a kind is loaded by."""
    return folder / ("touched.toml" if kind == TOUCHED else "tagcast.toml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 lines, once")
    parser.add_argument("--lines", type=int, default=3_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    add_folder(parser)
    parser.add_argument("--one", choices=RIVALS, help="run one here and print its cost")
    options = parser.parse_args()
    if options.quick:
        options.lines, options.repeats = 100_000, 1
    folder = options.folder / f"sources-{options.lines}"
    if options.one:
        run_one(options.one, folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config_of(folder, "any").write_text(CONFIG, encoding="utf-8")
    config_of(folder, TOUCHED).write_text(WITH_LOADED_AT, encoding="utf-8")
    arguments = ["--lines", str(options.lines), "--folder", str(options.folder)]
    with server() as postgres:
        tables = {"sqlite": SqliteTable(folder / "shop.db", options.lines)}
        if postgres is not None:
            tables["postgresql"] = tables[TOUCHED] = PostgresTable(postgres, options.lines)
        copies = COPIES[: 1 + Path(RIVALS_PYTHON).exists()] if postgres else ()
        names = [name for name in RIVALS if name.split()[0] in tables or name in copies]

        def run(name: str) -> Cost:
            kind, _, step = name.partition(" ")
            table = tables["postgresql" if name in COPIES else kind]
            os.environ["BENCHMARK_URL"] = table.url
            shutil.rmtree(folder / "home", ignore_errors=True)
            if step in STEPS[2:]:
                kept = folder / f"home-{kind}"
                if not kept.is_dir():
                    load(load_settings(config_of(folder, kind), kept, folder))
                shutil.copytree(kept, folder / "home", symlinks=True)
            changes = {"day": NEW_DAY[:1], "corrected": NEW_DAY}.get(step, ())
            if changes:
                table.run(*(one.format(moved=table.moved, touched=table.touched) for one in changes))
            try:
                if name.startswith("connectorx"):
                    copied = [str(folder / "copy.parquet"), MAPPED]
                    return run_apart("benchmarks.sources_rivals", copied, RIVALS_PYTHON)
                return run_apart("benchmarks.sources", [*arguments, "--one", name])
            finally:
                if changes:
                    table.run(*OLD_AGAIN[: len(changes)])

        costs = alternate(names, options.repeats, run)
    title = f"{options.lines:,} lines of {DAYS} days; without what the server takes"
    rows = report("sources", title, costs, [name for name in names if name not in COPIES], RATIOS)
    write_result("sources", vars(options), rows, now=datetime.now(UTC))
    shutil.rmtree(folder)


class PostgresTable:
    """The table on a PostgreSQL server."""

    moved, touched = "ordered_at + interval '3 days'", f", loaded = '{LOADED}'"

    def __init__(self, url: str, lines: int) -> None:
        self.url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self._libpq = url
        made = IN_POSTGRESQL.format(people=max(10, lines // 30), days=DAYS, lines=lines)
        default = f"ALTER TABLE orders ALTER loaded SET DEFAULT '{LOADED}'"
        self.run("DROP TABLE IF EXISTS orders", made, default, "CREATE INDEX ON orders (loaded)")
        self.run("VACUUM ANALYZE orders")

    def run(self, *statements: str) -> None:
        """Run statements, each by itself."""
        import psycopg

        with psycopg.connect(self._libpq, autocommit=True) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            for statement in statements:
                connection.execute(statement.encode())


class SqliteTable:
    """The table in an SQLite file."""

    moved, touched = "datetime(ordered_at, '+3 days')", ""

    def __init__(self, file: Path, lines: int) -> None:
        self.url, self._file = f"sqlite:///{file}", file
        columns = "customer text, ordered_at text, price real, pieces int, category text, item text, order_no text, channel text, note"
        made = IN_SQLITE.format(people=max(10, lines // 30), days=DAYS, lines=lines)
        self.run(f"CREATE TABLE orders ({columns})", made)

    def run(self, *statements: str) -> None:
        """Run statements in one transaction."""
        connection = sqlite3.connect(self._file)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()


def run_one(name: str, folder: Path) -> None:
    """Run one and print its cost."""
    if name == "adbc to parquet":
        run_here(lambda: copy_by_adbc(folder / "copy.parquet"))
        return
    settings = load_settings(config_of(folder, name.split(maxsplit=1)[0]), folder / "home", folder)
    run_here(lambda: read(settings) if name.endswith(" read") else load(settings))


def read(settings: Settings) -> None:
    """Bring what is kept of the table to what it holds: digests of its days, and the lines of those that differ."""
    wanted = Wanted(frozenset(settings.sources[0].columns.values()), whole=False, time="ordered_at")
    fetch(
        settings.sources[0],
        "shop",
        settings.folder,
        wanted,
        settings.home / FETCHED,
        lambda *_: None,
    )


def load(settings: Settings) -> None:
    """Build the event log, or find that nothing is new."""
    build_event_log(settings, places=Places(settings, now=NOW))


def copy_by_adbc(target: Path) -> None:
    """Copy the mapped columns to Parquet as they come."""
    import pyarrow.parquet as pq
    from adbc_driver_postgresql import dbapi

    url = os.environ["BENCHMARK_URL"].replace("+psycopg", "", 1)
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(AS_TEXT)
        batches = cursor.fetch_record_batch()
        with pq.ParquetWriter(target, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)


if __name__ == "__main__":
    main()
