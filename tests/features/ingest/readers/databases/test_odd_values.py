"""Values that are no number or time of ours: as a word they are what the server shows, as a number or time they are unread, never wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from tagcast.features.core.errors import DataError
from tagcast.features.ingest.readers.databases import postgres_adbc
from tests.support.databases.servers import mariadb_server, postgres_server
from tests.support.source_projects import build, project, read, source

pytestmark = pytest.mark.filterwarnings("ignore")
LINES = 300
LONG = "123456789012345678901234567890.123456789012345678901234567890"
# Column: its type, the odd value, the value of all other lines, the odd one as a word, and as a number.
Odd = tuple[str, str, str, str | None, str | None]
POSTGRES: dict[str, Odd] = {
    "forever": ("timestamptz", "'infinity'", "'2026-01-07 10:00+00'", "infinity", None),
    "never": ("timestamp", "'-infinity'", "'2026-01-07 10:00'", "-infinity", None),
    "ides": ("date", "'0044-03-15 BC'", "'2026-01-07'", "0044-03-15 BC", None),
    "ides_at": (
        "timestamptz",
        "'0044-03-15 10:00+00 BC'",
        "'2026-01-07 10:00+00'",
        "0044-03-15 10:00:00+00 BC",
        None,
    ),
    "far": ("date", "'20000-01-01'", "'2026-01-07'", "20000-01-01", None),
    "big": ("numeric(20)", "18446744073709551615", "7", "18446744073709551615", None),
    "half": ("numeric(20)", "9223372036854775808", "7", "9223372036854775808", None),
    "exact": ("numeric", LONG, "7.5", LONG, None),
    "endless": ("numeric", "'Infinity'", "7.5", "Infinity", None),
    "no_number": ("numeric", "'NaN'", "7.5", None, None),
    "no_double": ("float8", "'NaN'", "7.5", None, None),
    "huge": ("float8", "1e308", "7.5", "1e+308", None),
    "empty": ("jsonb", "'{}'", "'{\"a\": 1}'", "{}", None),
    "list": ("json", "'[]'", "'7'", "[]", None),
    "paid": ("money", "-1234567.89", "7", "-$1,234,567.89", None),
    "packed": ("bytea", "'\\xff00'", "'7'", "ff00", None),
    "span": ("interval", "'1 year 2 days'", "'7 hours'", "1 year 2 days", None),
    "midnight": ("time", "'24:00'", "'10:00'", "24:00:00", None),
    "tags": ("text[]", "'{}'", "'{a}'", "[]", None),
    "range": ("int4range", "'empty'", "'[1,5)'", "empty", None),
}
MARIADB: dict[str, Odd] = {
    "zero": ("date", "'0000-00-00'", "'2026-01-07'", "0000-00-00", None),
    "zero_at": ("datetime", "'0000-00-00 00:00:00'", "'2026-01-07 10:00:00'", "0000-00-00 00:00:00", None),
    "zero_stamp": ("timestamp NULL", "'0000-00-00 00:00:00'", "'2026-01-07 10:00:00'", "0000-00-00 00:00:00", None),
    "no_day": ("date", "'2026-02-00'", "'2026-01-07'", "2026-02-00", None),
    "big": ("bigint unsigned", "18446744073709551615", "7", "18446744073709551615", None),
    "half": ("bigint unsigned", "9223372036854775808", "7", "9223372036854775808", None),
    "exact": ("decimal(65,30)", LONG, "7.5", LONG, None),
    "huge": ("double", "1e308", "7.5", "1e+308", None),
    "empty": ("json", "'{}'", "'{\"a\": 1}'", "{}", None),
    "packed": ("blob", "x'ff00'", "'7'", "ff00", None),
    "early": ("time", "'-838:59:59'", "'09:05:00'", "-838:59:59", None),
    "yes": ("bit(1)", "1", "0", "1", "1"),
    "flags": ("bit(12)", "2748", "0", "2748", "2748"),
    "year_0": ("year", "0", "2026", "0", "0"),
    "address": ("inet6", "'::1'", "'::2'", "::1", None),
    "where_at": ("point", "point(1, 2)", "point(3, 4)", "000000000101000000000000000000f03f0000000000000040", None),
}  # fmt: skip
TIMES = {
    "postgres": ["forever", "never", "ides", "ides_at", "far"],
    "mariadb": ["zero", "zero_at", "zero_stamp", "no_day"],
}
KINDS = [*(pytest.param(k, marks=pytest.mark.postgres) for k in ("adbc", "psycopg")), "mariadb"]
COLUMNS = {"profile_id": "customer", "event_time": "at", "amount": "price"}


def filled(odd: dict[str, Odd], numbers: str, moment: str) -> list[str]:
    """Return the statements that make the table: line ``a`` holds every odd value, 299 others none."""
    columns = ", ".join(f"{name} {about[0]}" for name, about in odd.items())
    ordinary = ", ".join(about[2] for about in odd.values())
    values = ", ".join(about[1] for about in odd.values())
    return [
        f"CREATE TABLE o (customer varchar(9), at {moment}, price decimal(9, 2), {columns})",
        f"INSERT INTO o SELECT concat('c', n), '2026-01-05 10:00:00', 1, {ordinary} FROM {numbers}",
        f"INSERT INTO o VALUES ('a', '2026-01-06 10:00:00', 2, {values})",
    ]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with postgres_server(tmp_path_factory.mktemp("pg")) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            for statement in filled(POSTGRES, f"generate_series(2, {LINES}) n", "timestamptz"):
                connection.exec_driver_sql(statement)
        engine.dispose()
        yield url


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory):
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as (url, cursor):
        cursor.execute("SET time_zone = '+00:00', sql_mode = ''")
        for statement in filled(MARIADB, f"(SELECT seq AS n FROM seq_2_to_{LINES}) s", "datetime"):
            cursor.execute(statement)
        yield url


@pytest.fixture
def shop(request, kind, monkeypatch):
    """Return the odd columns of a kind, whose URL is set."""
    server = "mariadb" if kind == "mariadb" else "postgres"
    if kind == "adbc":
        pytest.importorskip("adbc_driver_postgresql", reason="no ADBC here")
    monkeypatch.setenv("SHOP_URL", request.getfixturevalue(server))
    monkeypatch.setattr(postgres_adbc, "is_there", lambda: kind == "adbc")
    return (POSTGRES, TIMES[server]) if server == "postgres" else (MARIADB, TIMES[server])


def log_of(folder, columns: dict[str, str] = COLUMNS, extra: str = ""):
    place = 'url = "${SHOP_URL}"\ntable = "o"'
    return build(project(folder, source(place=place, columns=columns, extra=extra)))


@pytest.mark.parametrize("kind", KINDS)
class TestOddValues:
    """On PostgreSQL, through both of its drivers, and on MariaDB."""

    def test_nothing_that_is_not_mapped_stands_in_the_way(self, kind, shop, tmp_path) -> None:
        assert log_of(tmp_path).rows == LINES
        assert log_of(tmp_path / "whole", extra="deduplicate = true").rows == LINES

    def test_words_are_what_the_server_shows_and_numbers_are_no_others(self, kind, shop, tmp_path) -> None:
        odd, _ = shop
        words, numbers = [f"w_{name}" for name in odd], [f"n_{name}" for name in odd]
        mapped = {f"{kind}_{name}": name for name in odd for kind in "wn"}
        frame = read(log_of(tmp_path, {**COLUMNS, **mapped}, f"words = {words}\nnumbers = {numbers}"))
        (line,) = frame[frame["profile_id"] == "a"].to_dict("records")
        assert {name: line[f"w_{name}"] for name in odd} == {name: about[3] for name, about in odd.items()}
        shown = {name: line[f"n_{name}"] for name in odd}
        assert shown == {name: about[4] and Decimal(about[4]) for name, about in odd.items()}
        ordinary = frame[frame["profile_id"] != "a"]
        assert set(ordinary["n_big"]) == {Decimal(7)}
        assert set(ordinary["n_exact"]) == {Decimal("7.5")}
        assert set(ordinary["w_empty"]) == {'{"a": 1}'}

    def test_times_are_counted_and_left_out(self, kind, shop, tmp_path) -> None:
        for name in shop[1]:
            log = log_of(tmp_path / name, {**COLUMNS, "event_time": name})
            assert (log.rows, log.sources[0].unparsable_times) == (LINES - 1, 1), name

    def test_what_is_no_number_anywhere_is_refused_with_its_text(self, kind, shop, tmp_path) -> None:
        for name in ("empty", shop[1][0]):
            with pytest.raises(DataError, match=f"amount is a number on none of {LINES} rows"):
                log_of(tmp_path / name, {**COLUMNS, "amount": name})


@pytest.mark.parametrize("kind", ["mariadb"])
def test_bits_are_yes_or_no(kind, shop, tmp_path) -> None:
    frame = read(log_of(tmp_path, extra='returns = "yes"'))
    assert list(frame[frame["is_return"]]["profile_id"]) == ["a"]
