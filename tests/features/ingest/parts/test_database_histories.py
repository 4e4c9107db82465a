"""Whatever happened to a table since the last load, the log is that of a full read; where nothing did, no line is fetched."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.features.ingest.parts.test_histories import same_as_read_anew
from tests.support.source_projects import build, project, read, source

KINDS = ["sqlite", "duckdb", pytest.param("postgres", marks=pytest.mark.postgres), "mariadb", "clickhouse"]
TYPES = {
    "sqlite": ("text", "numeric", "text"),
    "duckdb": ("timestamp", "decimal(12, 2)", "varchar"),
    "postgres": ("timestamptz", "numeric", "text"),
    "mariadb": ("datetime", "decimal(12, 2)", "varchar(20)"),
    "clickhouse": (
        "Nullable(DateTime64(3, 'UTC'))",
        "Nullable(Decimal(12, 2))",
        "LowCardinality(Nullable(String))",
    ),
}
FIRST = datetime(2024, 1, 1, 1)  # noqa: DTZ001
pytestmark = pytest.mark.filterwarnings("ignore")


class Shop:
    """A table of orders: thirty days of three lines each, and what happens to it."""

    def __init__(self, kind: str, url: str, folder: Path) -> None:
        self.kind, self.url, self.folder = kind, url, folder
        self.engine = None if kind in {"duckdb", "clickhouse"} else sa.create_engine(url)
        moment, number, text = TYPES[kind]
        self.run("DROP TABLE IF EXISTS orders")
        kept = "ENGINE = MergeTree ORDER BY line" if kind == "clickhouse" else ""
        self.run(
            f"CREATE TABLE orders (line int, id {text}, bought {moment}, price {number}, note {text}) {kept}"
        )
        self.lines = 0
        self.write([row for day in range(30) for row in self.rows(day)])

    def run(self, statement: str, **values: object) -> None:
        if self.kind == "duckdb":
            import duckdb

            with duckdb.connect(str(self.folder / "shop.duckdb")) as connection:
                for name in sorted(values, key=len, reverse=True):
                    statement = statement.replace(f":{name}", f"${name}")
                connection.execute(statement, values or None)
            return
        if self.kind == "clickhouse":
            run_in_clickhouse(self.url, statement, values)
            return
        assert self.engine is not None
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), values)
        self.engine.dispose()  # nothing is open while tagcast reads

    def add(self, day: int, lines: int = 3, **more: Any) -> None:
        self.write(self.rows(day, lines, **more))

    def rows(
        self, day: int, lines: int = 3, *, price: float = 10.0, who: str | None = "c", timed: bool = True
    ) -> list[tuple]:
        rows = []
        for n in range(lines):
            at = FIRST + timedelta(days=day, hours=(n * 11) % 23)
            rows.append((self.lines, None if who is None else f"{who}{n}", str(at) if timed else None, price))
            self.lines += 1
        return rows

    def write(self, rows: list[tuple]) -> None:
        texts = ", ".join(f"(:l{n}, :i{n}, :a{n}, :p{n}, 'x')" for n in range(len(rows)))
        given = {f"{k}{n}": v for n, row in enumerate(rows) for k, v in zip("liap", row, strict=True)}
        if self.kind == "postgres":
            texts = texts.replace(":a", "CAST(:a").replace(", :p", " AS timestamptz), :p")
        self.run(f"INSERT INTO orders (line, id, bought, price, note) VALUES {texts}", **given)


def run_in_clickhouse(url: str, statement: str, values: dict[str, object]) -> None:
    import clickhouse_connect

    # It takes values in its own way, and calls an update a mutation, which it runs later unless it is waited for.
    bound = sa.text(statement).bindparams(**values)
    written = str(bound.compile(compile_kwargs={"literal_binds": True}))
    if written.startswith("UPDATE orders SET"):
        change, _, condition = written.removeprefix("UPDATE orders SET").partition(" WHERE ")
        written = f"ALTER TABLE orders UPDATE {change} WHERE {condition or 'true'}"
    at = sa.make_url(url)
    with clickhouse_connect.get_client(
        host=at.host, port=at.port, username=at.username, password=at.password, database=at.database,
        autogenerate_session_id=False,
    ) as client:  # fmt: skip
        client.command(written, settings={"mutations_sync": 1})


def shop_in(kind: str, servers, folder: Path) -> Shop:
    if kind == "sqlite":
        return Shop(kind, f"sqlite:///{folder / 'shop.db'}", folder)
    if kind == "duckdb":
        return Shop(kind, f"duckdb:///{folder / 'shop.duckdb'}", folder)
    return Shop(kind, servers(kind), folder)


def configured(shop: Shop, folder: Path, monkeypatch, **more) -> Path:
    monkeypatch.setenv("SHOP_URL", shop.url)
    asked = more.pop("asked", 'table = "orders"')
    more.setdefault("columns", {"profile_id": "id", "event_time": "bought", "amount": "price"})
    return project(
        folder, source("shop", place=f'url = "${{SHOP_URL}}"\n{asked}', **more), timezone="America/New_York"
    )


def pieces(folder: Path) -> dict[str, dict]:
    """Return what is kept of the only place of a project."""
    (file,) = (folder / ".tagcast" / "sources").glob("*/pieces.json")
    return json.loads(file.read_text(encoding="utf-8"))


STEP = st.sampled_from(
    [
        "new day",
        "late line",
        "correction",
        "deletion",
        "day gone",
        "moved",
        "swapped",
        "absurd",
        "no id",
        "no time",
        "nothing",
    ]
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(STEP, st.integers(0, 40)), min_size=2, max_size=5))
def test_every_history_gives_the_log_of_a_full_read(kind, servers, monkeypatch, steps) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = shop_in(kind, servers, folder)
        config = configured(shop, folder, monkeypatch)
        same_as_read_anew(config, folder / "home")
        for number, (step, at) in enumerate(steps):
            happen(shop, step, at, number)
            same_as_read_anew(config, folder / "home")


def happen(shop: Shop, step: str, at: int, number: int) -> None:
    line = at * 7 % 90
    if step == "new day":
        shop.add(30 + number)
    elif step == "late line":
        shop.add(at % 30, 1, price=3.0, who="late")
    elif step == "correction":
        shop.run("UPDATE orders SET price = :p WHERE line = :l", p=4 + number, l=line)
    elif step == "deletion":
        shop.run("DELETE FROM orders WHERE line = :l", l=line)
    elif step == "day gone":
        shop.run("DELETE FROM orders WHERE line >= :f AND line < :t", f=line, t=line + 3)
    elif step == "moved":
        moved = str(FIRST + timedelta(days=at % 30, hours=3))
        cast = "CAST(:a AS timestamptz)" if shop.kind == "postgres" else ":a"
        shop.run(f"UPDATE orders SET bought = {cast} WHERE line = :l", a=moved, l=line)
    elif step == "swapped":
        # The values of both columns are those they were before, each on the other line.
        shop.run("UPDATE orders SET id = 'c1' WHERE line = :l", l=line - line % 3)
        shop.run("UPDATE orders SET id = 'c0' WHERE line = :l", l=line - line % 3 + 1)
    elif step == "absurd":
        shop.add(at * 400 - 9000)
    elif step == "no id":
        shop.add(31 + number, who=None)
    elif step == "no time":
        shop.add(0, 1, timed=False)
        shop.add(32 + number, 80)


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_is_new_no_line_is_fetched_and_the_parts_stay(
    kind, servers, tmp_path, monkeypatch
) -> None:
    shop = shop_in(kind, servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    first, kept = build(config), pieces(tmp_path)
    shop.run("UPDATE orders SET note = 'y'")  # nothing of it is mapped
    second = build(config)
    assert pieces(tmp_path)["pieces"] == kept["pieces"]
    assert first.folder == second.folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_corrected_day_is_fetched_alone_and_writes_no_other_day(
    kind, servers, tmp_path, monkeypatch
) -> None:
    shop = shop_in(kind, servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    build(config)
    before = pieces(tmp_path)
    shop.run("UPDATE orders SET price = 7 WHERE line = 30")
    log = same_as_read_anew(config, tmp_path / ".tagcast")
    (new,) = pieces(tmp_path)["pieces"].keys() - before["pieces"].keys()
    (held,) = pieces(tmp_path)["pieces"][new]["buckets"].values()
    assert held[0] == 3
    assert len(list(log.folder.glob("events/*.parquet"))) == 2
    assert read(log)["amount"].astype(float).sum() == 90 * 10 - 3


@pytest.mark.parametrize("kind", KINDS)
def test_values_that_two_lines_swap_are_seen(kind, servers, tmp_path, monkeypatch) -> None:
    shop = shop_in(kind, servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    shop.run("UPDATE orders SET price = 5 WHERE line = 30")
    first = build(config)
    shop.run("UPDATE orders SET price = 10 WHERE line = 30")
    shop.run("UPDATE orders SET price = 5 WHERE line = 31")
    second = same_as_read_anew(config, tmp_path / ".tagcast")
    assert first.id != second.id
    assert read(first)["amount"].sum() == read(second)["amount"].sum()


@pytest.mark.parametrize("kind", KINDS)
def test_above_a_share_all_is_read_anew(kind, servers, tmp_path, monkeypatch) -> None:
    shop = shop_in(kind, servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    build(config)
    shop.run("UPDATE orders SET price = 7 WHERE line < 45")
    same_as_read_anew(config, tmp_path / ".tagcast")
    (piece,) = pieces(tmp_path)["pieces"].values()
    assert len(piece["buckets"]) == len(pieces(tmp_path)["current"])


@pytest.mark.parametrize("kind", KINDS)
def test_many_corrections_leave_few_pieces(kind, servers, tmp_path, monkeypatch) -> None:
    shop = shop_in(kind, servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    for day in range(16):
        shop.run("UPDATE orders SET price = :p WHERE line = :l", p=day, l=day * 3)
        build(config)
    kept = pieces(tmp_path)
    assert len(kept["pieces"]) <= 12
    folders = {f.name for f in (tmp_path / ".tagcast" / "sources").glob("*/piece-*")}
    assert folders == kept["pieces"].keys()
    same_as_read_anew(config, tmp_path / ".tagcast")


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_is_kept_by_days_too(kind, servers, tmp_path, monkeypatch) -> None:
    shop = shop_in(kind, servers, tmp_path)
    asked = "query = \"SELECT id, bought, price FROM orders WHERE note LIKE 'x%' -- all\""
    config = configured(shop, tmp_path, monkeypatch, asked=asked)
    build(config)
    shop.add(31)
    same_as_read_anew(config, tmp_path / ".tagcast")
    assert len(pieces(tmp_path)["current"]) == 31


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_is_gone_is_named_and_the_log_stays(kind, servers, tmp_path, monkeypatch) -> None:
    from tagcast.features.core.errors import DataError

    shop = shop_in(kind, servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    before = read(build(config))
    shop.run("ALTER TABLE orders DROP COLUMN price")
    with pytest.raises(DataError, match="no column 'price'"):
        build(config)
    shop.run(f"ALTER TABLE orders ADD COLUMN price {TYPES[kind][1]}")
    shop.run("UPDATE orders SET price = 10")
    assert read(build(config)).equals(before)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_lines_that_stand_twice_and_one_of_them_goes(kind, servers, tmp_path, monkeypatch) -> None:
    shop = shop_in(kind, servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    for _ in range(3):
        shop.add(12, 2)
    build(config)
    shop.run("DELETE FROM orders WHERE line >= 94")
    assert same_as_read_anew(config, tmp_path / ".tagcast").rows == 94


AHEAD = {"timestamp NULL"}
UNGROUPED = {"double precision", "Nullable(Float64)"}
OTHER_TIMES = [
    ("sqlite", "text", "strftime('%d.%m.%Y %H:%M', bought)"),
    ("sqlite", "integer", "strftime('%s', bought) * 1000"),
    ("duckdb", "varchar", "strftime(bought, '%d.%m.%Y %H:%M')"),
    ("duckdb", "bigint", "epoch_ms(bought)"),
    ("mariadb", "varchar(30)", "date_format(bought, '%d.%m.%Y %H:%i')"),
    ("mariadb", "bigint", "timestampdiff(second, '1970-01-01', bought)"),
    ("mariadb", "timestamp NULL", "bought"),
    ("clickhouse", "Nullable(String)", "formatDateTime(bought, '%d.%m.%Y %H:%i')"),
    ("clickhouse", "Nullable(Int64)", "toUnixTimestamp64Milli(bought)"),
    ("clickhouse", "Nullable(Date32)", "toDate32(bought)"),
    ("clickhouse", "Nullable(DateTime('America/New_York'))", "bought"),
    ("clickhouse", "Nullable(Float64)", "toUnixTimestamp64Milli(bought) / 1000"),
    pytest.param("postgres", "text", "to_char(bought, 'DD.MM.YYYY HH24:MI')", marks=pytest.mark.postgres),
    pytest.param(
        "postgres", "bigint", "extract(epoch from bought)::bigint * 1000000", marks=pytest.mark.postgres
    ),
    pytest.param("postgres", "date", "bought::date", marks=pytest.mark.postgres),
    pytest.param("postgres", "double precision", "extract(epoch from bought)", marks=pytest.mark.postgres),
]


@pytest.mark.parametrize(("kind", "type_", "value"), OTHER_TIMES)
def test_times_of_other_types_make_buckets_too(kind, type_, value, servers, tmp_path, monkeypatch) -> None:
    shop = shop_in(kind, servers, tmp_path)
    shop.run(f"ALTER TABLE orders ADD COLUMN other {type_}")
    set_other = (
        f"UPDATE orders SET other = {value}".replace("::", r"\:\:")
        .replace("4:M", r"4\:M")
        .replace("H:%", r"H\:%")
    )
    shop.run(set_other if kind != "duckdb" else set_other.replace("\\", ""))
    columns = {"profile_id": "id", "event_time": "other", "amount": "price"}
    config = configured(shop, tmp_path, monkeypatch, columns=columns)
    build(config)
    kept = pieces(tmp_path)
    # The session that wrote MariaDB's is eight hours ahead: its lines lie on the days of UTC.
    assert len(kept["current"]) == (1 if type_ in UNGROUPED else 31 if type_ in AHEAD else 30)
    shop.run("UPDATE orders SET price = 5 WHERE line = 41")
    shop.run("DELETE FROM orders WHERE line = 52")
    same_as_read_anew(config, tmp_path / ".tagcast")
    new = [piece for name, piece in pieces(tmp_path)["pieces"].items() if name not in kept["pieces"]]
    assert sum(rows for piece in new for rows, _ in piece["buckets"].values()) == (
        89 if type_ in UNGROUPED else 5
    )


@pytest.mark.postgres
@pytest.mark.parametrize("method", ["hash", "md5"])
def test_both_digests_of_postgresql(method, servers, tmp_path, monkeypatch) -> None:
    from tagcast.features.ingest.readers.databases import sql

    monkeypatch.setattr(sql, "_METHODS", {"postgresql": (method,)})
    shop = shop_in("postgres", servers, tmp_path)
    config = configured(shop, tmp_path, monkeypatch)
    build(config)
    shop.run("UPDATE orders SET id = NULL WHERE line = 7")
    build(config)
    shop.run("UPDATE orders SET id = '' WHERE line = 7")
    build(config)
    assert pieces(tmp_path)["made"] == 3
    assert method in pieces(tmp_path)["method"]
    shop.run("UPDATE orders SET price = price")
    kept = pieces(tmp_path)
    same_as_read_anew(config, tmp_path / ".tagcast")
    assert pieces(tmp_path)["made"] == kept["made"]


def test_a_dimension_in_a_database_is_kept_as_one(tmp_path, servers, monkeypatch) -> None:
    shop = shop_in("sqlite", servers, tmp_path)
    shop.run("CREATE TABLE kinds (note text, kind text)")
    shop.run("INSERT INTO kinds VALUES ('x', 'tea'), ('y', 'cup')")
    columns = {"profile_id": "id", "event_time": "bought", "amount": "price", "category": "kind"}
    config = configured(shop, tmp_path, monkeypatch, columns=columns)
    join = '[[sources.joins]]\nurl = "${SHOP_URL}"\ntable = "kinds"\non = "note"\ncolumns = ["kind"]\n'
    config.write_text(config.read_text(encoding="utf-8") + join, encoding="utf-8")
    assert set(read(build(config))["category"]) == {"tea"}
    shop.run("UPDATE kinds SET kind = 'coffee' WHERE note = 'x'")
    log = same_as_read_anew(config, tmp_path / ".tagcast")
    assert set(read(log)["category"]) == {"coffee"}
