"""Snowflake and BigQuery by recorded answers of their drivers: what they are asked, and the log that their answers make."""

from __future__ import annotations

import json
import re
import sqlite3
import sys

import pytest
import sqlglot
from sqlglot import exp

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.ingest.readers.databases import fetched
from tagcast.features.ingest.readers.databases.warehouses import bigquery
from tests.features.ingest.parts.test_histories import everything
from tests.support.databases import recorded
from tests.support.databases.recorded import Recorded
from tests.support.source_projects import build, project, read, source

WAREHOUSES = ("snowflake", "bigquery")
URLS = {
    "snowflake": "snowflake://reader:${WAREHOUSE_PASSWORD}@org-account/shop/public?warehouse=small&role=reader",
    "bigquery": "bigquery://my-project/shop?location=EU",
}
COLUMNS = {
    "profile_id": "id", "event_time": "at", "amount": "price", "category": "note", "channel": "about.kind",
    "born": "born", "clock": "clock", "share": "share",
}  # fmt: skip
FURTHER = 'words = ["born", "clock"]\nnumbers = ["share"]'
MAPPED = {"id", "at", "price", "note", "about", "born", "clock", "share"}
LINES = [
    (7, "2024-01-01 12:30:00.125", 12.5, "tea", '{"kind":"a"}', "1965-03-04", "10:11:12", 0.1),
    (8, "2024-01-02 12:30:00.125", 0.01, "", "{}", None, None, None),
    (None, "1969-01-01 12:30:00.125", 3, None, None, "2200-01-01", "00:00:00", 2.5),
    (9, "2024-01-03 00:00:00", None, "cup", '{"kind":"b"}', "1970-01-01", "23:59:59", 1),
]


@pytest.fixture(params=WAREHOUSES)
def warehouse(request, monkeypatch):
    return plugged(request.param, monkeypatch)


def plugged(name, monkeypatch, **more) -> Recorded:
    driver = pytest.importorskip(f"adbc_driver_{name}.dbapi", reason="no driver of the warehouse here")
    connection = Recorded(name, **more)
    monkeypatch.setattr(driver, "connect", connection.connect)
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "geheim123")
    monkeypatch.setattr(fetched, "WAITS_SECONDS", (0, 0))
    return connection


def configured(folder, name, asked='table = "orders"', url=None, **more):
    more = {"columns": COLUMNS, "extra": FURTHER, **more}
    return project(folder, source("shop", place=f'url = "{url or URLS[name]}"\n{asked}', **more))


def in_sqlite(folder, lines):
    folder.mkdir()
    with sqlite3.connect(folder / "same.db") as same:
        same.execute(
            "CREATE TABLE orders (id integer, at text, price text, note text, about text, born text, clock text, share real)"
        )
        same.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", lines)
    same.close()
    return configured(folder, "", url=f"sqlite:///{folder / 'same.db'}")


def tree_of(statement, name):
    (tree,) = sqlglot.parse(statement, read=name, error_level=sqlglot.ErrorLevel.RAISE)
    return tree


def test_recordings_are_as_their_script_makes_them() -> None:
    for name, answer in recorded.made().items():
        assert recorded.read(name).equals(answer, check_metadata=True), name


def test_the_log_is_that_of_a_database_which_holds_the_same(warehouse, tmp_path) -> None:
    log = build(configured(tmp_path / "warehouse", warehouse.warehouse))
    other = build(in_sqlite(tmp_path / "sqlite", LINES))
    assert read(log).equals(read(other))
    assert everything(log) == everything(other)


def test_a_corrected_line_alone_is_asked_for_and_the_log_is_that_of_a_full_read(warehouse, tmp_path) -> None:
    config = configured(tmp_path / "warehouse", warehouse.warehouse)
    build(config)
    warehouse.edition = "-later"
    warehouse.asked.clear()
    log = build(config)
    (asked,) = [one for one in warehouse.asked if "__0" in one]
    condition = tree_of(asked, warehouse.warehouse).find(exp.Where)
    days = [one.this for one in condition.find_all(exp.Literal) if one.this.startswith("2024")]
    assert [day[:10] for day in days] == ["2024-01-02", "2024-01-03"]
    # By the column itself, so that partitions are left out.
    assert {type(one.this) for one in condition.find_all(exp.GTE, exp.LT)} == {exp.Column}
    corrected = [LINES[0], (8, "2024-01-02 12:30:00.125", 99.9, "", "{}", None, None, None), *LINES[2:]]
    assert everything(log) == everything(build(in_sqlite(tmp_path / "sqlite", corrected)))
    warehouse.asked.clear()
    build(config)
    assert not [one for one in warehouse.asked if "__0" in one]


