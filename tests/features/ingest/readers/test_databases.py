"""Databases are read, never written: what is needed, as it stands, in UTC; each error is one message."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.ingest.readers.databases.chunk_types import as_arrow
from tagcast.features.ingest.readers.databases.session import open_engine, reading_statement
from tests.support.databases.servers import mariadb_server, postgres_server
from tests.support.source_projects import build, lines, project, read, source

COLUMNS = {"profile_id": "customer_id", "event_time": "ordered_at", "amount": "price"}


def table(url: str, asked: str = 'table = "o"', columns=COLUMNS, extra: str = "") -> str:
    return source(place=f'url = "{url}"\n{asked}', columns=columns, extra=extra)


class TestSqlite:
    """The one database that is always there."""

    @staticmethod
    def fill(folder, *statements: str):
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / "shop.db")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        return folder

    def test_only_what_is_mapped_is_read(self, tmp_path) -> None:
        self.fill(
            tmp_path,
            "CREATE TABLE o (customer_id text, ordered_at datetime, price numeric, born date, odd datetime)",
            "INSERT INTO o VALUES ('a', '2024-01-01 10:00:00', 1, 'never', 'soon'), ('b', '2024-01-02', 2, x'ff', 7)",
        )
        assert build(project(tmp_path, table("sqlite:///shop.db"))).rows == 2
        whole = project(tmp_path, table("sqlite:///shop.db", extra="deduplicate = true"))
        assert build(whole).rows == 2

    def test_times_that_mix_text_and_numbers(self, tmp_path) -> None:
        self.fill(
            tmp_path,
            "CREATE TABLE o (customer_id, ordered_at datetime, price)",
            "INSERT INTO o VALUES ('a', '2026-01-05 09:00:00', 1), ('b', 1767603600000, 2.5), (7, 1767603600000, '3')",
        )
        frame = read(build(project(tmp_path, table("sqlite:///shop.db"))))
        assert set(frame["event_time"]) == {datetime(2026, 1, 5, 9)}  # noqa: DTZ001
        assert list(frame["profile_id"]) == ["7", "a", "b"]
        assert [float(v) for v in frame["amount"]] == [3, 1, 2.5]

    def test_a_missing_column_is_named_with_what_there_is(self, tmp_path) -> None:
        self.fill(
            tmp_path,
            "CREATE TABLE o (customer_id, ordered_at, prize)",
            "INSERT INTO o VALUES (1, '2024-01-01', 1)",
        )
        with pytest.raises(DataError, match="no column 'price'") as caught:
            build(project(tmp_path, table("sqlite:///shop.db")))
        assert "did you mean 'prize'" in str(caught.value.hint)

    def test_a_colon_in_a_query_is_no_parameter(self, tmp_path) -> None:
        self.fill(tmp_path, "CREATE TABLE o (customer_id, ordered_at, price)",
                  "INSERT INTO o VALUES ('a:note', '2024-01-01 10:00:00', 1), ('b', '2024-01-02 10:00:00', 1)")  # fmt: skip
        asked = "query = \"SELECT * FROM o WHERE customer_id != ':note' AND ordered_at LIKE '2024-01-%' AND price != ':x'\""
        assert build(project(tmp_path, table("sqlite:///shop.db", asked))).rows == 2

    @pytest.mark.parametrize(
        "query",
        [
            "create table made as select * from o",
            "DELETE FROM o RETURNING *",
            "SELECT 1; DROP TABLE o",
            "WITH gone AS (DELETE FROM o RETURNING *) SELECT * FROM gone",
            "PRAGMA user_version = 7",
            "",
        ],
    )
    def test_a_query_that_writes_is_refused(self, tmp_path, query) -> None:
        self.fill(
            tmp_path,
            "CREATE TABLE o (customer_id, ordered_at, price)",
            "INSERT INTO o VALUES (1, '2024-01-01', 1)",
        )
        before = (tmp_path / "shop.db").read_bytes()
        with pytest.raises(ConfigError, match="query is no single SELECT"):
            build(project(tmp_path, table("sqlite:///shop.db", f'query = "{query}"')))
        assert (tmp_path / "shop.db").read_bytes() == before


class TestStatements:
    """One SELECT, in the words of whichever server."""

    @pytest.mark.parametrize(
        ("dialect", "query"),
        [
            ("mysql", "SELECT `a`, DATE_FORMAT(b, '%Y') FROM o WHERE c = 'insert into' LIMIT 5"),
            ("postgresql", "WITH x AS (SELECT 1) SELECT * FROM x UNION ALL (SELECT 2)"),
            ("mssql", "SELECT TOP 10 [a] FROM o WITH (NOLOCK)"),
            ("oracle", "SELECT a FROM o WHERE ROWNUM < 5"),
            ("snowflake", "SELECT a FROM o QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1"),
            ("nobodys", "SELECT update_time, created FROM o"),
            ("postgresql", "-- a note\nSELECT a FROM o;"),
        ],
    )
    def test_reading(self, dialect, query) -> None:
        assert reading_statement(query, dialect, "here")

    @pytest.mark.parametrize(
        ("dialect", "query"),
        [
            ("mysql", "create table made_by_tagcast as select * from o"),
            ("mysql", "INSERT INTO o SELECT * FROM o"),
            ("mysql", "SELECT * FROM o INTO OUTFILE '/tmp/x'"),
            ("mysql", "CALL tidy()"),
            ("mysql", "SET GLOBAL time_zone = '+08:00'"),
            ("mssql", "SELECT * INTO copy FROM o"),
            ("mssql", "EXEC tidy"),
            ("mssql", "WITH x AS (SELECT * FROM o) DELETE FROM x"),
            ("mssql", "MERGE o USING p ON o.a = p.a WHEN MATCHED THEN DELETE;"),
            ("postgresql", "WITH x AS (UPDATE o SET a = 1 RETURNING *) SELECT * FROM x"),
            ("postgresql", "COPY o TO '/tmp/x'"),
            ("snowflake", "TRUNCATE TABLE o"),
            ("oracle", "BEGIN tidy; END;"),
            ("nobodys", "DROP TABLE o"),
        ],
    )
    def test_writing(self, dialect, query) -> None:
        with pytest.raises(ConfigError, match="no single SELECT"):
            reading_statement(query, dialect, "here")


class Recorded:
    """A connection that remembers what it is sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def cursor(self):
        return self

    def execute(self, statement: str) -> None:
        self.sent.append(statement)

    def commit(self) -> None:
        self.sent.append("COMMIT")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("mysql+pymysql://u@db/zoo", ["SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'"]),
        ("mariadb+pymysql://u@db/zoo", ["SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'"]),
        ("postgresql+psycopg://u@db/crm",
         ["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET TIME ZONE 'UTC'", "COMMIT"]),
    ],
)  # fmt: skip
def test_a_session_is_read_only_and_in_utc(tmp_path, url, sent) -> None:
    pytest.importorskip("pymysql" if "pymysql" in url else "psycopg")
    engine, connection = open_engine(url, "here", tmp_path), Recorded()
    listeners = [f for f in engine.pool.dispatch.connect if f.__module__.startswith("tagcast.")]
    assert listeners
    for listener in listeners:
        listener(connection, None)
    assert connection.sent == sent


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("postgres://u@db/crm", "write postgresql://"),
        ("nonsense", "postgresql://user:"),
        ("clickhouse+native://db/x", "postgresql://user:"),
    ],
)
def test_a_url_that_is_none_has_a_hint(tmp_path, url, hint) -> None:
    with pytest.raises(ConfigError, match="no SQLAlchemy URL") as caught:
        open_engine(url, "here", tmp_path)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("values", "given"),
    [
        ([2**63, 1, None], ["9223372036854775808", "1", None]),
        ([Decimal("Infinity"), Decimal("NaN"), Decimal("1.5")], ["Infinity", None, "1.5"]),
        ([Decimal(1) / Decimal(3) + Decimal(10) ** 29], ["100000000000000000000000000000"]),
        ([Decimal("0.12345678901")], ["0.12345678901"]),
        ([Decimal("1.50"), Decimal(2)], [Decimal("1.5"), Decimal(2)]),
        ([2**53 + 1, 0.5], ["9007199254740993", "0.5"]),
        ([1, 0.5], [1.0, 0.5]),
        ([{}, {}], ["{}", "{}"]),
        ([{"a": 1}, [1, "é"], None], ['{"a": 1}', '[1, "é"]', None]),
        ([b"a", memoryview(b"\xff")], ["a", "ff"]),
        ([date(2024, 1, 1), datetime(2024, 1, 1, 10)], ["2024-01-01", "2024-01-01 10:00:00"]),  # noqa: DTZ001
        ([datetime(2024, 1, 1, 10), datetime(2024, 1, 1, 10, tzinfo=UTC)],  # noqa: DTZ001
         ["2024-01-01 10:00:00", "2024-01-01 10:00:00+00:00"]),
        ([True, 1, "x"], ["true", "1", "x"]),
        ([None, None], [None, None]),
    ],
)  # fmt: skip
def test_no_value_is_too_odd_to_be_fetched(values, given) -> None:
    array = as_arrow(values)[0].to_pylist()
    if isinstance(given[0], str) and given[0].startswith("1000000000"):
        assert array[0].startswith(given[0][:27])
    else:
        assert array == given


