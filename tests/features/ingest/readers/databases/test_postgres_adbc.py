"""ADBC gives the values that psycopg gives, type by type."""

from __future__ import annotations

import duckdb
import pytest
import sqlalchemy as sa
from sqlglot import exp

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.readers.databases import postgres_adbc
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.table_reader import Reader
from tests.support.databases.servers import postgres_server
from tests.support.source_projects import project, source

pytestmark = [pytest.mark.postgres, pytest.mark.filterwarnings("ignore")]

VALUES = {
    "bool": ["true", "false"],
    "int2": ["1", "-32768"],
    "int4": ["2147483647"],
    "int8": ["9223372036854775807", "-1"],
    "float4": ["0.1", "'Infinity'", "1e20"],
    "float8": ["0.1", "'NaN'", "-1e-300"],
    "numeric": ["1.50", "12345678.1234567890", "0"],
    "numeric(12,2)": ["1.5", "-3"],
    "text": ["'a'", "''", "'100 % of %s :x'"],
    "varchar(9)": ["'é 中'"],
    "char(6)": ["'ab'"],
    "date": ["'2024-02-29'", "'0001-01-01'", "'9999-12-31'"],
    "timestamp": ["'2024-01-01 10:00'", "'2024-01-01 10:00:00.123456'"],
    "timestamptz": ["'2024-01-01 10:00+02'", "'0001-01-02 00:00+00'"],
    "json": ["'{\"a\":  10.10}'", "'[1, null]'"],
    "jsonb": ["'{\"a\": 9007199254740993}'"],
    "uuid": ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
    "money": ["12.5", "-0.01"],
    "bytea": ["'\\xff'", "'abc'"],
    "mood": ["'sad'", "'happy'"],
    "text[]": ["'{a,\"b c\"}'"],
    "inet": ["'10.0.0.1'", "'10.0.0.0/8'"],
    "interval": ["'1 year 2 days'"],
    "time": ["'10:00'"],
    "int4range": ["'[1,5)'"],
}
BEYOND = {
    "numeric": ["0.12345678901", "'NaN'", "'Infinity'", "1"],
    "date": ["'20000-01-01'", "'0044-03-15 BC'", "'infinity'", "'-infinity'", "'2024-01-01'"],
    "timestamp": ["'infinity'", "'0001-12-31 10:00:00.5 BC'", "'2024-01-01 10:00'"],
    "timestamptz": [
        "'infinity'",
        "'-infinity'",
        "'0044-03-15 10:00+00 BC'",
        "'2024-01-01 10:00+00'",
        "'12000-01-01 10:00+00'",
    ],
}


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    pytest.importorskip("adbc_driver_postgresql", reason="no ADBC here")
    with postgres_server(tmp_path_factory.mktemp("pg")) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        yield engine
        engine.dispose()


@pytest.mark.parametrize("nulls", [True, False], ids=["with nulls", "without"])
@pytest.mark.parametrize(
    ("kind", "values"),
    [*VALUES.items(), *BEYOND.items()],
    ids=[*VALUES, *(f"{kind} beyond" for kind in BEYOND)],
)
def test_each_type(postgres, tmp_path, monkeypatch, kind, values, nulls) -> None:
    monkeypatch.setenv("SHOP_URL", postgres.url.render_as_string(hide_password=False))
    given = [*values, "NULL"] if nulls else values
    with postgres.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS o")
        connection.exec_driver_sql(f'CREATE TABLE o (n int, "The Value" {kind}, day date)')
        for n, value in enumerate(given):
            statement = f"INSERT INTO o VALUES ({n}, {value}, date '2024-01-01' + {n})"
            connection.exec_driver_sql(statement.replace("%", "%%"))
    found = []
    for there in (True, False):
        used = []
        stream = postgres_adbc._stream
        monkeypatch.setattr(postgres_adbc, "is_there", lambda there=there: there)
        monkeypatch.setattr(
            postgres_adbc, "_stream", lambda *a, used=used, stream=stream: used.append(a) or stream(*a)
        )
        found.append(opened(tmp_path / str(there)))
        assert bool(used) == (there and kind not in {"text[]", "inet", "interval", "time", "int4range"})
        monkeypatch.setattr(postgres_adbc, "_stream", stream)
    assert found[0] == found[1]
    assert len(found[0][1]) == len(given)


def opened(folder):
    """Return the columns of the table, its lines, and which columns are of no certain type."""
    config = project(
        folder,
        source(
            "shop",
            place='url = "${SHOP_URL}"\ntable = "o"',
            columns={"profile_id": "n", "event_time": "day", "amount": "The Value"},
        ),
    )
    settings = load_settings(config, None, folder)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        reader = Reader(settings, connection, folder, Places(settings))
        table = reader.open(settings.sources[0], "sources.shop", {"n", "The Value", "day"})
        lines = exp.select("*").from_(table.relation).order_by("n").sql("duckdb")
        return (
            table.columns,
            [tuple(map(repr, row)) for row in connection.execute(lines).fetchall()],
            table.untyped,
        )
