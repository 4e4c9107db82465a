"""Which rows are drawn, and figures over rows that stand for several."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.stats import draws
from tagcast.models.stats.draws import (
    cases_of,
    counted,
    draw,
    information,
    population_quantiles,
    quotas,
    share_of,
    shares_below,
    spread_evenly,
    thinned,
    weighted_mean,
)
from tagcast.models.stats.metrics import calibration_bins, evaluate, implied_auc, paired_difference
from tagcast.models.stats.numerics import wilson
from tagcast.models.stats.observed_accuracy import promise_and_reality
from tagcast.models.stats.segments import segment_rows

DAYS = [date(2025, 1, 1), date(2025, 2, 1)]


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(draws, "MOST_ROWS", 1_000)
    monkeypatch.setattr(draws, "MODEL_ROWS", 400)


def population(
    rate: float, profiles: int = 2_000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ids = np.array([f"c{n:05d}" for n in range(profiles)] * len(DAYS), dtype=object)
    as_of = np.repeat(np.array(DAYS, dtype=object), profiles)
    return ids, as_of, (np.random.default_rng(seed).random(len(ids)) < rate).astype("int8")


def places(ids, as_of) -> np.ndarray:
    rows = zip(as_of, ids, strict=True)
    digests = [hashlib.md5(f"{day} {who}".encode(), usedforsecurity=False).hexdigest() for day, who in rows]
    return np.array([int(digest[:13], 16) for digest in digests], np.int64)


def drawn(ids, as_of, y, *, by_outcome: bool, most: int | None = None) -> draws.Drawn | None:
    counts = Counter(zip(as_of.tolist(), y.tolist(), strict=True))
    wanted = quotas(counts, by_outcome=by_outcome, most_per_snapshot=most)
    return None if wanted is None else draw(places(ids, as_of), as_of, y, wanted)


def test_few_rows_are_all_learned_from() -> None:
    ids, as_of, y = population(0.5)
    assert drawn(ids, as_of, y, by_outcome=True) is None


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("rate", [0.5, 0.1, 0.01, 0.97])
def test_weights_add_up_to_the_population_of_each_snapshot_and_outcome(rate) -> None:
    ids, as_of, y = population(rate)
    found = drawn(ids, as_of, y, by_outcome=True)
    assert found is not None
    assert len(found.rows) == pytest.approx(draws.MODEL_ROWS, abs=4)
    assert (np.diff(found.rows) > 0).all()
    for day in DAYS:
        for outcome in (0, 1):
            mine = (as_of == day) & (y == outcome)
            assert found.weight[mine[found.rows]].sum() == pytest.approx(mine.sum())


@pytest.mark.usefixtures("small")
def test_the_rarer_outcome_fills_half_of_the_draw_where_there_is_as_much_of_it() -> None:
    ids, as_of, y = population(0.2)
    found = drawn(ids, as_of, y, by_outcome=True)
    assert y[found.rows].sum() == pytest.approx(200, abs=2)
    ids, as_of, y = population(0.01)
    found = drawn(ids, as_of, y, by_outcome=True)
    assert y[found.rows].sum() == y.sum()
    assert (found.weight[y[found.rows] == 1] == 1).all()


@pytest.mark.usefixtures("small")
def test_an_even_draw_weighs_all_alike() -> None:
    ids, as_of, y = population(0.1)
    found = drawn(ids, as_of, y, by_outcome=False)
    assert np.ptp(found.weight) < 0.1
    assert found.weight.sum() == pytest.approx(len(y))


@pytest.mark.usefixtures("small")
def test_the_same_profiles_are_drawn_in_any_order_of_rows() -> None:
    ids, as_of, y = population(0.1)
    order = np.random.default_rng(1).permutation(len(y))
    one = drawn(ids, as_of, y, by_outcome=True).rows
    other = order[drawn(ids[order], as_of[order], y[order], by_outcome=True).rows]
    assert sorted(one.tolist()) == sorted(other.tolist())


@pytest.mark.usefixtures("small")
def test_those_with_the_lowest_places_are_drawn() -> None:
    ids, as_of, y = population(0.1)
    taken = np.isin(np.arange(len(y)), drawn(ids, as_of, y, by_outcome=True).rows)
    place = places(ids, as_of)
    for day in DAYS:
        for outcome in (0, 1):
            mine = (as_of == day) & (y == outcome)
            assert place[mine & taken].max() < place[mine & ~taken].min()


@pytest.mark.usefixtures("small")
def test_an_outcome_of_one_row_at_a_snapshot_is_kept() -> None:
    ids, as_of, y = population(0.5)
    y[as_of == DAYS[0]] = 0
    y[7] = 1
    assert 7 in drawn(ids, as_of, y, by_outcome=True).rows


OUTCOMES = st.lists(st.tuples(st.sampled_from(DAYS), st.integers(0, 1)), min_size=1, max_size=400)


def by_hand(rows: list[tuple[str, date, int]], by_outcome: bool) -> dict[tuple[str, date], float] | None:
    """Return the weight of each row that is drawn, taken from all rows one after the other."""
    if len(rows) <= draws.MOST_ROWS:
        return None

    def digest(row: tuple[str, date, int]) -> str:
        return hashlib.md5(f"{row[1]} {row[0]}".encode(), usedforsecurity=False).hexdigest()

    kinds = [[row for row in rows if not by_outcome or row[2] == outcome] for outcome in (1, 0)]
    kinds = sorted((kind for kind in kinds[: 2 if by_outcome else 1] if kind), key=len)
    left, found = draws.MODEL_ROWS, {}
    for later, kind in zip(reversed(range(len(kinds))), kinds, strict=True):
        share = min(1.0, left // (later + 1) / len(kind))
        left -= round(share * len(kind))
        for day in DAYS:
            mine = sorted((row for row in kind if row[1] == day), key=digest)
            some = mine[: max(1, round(share * len(mine)))]
            found |= {row[:2]: len(mine) / len(some) for row in some}
    return found


@settings(max_examples=30, deadline=None)
@given(rows=OUTCOMES, most=st.integers(1, 300), model=st.integers(2, 300), by_outcome=st.booleans())
def test_a_draw_from_parts_is_that_from_all_rows(rows, most, model, by_outcome) -> None:
    """Each part gives what lies below a bound; the lowest of these are the lowest of all."""
    ids = np.array([f"c{n}" for n in range(len(rows))], object)
    as_of, y = (np.array(column, object) for column in zip(*rows, strict=True))
    y = y.astype("int8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draws, "MOST_ROWS", most)
        patch.setattr(draws, "MODEL_ROWS", model)
        wanted = quotas(Counter(rows), by_outcome=by_outcome)
        expected = by_hand([(who, *row) for who, row in zip(ids, rows, strict=True)], by_outcome)
    if wanted is None:
        assert expected is None
        return
    place = places(ids, as_of)
    below = {
        (day, one): quota.below() or 2**52
        for (day, outcome), quota in wanted.items()
        for one in (0, 1)
        if outcome in {one, None}
    }
    part = np.array([here < below[row] for here, row in zip(place, rows, strict=True)])
    found = draw(place[part], as_of[part], y[part], wanted)
    keys = zip(ids[part][found.rows], as_of[part][found.rows], strict=True)
    assert dict(zip(keys, found.weight.tolist(), strict=True)) == expected


def test_a_bound_leaves_room_and_most_rows_out() -> None:
    few, all_of_them = draws.Quota(1_000_000, 10_000), draws.Quota(50, 40)
    assert all_of_them.below() is None
    assert 10_500 < few.below() / 2**52 * 1_000_000 < 11_500
    assert few.below(2) > few.below()


def test_each_snapshot_gives_at_most_so_many_rows() -> None:
    ids, as_of, y = population(0.1)
    later = np.flatnonzero(
        (as_of == DAYS[0]) | (np.arange(len(y)) % 5 == 0)
    )  # the last is a fifth of the first
    ids, as_of, y = ids[later], as_of[later], y[later]
    assert drawn(ids, as_of, y, by_outcome=True, most=2_000) is None
    found = drawn(ids, as_of, y, by_outcome=True, most=500)
    taken = Counter(zip(as_of[found.rows], y[found.rows], strict=True))
    there = Counter(zip(as_of, y, strict=True))
    assert [sum(taken[day, one] for one in (0, 1)) for day in DAYS] == [500, 400]
    assert taken[DAYS[0], 1] == there[DAYS[0], 1] < 250
    assert (found.weight[as_of[found.rows] == DAYS[1]] == 1).all()
    assert found.weight.sum() == pytest.approx(len(y))
    even = drawn(ids, as_of, y, by_outcome=False, most=500)
    assert set(even.weight) == {4.0, 1.0}


def weighed(seed: int, n: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes, scores, whole weights, and the place of each row as often as it counts."""
    rng = np.random.default_rng(seed)
    score = np.round(rng.random(n), 2).clip(0.01, 0.99)
    y = (rng.random(n) < score).astype("int8")
    y[:2] = [0, 1]
    weight = rng.integers(1, 5, n).astype(float)
    return y, score, weight, np.repeat(np.arange(n), weight.astype(int))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_figures_of_weights_are_those_of_repeated_rows(seed) -> None:
    y, score, weight, again = weighed(seed)
    assert weighted_mean(score, weight) == pytest.approx(score[again].mean())
    assert counted(y, weight) == y[again].sum()
    assert implied_auc(score, weight) == pytest.approx(implied_auc(score[again]))
    assert share_of(y, weight)[1] == pytest.approx(y[again].mean())
    below = shares_below(score, weight)
    assert below[again] == pytest.approx(shares_below(score[again], np.ones(len(again))))
    assert population_quantiles(score, [0.1, 0.5], weight) == pytest.approx(
        np.quantile(score[again], [0.1, 0.5], method="inverted_cdf")
    )
    mine, other = calibration_bins(y, score, weight), calibration_bins(y[again], score[again])
    assert [(b.n, b.mean_score, b.observed) for b in mine] == [
        (b.n, pytest.approx(b.mean_score), pytest.approx(b.observed)) for b in other
    ]
    value = np.where(score > 0.7, "yes", np.where(score < 0.3, "no", "unknown")).astype(object)
    for band, same in zip(
        promise_and_reality(y, value, score, weight=weight),
        promise_and_reality(y[again], value[again], score[again]),
        strict=True,
    ):
        assert band.predicted == same.predicted
        assert band.share_right == pytest.approx(same.share_right, nan_ok=True)
        assert band.mean_confidence == pytest.approx(same.mean_confidence, nan_ok=True)
    masks = {("half", "low"): score < 0.5}
    (row,) = segment_rows(y, score, masks, np.random.default_rng(0), weight=weight)
    repeated = {("half", "low"): (score < 0.5)[again]}
    (twin,) = segment_rows(y[again], score[again], repeated, np.random.default_rng(0))
    assert (row.n, row.yes) == (twin.n, twin.yes)
    assert row.mean_score == pytest.approx(twin.mean_score)
    assert row.error > twin.error  # rows that stand for several were looked at once


