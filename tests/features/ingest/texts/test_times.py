"""Times that stand in a file as text or numbers: read as they are written, and asked about where two readings fit."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tests.support.source_projects import build, lines, project, read, source

DAYS = [date(2026, 1, 5) + timedelta(days=13 * n) for n in range(12)]
MOMENTS = [datetime(d.year, d.month, d.day, 9, 5, 7, tzinfo=UTC) for d in DAYS]


def shop(folder, values, *, zone="UTC", extra="", own="UTC"):
    rows = "".join(f'c{n % 3},"{value}",1\n' for n, value in enumerate(values))
    table = source(place='path = "shop.csv"', extra=f'timezone = "{own}"\n{extra}')
    return project(folder, table, timezone=zone, shop_csv="id,at,price\n" + rows)


def days(config) -> list[date]:
    return sorted(read(build(config))["event_day"])


def moments(config) -> list[datetime]:
    return sorted(t.to_pydatetime().replace(tzinfo=UTC) for t in read(build(config))["event_time"])


ORDERS = {
    "dmy2": "%d/%m/%y", "dmy4": "%d/%m/%Y", "dots": "%d.%m.%Y", "dashes": "%d-%m-%Y",
    "mdy2": "%m/%d/%y", "mdy4": "%m/%d/%Y", "mdy dashes": "%m-%d-%Y", "ymd2": "%y/%m/%d",
    "iso": "%Y-%m-%d", "iso with slashes": "%Y/%m/%d", "iso with dots": "%Y.%m.%d",
}  # fmt: skip
CLOCKS = {
    "": "", "minutes": " %H:%M", "seconds": " %H:%M:%S", "T": "T%H:%M:%S", "comma": ", %H:%M:%S",
    "half days": " %I:%M %p", "half days with seconds": " %I:%M:%S %p", "fractions": " %H:%M:%S.%f",
}  # fmt: skip


class TestOrders:
    """An order that the column proves is taken."""

    @pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
    def test_a_proven_order_is_read(self, tmp_path, order) -> None:
        config = shop(tmp_path, [m.strftime(f"{order} %H:%M:%S") for m in MOMENTS])
        assert moments(config) == MOMENTS

    @pytest.mark.parametrize("clock", list(CLOCKS.values())[1:], ids=list(CLOCKS)[1:])
    @pytest.mark.parametrize("order", ["%d/%m/%Y", "%m.%d.%y", "%Y/%m/%d"])
    def test_hours_are_read_however_they_follow(self, tmp_path, order, clock) -> None:
        if order.startswith("%Y") and "%p" in clock:
            pytest.skip("nobody writes half days behind a year that comes first")
        config = shop(tmp_path, [m.strftime(order + clock) for m in MOMENTS])
        assert moments(config) == [m if "%S" in clock else m.replace(second=0) for m in MOMENTS]

    @pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
    @pytest.mark.parametrize("order", ["%d/%m/%y", "%m-%d-%Y", "%Y.%m.%d"])
    @pytest.mark.parametrize("given", [True, False])
    def test_a_date_without_a_time_is_that_local_day(self, tmp_path, zone, order, given) -> None:
        extra = f'time_format = "{order}"' if given else ""
        config = shop(tmp_path, [d.strftime(order) for d in DAYS], zone=zone, own="Asia/Tokyo", extra=extra)
        assert days(config) == DAYS

    def test_figures_need_no_zeros(self, tmp_path) -> None:
        texts = [f"{d.day}.{d.month}.{d.year} 9:05" for d in DAYS]
        config = shop(tmp_path, texts, own="Europe/Oslo", zone="Europe/Oslo")
        assert days(config) == DAYS
        assert {m.hour for m in moments(config)} == {7, 8}

    def test_one_column_may_mix_lengths(self, tmp_path) -> None:
        clocks = list(CLOCKS.values())
        texts = [m.strftime(ORDERS["dmy4"] + clocks[n % len(clocks)]) for n, m in enumerate(MOMENTS)]
        assert days(shop(tmp_path, texts)) == DAYS

    def test_one_line_that_is_no_day_is_left_out(self, tmp_path) -> None:
        texts = [d.strftime("%d/%m/%Y") for d in DAYS] * 20
        log = build(shop(tmp_path, [*texts, "31/02/2026", "soon"]))
        assert (log.rows, log.sources[0].unparsable_times) == (240, 2)
        assert log.last_day == DAYS[-1]

    def test_two_digits_of_the_last_century(self, tmp_path) -> None:
        assert days(shop(tmp_path, ["31/12/97", "01/02/98", "13/02/98"])) == [
            date(1997, 12, 31), date(1998, 2, 1), date(1998, 2, 13)]  # fmt: skip


class TestQuestions:
    """What two readings fit is asked, and each answer works."""

    AMBIGUOUS = (
        ("%d/%m/%Y", ("2026-01-05", "2026-05-01"), ('"%d/%m/%Y"', '"%m/%d/%Y"')),
        ("%d.%m.%Y", ("2026-01-05", "2026-05-01"), ('"%d.%m.%Y"', '"%m.%d.%Y"')),
        ("%d-%m-%Y %H:%M", ("2026-01-05", "2026-05-01"), ('"%d-%m-%Y %H:%M"', '"%m-%d-%Y %H:%M"')),
        ("%d/%m/%Y %H:%M:%S.%f", ("2026-01-05",), ('"%d/%m/%Y %H:%M:%S.%f"', '"%m/%d/%Y %H:%M:%S.%f"')),
        ("%d/%m/%Y %I:%M %p", ("2026-01-05",), ('"%d/%m/%Y %I:%M %p"', '"%m/%d/%Y %I:%M %p"')),
        ("%d/%m/%Y, %H:%M", ("2026-01-05",), ('"dmy"', '"mdy"')),
        ("%d/%m/%y", ("2026-01-05", "2026-05-01", "2005-01-26"), ('"%d/%m/%y"', '"%m/%d/%y"', '"%y/%m/%d"')),
    )

    @pytest.mark.parametrize(("written", "readings", "formats"), AMBIGUOUS, ids=[a[0] for a in AMBIGUOUS])
    def test_both_readings_are_shown_and_each_hint_works(self, tmp_path, written, readings, formats) -> None:
        # The days 5 to 8 of the months 1 to 4: each also a day of May to August.
        given = [datetime(2026, n, n + 4, 9, 30) for n in range(1, 5)]  # noqa: DTZ001
        texts = [d.strftime(written) for d in given]
        with pytest.raises(DataError) as caught:
            build(shop(tmp_path, texts))
        assert repr(texts[0]) in str(caught.value.message)
        assert all(reading in str(caught.value.message) for reading in readings)
        hint = str(caught.value.hint)
        assert re.findall(r'time_format = ("[^"]+")', hint) == list(formats)
        first, other = (f"time_format = {f}" for f in formats[:2])
        assert days(shop(tmp_path / "d", texts, extra=first)) == [d.date() for d in given]
        assert days(shop(tmp_path / "m", texts, extra=other)) == [date(2026, n + 4, n) for n in range(1, 5)]

    def test_one_line_proves_the_order(self, tmp_path) -> None:
        texts = [datetime(2026, n, n + 4).strftime("%m/%d/%Y") for n in range(1, 5)]  # noqa: DTZ001
        assert days(shop(tmp_path, [*texts, "05/13/2026"])) == [date(2026, n, n + 4) for n in range(1, 5)] + [
            date(2026, 5, 13)]  # fmt: skip

    def test_two_orders_in_one_column(self, tmp_path) -> None:
        with pytest.raises(
            DataError, match=r"no order of day and month reads both '13/01/2026' and '01/14/2026'"
        ):
            build(shop(tmp_path, ["13/01/2026", "01/14/2026", "02/03/2026"]))

    @pytest.mark.parametrize(("name", "day"), [("excel", date(2026, 1, 5)), ("excel_1904", date(2030, 1, 6))])
    def test_days_of_a_spreadsheet(self, tmp_path, name, day) -> None:
        # 46027 is 5 January 2026 where 1 is 1 January 1900, and .375 of a day is nine o'clock.
        texts = ["46027", "46028.375", "46029.5"]
        with pytest.raises(DataError, match="'46027' can be 2026-01-05 or 2030-01-06") as caught:
            build(shop(tmp_path, texts))
        assert f'time_format = "{name}"' in str(caught.value.hint)
        extra = f'time_format = "{name}"'
        config = shop(tmp_path / "given", texts, zone="America/Lima", own="America/Lima", extra=extra)
        assert days(config) == [day, day + timedelta(days=1), day + timedelta(days=2)]
        assert [m.hour for m in moments(config)] == [5, 14, 17]

    @pytest.mark.parametrize("text", ["20260105", "202601051030", "20260105103000"])
    def test_figures_without_signs_are_shown(self, tmp_path, text) -> None:
        with pytest.raises(DataError, match=f"event_time cannot be read .* as in '{text}'") as caught:
            build(shop(tmp_path, [text, text]))
        assert '"%Y%m%d' in str(caught.value.hint)
        formats = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
        assert days(shop(tmp_path / "f", [text] * 3, extra=f'time_format = "{formats[len(text)]}"'))[
            0
        ] == date(2026, 1, 5)


class TestEpochs:
    """Seconds, milliseconds, microseconds and nanoseconds since 1970, as text or as numbers."""

    UNITS = (("epoch_s", 1), ("epoch_ms", 1_000), ("epoch_us", 1_000_000), ("epoch_ns", 1_000_000_000))

    @pytest.mark.parametrize(("unit", "factor"), UNITS)
    @pytest.mark.parametrize(("given", "parquet"), [(True, False), (False, False), (False, True)])
    def test_whole_ones(self, tmp_path, unit, factor, given, parquet) -> None:
        numbers = [int(m.timestamp()) * factor for m in MOMENTS]
        extra = f'time_format = "{unit}"' if given else ""
        if parquet:
            frame = (
                lines()
                .iloc[[0] * len(numbers)]
                .assign(at=numbers, id=[f"c{n % 3}" for n in range(len(numbers))])
            )
            config = project(tmp_path, source(extra=extra), shop_parquet=frame)
        else:
            config = shop(tmp_path, numbers, extra=extra, own="Asia/Tokyo")
        assert moments(config) == MOMENTS

    @pytest.mark.parametrize(("texts", "micros"), [
        (["1767603600.25", "1767603601.5", "1767603602"], [250_000, 1_500_000, 2_000_000]),
        (["1767603600000.0", "1767603600001.5", "1767603600002"], [0, 1_500, 2_000]),
        (["852076800", "852076801", "852076802"], [-915_526_800_000_000, -915_526_799_000_000, -915_526_798_000_000]),
    ])  # fmt: skip
    def test_fractions_and_the_last_century(self, tmp_path, texts, micros) -> None:
        start = datetime(2026, 1, 5, 9, tzinfo=UTC)
        assert moments(shop(tmp_path, texts)) == [start + timedelta(microseconds=m) for m in micros]

    def test_fractions_of_pandas(self, tmp_path) -> None:
        frame = lines(at=[1767603600000.0, 1768730400000.0, None, 1769857200000.0], price=1.0)
        log = build(project(tmp_path, source(), shop_parquet=frame.iloc[[0, 1, 3] * 50 + [2]]))
        assert (log.rows, log.sources[0].unparsable_times) == (150, 1)
        assert (log.first_day, log.last_day) == (date(2026, 1, 5), date(2026, 1, 31))

    @pytest.mark.parametrize(("fine", "coarse"), [(1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2)])
    @pytest.mark.parametrize("parquet", [False, True])
    def test_several_units_are_an_error(self, tmp_path, fine, coarse, parquet) -> None:
        units = [self.UNITS[n] for n in (fine, fine, coarse)]
        numbers = [int(m.timestamp()) * factor for m, (_, factor) in zip(MOMENTS, units, strict=False)]
        ids = [f"c{n}" for n in range(3)]
        if parquet:
            config = project(tmp_path, source(), shop_parquet=lines().head(3).assign(at=numbers, id=ids))
        else:
            config = shop(tmp_path, numbers)
        name = units[0][0]
        said = f"event_time counts in several units: {name} in 2 lines, as in {min(numbers[:2])}, {units[2][0]} in 1 lines"
        with pytest.raises(DataError, match=said) as caught:
            build(config)
        hint = str(caught.value.hint)
        assert f'if only {name} is right, say time_format = "{name}"' in hint
        # Both ways that the hint names work.
        text = config.read_text(encoding="utf-8")
        derived = (
            text.replace('event_time = "at"\n', "")
            + f"[sources.derive]\nevent_time = '{hint.rpartition(': ')[2]}'\n"
        )
        config.write_text(derived, encoding="utf-8")
        assert moments(config) == MOMENTS[:3]

    def test_a_few_numbers_of_another_unit_that_are_wrong(self, tmp_path) -> None:
        texts = [str(1767603600000 + n * 60_000) for n in range(300)] + ["1767603600"]
        with pytest.raises(DataError, match="epoch_ms in 300 lines"):
            build(shop(tmp_path / "a", texts))
        log = build(shop(tmp_path / "b", texts, extra='time_format = "epoch_ms"'))
        assert (log.rows, log.first_day) == (300, date(2026, 1, 5))

    @pytest.mark.parametrize("unit", ["epoch_s", "epoch_ns", "excel"])
    def test_numbers_beyond_all_years_are_left_out(self, tmp_path, unit) -> None:
        good = {"epoch_s": "1767603600", "epoch_ns": "1767603600000000000", "excel": "46027"}[unit]
        texts = [good] * 300 + ["9" * 30, "-9e99"]
        assert build(shop(tmp_path, texts, extra=f'time_format = "{unit}"')).sources[0].unparsable_times == 2


class TestFormats:
    """A right time_format always works; a wrong one is said at once."""

    @pytest.mark.parametrize(
        ("written", "text", "utc"),
        [
            ("%d/%m/%Y", "05/01/2026", datetime(2026, 1, 4, 23, tzinfo=UTC)),
            ("%d/%m/%Y %H:%M", "05/01/2026 10:00", datetime(2026, 1, 5, 9, tzinfo=UTC)),
            ("%m/%d/%y %I:%M %p", "1/5/26 1:00 PM", datetime(2026, 1, 5, 12, tzinfo=UTC)),
            ("%Y-%m-%d %H:%M:%S %z", "2026-01-05 10:00:00 -0500", datetime(2026, 1, 5, 15, tzinfo=UTC)),
            ("%Y-%m-%dT%H:%M:%S%z", "2026-01-05T10:00:00+0000", datetime(2026, 1, 5, 10, tzinfo=UTC)),
            ("%d %b %Y %H:%M", "05 Jan 2026 10:00", datetime(2026, 1, 5, 9, tzinfo=UTC)),
            ("%A, %B %d, %Y", "Monday, January 5, 2026", datetime(2026, 1, 4, 23, tzinfo=UTC)),
            ("%Y%m%dT%H%M%S", "20260105T100000", datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ],
    )
    def test_it_reads_what_it_says(self, tmp_path, written, text, utc) -> None:
        config = shop(
            tmp_path,
            [f"{text}  "] * 3,
            zone="Europe/Oslo",
            own="Europe/Oslo",
            extra=f'time_format = "{written}"',
        )
        assert set(moments(config)) == {utc}

    def test_a_column_of_times_needs_none(self, tmp_path) -> None:
        plain = build(project(tmp_path / "p", source(), shop_parquet=lines()))
        given = project(tmp_path / "t", source(extra='time_format = "%d/%m/%Y"'), shop_parquet=lines())
        assert build(given).id == plain.id

    @pytest.mark.parametrize("wrong", ["dd/mm/yyyy", "%Q", "%d/%m/%", "iso"])
    def test_a_wrong_one(self, tmp_path, wrong) -> None:
        with pytest.raises(ConfigError, match="time_format") as caught:
            build(shop(tmp_path, ["05/01/2026"] * 3, extra=f'time_format = "{wrong}"'))
        assert "%d.%m.%Y %H:%M" in str(caught.value)


class TestIso:
    """Years first: with a zone or without, and nothing that only looks like a time."""

    @pytest.mark.parametrize(
        ("text", "utc"),
        [
            ("2026-01-05 10:00", "2026-01-05 09:00"),
            ("2026/1/5 9:05:07,250", "2026-01-05 08:05:07.250"),
            ("2026-01-05T10:00:00Z", "2026-01-05 10:00"),
            ("2026-01-05T10:00:00z", "2026-01-05 10:00"),
            ("2026-01-05 10:00:00 UTC", "2026-01-05 10:00"),
            ("2026-01-05 10:00:00 +0530", "2026-01-05 04:30"),
            ("2026-01-05T10:00:00.123456+05:30", "2026-01-05 04:30:00.123456"),
            ("2026-01-05 10:00:00-08", "2026-01-05 18:00"),
            ("2026-01-05 10:00:00 America/New_York", "2026-01-05 15:00"),
        ],
    )
    def test_moments(self, tmp_path, text, utc) -> None:
        config = shop(tmp_path, [text] * 3, own="Europe/Oslo")
        assert set(moments(config)) == {datetime.fromisoformat(utc).replace(tzinfo=UTC)}

    @pytest.mark.parametrize(
        "odd",
        ["infinity", "-infinity", "epoch", "0044-03-15 (BC)", "now", "2026-13-01", "2026", "0001-01-01"],
    )
    def test_what_is_no_time_is_counted(self, tmp_path, odd) -> None:
        log = build(shop(tmp_path, ["2026-01-05 10:00:00"] * 300 + [odd]))
        assert (log.rows, log.sources[0].unparsable_times) == (300, 1)
