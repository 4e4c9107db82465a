"""ClickHouse's own engine, asked by its own client, gives the log that other databases give; its faults name what to do."""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
import threading

import pytest
import sqlalchemy as sa

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.ingest.readers.databases import fetched
from tests.features.ingest.parts.test_histories import everything
from tests.support.databases.servers import clickhouse_server
from tests.support.source_projects import build, project, read, source

PASSWORD = "p%40ss%2Fword"
BIG = 2**63 + 5
EVENTS = """
CREATE TABLE events (
    id LowCardinality(Nullable(String)), fixed FixedString(8), at DateTime64(3, 'Asia/Shanghai'), bare DateTime,
    day Date32, price Nullable(Decimal(38, 10)), large Decimal(76, 12), big UInt64, wide Int256, small Nullable(Float32),
    share Float64, yes Bool, kind Enum8('tea' = 1, 'cup' = 2), order UUID, clock Time, list Array(Nullable(String)),
    about JSON, more Map(String, Int32), pair Tuple(a Int32, b String)
) ENGINE = MergeTree ORDER BY tuple()
"""
LINES = (
    f"('ann', 'ab', '2024-01-01 07:30:00.125', '2024-01-01 08:00:00', '1965-03-04', 12.5, 1.25, {BIG}, -5, 0.1, 0.1, true, 'tea',"
    " '61f0c404-5cb3-11e7-907b-a6006ad3dba0', '10:11:12', ['x', NULL], '{\"a\": {\"b\": 1.5}}', {'k': 1}, (1, 'z')),"
    "('', 'abcdefgh', '2024-01-01 08:00:00.000', '2024-01-02 07:59:59', '2200-01-01', NULL, 2, 7, 8, NULL, 2.5, false, 'cup',"
    " '00000000-0000-0000-0000-000000000000', '00:00:00', [], '{}', {}, (2, '')),"
    "(NULL, 'c', '2024-01-02 00:00:00.000', '2024-01-02 08:00:00', '1970-01-01', 0.0000000001, 3, 9, 10, 3.5, 3.5, true, 'tea',"
    " '61f0c404-5cb3-11e7-907b-a6006ad3dba1', '23:59:59', ['y'], '{\"a\": {\"b\": 2.5}}', {'k': 2}, (3, 'y'))"
)
HELD = [
    ("ann", "ab", "2023-12-31 23:30:00.125", "1965-03-04", "12.5", str(BIG), 0.1, "tea",
     "61f0c404-5cb3-11e7-907b-a6006ad3dba0", '{"a":{"b":1.5}}'),
    ("", "abcdefgh", "2024-01-01 00:00:00", "2200-01-01", None, "7", None, "cup",
     "00000000-0000-0000-0000-000000000000", "{}"),
    (None, "c", "2024-01-01 16:00:00", "1970-01-01", "0.0000000001", "9", 3.5, "tea",
     "61f0c404-5cb3-11e7-907b-a6006ad3dba1", '{"a":{"b":2.5}}'),
]  # fmt: skip
COLUMNS = {
    "profile_id": "fixed", "event_time": "at", "amount": "price", "channel": "id", "category": "kind", "item_id": "big",
    "order_id": "order", "born": "day", "depth": "about.a.b", "small": "small",
}  # fmt: skip
FURTHER = 'words = ["born"]\nnumbers = ["depth", "small"]'


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as started:
        run(started, EVENTS)
        run(started, f"INSERT INTO events VALUES {LINES}")
        yield started


def run(url: str, *statements: str) -> None:
    import clickhouse_connect

    at = sa.make_url(url)
    with clickhouse_connect.get_client(
        host=at.host, port=at.port, username=at.username, password=at.password, database=at.database,
        autogenerate_session_id=False,
    ) as client:  # fmt: skip
        for statement in statements:
            client.command(statement, settings={"mutations_sync": 1})


def configured(folder, monkeypatch, url, asked='table = "events"', password=PASSWORD, **more):
    monkeypatch.setenv("PASSWORD", password)
    place = f'url = "{url.replace(PASSWORD, "${PASSWORD}")}"\n{asked}'
    return project(folder, source("shop", place=place, **more))


def pieces(folder) -> dict:
    (file,) = (folder / ".tagcast" / "sources").glob("*/pieces.json")
    return json.loads(file.read_text(encoding="utf-8"))


