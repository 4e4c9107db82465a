"""Tables and views of a session's catalogue give the log that files of the same rows give, and are read again where they changed."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tagcast.features.ingest.event_log import EventLog, build_event_log
from tagcast.features.ingest.readers.arrow import spark_tables
from tagcast.features.ingest.readers.arrow.spark_conditions import pushed_condition
from tagcast.features.ingest.readers.arrow.spark_tables import SparkTable
from tagcast.features.ingest.readers.places import Places
from tests.support.awkward_events import drawn
from tests.support.source_projects import project, source

ON_SPARK = 'engine = "spark"\n[spark]\nshared = "shared"\n'
"""Whichever session is active."""
FEW = 3_000


@pytest.fixture
def session(engine) -> Iterator:
    """The session, shown in a zone of its own: no moment may depend on it, and nobody may set it back."""
    spark = engine.session
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    before = sorted(spark.conf.getAll.items())
    yield spark
    assert sorted(spark.conf.getAll.items()) == before
    spark.conf.set("spark.sql.session.timeZone", zone)
    for table in spark.catalog.listTables():
        spark.sql(f"DROP {'VIEW' if table.isTemporary else 'TABLE'} {table.name}")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every table that Spark writes, with how many of its units."""
    found: list[tuple[str, int]] = []
    write = SparkTable.write

    def watched(table, names, wanted, folder):
        found.append((table.label, len(names)))
        return write(table, names, wanted, folder)

    monkeypatch.setattr(SparkTable, "write", watched)
    return found


def log_of(config: Path) -> EventLog:
    settings = load_settings(config, None, config.parent)
    log = build_event_log(settings)
    assert not left_in(config)
    return log


def left_in(config: Path) -> list[Path]:
    """Return what loads have left of what they read."""
    return [file for file in (config.parent / "shared" / "scratch").rglob("*") if file.is_file()]


def same(one: EventLog, other: EventLog) -> bool:
    """Return whether two logs hold the same to the bit."""
    files = [
        [part.read_bytes() for part in sorted(log.folder.glob("events/*.parquet"))] for log in (one, other)
    ]
    return files[0] == files[1] and (one.id, one.digests) == (other.id, other.digests)


def test_a_partitioned_table_gives_the_log_of_its_file(session, tmp_path, read) -> None:
    lines = drawn.drawn(FEW, seed=3)
    pq.write_table(drawn.as_table(lines), tmp_path / "events.parquet")
    frame = session.read.parquet(str(tmp_path / "events.parquet"))
    frame.repartition(3).write.partitionBy("site").option("path", str(tmp_path / "t")).saveAsTable("events")

    def log(name: str, place: str, *before: str, extra: str = "") -> EventLog:
        table = source(place=place, columns=drawn.COLUMNS, extra=f"{drawn.FURTHER}\n{extra}")
        return log_of(project(tmp_path / name, *before, table, timezone="Europe/Berlin"))

    file = f'path = "{tmp_path / "events.parquet"}"'
    assert same(log("spark", 'table = "events"', ON_SPARK), log("file", file))
    assert read == [("events", len({file.parent for file in (tmp_path / "t").rglob("*.parquet")}) * 3)]
    once = "deduplicate = true"
    assert same(
        log("once", 'table = "default.events"', ON_SPARK, extra=once), log("file-once", file, extra=once)
    )


