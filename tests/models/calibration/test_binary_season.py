"""What the season of a year ago adds: found where it was planted, nothing where there is none, no bit where no window reaches."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import multivariate_normal

from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.calibration.binary_season import Season, reaches_a_year_back
from tagcast.models.stats.season_coverage import year_back_share

FIRST = date(2022, 11, 3)
CASES = 1500


def monthly(count: int, first: date = FIRST) -> list[date]:
    return [first + timedelta(days=30 * k) for k in range(count)]


def chain(days, planted, cases: int = CASES, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-odds, outcomes and snapshots: each snapshot's outcomes lie ``planted(day)`` beside the log-odds."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(-0.5, 1.0, cases * len(days))
    moved = np.repeat([planted(day) for day in days], cases)
    y = (rng.random(len(raw)) < expit(raw + moved)).astype("int8")
    return raw, y, np.repeat(np.array(days, "datetime64[D]"), cases)


def wave(day: date) -> float:
    """A season of the 30 days after ``day``: highest in mid-November, lowest in May."""
    return 0.5 * np.cos(2 * np.pi * ((day - date(2022, 11, 1)).days) / 365.25)


def in_a_year(days) -> date:
    return days[0] + timedelta(days=365)


@pytest.mark.parametrize("late", [0, 60, 180])
def test_a_planted_season_is_found_in_sign_and_size(late) -> None:
    """Two years tell a season from a level; of one year most may be a slow level."""
    days = monthly(24)
    as_of = days[-1] + timedelta(days=30 + late)
    season = Season.fit(*chain(days, wave), 30).ahead(as_of)
    assert season is not None
    assert 0.4 < season.mean / wave(as_of) < 1.1
    assert season.spread < 0.3
    assert season.since in days
    assert min((as_of - season.since).days % 365, -(as_of - season.since).days % 365) < 30


def test_a_month_unlike_all_others_is_found_after_one_year() -> None:
    days = monthly(16)
    season = Season.fit(*chain(days, lambda day: 0.9 * (day in days[4:6])), 30)
    same, later = (season.ahead(days[4] + timedelta(days=365 + d)) for d in (0, 120))
    assert same is not None
    assert later is not None
    assert 0.2 < same.mean < 0.9
    assert abs(later.mean) < 0.4 * same.mean


def test_a_planted_trend_is_no_season() -> None:
    """An ageing cohort: outcomes rise by 1.2 log-odds over thirteen months, straight or in the end more slowly."""
    days = monthly(14)
    for trend in (
        lambda day: (day - FIRST).days / 365 - 0.6,
        lambda day: -1.2 * 0.5 ** ((day - FIRST).days / 120) + 0.4,
        lambda day: 0.6 - (day - FIRST).days / 365,
    ):
        season = Season.fit(*chain(days, trend), 30).ahead(in_a_year(days))
        assert season is not None
        assert abs(season.mean) < 0.1


def test_a_tag_without_any_level_stays() -> None:
    days = monthly(14)
    season = Season.fit(*chain(days, lambda _: 0.0), 30).ahead(in_a_year(days))
    assert season is not None
    assert abs(season.mean) < 0.02
    assert season.spread < 0.15


@settings(max_examples=40, deadline=None)
@given(
    shift=st.lists(st.floats(-1, 1), min_size=3, max_size=16),
    horizon=st.sampled_from([7, 30, 90, 180]),
    late=st.integers(0, 200),
    noise=st.floats(0.001, 0.5),
)
def test_the_offset_is_the_conditional_mean_of_the_process(shift, horizon, late, noise) -> None:
    """Each spread by itself: the joint normal of the shifts and the season ahead, read off its precision matrix."""
    days = monthly(len(shift))
    as_of = days[-1] + timedelta(days=horizon + late)
    season = Season(horizon, tuple(days), np.array(shift), np.full(len(days), noise))
    found = season.ahead(as_of)
    covered = min(1.0, 2 * max(year_back_share(day, as_of, horizon) for day in days))
    if covered == 0:
        assert found is None
        return
    day_of_year = np.array([min(d.timetuple().tm_yday, 365) for d in [*days, as_of]])
    gap = np.abs(day_of_year[:, None] - day_of_year)
    alike = np.clip(1 - np.minimum(gap, 365 - gap) / (horizon + 30), 0, None)
    ages = np.array([d.toordinal() for d in days])
    ages = np.abs(ages[:, None] - ages)
    slow = np.exp(-((ages / 365) ** 2) / 2) + (noise + 0.0025) * np.eye(len(days))
    weights, means, squares = [], [], []
    for quick in (0.2, 0.4):
        for spread, odds in ((0.0, 4), (0.1, 1), (0.2, 1), (0.3, 1), (0.5, 1), (1.0, 1)):
            joint = spread**2 * alike
            joint[:-1, :-1] += slow + quick**2 * np.exp2(-ages / 30)
            weights.append(odds * multivariate_normal(cov=joint[:-1, :-1]).pdf(shift))
            precision = np.linalg.inv(joint + 1e-12 * np.eye(len(joint)))
            means.append(-precision[-1, :-1] @ shift / precision[-1, -1])
            squares.append(1 / precision[-1, -1] + means[-1] ** 2)
    mean = np.average(means, weights=weights)
    assert found.mean == pytest.approx(covered * mean, abs=1e-6)
    assert found.spread**2 == pytest.approx(
        covered * (np.average(squares, weights=weights) - mean**2), abs=1e-6
    )


@pytest.mark.parametrize("yes", [0, 2, 11, 20])
def test_a_shift_is_the_mode_of_the_penalised_likelihood(yes) -> None:
    """Of twenty cases, also where all outcomes are alike: Firth's penalty is half the logarithm of the information."""
    raw = np.random.default_rng(yes).normal(size=20)
    y = (np.arange(20) < yes).astype("int8")
    season = Season.fit(raw, y, np.full(20, np.datetime64("2023-01-01")), 30)

    def loss(shift: float) -> float:
        z = raw + shift
        return float((np.logaddexp(0, z) - y * z).sum() - 0.5 * np.log((expit(z) * expit(-z)).sum()))

    found = minimize_scalar(loss, bounds=(-15, 15), method="bounded", options={"xatol": 1e-10})
    assert season.shift[0] == pytest.approx(found.x, abs=1e-5)
    p = expit(raw + season.shift[0])
    assert season.variance[0] == pytest.approx(1 / (p * (1 - p)).sum())