def test_every_type_gives_the_log_of_a_database_that_holds_the_same(url, tmp_path, monkeypatch) -> None:
    more = {"columns": COLUMNS, "extra": FURTHER}
    log = build(configured(tmp_path / "warehouse", monkeypatch, url, **more))
    file = tmp_path / "same.db"
    with sqlite3.connect(file) as same:
        same.execute(
            'CREATE TABLE events (id text, fixed text, at text, day text, price text, big text, small real, kind text, "order" text, about text)'
        )
        same.executemany(f"INSERT INTO events VALUES ({', '.join('?' * 10)})", HELD)
    same.close()
    other = build(
        project(
            tmp_path / "sqlite", source("shop", place=f'url = "sqlite:///{file}"\ntable = "events"', **more)
        )
    )
    assert read(log).equals(read(other))
    assert everything(log) == everything(other)
    assert set(read(log)["item_id"]) == {str(BIG), "7", "9"}


def test_types_without_a_plain_one_are_read_as_what_they_show(url, tmp_path, monkeypatch) -> None:
    columns = {"profile_id": "fixed", "event_time": "at", "list": "list", "clock": "clock", "more": "more", "pair": "pair",
               "large": "large", "wide": "wide", "share": "share"}  # fmt: skip
    extra = 'words = ["list", "clock", "more", "pair"]\nnumbers = ["large", "wide", "share"]'
    log = read(build(configured(tmp_path, monkeypatch, url, columns=columns, extra=extra)))
    line = log[log["profile_id"] == "ab"].iloc[0]
    assert (line["list"], line["more"], line["pair"]) == ('["x",null]', '{"k":1}', '{"a":1,"b":"z"}')
    assert line["clock"] == "10:11:12"
    assert [float(line[name]) for name in ("large", "wide", "share")] == [1.25, -5, 0.1]


def test_sessions_are_in_utc_and_only_read(url, tmp_path, monkeypatch) -> None:
    # The engine's own zone is eight hours ahead; a time without a zone is a moment nevertheless.
    asked = "query = \"SELECT bare AS at, concat(fixed, toString(getSetting('readonly')), timezone(), getSetting('result_overflow_mode')) AS id, 1 AS price FROM events -- all\""
    log = read(build(configured(tmp_path, monkeypatch, url, asked)))
    assert sorted(map(str, log["event_time"])) == [
        "2024-01-01 00:00:00",
        "2024-01-01 23:59:59",
        "2024-01-02 00:00:00",
    ]
    assert {name[-9:] for name in log["profile_id"]} == {"2UTCthrow"}


def test_an_account_that_may_change_no_setting_reads_the_same(url, tmp_path, monkeypatch) -> None:
    more = {"columns": COLUMNS, "extra": FURTHER}
    free = build(configured(tmp_path / "free", monkeypatch, url, **more))
    bound = build(configured(tmp_path / "bound", monkeypatch, url.replace("//reader:", "//guest:"), **more))
    assert read(free).equals(read(bound))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("('a', NULL)", "('a', '')"),
        ("('a', '')", "('a', '0')"),
        ("('ab', 'c')", "('a', 'bc')"),
        ("('a', NULL)", "(NULL, 'a')"),
        ("('a', 'b'), ('c', 'd')", "('a', 'd'), ('c', 'b')"),
        ("('a', 'b'), ('a', 'b'), ('c', 'd')", "('a', 'b'), ('c', 'd'), ('c', 'd')"),
    ],
)
def test_what_differs_in_any_way_has_another_digest(before, after, url, tmp_path, monkeypatch) -> None:
    made = "CREATE OR REPLACE TABLE two (id Nullable(String), note Nullable(String), at Date DEFAULT '2024-01-01') ENGINE = Memory"
    config = configured(
        tmp_path, monkeypatch, url, 'table = "two"', columns={"profile_id": "id", "event_time": "at", "channel": "note"},
    )  # fmt: skip
    extra = "('z', 'z')"  # someone whose id is known, so that there is a log
    run(url, made, f"INSERT INTO two (id, note) VALUES {extra}, {before}")
    build(config)
    run(url, "INSERT INTO two (id, note) VALUES ('late', 'x')")
    build(config)
    run(url, made, f"INSERT INTO two (id, note) VALUES ('late', 'x'), {before}, {extra}")
    build(config)
    assert pieces(tmp_path)["made"] == 2
    run(url, made, f"INSERT INTO two (id, note) VALUES {after}, {extra}, ('late', 'x')")
    build(config)
    assert pieces(tmp_path)["made"] == 3