MOMENT = dt.datetime.fromisoformat("2024-07-01T22:30:00.123457")
TYPES: list[tuple[str, str, pa.DataType, list]] = [
    ("id", "string", pa.string(), ["007", "b", "b"]),
    ("at", "timestamp", pa.timestamp("us", "UTC"), [MOMENT, dt.datetime.fromisoformat("1959-12-31T23:59"), dt.datetime.fromisoformat("2024-07-03")]),
    ("wall", "timestamp_ntz", pa.timestamp("us"), [MOMENT, None, dt.datetime.fromisoformat("1960-01-01")]),
    ("born", "date", pa.date32(), [dt.date(2024, 2, 29), dt.date(1500, 1, 1), None]),
    ("exact", "decimal(38,6)", pa.decimal128(38, 6), [Decimal("12.345678"), Decimal("-0.000001"), None]),
    ("tiny", "tinyint", pa.int8(), [1, -128, None]),
    ("small", "smallint", pa.int16(), [1, -32768, None]),
    ("whole", "int", pa.int32(), [1, -(2**31), None]),
    ("large", "bigint", pa.int64(), [1, -(2**63), None]),
    ("single", "float", pa.float32(), [0.1, -0.0, None]),
    ("double", "double", pa.float64(), [0.1, 1e300, None]),
    ("yes", "boolean", pa.bool_(), [True, False, None]),
    ("bytes", "binary", pa.binary(), [b"abc", "ü".encode(), None]),
    ("nothing", "void", pa.null(), [None, None, None]),
    ("deep", "struct<a:struct<b:string>,t:timestamp>", pa.struct({"a": pa.struct({"b": pa.string()}), "t": pa.timestamp("us", "UTC")}),
     [{"a": {"b": "x"}, "t": MOMENT}, {"a": None, "t": None}, None]),
    ("items", "array<struct<sku:string,n:int>>", pa.list_(pa.struct({"sku": pa.string(), "n": pa.int32()})),
     [[{"sku": "s1", "n": 2}, {"sku": "s2", "n": 1}], [{"sku": None, "n": 1}], []]),
    ("odd `name.x", "string", pa.string(), ["q", "", None]),
]  # fmt: skip
WORDS = ["wall", "born", "tiny", "small", "whole", "large", "single", "double", "yes", "bytes"]


def frame_of(session, columns=TYPES):
    """Return the rows as a frame of Spark, which takes moments in the zone of this process as naive ones."""
    zoned = [
        (
            name,
            kind,
            [v.replace(tzinfo=dt.UTC) if kind == "timestamp" and v is not None else v for v in values],
        )
        for name, kind, _, values in columns
    ]
    for name, _, values in zoned:
        if name == "deep":
            values[0] = {"a": {"b": "x"}, "t": MOMENT.replace(tzinfo=dt.UTC)}
    schema = ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind, _ in zoned)
    return session.createDataFrame(list(zip(*(values for *_, values in zoned), strict=True)), schema)


def table_of(place: str, *, unnest: bool) -> str:
    words = [*WORDS, "deep_b", "deep_t", "odd"]
    columns = {
        "profile_id": "id",
        "event_time": "at",
        "amount": "exact",
        "deep_b": "deep.a.b",
        "deep_t": "deep.t",
    }
    text = source(
        place=place, columns=columns, extra=f"words = {words}" + ('\nunnest = "items"' if unnest else "")
    )
    return (
        text + ("item_id = 'items.sku'\nquantity = 'items.n'\n" if unnest else "") + "odd = 'odd `name.x'\n"
    )


@pytest.mark.parametrize("unnest", [False, True])
def test_every_type_is_what_it_is_in_a_file(session, tmp_path, unnest) -> None:
    schema = pa.schema([(name, kind) for name, _, kind, _ in TYPES])
    arrays = [pa.array(values, kind) for *_, kind, values in TYPES]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), tmp_path / "types.parquet")
    frame_of(session).createTempView("types")
    file = f'path = "{tmp_path / "types.parquet"}"'
    one = log_of(project(tmp_path / "spark", ON_SPARK, table_of('table = "types"', unnest=unnest)))
    other = log_of(project(tmp_path / "file", table_of(file, unnest=unnest)))
    assert same(one, other)
    assert one.rows == 3


@pytest.mark.parametrize(
    ("kind", "named"), [("INTERVAL '1' DAY", "interval day"), ("map(1, parse_json('1'))", "variant")]
)
def test_types_that_no_file_holds_are_refused_by_name(session, tmp_path, kind, named) -> None:
    session.sql(
        f"SELECT *, {kind} AS strange FROM VALUES ('a', now(), 1), ('b', now(), 2) AS t(id, at, price)"
    ).createTempView("v")
    config = project(tmp_path, ON_SPARK, source(place='table = "v"', extra='words = ["strange"]'))
    with pytest.raises(DataError, match=f"sources.shop: column 'strange' is of Spark's type {named}, which"):
        log_of(config)
    # As part of a whole line it is what tells lines apart.
    config = project(tmp_path, ON_SPARK, source(place='table = "v"', extra="deduplicate = true"))
    assert log_of(config).rows == 2


