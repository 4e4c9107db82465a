"""Snapshots and splits: nothing that happened later can help."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.core.errors import DataError
from tagcast.models.stats.season_coverage import unseen_share
from tagcast.models.training.splits import Split, choose_snapshots, one_day_note


def test_the_reference_churn_task() -> None:
    dates = choose_snapshots(first_day=date(2017, 1, 1), now=date(2017, 12, 2), horizon_days=30)
    assert dates[-1] == date(2017, 11, 2)
    assert dates[0] == date(2017, 4, 6)
    split = Split(dates, 30)
    assert split.test_fold.train == dates[:-1]
    assert split.validation_folds[-1].score == dates[-2]
    assert split.out_of_time_folds[-1].score == split.test


def test_more_history_means_longer_windows_as_long_as_six_snapshots_remain() -> None:
    first = date(2020, 1, 1)
    for days, history in ((335, 90), (440, 180), (800, 365), (1100, 365)):
        dates = choose_snapshots(
            first_day=first, now=first + timedelta(days=days), horizon_days=90 if days > 400 else 30
        )
        assert len(dates) >= 6
        assert (dates[0] - first).days >= history


@pytest.mark.parametrize("horizon", [7, 30, 90])
@pytest.mark.parametrize("days", [560, 700, 800, 1500])
def test_where_the_data_reach_back_far_enough_last_years_season_is_among_the_snapshots(days, horizon) -> None:
    first = date(2020, 1, 1)
    now = first + timedelta(days=days)
    dates = choose_snapshots(first_day=first, now=now, horizon_days=horizon)
    assert unseen_share(dates, now, horizon) == 0
    assert (dates[0] - first).days >= 180
    # The longest windows come back as soon as there is room for both.
    assert (dates[0] - first).days >= 365 or days < 720


def test_history_is_not_given_up_below_half_a_year_for_the_season() -> None:
    first, now = date(2020, 1, 1), date(2021, 3, 26)  # 450 days
    dates = choose_snapshots(first_day=first, now=now, horizon_days=90)
    assert (dates[0] - first).days >= 180
    assert unseen_share(dates, now, 90) > 0.3


@given(
    span=st.integers(1, 900),
    horizon=st.integers(1, 200),
    every=st.integers(1, 60),
    most=st.integers(2, 20),
    history=st.integers(1, 120),
)
def test_no_label_window_overlaps_what_it_is_scored_on(span, horizon, every, most, history) -> None:
    first, now = date(2020, 1, 1), date(2020, 1, 1) + timedelta(days=span)
    try:
        dates = choose_snapshots(
            first_day=first,
            now=now,
            horizon_days=horizon,
            every_days=every,
            max_snapshots=most,
            min_history_days=history,
        )
        split = Split(dates, horizon)
    except DataError:
        return
    window = timedelta(days=horizon)
    assert list(dates) == sorted(set(dates))
    assert len(dates) <= most
    assert all(d + window <= now and (d - first).days >= history for d in dates)
    for fold in (*split.out_of_time_folds, *split.validation_folds, split.test_fold):
        assert all(s + window <= fold.score for s in fold.train)
    assert all(fold.score + window <= split.test for fold in split.validation_folds)


@pytest.mark.parametrize("now", [date(2017, 2, 1), date(2017, 5, 1)])
def test_too_little_history_says_what_would_do(now) -> None:
    with pytest.raises(DataError) as error:
        Split(choose_snapshots(first_day=date(2017, 1, 1), now=now, horizon_days=30), 30)
    assert error.value.hint


def test_labels_of_one_day_are_divided_by_profile_and_say_so() -> None:
    first, day = date(2024, 1, 1), date(2024, 1, 31)
    split = Split((first, day), 30, one_day=True)
    assert (split.test, split.feature_days) == (day, (day,))
    assert split.test_fold.train == (first,)
    (note,) = one_day_note(split)
    assert "all labels are as of 2024-01-31" in str(note)
    assert not one_day_note(Split((first, day), 30))
    assert repr(split) == repr(Split((first, day), 30)), "studies are named by it"
