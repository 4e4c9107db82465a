"""Expressions over columns of text: each is what its use makes of it, and times can be computed."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pandas as pd
import pytest

from tagcast.features.core.errors import ConfigError, DataError, TagcastError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tests.support.source_projects import build, project, read, source

TEXT = (
    "id,at,price,units,kind,paid,code,late,stock,ms,s\n"
    "a,2026-01-05 09:00:00,10.5,2,tea,true,007,2026-01-07 09:00:00,9,1767603600000,1767603600\n"
    "a,2026-01-06 09:00:00,3,-1,T,false,7,2026-01-06 10:00:00,10,1767690000000,1767690000\n"
    "b,2026-02-07 21:30:00,1e1,10,10.10,true,10.10,2026-02-09 00:00:00,100,1770499800000,1770499800\n"
    "b,2026-02-08 09:00:00,4,9,tea,false,10.1,2026-02-08 09:00:00,9,1770541200000,1770541200\n"
)


def shop(folder, *, extra="", derive="", columns=None, text=TEXT):
    mapped = {"profile_id": "id", "event_time": "at", "amount": "price", "order_id": "units"}
    table = source(place='path = "shop.csv"', extra=extra, columns=columns or mapped)
    return project(folder, table + (f"[sources.derive]\n{derive}\n" if derive else ""), shop_csv=text)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("units > 0", ["2", "10", "9"]),
        ("units < stock", ["2", "-1", "10"]),
        ("units BETWEEN -5 AND 5", ["2", "-1"]),
        ("units IN (2, 10)", ["2", "10"]),
        ("units >= '9'", ["10", "9"]),
        ("units * price > 20", ["2", "10", "9"]),
        ("abs(units) = 1", ["-1"]),
        ("coalesce(units, 0) > 5", ["10", "9"]),
        ("CASE WHEN units > 5 THEN stock ELSE units END > 8", ["10", "9"]),
        ("CASE units WHEN 2 THEN 1 ELSE 0 END = 1", ["2"]),
        ("paid", ["2", "10"]),
        ("NOT paid", ["-1", "9"]),
        ("paid = false OR units = 2", ["2", "-1", "9"]),
        ("paid IS TRUE", ["2", "10"]),
        ("paid = 'true'", ["2", "10"]),
        ("kind = 'T'", ["-1"]),
        ("code = '10.10'", ["10"]),
        ("code = '7'", ["-1"]),
        ("code = kind", ["10"]),
        ("code LIKE '0%'", ["2"]),
        ("code || kind = '007tea'", ["2"]),
        ("length(code) = 3", ["2"]),
        ("year(at) = 2026 AND month(at) = 2", ["10", "9"]),
        ("at >= '2026-02-01'", ["10", "9"]),
        ("at < DATE '2026-01-06'", ["2"]),
        ("at < TIMESTAMP '2026-01-06 12:00:00'", ["2", "-1"]),
        ("CAST(at AS DATE) = '2026-02-08'", ["9"]),
        ("late - INTERVAL 1 DAY > at", ["2", "10"]),
        ("at + INTERVAL '25 hours' < late", ["2", "10"]),
        ("date_diff('day', at, late) = 2", ["2", "10"]),
        ("datediff('hour', at, late) = 1", ["-1"]),
        ("date_trunc('month', at) = DATE '2026-02-01'", ["10", "9"]),
        ("extract(hour FROM at) = 21", ["10"]),
        ("date_part('hour', at) = 21", ["10"]),
        ("strftime(at, '%Y-%m') = '2026-01'", ["2", "-1"]),
        ("to_timestamp(s) >= TIMESTAMPTZ '2026-02-01 00:00:00+00'", ["10", "9"]),
    ],
)  # fmt: skip
def test_a_column_is_what_its_use_makes_of_it(tmp_path, where, kept) -> None:
    # A log needs two profiles: one more line that the condition has nothing to do with.
    text = TEXT + "z,2020-01-01 09:00:00,1,77,k,,z,,,,\n"
    frame = read(build(shop(tmp_path, extra=f"where = \"({where}) OR id = 'z'\"", text=text)))
    assert set(frame["order_id"]) == {*kept, "77"}


@pytest.mark.parametrize(
    "text",
    [
        "CAST(at AS TIMESTAMP)",
        "at::TIMESTAMP",
        "CAST(at AS DATETIME)",
        "TRY_CAST(at AS TIMESTAMPTZ)",
        "to_timestamp(s)",
        "to_timestamp(ms / 1000)",
        "epoch_ms(ms)",
        "make_timestamp(ms * 1000)",
        "make_timestamp_ms(ms)",
        "TIMESTAMP '1970-01-01 00:00:00' + to_seconds(s)",
        "strptime(at, '%Y-%m-%d %H:%M:%S')",
        "try_strptime(at, '%Y-%m-%d %H:%M:%S')",
        "at + INTERVAL 0 DAY",
        "date_add(at, INTERVAL 0 HOUR)",
        "timezone('UTC', CAST(at AS TIMESTAMP))",
        "CAST(at AS TIMESTAMP) AT TIME ZONE 'UTC'",
        "ms",
        "replace(at, ' ', 'T') || 'Z'",
    ],
)
def test_a_time_can_be_derived(tmp_path, text) -> None:
    columns = {"profile_id": "id", "amount": "price"}
    frame = read(build(shop(tmp_path, columns=columns, derive=f'event_time = "{text}"')))
    assert [t.to_pydatetime().replace(tzinfo=UTC) for t in frame["event_time"]] == [
        datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 6, 9, tzinfo=UTC),
        datetime(2026, 2, 7, 21, 30, tzinfo=UTC), datetime(2026, 2, 8, 9, tzinfo=UTC)]  # fmt: skip


MICROS = [1767225600123456, 1767312000123456]
EPOCHS = pd.DataFrame({"id": ["a", "b"], "us": MICROS, "ns": [1000 * u + 789 for u in MICROS], "ms": [u // 1000 for u in MICROS],
                       "at": pd.to_datetime(MICROS, unit="us")})  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "nested"])
@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("make_timestamp(us)", 123456),
        ("make_timestamp_ns(ns)", 123456),
        ("make_timestamp(ns // 1000)", 123456),
        ("epoch_ms(ms)", 123000),
        ("make_timestamp_ms(us // 1000)", 123000),
        ("to_timestamp(us // 1000000)", 0),
        ("TIMESTAMP '1970-01-01 00:00:00' + to_microseconds(us)", 123456),
        ("TIMESTAMP '1970-01-01 00:00:00' + to_milliseconds(ms)", 123000),
        ("make_timestamp(epoch_us(make_timestamp(us)))", 123456),
        ("make_timestamp_ns(epoch_ns(make_timestamp_ns(ns)))", 123456),
    ],
)
def test_epochs_are_the_same_moment_wherever_they_lie(tmp_path, kind, text, micros) -> None:
    frame = EPOCHS.drop(columns="at")
    if kind == "csv":
        frame.to_csv(tmp_path / "shop.csv", index=False)
    elif kind == "jsonl":
        frame.to_json(tmp_path / "shop.jsonl", orient="records", lines=True)
    elif kind == "parquet":
        frame.to_parquet(tmp_path / "shop.parquet", index=False)
    else:
        times = frame[["us", "ns", "ms"]].to_dict("records")
        pd.DataFrame({"id": frame["id"], "t": times}).to_parquet(tmp_path / "shop.parquet", index=False)
        text = re.sub(r"\b(us|ns|ms)\b", r"t.\1", text)
    table = source(place=f'path = "shop.{kind.replace("nested", "parquet")}"', columns={"profile_id": "id"})
    config = project(tmp_path, table + f'[sources.derive]\nevent_time = "{text}"\n')
    assert [(t.day, t.hour, t.microsecond) for t in read(build(config))["event_time"]] == [
        (1, 0, micros),
        (2, 0, micros),
    ]


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_nanoseconds_are_cut_off_whatever_type_counts_them(tmp_path, zone) -> None:
    """A moment before midnight is of that day."""
    late = [1767311999999999999, 1767225600123456789]
    times = pd.to_datetime(late, unit="ns", utc=True)
    frame = pd.DataFrame(
        {"id": ["a", "b"], "at": times.tz_convert(zone) if zone else times.tz_localize(None), "ns": late}
    )
    frame.to_parquet(tmp_path / "shop.parquet", index=False)
    days = []
    for column, extra in (("at", ""), ("ns", 'time_format = "epoch_ns"'), ("ns", "")):
        config = project(tmp_path, source(columns={"profile_id": "id", "event_time": column}, extra=extra))
        days.append(list(read(build(config))["event_time"]))
    assert days[0] == days[1] == days[2]
    assert [(t.day, t.microsecond) for t in days[0]] == [(1, 999999), (1, 123456)]


def test_one_text_that_is_no_number_makes_no_fraction_of_the_others(tmp_path) -> None:
    lines = "".join(f"c{n},{MICROS[0] + n}\n" for n in range(200))
    table = source(place='path = "shop.csv"', columns={"profile_id": "id"})
    text = table + '[sources.derive]\nevent_time = "make_timestamp(us)"\n'
    log = build(project(tmp_path, text, shop_csv=f"id,us\n{lines}x,none\n"))
    assert log.rows == 200
    assert set(read(log)["event_time"].dt.microsecond) == set(range(123456, 123656))


def test_a_derived_date_is_that_local_day(tmp_path) -> None:
    table = (
        source(place='path = "shop.csv"', columns={"profile_id": "id"})
        + '[sources.derive]\nevent_time = "CAST(at AS DATE)"\n'
    )
    frame = read(build(project(tmp_path, table, timezone="America/Lima", shop_csv=TEXT)))
    assert [d.isoformat() for d in frame["event_day"]] == [
        "2026-01-05",
        "2026-01-06",
        "2026-02-07",
        "2026-02-08",
    ]


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("price * units", [21, -3, 100, 36]),
        ("price", [10.5, 3, 10, 4]),
        ("CASE WHEN paid THEN price ELSE 0 END", [10.5, 0, 10, 0]),
        ("price + units", [12.5, 2, 20, 13]),
        ("round(price / 3, 2)", [3.5, 1, 3.33, 1.33]),
        ("units // 2 + units % 2", [1, -1, 5, 5]),
        ("REPLACE(price, '.', '')", [105, 3, 10, 4]),
        ("greatest(price, stock)", [10.5, 10, 100, 9]),
    ],
)
def test_an_amount_can_be_derived(tmp_path, text, amounts) -> None:
    columns = {"profile_id": "id", "event_time": "at"}
    frame = read(build(shop(tmp_path, columns=columns, derive=f'amount = "{text}"')))
    assert [float(v) for v in frame["amount"]] == amounts


def test_a_derived_word_is_the_text_that_stands_there(tmp_path) -> None:
    columns = {"profile_id": "id", "event_time": "at"}
    frame = read(
        build(
            shop(
                tmp_path,
                columns=columns,
                derive='category = "coalesce(code, kind)"\nitem_id = "upper(kind) || \'-\' || code"',
            )
        )
    )
    assert list(frame["category"]) == ["007", "7", "10.10", "10.1"]
    assert list(frame["item_id"]) == ["TEA-007", "T-7", "10.10-10.10", "TEA-10.1"]


class TestWhatCannotBeUsed:
    """Said before anything is read, or counted where it is some."""

    @pytest.mark.parametrize(
        ("extra", "said"),
        [
            (
                'where = "year(kind) = 2026"',
                "kind is used as a time, but none of its values is one, as in '10.10'",
            ),
            ('where = "kind * 2 > 1 AND units > 0"', None),
            ('returns = "kind"', None),
            ('where = "id > 5"', "id is used as a number, but none of its values is one, as in 'a'"),
            ('where = "NOT id"', "id is used as yes or no, but none of its values is one, as in 'a'"),
        ],
    )
    def test_a_column_of_something_else(self, tmp_path, extra, said) -> None:
        config = shop(tmp_path, extra=extra)
        if said is None:
            found = examine(load_settings(config, None, tmp_path))
            odd = [f for f in found.findings if f.code == "unreadable_values"]
            assert len(odd) == 1
            assert "3 of its values" in str(odd[0].message)
            return
        with pytest.raises(DataError, match=said) as caught:
            build(config)
        assert caught.value.hint

    @pytest.mark.parametrize("text", ["CAST(late AS TIMESTAMP)", "late::DATE", "late + INTERVAL 1 DAY"])
    def test_a_day_that_comes_first_is_no_time_to_cast(self, tmp_path, text) -> None:
        rows = "id,late\n" + "".join(f"c{d % 3},{d:02d}/01/26\n" for d in range(1, 29))
        with pytest.raises(DataError, match="late is used as a time, but none .* as in '01/01/26'") as caught:
            build(shop(tmp_path, columns={"profile_id": "id"}, derive=f'event_time = "{text}"', text=rows))
        assert "strptime(day, '%d/%m/%Y')" in str(caught.value.hint)
        given = "strptime(late, '%d/%m/%y')"
        log = build(
            shop(tmp_path / "t", columns={"profile_id": "id"}, derive=f'event_time = "{given}"', text=rows)
        )
        assert (log.first_day.isoformat(), log.last_day.isoformat()) == ("2026-01-01", "2026-01-28")

    def test_a_cast_keeps_the_offset(self, tmp_path) -> None:
        rows = "id,late\na,2026-01-05T10:00:00+02:00\nb,2026-01-05 23:00:00-05\n"
        frame = read(
            build(
                shop(
                    tmp_path,
                    columns={"profile_id": "id"},
                    derive='event_time = "CAST(late AS TIMESTAMPTZ)"',
                    text=rows,
                )
            )
        )
        assert [str(t) for t in frame["event_time"]] == ["2026-01-05 08:00:00", "2026-01-06 04:00:00"]

    @pytest.mark.parametrize(
        "text",
        [
            "now()", "current_date", "today()", "current_timestamp", "get_current_timestamp()", "age(at)",
            "CAST(at AS STRUCT(a INT))", "random()", "uuid()", "read_text('/etc/passwd')", "getenv('HOME')",
            "strptime(at, (SELECT 1))", "CAST(at AS BLOB)",
        ],
    )  # fmt: skip
    def test_neither_the_clock_nor_files(self, tmp_path, text) -> None:
        with pytest.raises(ConfigError, match="not allowed"):
            build(shop(tmp_path, columns={"profile_id": "id"}, derive=f'event_time = "{text}"'))

    @pytest.mark.parametrize("text", ["substr(at, 'x')", "date_trunc('fortnight', at)", "strptime(at, '%Q')"])
    def test_what_duckdb_refuses_is_named_with_its_place(self, tmp_path, text) -> None:
        with pytest.raises(TagcastError, match=r"sources\.shop\.derive\.event_time"):
            build(shop(tmp_path, columns={"profile_id": "id"}, derive=f'event_time = "{text}"'))
