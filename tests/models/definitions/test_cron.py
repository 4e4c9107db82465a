"""`refresh` is read as cron reads it: five fields with their ranges, and nothing that no clock would run."""

from __future__ import annotations

import pytest

from tagcast.features.core.errors import DefinitionError
from tagcast.models.definitions.cron import Cron
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