def test_a_uuid_is_text() -> None:
    one = uuid4()
    assert as_arrow([one])[0].to_pylist() == [str(one)]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with postgres_server(tmp_path_factory.mktemp("pg")) as url:
        yield url


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore")
class TestPostgres:
    """Values that Python has no type for stand in the way of nothing that does not name them."""

    ODD = (
        ("timestamptz", "'infinity'"), ("timestamptz", "'0044-03-15 10:00+00 BC'"), ("date", "'20000-01-01'"),
        ("numeric", "1.0/3"), ("numeric", "'Infinity'"), ("numeric", "'NaN'"), ("numeric", "12345678901234567890123456789012345678901234567890"),
        ("jsonb", "'{}'"), ("json", "'[1, {}]'"), ("bytea", "'\\xff'"), ("interval", "'1 year'"), ("text[]", "'{a}'"),
        ("uuid", "gen_random_uuid()"), ("int4range", "'[1,5)'"), ("inet", "'10.0.0.1'"), ("time", "'10:00'"), ("money", "12.5"),
    )  # fmt: skip

    @pytest.fixture
    def shop(self, postgres, monkeypatch):
        import sqlalchemy as sa

        monkeypatch.setenv("SHOP_DB_URL", postgres)
        engine = sa.create_engine(postgres)

        def run(*statements: str) -> None:
            with engine.begin() as connection:
                for statement in ("DROP TABLE IF EXISTS o", *statements):
                    connection.execute(sa.text(statement))

        yield run
        engine.dispose()

    ROWS = (
        "INSERT INTO o (customer_id, ordered_at, price) VALUES ('a', '2026-01-05 10:00+00', 10.5), "
        "('b', '2026-02-05 10:00+02', 11)"
    )

    def fill(self, shop, kind: str, value: str) -> None:
        shop(
            f"CREATE TABLE o (customer_id char(12), ordered_at timestamptz, price numeric, odd {kind})",
            self.ROWS,
            f"UPDATE o SET odd = {value.replace(':', chr(92) + ':')} WHERE customer_id = 'a'",
        )

    @pytest.mark.parametrize(("kind", "value"), ODD)
    def test_an_odd_value_that_nothing_names(self, tmp_path, shop, kind, value) -> None:
        self.fill(shop, kind, value)
        frame = read(build(project(tmp_path, table("${SHOP_DB_URL}"))))
        assert list(frame["profile_id"]) == ["a", "b"]
        assert list(frame["event_time"]) == [datetime(2026, 1, 5, 10), datetime(2026, 2, 5, 8)]  # noqa: DTZ001
        queried = project(tmp_path / "q", table("${SHOP_DB_URL}", 'query = "SELECT * FROM o"'))
        assert build(queried).rows == 2

    @pytest.mark.parametrize(("kind", "value"), ODD)
    def test_an_odd_value_that_is_mapped(self, tmp_path, shop, kind, value) -> None:
        self.fill(shop, kind, value)
        columns = {**COLUMNS, "category": "odd"}
        frame = read(build(project(tmp_path, table("${SHOP_DB_URL}", columns=columns))))
        assert len(frame) == 2
        assert frame["category"].isna().sum() == (2 if value == "'NaN'" else 1)

    @pytest.mark.parametrize("kind", ["json", "jsonb"])
    def test_a_path_into_json(self, tmp_path, shop, kind) -> None:
        self.fill(shop, kind, """'{"sku": 10.10, "deep": {"exact": 9007199254740993}}'""")
        columns = {**COLUMNS, "category": "odd.sku", "item_id": "odd.deep.exact"}
        frame = read(build(project(tmp_path, table("${SHOP_DB_URL}", columns=columns))))
        assert list(frame["category"]) == ["10.10", None]
        assert list(frame["item_id"]) == ["9007199254740993", None]

    def test_names_that_mean_something_in_sql(self, tmp_path, shop) -> None:
        shop('DROP TABLE IF EXISTS "order"',
             'CREATE TABLE "order" ("Customer ID" char(12), "when" timestamptz, price numeric, "group" text, valid_to timestamptz)',
             """INSERT INTO "order" VALUES ('C1', '2026-01-05 10\\:00+00', 10.5, 'Coffee', 'infinity'),
                ('C2', '2026-02-05 10\\:00+00', 11, 'Tea', NULL)""")  # fmt: skip
        columns = {"profile_id": "Customer ID", "event_time": "when", "amount": "price", "category": "group"}
        frame = read(build(project(tmp_path, table("${SHOP_DB_URL}", 'table = "order"', columns))))
        assert list(frame["profile_id"]) == ["C1", "C2"]
        assert list(frame["category"]) == ["Coffee", "Tea"]

    def test_times_beyond_all_years_are_counted(self, tmp_path, shop) -> None:
        self.fill(shop, "int", "1")
        # On many days: a line that lies alone a month after all others is taken for one of a wrong clock.
        more = "INSERT INTO o SELECT 'c', timestamptz '2026-01-05 10\\:00+00' + n * interval '144 minutes', 1 FROM generate_series(1, 300) n"  # fmt: skip
        shop("CREATE TABLE o (customer_id char(12), ordered_at timestamptz, price numeric)", self.ROWS, more,
             "INSERT INTO o VALUES ('a', 'infinity', 1), ('a', '0044-03-15 BC', 1)")  # fmt: skip
        log = build(project(tmp_path, table("${SHOP_DB_URL}")))
        assert (log.rows, log.sources[0].unparsable_times) == (302, 2)

    def test_the_session_is_in_utc(self, tmp_path, shop) -> None:
        shop("CREATE TABLE o (customer_id text, ordered_at timestamptz, price numeric)", self.ROWS)
        asked = "query = \"SELECT customer_id, CAST(ordered_at AS timestamp) AS ordered_at, price, current_setting('TimeZone') AS z FROM o\""
        columns = {**COLUMNS, "category": "z"}
        frame = read(build(project(tmp_path, table("${SHOP_DB_URL}", asked, columns))))
        assert set(frame["category"]) == {"UTC"}
        assert frame["event_time"].iloc[0] == datetime(2026, 1, 5, 10)  # noqa: DTZ001

    def test_a_function_that_writes_is_stopped_by_the_server(self, tmp_path, shop) -> None:
        shop("CREATE TABLE o (customer_id text, ordered_at timestamptz, price numeric)", self.ROWS,
             "CREATE OR REPLACE FUNCTION tidy() RETURNS int LANGUAGE sql AS 'DELETE FROM o RETURNING 1'")  # fmt: skip
        with pytest.raises(DataError, match="read-only"):
            build(project(tmp_path, table("${SHOP_DB_URL}", 'query = "SELECT *, tidy() FROM o"')))
        assert build(project(tmp_path, table("${SHOP_DB_URL}"))).rows == 2


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as found:
        yield found