def test_rows_that_stand_for_others_weigh_as_much_and_tell_as_little() -> None:
    raw, y, day = chain(monthly(1), lambda _: 0.4, cases=4000)
    whole = Season.fit(raw, y, day, 30)
    kept = (y == 1) | (np.arange(len(y)) % 4 == 0)
    drawn = Season.fit(raw[kept], y[kept], day[kept], 30, np.where(y == 1, 1.0, 4.0)[kept])
    assert drawn.shift[0] == pytest.approx(whole.shift[0], abs=0.08)
    assert whole.variance[0] < drawn.variance[0] < 4 * whole.variance[0]


def calibrators(days, horizon: int, seed: int = 0) -> tuple[Calibrator, Calibrator]:
    """The same calibrator with what its snapshots tell of the seasons, and without."""
    raw, y, day = chain(days, wave, cases=200, seed=seed)
    bare = Calibrator.fit(raw, y, day)
    return replace(bare, season=Season.fit(raw, y, day, horizon)), bare


@settings(max_examples=25, deadline=None)
@given(
    horizon=st.sampled_from([7, 30, 90, 180]),
    count=st.integers(2, 14),
    late=st.integers(0, 400),
    seed=st.integers(0, 3),
)
def test_no_bit_changes_where_no_window_a_year_back_reaches(horizon, count, late, seed) -> None:
    days = monthly(count)
    as_of = days[-1] + timedelta(days=horizon + late)
    ahead = {as_of + timedelta(days=k) for k in range(horizon)}
    a_year = timedelta(days=365)
    reached = any(
        day + k * a_year + timedelta(days=d) in ahead for day in days for k in (1, 2) for d in range(horizon)
    )  # fmt: skip
    season, bare = calibrators(days, horizon, seed)
    asked = np.linspace(-6, 6, 50)
    same = np.array(season.predict(asked, as_of)).tobytes() == np.array(bare.predict(asked, as_of)).tobytes()
    leap_day_between = days[0] < date(2024, 2, 29) < as_of + timedelta(days=horizon)
    if reached:
        assert season.season_ahead(as_of) is not None or leap_day_between
    elif not leap_day_between:
        assert same
        assert season.season_ahead(as_of) is None
    assert np.array(season.predict_past(asked)).tobytes() == np.array(bare.predict_past(asked)).tobytes()
    assert "season" not in bare.to_json()