def lines_of(session, days: list[int], name: str, folder: Path, price: int = 5) -> None:
    rows = [
        (f"p{n % 3}", dt.datetime(2024, 1, day, n % 24, tzinfo=dt.UTC), price + n, f"d{day}")
        for day in days
        for n in range(9)
    ]
    frame = session.createDataFrame(rows, "id string, at timestamp, price int, dt string").coalesce(1)
    frame.write.mode("append").partitionBy("dt").option("path", str(folder / name)).saveAsTable(name)


@pytest.mark.parametrize(("place", "most"), [("days", 1), ("seen", 1_000)])
def test_what_has_not_changed_is_not_read_again(session, tmp_path, place, most, read, monkeypatch) -> None:
    monkeypatch.setattr(spark_tables, "MOST_NAMED", most)
    lines_of(session, [1, 2, 3], "days", tmp_path)
    session.sql("SELECT * FROM days").createTempView("seen")
    config = project(tmp_path, ON_SPARK, source(place=f'table = "{place}"'))
    first = log_of(config)
    assert same(log_of(config), first)
    assert read == [(place, 3)]
    lines_of(session, [4], "days", tmp_path)
    second = log_of(config)
    assert read == [(place, 3), (place, 1)]
    assert second.rows == 36
    file = source(place=f'path = "{tmp_path / "days"}"')
    assert second.digests == log_of(project(tmp_path / "files", file)).digests
    # Another program adds a file that this session has heard nothing of.
    (first_day,) = (tmp_path / "days" / "dt=d1").glob("*.parquet")
    shutil.copy(first_day, first_day.with_name("part-00009.parquet"))
    second = log_of(config)
    assert second.rows == 45
    assert read[2:] == [(place, 1 if place == "days" else 4)]
    session.sql("DROP VIEW seen")
    session.sql("SELECT id, at + INTERVAL '1' SECOND AS at, price, dt FROM days").createTempView("seen")
    again = log_of(config)
    assert read[3:] == ([] if place == "days" else [(place, 4)])
    assert (again.id == second.id) == (place == "days")


CONDITIONS = {
    "dt = 'd2'": 9,
    "'d2' <= dt AND price <> 7": 16,
    "dt IN ('d1', 'd3') AND (price > 6 OR price < 0)": 18,
    "price BETWEEN 6 AND 8 AND NOT dt = 'd1'": 9,
    "DAY = DATE '2024-01-03' AND upper(dt) = 'D3'": 9,
    "day > '2024-01-01' AND \"at\" >= '2024-01-01 12:00:00'": 18,
    "-5 < price AND price = 6.0 AND id > dt": 27,
}
"""Each with how many lines of 27 Spark leaves of them: where it is asked less, the rest is asked of those."""


def test_simple_conditions_are_asked_of_spark_and_leave_the_same(session, tmp_path) -> None:
    lines_of(session, [1, 2, 3], "days", tmp_path)
    frame = session.sql("SELECT *, to_date(at) AS day FROM days")
    frame.createTempView("seen")
    # Spark's own writer would write times without a zone.
    pq.write_table(frame.toArrow(), tmp_path / "file.parquet")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        rows = connection.read_parquet(str(tmp_path / "file.parquet"))
        kinds = {field.name: field.dataType for field in frame.schema.fields}
        for where, left in CONDITIONS.items():
            condition = pushed_condition(where, kinds)
            some = frame if condition is None else frame.where(condition)
            arrow = some.toArrow()
            assert arrow.num_rows == left, where
            one, other = (
                one.filter(where).order("ALL").fetchall() for one in (connection.from_arrow(arrow), rows)
            )
            assert one == other, where
    for number, where in enumerate(list(CONDITIONS)[:2]):
        extra = f'where = "{where}"'
        one = log_of(project(tmp_path / f"s{number}", ON_SPARK, source(place='table = "seen"', extra=extra)))
        other = log_of(
            project(
                tmp_path / f"f{number}", source(place=f'path = "{tmp_path / "file.parquet"}"', extra=extra)
            )
        )
        assert same(one, other)