def test_weights_of_one_are_no_weights() -> None:
    y, score, _, _ = weighed(3)
    ones = np.ones(len(y))
    assert share_of(y, ones) == pytest.approx(share_of(y, None))
    assert cases_of(y, ones) == pytest.approx(cases_of(y, None))
    assert evaluate(y, score, np.random.default_rng(0), weight=ones) == evaluate(
        y, score, np.random.default_rng(0)
    )
    for mine, other in zip(calibration_bins(y, score, ones), calibration_bins(y, score), strict=True):
        assert (mine.low, mine.high) == pytest.approx((other.low, other.high))


def test_intervals_of_a_draw_cover_the_population_as_often_as_they_say() -> None:
    """A rare outcome drawn whole beside a fiftieth of the others: intervals are neither those of all nor of an even draw."""
    rng = np.random.default_rng(0)
    held, width = 0, []
    for _ in range(300):
        y = (rng.random(10_000) < 0.03).astype("int8")
        rows = np.flatnonzero((y == 1) | (rng.random(10_000) < 0.02))
        weight = np.where(y[rows] == 1, 1.0, (y == 0).sum() / (y[rows] == 0).sum())
        audience = rng.random(len(rows)) < 0.4
        low, _, high = share_of(y[rows][audience], weight[audience])
        held += low <= 0.03 <= high
        width.append(high - low)
    assert 0.92 <= held / 300 <= 0.99
    naive = np.diff([float(b[0]) for b in wilson([0.03 * 120], [120])][::2])[0]
    assert np.mean(width) < naive