def test_only_mapped_columns_are_asked_for_and_all_of_one_moment(warehouse, tmp_path) -> None:
    build(configured(tmp_path, warehouse.warehouse))
    given = [one for one in warehouse.asked if "asked" in one and not one.endswith("LIMIT 0")]
    assert len(given) == 2
    for statement in given:
        tree = tree_of(statement, warehouse.warehouse)
        assert {column.name.lower() for column in tree.find_all(exp.Column) if column.table} == MAPPED
        table = tree.find(exp.Table)
        as_of = table.args.get("when") or table.args.get("version")
        assert as_of.find(exp.Literal).this == "2024-02-01T00:00:00.000000Z"


def test_what_cannot_be_read_as_of_a_moment_is_read_as_it_is(warehouse, tmp_path) -> None:
    from adbc_driver_manager import AdbcStatusCode, dbapi

    def refuses(statement):
        if "2024-02-01T00:00:00" in statement:
            return dbapi.ProgrammingError("a view", status_code=AdbcStatusCode.INVALID_ARGUMENT)
        return None

    warehouse.refuses = refuses
    log = build(configured(tmp_path / "warehouse", warehouse.warehouse))
    assert everything(log) == everything(build(in_sqlite(tmp_path / "sqlite", LINES)))
    assert len([one for one in warehouse.asked if "__digest" in one]) == 2


def test_what_has_no_digest_is_read_whole_each_time(warehouse, tmp_path) -> None:
    from adbc_driver_manager import AdbcStatusCode, dbapi

    def refuses(statement):
        if "__digest" in statement:
            return dbapi.ProgrammingError("no hash of this", status_code=AdbcStatusCode.INVALID_ARGUMENT)
        return None

    warehouse.refuses = refuses
    config = configured(tmp_path / "warehouse", warehouse.warehouse)
    build(config)
    log = build(config)
    assert everything(log) == everything(build(in_sqlite(tmp_path / "sqlite", LINES)))
    assert len([one for one in warehouse.asked if "__0" in one]) == 2


def test_an_answer_that_ends_early_is_asked_for_again(warehouse, tmp_path) -> None:
    warehouse.loses = True
    log = build(configured(tmp_path / "warehouse", warehouse.warehouse))
    assert not warehouse.loses
    assert everything(log) == everything(build(in_sqlite(tmp_path / "sqlite", LINES)))


def test_a_connection_that_is_lost_while_days_are_counted_is_made_again(warehouse, tmp_path) -> None:
    from adbc_driver_manager import AdbcStatusCode, dbapi

    lost = [dbapi.OperationalError("broken pipe", status_code=AdbcStatusCode.IO)]
    warehouse.refuses = lambda statement: lost.pop() if lost and "__digest" in statement else None
    config = configured(tmp_path, warehouse.warehouse)
    build(config)
    assert all("2024-02-01T00:00:00" in one for one in warehouse.asked if "__digest" in one or "__0" in one)
    assert len([one for one in warehouse.asked if "__digest" in one]) == 2


def test_times_without_a_zone_are_asked_for_as_they_stand(warehouse, tmp_path) -> None:
    columns = {**COLUMNS, "event_time": "local_at"}
    log = build(configured(tmp_path / "warehouse", warehouse.warehouse, columns=columns))
    assert read(log).equals(read(build(in_sqlite(tmp_path / "sqlite", LINES))))
    assert not [one for one in warehouse.asked if "CONVERT_TIMEZONE" in one]


def test_a_query_is_asked_as_it_was_written(warehouse, tmp_path) -> None:
    query = "SELECT * FROM orders WHERE note <> ':x' -- all"
    build(configured(tmp_path, warehouse.warehouse, f'query = "{query}"'))
    assert all(f"(\n{query}\n)" in one for one in warehouse.asked if "asked" in one)