@pytest.mark.parametrize("horizon", [7, 30, 90, 180])
def test_nothing_jumps_as_more_of_the_window_is_known(horizon) -> None:
    """Day by day over the turn of the year and the leap day."""
    days = monthly(13, date(2023, 2, 27))
    shift = np.array([wave(d) for d in days]) + np.random.default_rng(horizon).normal(0, 0.1, len(days))
    season = Season(horizon, tuple(days), shift, np.full(len(days), 0.01))
    found = [season.ahead(days[-1] + timedelta(days=horizon + k)) for k in range(420)]
    means = np.array([0.0 if f is None else f.mean for f in found])
    variances = np.array([0.0 if f is None else f.spread**2 for f in found])
    assert (means != 0).mean() > 0.2
    assert np.abs(means).max() > 0.01
    assert np.abs(np.diff(means)).max() < 0.015
    assert np.abs(np.diff(variances)).max() < 0.006


def test_windows_meet_over_the_turn_of_the_year_and_on_the_leap_day() -> None:
    assert year_back_share(date(2022, 12, 20), date(2023, 12, 20), 30) == 1
    assert year_back_share(date(2022, 12, 20), date(2024, 1, 4), 30) == pytest.approx(0.5)
    assert year_back_share(date(2023, 1, 4), date(2023, 12, 20), 30) == pytest.approx(0.5)
    assert year_back_share(date(2023, 2, 28), date(2024, 2, 29), 7) == pytest.approx(6 / 7)
    assert year_back_share(date(2024, 2, 29), date(2025, 3, 1), 7) == 1
    assert year_back_share(date(2020, 6, 1), date(2024, 6, 1), 7) >= 6 / 7  # four years and a leap day
    # This year's own windows, and windows of a year, which hold every season alike.
    assert year_back_share(date(2023, 12, 1), date(2023, 12, 20), 30) == 0
    assert year_back_share(date(2022, 12, 20), date(2023, 12, 20), 365) == 0


def test_a_model_knows_seasons_where_it_reaches_back_a_year_on_its_first_day() -> None:
    assert reaches_a_year_back(monthly(12), 30)
    assert not reaches_a_year_back(monthly(10), 30)
    assert reaches_a_year_back(monthly(13), 7)
    assert not reaches_a_year_back(monthly(12), 7)
    assert reaches_a_year_back(monthly(6), 180)
    assert not reaches_a_year_back(monthly(12), 365)
    # Nine months and a window of three, as in a calendar year of data: a day short of it.
    assert not reaches_a_year_back([date(2017, 4, 5), date(2017, 10, 2)], 90)


def test_the_order_of_rows_does_not_matter_and_json_keeps_every_bit() -> None:
    days = monthly(14)
    raw, y, day = chain(days, wave, cases=100)
    order = np.random.default_rng(1).permutation(len(raw))
    one, two = Season.fit(raw, y, day, 30), Season.fit(raw[order], y[order], day[order], 30)
    assert one.to_json() == two.to_json()
    again = Season.from_json(json.loads(json.dumps(one.to_json())))
    assert again.ahead(in_a_year(days)) == one.ahead(in_a_year(days))


