"""Days far from all others are a wrong clock; thin history, seasons and closures are not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.quality.plausible_days import plausible_days

START = date(2025, 1, 1)


def every_day(days: int, lines: int = 14, start: date = START) -> dict[date, int]:
    return {start + timedelta(days=n): lines for n in range(days)}


def later(days: int, start: date = START) -> date:
    return start + timedelta(days=days)


@pytest.mark.parametrize(
    ("more", "last"),
    [
        ({later(320): 1}, later(299)),
        ({later(310): 1, later(325): 2, later(340): 1}, later(299)),
        ({later(301): 1, later(303): 1, later(305): 1, later(307): 1}, later(299)),
        ({date(2099, 12, 31): 1}, later(299)),
        ({date(9999, 12, 31): 40}, later(299)),
        ({date(2038, 1, 19): 300}, later(299)),
    ],
    ids=["21 days ahead", "three clocks", "a clock that drifts", "sentinel", "many sentinels", "overflow"],
)
def test_days_after_the_bulk_are_left_out(more, last) -> None:
    assert plausible_days({**every_day(300), **more}) == (START, last)


@pytest.mark.parametrize(
    "more",
    [{date(1970, 1, 1): 1}, {date(1970, 1, 1): 900}, {date(1, 1, 1): 3}, {date(2024, 3, 1): 2}],
    ids=["zero", "many zeros", "year one", "a few ten months before"],
)
def test_days_before_the_bulk_are_left_out(more) -> None:
    assert plausible_days({**every_day(300), **more}) == (START, later(299))


@pytest.mark.parametrize(
    "days",
    [
        every_day(300),
        {**every_day(300), later(303): 9},
        {**every_day(150), **every_day(150, start=later(365))},
        {**every_day(120, 1), **every_day(300, 14, later(120))},
        {later(n): 1 for n in (0, 3, 40)},
        {**every_day(200), **every_day(60, 1, later(200))},
        {later(7 * n): 2 for n in range(40)},
        {**every_day(900), **every_day(20, 14, later(1400))},
    ],
    ids=[
        "every day",
        "after a long weekend",
        "summers",
        "thin history",
        "three lines",
        "slow decline, as long and as thin as no stretch before but a fourteenth",
        "weekly",
        "opened again after more than a year",
    ],
)
def test_what_may_be_is_kept(days) -> None:
    assert plausible_days(days) == (min(days), max(days))


@settings(deadline=None, max_examples=50)
@given(st.integers(30, 400), st.integers(5, 60), st.integers(15, 400), st.randoms(use_true_random=False))
def test_a_single_line_weeks_ahead_never_ends_the_data(days, lines, ahead, random) -> None:
    bulk = {later(n): max(1, lines + random.randint(-4, 4)) for n in range(days)}
    assert plausible_days({**bulk, later(days - 1 + ahead): 1})[1] == later(days - 1)
    assert plausible_days(bulk) == (START, later(days - 1))