def test_the_statements_of_snowflake(tmp_path, monkeypatch) -> None:
    warehouse = plugged("snowflake", monkeypatch)
    build(configured(tmp_path, "snowflake", columns={"profile_id": "id", "event_time": "at"}, extra=""))
    zone, _, moment, days, lines = warehouse.asked
    assert zone == "ALTER SESSION SET TIMEZONE = 'UTC'"
    assert moment.startswith("SELECT TO_VARCHAR(SYSDATE()")
    day = "DATEDIFF(DAY, CAST('1970-01-01' AS DATE), CAST(CONVERT_TIMEZONE('UTC', asked.\"AT\") AS DATE))"
    origin = "orders AT (TIMESTAMP => CAST('2024-02-01T00:00:00.000000Z' AS TIMESTAMPTZ)) AS asked"
    assert days == (
        f'SELECT COUNT(*) AS "__lines", TO_VARCHAR(HASH_AGG(asked."ID", asked."AT")) AS "__digest", {day} AS "__label" '
        f"FROM {origin} GROUP BY {day} LIMIT 20001"
    )
    assert (
        lines
        == f'SELECT asked."ID" AS "__0", CONVERT_TIMEZONE(\'UTC\', asked."AT") AS "__1", {day} AS "__2" FROM {origin}'
    )
    option = "adbc.snowflake.sql"
    assert {name: warehouse.given[name] for name in ("username", "password", f"{option}.account", f"{option}.db",
            f"{option}.schema", f"{option}.warehouse", f"{option}.role")} == {
        "username": "reader", "password": "geheim123", f"{option}.account": "org-account", f"{option}.db": "shop",
        f"{option}.schema": "public", f"{option}.warehouse": "small", f"{option}.role": "reader",
    }  # fmt: skip


def test_the_statements_of_bigquery(tmp_path, monkeypatch) -> None:
    warehouse = plugged("bigquery", monkeypatch)
    columns = {"profile_id": "id", "event_time": "at", "channel": "about.kind"}
    build(configured(tmp_path, "bigquery", columns=columns, extra=""))
    _, _, _, days, lines = warehouse.asked
    day = "UNIX_DATE(CAST(asked.`at` AS DATE))"
    origin = "`my-project`.`shop`.`orders` AS asked FOR SYSTEM_TIME AS OF CAST('2024-02-01T00:00:00.000000Z' AS TIMESTAMP)"
    line = "TO_JSON_STRING(STRUCT(asked.`id`, asked.`at`, asked.`about`))"
    assert days == (
        f"SELECT COUNT(*) AS `__lines`, CAST(SUM(CAST(FARM_FINGERPRINT({line}) AS BIGNUMERIC)) AS STRING) AS `__digest`, {day} AS "
        f"`__label` FROM {origin} GROUP BY {day} LIMIT 20001"
    )
    assert (
        lines == "SELECT asked.`id` AS `__0`, asked.`at` AS `__1`, TO_JSON_STRING(asked.`about`) AS `__2`, "
        f"{day} AS `__3` FROM {origin}"
    )
    assert warehouse.given == {
        "adbc.bigquery.sql.project_id": "my-project",
        "adbc.bigquery.sql.location": "EU",
    }
    assert warehouse.options == {
        "adbc.bigquery.sql.query.default_project_id": "my-project",
        "adbc.bigquery.sql.query.default_dataset_id": "shop",
    }


def test_options_are_called_as_the_drivers_call_them() -> None:
    snowflake = pytest.importorskip("adbc_driver_snowflake")
    google = pytest.importorskip("adbc_driver_bigquery")
    from sqlalchemy import make_url

    from tagcast.features.ingest.readers.databases.warehouses.snowflake import options_of

    named = {one.value for one in snowflake.DatabaseOptions} | {"username", "password"}
    # The driver's documentation has it, its list of names not yet.
    named.add("adbc.snowflake.sql.client_option.max_timestamp_precision")
    given = options_of(make_url("snowflake://a:b@c/d/e?warehouse=f&role=g"), "here")
    assert given.keys() <= named
    assert google.DatabaseOptions.PROJECT_ID.value == "adbc.bigquery.sql.project_id"
    assert google.DatabaseOptions.LOCATION.value == "adbc.bigquery.sql.location"
    assert google.StatementOptions.DEFAULT_DATASET_ID.value == "adbc.bigquery.sql.query.default_dataset_id"
    file = google.DatabaseOptions.AUTH_VALUE_JSON_CREDENTIAL_FILE
    assert file.value == "adbc.bigquery.sql.auth_type.json_credential_file"