class TestMariaDb:
    """TIMESTAMP is a moment, DATETIME what a clock showed; a query writes nothing."""

    @pytest.fixture
    def zoo(self, mariadb, monkeypatch):
        url, cursor = mariadb
        monkeypatch.setenv("ZOO", url)
        cursor.execute("DROP TABLE IF EXISTS o")
        cursor.execute(
            "CREATE TABLE o (customer_id int, ordered_at timestamp NULL, shown datetime, price decimal(40, 12), "
            "big bigint unsigned, zero date, paid tinyint(1))"
        )
        cursor.execute("SET time_zone = '+00:00', sql_mode = ''")
        cursor.execute(
            "INSERT INTO o VALUES (1, '2026-01-05 10:00:00', '2026-01-05 10:00:00', 1.123456789012, "
            "18446744073709551615, '0000-00-00', 1), (2, '2026-01-06 10:00:00', '2026-01-06 10:00:00', 2, 1, '2026-01-01', 0)"
        )
        return cursor

    @pytest.mark.parametrize("asked", ['table = "o"', 'query = "SELECT * FROM o"'])
    def test_a_timestamp_is_a_moment(self, tmp_path, zoo, asked) -> None:
        frame = read(build(project(tmp_path, table("${ZOO}", asked, extra='timezone = "Asia/Tokyo"'))))
        assert list(frame["event_time"]) == [datetime(2026, 1, d, 10) for d in (5, 6)]  # noqa: DTZ001
        assert [float(v) for v in frame["amount"]] == [1.1235, 2]
        columns = {**COLUMNS, "event_time": "shown", "category": "big", "channel": "zero"}
        shown = read(
            build(project(tmp_path / "s", table("${ZOO}", asked, columns, 'timezone = "Asia/Tokyo"')))
        )
        assert list(shown["event_time"]) == [datetime(2026, 1, d, 1) for d in (5, 6)]  # noqa: DTZ001
        assert list(shown["category"]) == ["18446744073709551615", "1"]

    @pytest.mark.parametrize("server", ["+08:00", "-05:30", "+00:00", "SYSTEM"])
    @pytest.mark.parametrize("own", ["UTC", "America/New_York"])
    def test_whatever_the_zone_of_the_server_is(self, tmp_path, zoo, server, own) -> None:
        zoo.execute("INSERT INTO o (customer_id, ordered_at, shown, price) VALUES "
                    "(3, '2026-03-29 01:30:00', '2026-07-01 23:30:00', 3)")  # fmt: skip
        zoo.execute(f"SET GLOBAL time_zone = '{server}'")
        try:
            config = project(tmp_path, table("${ZOO}", extra=f'timezone = "{own}"'))
            frame = read(build(config)).sort_values("profile_id")
        finally:
            zoo.execute("SET GLOBAL time_zone = '+08:00'")
        # What was written in a session in UTC, whatever zone the server or the source has.
        assert list(frame["event_time"]) == [
            datetime(2026, 1, 5, 10), datetime(2026, 1, 6, 10), datetime(2026, 3, 29, 1, 30)]  # noqa: DTZ001  # fmt: skip

    def test_now_is_utc_in_a_query(self, tmp_path, zoo) -> None:
        asked = 'query = "SELECT customer_id, ordered_at, price, @@session.time_zone AS z FROM o"'
        frame = read(build(project(tmp_path, table("${ZOO}", asked, {**COLUMNS, "category": "z"}))))
        assert set(frame["category"]) == {"+00:00"}

    def test_a_query_writes_nothing(self, tmp_path, zoo) -> None:
        for query in ("create table made as select * from o", "DELETE FROM o"):
            with pytest.raises(ConfigError, match="no single SELECT"):
                build(project(tmp_path, table("${ZOO}", f'query = "{query}"')))
        engine = open_engine(os.environ["ZOO"], "here", tmp_path)
        for statement in ("create table made as select * from o", "DELETE FROM o", "DROP TABLE o"):
            with engine.connect() as connection, pytest.raises(Exception, match="READ ONLY"):
                connection.exec_driver_sql(statement)
        engine.dispose()
        zoo.execute("SHOW TABLES")
        assert [name for (name,) in zoo.fetchall()] == ["o"]
        zoo.execute("SELECT count(*) FROM o")
        assert zoo.fetchone() == (2,)


def test_sqlite_equals_a_file_with_deduplicate(tmp_path) -> None:
    connection = sqlite3.connect(tmp_path / "shop.db")
    lines(note=["x", "y", "z", "z"], id="a", at="2024-01-01 10:00:00", price=1.0).to_sql(
        "o", connection, index=False
    )
    lines(note="x", id="b").head(1).to_sql("o", connection, index=False, if_exists="append")
    connection.close()
    columns = {"profile_id": "id", "event_time": "at", "amount": "price"}
    config = project(tmp_path, table("sqlite:///shop.db", columns=columns, extra="deduplicate = true"))
    # Lines alike in what is mapped, and not in the note, are two sales.
    assert build(config).rows == 4