def test_char_is_read_with_its_blanks_and_compared_as_in_a_file(session, tmp_path, read) -> None:
    session.sql(
        f"CREATE TABLE padded (id CHAR(3), at TIMESTAMP, price INT) USING parquet LOCATION '{tmp_path / 't'}'"
    )
    session.sql("INSERT INTO padded VALUES ('a', now(), 1), ('b', now(), 2), ('ccc', now(), 3)")
    pq.write_table(session.table("padded").toArrow(), tmp_path / "file.parquet")
    extra = "where = \"id <> 'a' AND id <> 'ccc'\"\nwords = ['code']"
    columns = {"profile_id": "id", "event_time": "at", "code": "id"}
    config = project(tmp_path / "s", ON_SPARK, source(place='table = "padded"', columns=columns, extra=extra))
    one = log_of(config)
    file = source(place=f'path = "{tmp_path / "file.parquet"}"', columns=columns, extra=extra)
    assert same(one, log_of(project(tmp_path / "f", file)))
    assert one.rows == 2
    assert log_of(config).id == one.id
    assert read == [("padded", 1)]


def test_every_place_may_be_a_table_and_check_says_what_it_says_of_files(session, tmp_path, read) -> None:
    lines_of(session, [1, 2], "days", tmp_path)
    frames = {
        "goods": session.sql("SELECT concat('p', id) AS id, concat('c', id) AS category FROM range(3)"),
        "people": session.sql("SELECT concat('x', id) AS key, id AS age FROM range(3)"),
        "ids": session.sql(
            "SELECT 'shop' AS source, concat('p', id) AS source_id, concat('x', id) AS profile_id FROM range(3)"
        ),
    }
    for name, frame in frames.items():
        frame.createTempView(name)
        frame.coalesce(1).write.parquet(str(tmp_path / name))

    def tables(of: Callable[[str], str]) -> str:
        return (
            source(place=of("days"))
            + f'[[sources.joins]]\n{of("goods")}\non = "id"\ncolumns = ["category"]\n'
            + f'[profiles]\n{of("people")}\nkey = "key"\ncolumns = ["age"]\n[identity]\n{of("ids")}\n'
        )

    found = []
    for name, text in (
        ("spark", ON_SPARK + tables(lambda name: f'table = "{name}"')),
        ("files", tables(lambda name: f'path = "{tmp_path / name}"')),
    ):
        settings = load_settings(project(tmp_path / name, text), None, tmp_path)
        places = Places(settings)
        found.append((examine(settings, places=places), build_event_log(settings, places=places)))
    assert found[0][0] == found[1][0]
    assert same(found[0][1], found[1][1])
    assert pq.read_table(found[0][1].profiles_path).equals(pq.read_table(found[1][1].profiles_path))
    assert sorted(read) == [("days", 2), ("goods", 1), ("ids", 1), ("people", 1)]


REFUSED = {
    ("dais", "price"): "sources.shop: there is no table 'dais'\n  hint: did you mean 'days'",
    ("sale.days", "price"): "there is no table 'sale.days'\n  hint: known: default",
    ("nowhere.shop.days", "price"): "there is no table 'nowhere.shop.days'",
    ("not a name", "price"): "there is no table 'not a name'",
    (
        "days",
        "prise",
    ): "sources.shop.columns.amount: there is no column 'prise'\n  hint: did you mean 'price'",
    ("none", "price"): "sources.shop: no lines were read of none: it is empty, or where leaves",
}


def test_what_cannot_be_read_is_said(session, tmp_path) -> None:
    lines_of(session, [1, 2], "days", tmp_path)
    session.sql("SELECT * FROM days WHERE price < 0").createTempView("none")
    for (table, column), words in REFUSED.items():
        columns = {"profile_id": "id", "event_time": "at", "amount": column}
        with pytest.raises(DataError) as raised:
            log_of(project(tmp_path, ON_SPARK, source(place=f'table = "{table}"', columns=columns)))
        assert words in str(raised.value)
    assert not left_in(tmp_path / "tagcast.toml")


def test_a_session_that_cannot_be_reached_names_the_source(tmp_path) -> None:
    config = project(
        tmp_path, 'engine = "spark"\n[spark]\nsession = "sc://127.0.0.1:1"\n', source(place='table = "t"')
    )
    with pytest.raises(
        ConfigError, match=r"sources\.shop: the Spark session 127\.0\.0\.1:1 cannot be reached"
    ):
        log_of(config)
