"""`refresh` is read as cron reads it: five fields with their ranges, and nothing that no clock would run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.core.errors import DefinitionError
from tagcast.models.definitions.cron import Cron, last_due
from tagcast.models.definitions.loader import parse_definition
from tests.support.rule_tags import STAGE


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *", "59 23 31 12 7", "0 0 1 1 0", "*/15 * * * *", "0 4 * * 1", "0 3 * * mon-fri", "0 3 * JAN,jul *",
        "5,10-20/5 0-6 * * *", "0 0 29 2 *", "0 0 31 1-3 *", "0 0 31 2 mon", "0 0 * * fri-sun", "  0   3 * * *  ",
    ],
)  # fmt: skip
def test_these_are_cron(text) -> None:
    parse_definition(f'{STAGE}refresh: "{text}"\n', "stage")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("99 99 banana * *", "99"), ("60 3 * * *", "minute"), ("0 24 * * *", "hour"), ("0 3 0 * *", "day of the month"),
        ("0 3 32 * *", "day of the month"), ("0 3 * 13 *", "month"), ("0 3 * 0 *", "month"), ("0 3 * * 8", "day of the week"),
        ("0 3 * * mo", "day of the week"), ("0 3 * banana *", "month"), ("0 3 jan * *", "day of the month"),
        ("20-10 3 * * *", "minute"), ("*/0 3 * * *", "minute"), ("*/60 3 * * *", "minute"), ("5/10 3 * * *", "minute"),
        ("1,,2 3 * * *", "minute"), ("-1 3 * * *", "minute"), ("1.5 3 * * *", "minute"), ("? 3 * * *", "minute"),
        ("0 3 L * *", "day of the month"), ("0 3 * * 1#2", "day of the week"), ("٣ 3 * * *", "minute"),
        ("0 0 31 2 *", "never comes"), ("0 0 31 apr,jun *", "never comes"), ("0 0 30 2 *", "never comes"),
        ("0 3 * *", "five cron fields"), ("0 0 3 * * *", "five cron fields"), ("@daily", "five cron fields"), ("", "five cron"),
    ],
)  # fmt: skip
def test_these_are_none(text, said) -> None:
    with pytest.raises(DefinitionError, match=said) as caught:
        parse_definition(f'{STAGE}refresh: "{text}"\n', "stage")
    assert "refresh" in str(caught.value)


def test_what_the_fields_mean() -> None:
    cron = Cron.parse("5,10-20/5 22-23 1 feb-mar sat-sun")
    assert cron.minutes == {5, 10, 15, 20}
    assert (cron.hours, cron.days, cron.months, cron.weekdays) == ({22, 23}, {1}, {2, 3}, {6, 0})
    assert (cron.any_day, cron.any_weekday) == (False, False)
    assert Cron.parse("0 0 * * */2").weekdays == {0, 2, 4, 6}


@given(
    st.sampled_from(
        ["*/20 * * * *", "5,50 */6 * * *", "0 3 * * *", "15 2 * * sat", "0 0 28-31 * *", "30 12 1 * mon"]
    ),
    st.datetimes(datetime(2025, 2, 20), datetime(2025, 3, 25)),  # noqa: DTZ001 - hypothesis takes naive ones
    st.sampled_from(["UTC", "Asia/Shanghai", "Asia/Kathmandu"]),
)
def test_the_last_moment_is_the_newest_minute_that_every_field_allows(text, now, zone) -> None:
    minute, hour, day, month, weekday = text.split()

    def allows(field: str, value: int, least: int) -> bool:
        for part in field.split(","):
            span, _, step = part.partition("/")
            first, _, last = span.partition("-")
            if span == "*":
                if (value - least) % int(step or 1) == 0:
                    return True
            elif int(first) <= value <= int(last or first):
                return True
        return False

    def on(at: datetime) -> bool:
        names = {"mon": "1", "sat": "6"}
        of_month, of_week = (
            allows(day, at.day, 1),
            allows(names.get(weekday, weekday), at.isoweekday() % 7, 0),
        )
        either = "*" not in (day[0], weekday[0])
        return (of_month or of_week if either else of_month and of_week) and allows(month, at.month, 1)

    moment = now.replace(tzinfo=UTC)
    local = moment.astimezone(ZoneInfo(zone))
    midnights = [
        local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=n) for n in range(32)
    ]
    clock = [(h, m) for h in range(24) for m in range(60) if allows(hour, h, 0) and allows(minute, m, 0)]
    came = (at.replace(hour=h, minute=m) for at in midnights if on(at) for h, m in reversed(clock))
    assert last_due(text, moment, zone) == next(at for at in came if at <= local)


@pytest.mark.parametrize(
    ("text", "now", "due"),
    [
        ("30 2 * * *", "2026-03-29T00:59Z", "2026-03-28T01:30Z"),
        ("30 2 * * *", "2026-03-29T01:00Z", "2026-03-29T01:00Z"),  # 02:30 is skipped: right after the change
        ("30 2 * * *", "2026-03-30T00:00Z", "2026-03-29T01:00Z"),
        ("30 2 * * *", "2026-10-25T00:29Z", "2026-10-24T00:30Z"),
        ("30 2 * * *", "2026-10-25T00:30Z", "2026-10-25T00:30Z"),
        ("30 2 * * *", "2026-10-25T01:10Z", "2026-10-25T00:30Z"),  # 02:10 for the second time
        ("30 2 * * *", "2026-10-25T01:31Z", "2026-10-25T00:30Z"),  # 02:30 comes twice, once is enough
        ("*/30 * * * *", "2026-10-25T01:31Z", "2026-10-25T01:30Z"),
        ("0 3 * * fri-sun", "2026-11-30T12:00Z", "2026-11-29T02:00Z"),
        ("0 0 29 2 *", "2026-11-30T12:00Z", "2024-02-28T23:00Z"),
    ],
)
def test_a_change_of_clocks_makes_no_night_missed_and_none_twice(text, now, due) -> None:
    found = last_due(text, datetime.fromisoformat(now), "Europe/Berlin")
    assert found == datetime.fromisoformat(due)
