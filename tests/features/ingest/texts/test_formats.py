"""Times that do not read themselves: the ``time_format`` that an error names is followed, and gives the right moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tagcast.features.core.errors import DataError
from tests.features.ingest.texts.test_times import days, moments, shop

START = datetime(2026, 1, 3, 9, 5, 7, tzinfo=UTC)
MOMENTS = [START + timedelta(days=11 * n, hours=5 * n) for n in range(24)]


def named(folder, texts, **more) -> list[str]:
    """The formats that the error names."""
    with pytest.raises(DataError) as refused:
        moments(shop(folder, texts, **more))
    return re.findall(r'time_format = "([^"]+)"', str(refused.value.hint))


def written(form: str) -> list[str]:
    return [moment.strftime(form) for moment in MOMENTS]


@pytest.mark.parametrize(
    "form",
    [
        "%Y%m%d%H%M%S",
        "%Y%m%dT%H%M%S",
        "%Y%m%d %H:%M:%S",
        "%d-%b-%Y %H:%M:%S",
        "%d%b%Y:%H:%M:%S",
        "%b %d, %Y %I:%M:%S %p",
        "%B %d, %Y at %I:%M:%S %p",
        "%a, %d %b %Y %H:%M:%S %z",
        "%a %b %d %H:%M:%S UTC %Y",
        "%d/%b/%Y:%H:%M:%S %z",
        "%H:%M:%S %d.%m.%Y",
        "%d.%m.%Y %H.%M.%S",
        "%A, %d %B %Y %H:%M:%S",
        "%Y年%m月%d日 %H时%M分%S秒",
        "%Y%m%dT%H%M%SZ",
    ],
)
def test_a_moment(tmp_path, form) -> None:
    texts = written(form)
    (one,) = named(tmp_path, texts)
    assert moments(shop(tmp_path, texts, extra=f'time_format = "{one}"')) == MOMENTS


@pytest.mark.parametrize(
    "form", ["%Y%m%d", "%d %B %Y", "%d-%b-%y", "%b %d, %Y", "%Y-%j", "%d. %b %Y", "%Y年%m月%d日"]
)
def test_a_day(tmp_path, form) -> None:
    texts = written(form)
    (one,) = named(tmp_path, texts)
    assert days(shop(tmp_path, texts, extra=f'time_format = "{one}"')) == [m.date() for m in MOMENTS]


def test_an_offset_is_kept(tmp_path) -> None:
    east = timezone(timedelta(hours=9, minutes=30))
    texts = [moment.astimezone(east).strftime("%a, %d %b %Y %H:%M:%S %z") for moment in MOMENTS]
    (one,) = named(tmp_path, texts, own="America/New_York")
    settings = f'time_format = "{one}"'
    assert moments(shop(tmp_path, texts, own="America/New_York", extra=settings)) == MOMENTS


def test_a_z_is_no_local_time(tmp_path) -> None:
    """strptime takes it for a letter: where the source's times are not UTC no format is named for it."""
    assert named(tmp_path, written("%Y%m%dT%H%M%SZ"), own="Asia/Tokyo") == []


def test_two_readings_are_both_named(tmp_path) -> None:
    first = [moment for moment in MOMENTS if moment.day <= 12]
    texts = [moment.strftime("%d%m%Y") for moment in first]
    one, other = named(tmp_path, texts)
    assert {one, other} == {"%d%m%Y", "%m%d%Y"}
    assert days(shop(tmp_path, texts, extra='time_format = "%d%m%Y"')) == [m.date() for m in first]


def test_a_few_others_do_not_hide_it_and_words_have_none(tmp_path) -> None:
    texts = [moment.strftime("%Y%m%d") for moment in MOMENTS] * 5
    assert named(tmp_path, [*texts, "unknown"]) == ["%Y%m%d"]


def test_months_of_another_language(tmp_path) -> None:
    """strptime knows English months only; the hint's expression, with a REPLACE for each month, reads others."""
    french = {"Jan": "janv.", "Feb": "févr.", "Mar": "mars", "Apr": "avr.", "May": "mai"}
    chosen = [moment for moment in MOMENTS if moment.strftime("%b") in french]
    texts = [moment.strftime("%d %b %Y") for moment in chosen]
    texts = [re.sub("[A-Z][a-z]+", lambda found: french[found[0]], text) for text in texts]
    with pytest.raises(DataError) as refused:
        days(shop(tmp_path, texts))
    (expression,) = re.findall(r'event_time = "([^"]+)"', str(refused.value.hint))
    column = "at"
    for english, month in french.items():
        column = f"REPLACE({column}, '{month}', '{english}')"
    expression = re.sub(r"REPLACE\([^)]*\)", lambda _: column, expression)
    config = shop(tmp_path, texts)
    text = config.read_text(encoding="utf-8")
    moved = re.sub(r'event_time = "at"\n', "", text) + f'\n[sources.derive]\nevent_time = "{expression}"\n'
    config.write_text(moved, encoding="utf-8")
    assert days(config) == [moment.date() for moment in chosen]