def test_a_difference_is_resampled_over_the_rows_that_were_looked_at() -> None:
    y, score, weight, again = weighed(5, 400)
    worse = np.clip(score + 0.1, 0.01, 0.99)
    drawn = paired_difference(y, worse, score, "log_loss", np.random.default_rng(0), weight)
    repeated = paired_difference(y[again], worse[again], score[again], "log_loss", np.random.default_rng(0))
    assert drawn.value == pytest.approx(repeated.value)
    assert drawn.high - drawn.low > 1.2 * (repeated.high - repeated.low)


def test_information_of_even_weights_is_one_over_the_weight() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(50_000)
    y = (rng.random(50_000) < p).astype("int8")
    assert information(p, y, np.full(50_000, 8.0)) == pytest.approx(1 / 8, rel=0.03)


def test_rows_shown_look_like_the_population() -> None:
    weight = np.r_[np.full(500, 1.0), np.full(500, 99.0)]
    shown = spread_evenly(weight, 1_000, 200)
    assert (shown >= 500).mean() == pytest.approx(0.99, abs=0.01)
    assert spread_evenly(None, 1_000, 200).tolist() == list(range(0, 1_000, 5))


def test_thinned_rows_are_some_of_them() -> None:
    rows = np.arange(100) % 2 == 0
    assert thinned(rows, 50).tolist() == rows.tolist()
    few = thinned(rows, 20)
    assert few.sum() == 17
    assert not (few & ~rows).any()
