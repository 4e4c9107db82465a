"""Features of several dates built together, with events on, one day before and one day after every border."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.catalog.feature_set import SHIPPED, FeatureSet
from tagcast.features.compute.labels import Eligibility, OutcomeRule, outcome_of, population, top_values
from tests.support.counted_features import pair_features, profile_features
from tests.support.shop import Log, snapshots_of, write_log

WINDOWS = (7, 30)
EVERY = FeatureSet(
    WINDOWS, ("amount", "category", "discount", "is_return", "item_id", "order_id", "quantity"), ("view",)
)
FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 15)
BORDERS = sorted(
    {
        as_of - timedelta(days=back + near)
        for as_of in (FIRST, SECOND)
        for back in (0, *WINDOWS)
        for near in (-1, 0, 1)
    }
)
PAST_OR_FUTURE = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def border_lines(draw) -> pd.DataFrame:
    """Lines on the days around every border: returns alone on a day, unknown amounts, visits, what is missing."""
    count = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    days = pd.to_datetime(rng.choice(BORDERS, count))
    lines = pd.DataFrame(
        {
            "customer": rng.choice(["a", "b", "c"], count),
            "at": days + pd.to_timedelta(rng.choice([0, 1, 43_200, 86_399], count), "s"),
            "order_no": rng.choice(["o1", "o2", None], count),
            "sku": rng.choice(["s1", "s2", None], count),
            "kind": rng.choice(["tea", "coffee", None], count),
            "price": np.where(rng.random(count) < 0.3, np.nan, np.round(rng.normal(5, 9, count), 4)),
            "units": rng.choice([1.0, 2.5, np.nan], count),
            "off": rng.choice([0.0, 0.5, np.nan], count),
            "returned": rng.random(count) < draw(st.sampled_from([0.0, 0.3])),
            "event": rng.choice(["purchase", "purchase", "purchase", "view"], count),
        }
    )
    # Somebody is known at either date: before anybody is there is no snapshot.
    return pd.concat([lines, pd.DataFrame([line(BORDERS[0], customer="d")])], ignore_index=True)


def together(log: Log, dates) -> dict[tuple[str, date], pd.DataFrame]:
    """Return both views at each of the dates, built as training builds them: from one pass for all."""
    return snapshots_of(log, EVERY, dates, Path(log.glob).parent)


def table(log: Log):
    return ibis.duckdb.connect().read_parquet(log.glob)


def counted(log: Log, view: str, as_of: date) -> dict:
    lines = table(log).execute().replace({np.nan: None}).to_dict("records")
    for row in lines:
        row["event_day"] = pd.Timestamp(row["event_day"]).date()
    if view == "profile_activity":
        return profile_features(lines, as_of, WINDOWS, ["view"])
    return pair_features(lines, as_of, WINDOWS)


def assert_counted(found: pd.DataFrame, expected: dict) -> None:
    assert sorted(found.index) == sorted(expected)
    for who, row in expected.items():
        values = found.loc[who]
        assert set(row) >= set(found.columns)
        for name in found.columns:
            np.testing.assert_allclose(values[name], row[name], rtol=1e-12, err_msg=f"{who} {name}")


@pytest.mark.slow
@PAST_OR_FUTURE
@given(lines=border_lines(), dates=st.sampled_from([(FIRST, SECOND), (SECOND, FIRST), (FIRST,)]))
def test_features_are_what_counting_by_hand_gives(tmp_path, lines, dates) -> None:
    log = write_log(tmp_path, lines)
    for (view, as_of), found in together(log, dates).items():
        assert_counted(found, counted(log, view, as_of))


@pytest.mark.slow
@PAST_OR_FUTURE
@given(lines=border_lines(), data=st.data())
def test_no_feature_sees_the_future_of_its_own_date(tmp_path, lines, data) -> None:
    """What happens at or after the earlier date changes nothing of it, though the later date sees all of it."""
    past = lines[lines["at"] < pd.Timestamp(FIRST)]
    later = data.draw(border_lines())
    changed = pd.concat([past, later[later["at"] >= pd.Timestamp(FIRST)]], ignore_index=True)
    one, two = (
        together(write_log(tmp_path, rows, name), (FIRST, SECOND))
        for name, rows in (("one", lines), ("two", changed))
    )
    for view in SHIPPED:
        pd.testing.assert_frame_equal(
            one[view, FIRST].sort_index(), two[view, FIRST].sort_index(), check_exact=True
        )


def line(day: date, **more: object) -> dict[str, object]:
    plain = {
        "customer": "a", "at": pd.Timestamp(day), "order_no": "o", "sku": "s", "kind": "tea", "price": 10.0, "units": 1.0,
        "off": 0.0, "returned": False, "event": "purchase",
    }  # fmt: skip
    return {**plain, **more}


def log(tmp_path, *rows: dict[str, object]) -> Log:
    return write_log(tmp_path, pd.DataFrame(rows))


def test_a_pair_knows_nothing_of_the_day_it_is_of(tmp_path) -> None:
    """Bought on the earlier date itself: to be seen by the later one alone."""
    events = log(tmp_path, line(FIRST - timedelta(days=9)), line(FIRST))
    found = together(events, (FIRST, SECOND))
    early, late = (found["profile_category", as_of].loc[("a", "tea")] for as_of in (FIRST, SECOND))
    assert (early["category_recency_days"], early["category_purchase_days_all"]) == (9, 1)
    assert (late["category_recency_days"], late["category_purchase_days_all"]) == (14, 2)


@pytest.mark.parametrize("dates", [(FIRST,), (FIRST, SECOND)])
def test_the_last_basket_is_the_last_whose_amount_is_known(tmp_path, dates) -> None:
    events = log(
        tmp_path,
        line(FIRST - timedelta(days=9), price=7.0),
        line(FIRST - timedelta(days=2), price=None),
        line(FIRST - timedelta(days=9), customer="b", price=None),
    )
    found = together(events, dates)["profile_activity", FIRST]
    assert found.loc["a", "basket_last"] == 7.0
    assert found.loc["a", "recency_days"] == 2
    assert np.isnan(found.loc["b", "basket_last"])


def test_who_never_bought_has_no_tenure(tmp_path) -> None:
    events = log(tmp_path, line(FIRST - timedelta(days=9), event="view"))
    found = together(events, (FIRST, SECOND))
    for as_of in (FIRST, SECOND):
        row = found["profile_activity", as_of].loc["a"]
        assert np.isnan(row["tenure_days"])
        assert np.isnan(row["tenure_bounded_days"])
        alone = together(events, [as_of])["profile_activity", as_of]
        assert np.isnan(alone.loc["a", "tenure_bounded_days"])


@pytest.mark.parametrize(
    ("day", "eligible", "recently", "bought_ahead"),
    [
        (FIRST - timedelta(days=31), True, False, False),
        (FIRST - timedelta(days=30), True, True, False),
        (FIRST - timedelta(days=1), True, True, False),
        (FIRST, False, False, True),
        (FIRST + timedelta(days=13), False, False, True),
        (SECOND, False, False, False),
    ],
)
def test_populations_look_back_and_outcomes_ahead(tmp_path, day, eligible, recently, bought_ahead) -> None:
    """A window of 14 days from FIRST ends before SECOND; 30 days back begin on the thirtieth day before."""
    known = line(FIRST - timedelta(days=300), customer="z")
    events = table(log(tmp_path, line(day), known))

    def members(who: Eligibility) -> set[str]:
        return set(population(events, FIRST, who).execute()["profile_id"])

    assert ("a" in members(Eligibility())) == eligible
    assert ("a" in members(Eligibility(active_within_days=30))) == recently
    not_lately = Eligibility(category="tea", not_bought_within_days=30)
    assert ("a" in members(not_lately)) == (eligible and not recently)
    everyone = table(log(tmp_path / "both", line(day), line(FIRST - timedelta(days=400)), known))
    for rule, expected in (
        (OutcomeRule("any_event", 14), bought_ahead),
        (OutcomeRule("no_event", 14), not bought_ahead),
        (OutcomeRule("sum_at_least", 14, at_least=10.0), bought_ahead),
        (OutcomeRule("count_at_least", 14, at_least=1), bought_ahead),
    ):
        who = population(everyone, FIRST, Eligibility())
        rows = outcome_of(everyone, who, FIRST, rule, observed_until=SECOND).execute()
        assert dict(zip(rows["profile_id"], rows["y"], strict=True))["a"] == expected, rule.kind
    assert top_values(table(log(tmp_path / "one", line(day))), "category", FIRST, 3) == (
        ["tea"] if eligible else []
    )