def test_a_key_in_a_file_takes_the_place_of_a_password(tmp_path, monkeypatch) -> None:
    warehouse = plugged("snowflake", monkeypatch)
    (tmp_path / "key.p8").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", encoding="utf-8")
    pair = f"private_key_file={tmp_path / 'key.p8'}&private_key_file_pwd=${{WAREHOUSE_PASSWORD}}"
    build(configured(tmp_path, "snowflake", url=f"snowflake://reader@org-account/shop/public?{pair}"))
    key = "adbc.snowflake.sql.client_option.jwt_private_key_pkcs8"
    assert warehouse.given["adbc.snowflake.sql.auth_type"] == "auth_jwt"
    assert warehouse.given[f"{key}_value"].startswith("-----BEGIN")
    assert warehouse.given[f"{key}_password"] == "geheim123"


ABSENT = {
    "snowflake": "SQL compilation error:\nObject 'ORDERS' does not exist or not authorized.",
    "bigquery": "googleapi: Error 404: Not found: Table my-project:shop.orders was not found in location EU, notFound",
}
WRONG = [
    ("no table", {}, DataError, "there is no table 'orders'", "spelling"),
    ("no column", {"columns": {**COLUMNS, "amount": "prize"}}, DataError, "there is no column 'prize'", "(?i)price"),
    ("refused", {}, DataError, "cannot be read: .*credentials of … are wrong", "user, password and rights"),
    ("parameter", {"end": "&verify=no"}, ConfigError, "a parameter 'verify' that is not known", "each once"),
    ("key", {"end": "&private_key_file=none.p8&credentials_path=none.json"}, (DataError, ConfigError), "none.p8|not known", "."),
]  # fmt: skip


@pytest.mark.parametrize(("case", "more", "kind", "found", "hint"), WRONG, ids=[one[0] for one in WRONG])
def test_what_is_wrong_is_named_and_no_password_is_shown(
    case, more, kind, found, hint, warehouse, tmp_path
) -> None:
    from adbc_driver_manager import AdbcStatusCode, dbapi

    given = dict(more)
    if case == "no table":
        warehouse.refuses = lambda statement: (
            dbapi.ProgrammingError(ABSENT[warehouse.warehouse], status_code=AdbcStatusCode.INVALID_ARGUMENT)
            if "asked" in statement
            else None
        )
    if case == "refused":
        warehouse.refuses = lambda _: dbapi.OperationalError(
            "credentials of geheim123 are wrong", status_code=AdbcStatusCode.UNKNOWN
        )
        found = found if warehouse.warehouse == "snowflake" else "cannot be read: .*credentials"
    config = configured(
        tmp_path, warehouse.warehouse, url=URLS[warehouse.warehouse] + given.pop("end", ""), **given
    )
    with pytest.raises(kind, match=found) as caught:
        build(config)
    assert re.search(hint, str(caught.value.hint))
    if warehouse.warehouse == "snowflake":
        assert "geheim123" not in f"{caught.value}{caught.value.hint}"


def test_nobody_who_answers_is_an_error_of_the_driver_itself_in_the_end(tmp_path, monkeypatch) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pytest.importorskip("adbc_driver_bigquery", reason="no driver of the warehouse here")
    monkeypatch.setattr(bigquery, "REACHED_SECONDS", 0.2)
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "project_id": "p", "private_key": pem.decode(), "client_email": "a@p.example.org",
               "token_uri": "https://127.0.0.1:1/token"}  # fmt: skip
    (tmp_path / "key.json").write_text(json.dumps(account), encoding="utf-8")
    config = configured(tmp_path, "", url=f"bigquery://p/shop?credentials_path={tmp_path / 'key.json'}")
    with pytest.raises(DataError, match="cannot be read: .*connection refused") as caught:
        build(config)
    assert "that the server runs" in str(caught.value.hint)
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("name", WAREHOUSES)
def test_a_driver_that_is_not_installed_is_named_with_what_installs_it(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "geheim123")
    monkeypatch.setitem(sys.modules, f"adbc_driver_{name}", None)
    with pytest.raises(DataError, match=f"adbc-driver-{name}, which is not installed") as caught:
        build(configured(tmp_path, name))
    assert f"pip install 'tagcast[{name}]'" in str(caught.value.hint)