def test_a_moment_that_moves_within_a_doubled_hour_is_seen(url, tmp_path, monkeypatch) -> None:
    made = "CREATE OR REPLACE TABLE autumn (id String, at DateTime('Europe/Berlin')) ENGINE = MergeTree ORDER BY id"
    # 02:30 in Berlin, before the clock goes back and after.
    run(url, made, "INSERT INTO autumn VALUES ('a', 1698539400), ('b', 1698539400)")
    config = configured(
        tmp_path, monkeypatch, url, 'table = "autumn"', columns={"profile_id": "id", "event_time": "at"}
    )
    build(config)
    run(url, "ALTER TABLE autumn UPDATE at = 1698543000 WHERE id = 'b'")
    assert sorted(map(str, read(build(config))["event_time"])) == [
        "2023-10-29 00:30:00",
        "2023-10-29 01:30:00",
    ]


class Relay:
    """Passes bytes on to a server, and cuts the first answer that is longer than ``most``."""

    def __init__(self, port: int, most: int) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port, self.most, self.cut = port, most, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self._pass, args=(client, upstream, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(upstream, client, True), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, answers: bool) -> None:
        passed = 0
        with one, other:
            try:
                while data := one.recv(65_536):
                    passed += len(data)
                    if answers and not self.cut and passed > self.most:
                        self.cut = passed
                        other.sendall(data[: len(data) // 2])
                        other.shutdown(socket.SHUT_RDWR)
                        return
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)
            except OSError:
                return


def test_a_stream_that_is_cut_is_asked_for_again_and_doubles_no_line(url, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fetched, "WAITS_SECONDS", (0, 0, 0))
    run(url, "CREATE OR REPLACE TABLE many ENGINE = Memory AS SELECT toString(sipHash64(number)) AS id, toDateTime('2024-01-01') + number"
        " AS at, number AS price FROM numbers(200000)")  # fmt: skip
    whole = build(configured(tmp_path / "whole", monkeypatch, url, 'table = "many"'))
    # More than the list of settings that the client asks for when it connects.
    relay = Relay(sa.make_url(url).port, 1_500_000)
    through = url.replace(f":{sa.make_url(url).port}/", f":{relay.server.getsockname()[1]}/")
    log = build(configured(tmp_path / "cut", monkeypatch, through, 'table = "many"'))
    relay.server.close()
    assert relay.cut
    assert everything(log) == everything(whole)


WRONG = [
    ("events", {"password": "geheim"}, DataError, "cannot be read: Authentication failed", "user, password and rights"),
    ("nothing", {}, DataError, "there is no table 'nothing'", "spelling"),
    ("nowhere.events", {}, DataError, "there is no table 'nowhere.events'", "spelling"),
    ("events", {"columns": {**COLUMNS, "amount": "prize"}}, DataError, "there is no column 'prize'", "price"),
    ("events", {"end": "?verify=no"}, ConfigError, "a parameter 'verify' that is not known", "secure, ca_cert"),
    ("events", {"port": 1}, DataError, "cannot be read: .*refused", "that the server runs"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "more", "kind", "found", "hint"), WRONG)
def test_what_is_wrong_is_named_and_no_password_is_shown(
    table, more, kind, found, hint, url, tmp_path, monkeypatch
) -> None:
    given = {"columns": COLUMNS, **more}
    at = url + given.pop("end", "")
    at = at.replace(f":{sa.make_url(url).port}/", f":{given.pop('port', sa.make_url(url).port)}/")
    config = configured(tmp_path, monkeypatch, at, f'table = "{table}"', extra=FURTHER, **given)
    with pytest.raises(kind, match=found) as caught:
        build(config)
    assert hint in str(caught.value.hint)
    for secret in ("p%40ss", "p@ss", "geheim"):
        assert secret not in f"{caught.value}{caught.value.hint}"


def test_a_client_that_is_not_installed_is_named_with_what_installs_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "clickhouse_connect", None)
    config = configured(tmp_path, monkeypatch, f"clickhouse://reader:{PASSWORD}@db.example.org/zoo")
    with pytest.raises(DataError, match="clickhouse-connect, which is not installed") as caught:
        build(config)
    assert "pip install 'tagcast[clickhouse]'" in str(caught.value.hint)