def test_malformed_seasons_are_refused() -> None:
    good = Season.fit(*chain(monthly(3), wave, cases=50), 30).to_json()
    for wrong in ({"shift": [0.0]}, {"variance": [1.0, -1.0, 1.0]}, {"snapshots": good["snapshots"][::-1]}):
        with pytest.raises(ValueError, match="expected|above 0|rise"):
            Season.from_json({**good, **wrong})


def test_the_promise_is_kept_where_the_season_comes_back_and_where_it_does_not() -> None:
    """Mean confidence of random audiences is a floor on the share that turns out right, whatever the coming season."""
    days = monthly(13)
    as_of = days[-1] + timedelta(days=30)
    rng = np.random.default_rng(4)
    broken, gained = [], []
    for seed, kept in enumerate((1.0, 1.0, 0.7, 0.7, 1.3, 1.3)):
        raw, y, day = chain(days, wave, cases=400, seed=seed)
        bare = Calibrator.fit(raw, y, day)
        season = replace(bare, season=Season.fit(raw, y, day, 30))
        new, came, _ = chain([as_of], lambda d, kept=kept: kept * wave(d), cases=4000, seed=100 + seed)
        score, lower, upper = season.predict(new, as_of)
        yes = score >= 0.5
        confidence, right = np.where(yes, lower, 1 - upper), (came == 1) == yes
        for _ in range(100):
            audience = rng.choice(len(new), 400, replace=False)
            share = right[audience].mean()
            broken.append(confidence[audience].mean() - share > 2 * np.sqrt(share * (1 - share) / 400))
        gained.append(loss(came, bare.predict(new, as_of).score) - loss(came, score))
    assert np.mean(broken) <= 0.02
    assert np.mean(gained) > 0.002


def test_an_unsure_season_widens_the_bounds_and_nothing_else() -> None:
    days = monthly(13)
    as_of = days[-1] + timedelta(days=30)
    bare = Calibrator.fit(*chain(days, lambda _: 0.0, cases=20_000))
    level = Season(30, tuple(days), np.zeros(13), np.full(13, 0.01))
    found = level.ahead(as_of)
    assert found is not None
    asked = np.linspace(-2, 2, 9)
    (score, lower, upper), before = (
        replace(bare, season=level).predict(asked, as_of),
        bare.predict(asked, as_of),
    )
    np.testing.assert_array_equal(score, before.score)
    now = bare.drift.ahead(as_of)
    expected = now.corrected(asked) - 1.6449 * np.sqrt(now.spread(asked) ** 2 + found.spread**2)
    assert (lower < before.lower).all()
    assert (upper > before.upper).all()
    np.testing.assert_allclose(lower, np.minimum(expit(expected), before.lower), atol=1e-9)


def test_the_line_of_a_day_is_what_scores_of_that_day_are_made_by() -> None:
    days = monthly(14)
    raw = np.linspace(-4, 4, 9)
    for made in calibrators(days, 30):
        for as_of in (days[-1] + timedelta(days=30), days[-1] + timedelta(days=75)):
            slope, shift, covariance = made.line_ahead(as_of, 0.3)
            score = made.predict(raw, as_of, 0.3).score
            np.testing.assert_allclose(score, np.clip(expit(slope * raw + shift), 1e-4, 1 - 1e-4), rtol=1e-12)
            assert (np.linalg.eigvalsh(covariance) > 0).all()
    seasonal, plain = (made.line_ahead(days[-1] + timedelta(days=30)) for made in calibrators(days, 30))
    assert plain[0] == seasonal[0]
    assert seasonal[2][0, 0] > plain[2][0, 0]


def loss(y: np.ndarray, p: np.ndarray) -> float:
    return float(-np.where(y == 1, np.log(p), np.log1p(-p)).mean())


def test_people_read_an_offset_with_its_spread_and_where_it_comes_from() -> None:
    days = monthly(14)
    found = Season.fit(*chain(days, wave), 30).ahead(in_a_year(days) + timedelta(days=180))
    assert found is not None
    assert found.mean < 0
    number = f"{-found.mean:.2f}".removeprefix("0")
    spread = f"{found.spread:.2f}".removeprefix("0")
    assert str(found.text) == f"season: −{number} ± {spread}, from {found.since}"
