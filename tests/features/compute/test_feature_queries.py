"""Features: what they mean, and that none sees the future."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.catalog.feature_set import SERVICES, SHIPPED, FeatureSet, windows_within
from tagcast.features.compute.labels import Eligibility, OutcomeRule, outcome_of, population, top_values
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.errors import DataError
from tagcast.features.entities.pair import Pair
from tests.support.shop import FIRST_DAY, shop_lines, snapshots_of, view_alone, write_log

EVERY = FeatureSet(
    (7, 30, 90), ("amount", "category", "discount", "is_return", "item_id", "order_id", "quantity"), ("view",)
)

TEA = Pair("category", "tea")
KINDS = [Pair("category", "coffee"), TEA]


def line(
    customer: str,
    day: str,
    *,
    price: float = 10.0,
    kind: str | None = "coffee",
    order: str = "",
    **more: object,
) -> dict[str, object]:
    return {
        "customer": customer,
        "at": pd.Timestamp(day),
        "order_no": order or f"{customer}{day}",
        "sku": f"{kind}-1",
        "kind": kind,
        "price": price,
        "units": 1,
        "off": 1.0,
        "returned": False,
        "event": "purchase",
        **more,
    }


def compute(tmp_path, rows, view, as_of, feature_set=EVERY):
    log = write_log(tmp_path, pd.DataFrame(rows))
    return view_alone(view, log.glob, feature_set, as_of).set_index(list(SHIPPED[view]))


def test_windowed_features_by_hand(tmp_path) -> None:
    rows = [
        line("a", "2024-01-01 09:00", price=20),
        line("a", "2024-01-11 20:00", price=10, kind="tea"),
        line("a", "2024-01-11 20:00", price=5),
        line("a", "2024-01-31 10:00", price=30),
        line("a", "2024-02-03 10:00", price=-8, returned=True),
        line("b", "2024-02-09 10:00", price=1),
        line("c", "2024-02-09 10:00", event="view"),
    ]
    got = compute(tmp_path, rows, "profile_activity", date(2024, 2, 10))
    a = got.loc["a"]
    expected = {
        "recency_days": 10, "tenure_days": 40, "purchase_days_all": 3, "spend_all": 57, "gap_mean_days": 15,
        "gap_std_days": 5, "gap_max_days": 20, "gap_last_days": 20, "recency_over_gap": 10 / 15,
        "purchase_days_7d": 0, "purchase_days_30d": 2, "purchase_days_90d": 3, "spend_7d": -8, "spend_30d": 37, "spend_90d": 57,
        "lines_30d": 3, "items_30d": 2, "items_all": 2, "categories_all": 2, "return_lines_30d": 1,
        "return_share": 0.25, "basket_last": 30, "basket_mean": 19, "evening_share": 0.5, "morning_share": 0.5,
        "weekend_share": 0, "discount_90d": 4, "view_days_30d": 0,
    }  # fmt: skip
    for name, value in expected.items():
        assert a[name] == pytest.approx(value), name
    assert a["spend_trend_30_90d"] == pytest.approx(37 / (57 / 3))
    assert np.isnan(got.loc["b", "gap_mean_days"])
    assert got.loc["c", "view_days_7d"] == 1
    assert got.loc["c", "purchase_days_90d"] == 0
    assert np.isnan(got.loc["c", "recency_days"])


def test_pair_features_by_hand(tmp_path) -> None:
    rows = [
        line("a", "2024-01-01"), line("a", "2024-01-21"), line("a", "2024-01-21", kind="tea", price=30),
        line("b", "2024-01-11"), line("b", "2024-01-12", kind=None),
    ]  # fmt: skip
    got = compute(tmp_path, rows, "profile_category", date(2024, 1, 31))
    assert list(got.index) == [("a", "coffee"), ("a", "tea"), ("b", "coffee")]
    coffee = got.loc[("a", "coffee")]
    assert coffee["category_recency_days"] == 10
    assert coffee["category_gap_mean_days"] == 20
    assert coffee["category_spend_share"] == pytest.approx(20 / 50)
    assert coffee["category_day_share"] == pytest.approx(1)
    # The category's pace: 3 purchase days over 30 + 20 days of exposure, as one day of prior.
    assert coffee["category_expected_repeats"] == pytest.approx(30 * (2 + 1) / (30 + 50 / 3))


def test_windows_longer_than_history_are_dropped() -> None:
    assert windows_within(95) == (7, 30, 90)
    names = FeatureSet(windows_within(95), ("amount",)).names(SERVICES["churn"])
    assert "spend_90d" in names
    assert not [n for n in names if n.endswith(("_180d", "_365d"))]


def test_features_need_their_columns() -> None:
    bare = FeatureSet((7, 30), ())
    assert not [
        n for n in bare.names(SERVICES["churn"]) if n.startswith(("spend", "items", "discount", "orders"))
    ]
    assert bare.features("profile_category") == ()
    assert FeatureSet.parse(EVERY.spec) == EVERY
    assert EVERY.id != bare.id


AS_OF = FIRST_DAY + timedelta(days=60)


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_feature_sees_the_future(tmp_path, data) -> None:
    """Scrambling or deleting every event at or after ``as_of`` changes no feature."""
    lines = shop_lines(customers=12, days=100, seed=data.draw(st.integers(0, 10_000)))
    lines["returned"] = lines.index % 7 == 0
    lines["event"] = np.where(lines.index % 5 == 0, "view", "purchase")
    future = lines["at"] >= pd.Timestamp(AS_OF)
    seed = data.draw(st.integers(0, 10_000))
    keep = data.draw(st.floats(0, 1))
    later = lines[future].sample(frac=keep, random_state=seed)
    later = later.assign(
        customer=later["customer"].sample(frac=1, random_state=seed).to_numpy(),
        kind=later["kind"].sample(frac=1, random_state=seed + 1).to_numpy(),
        price=later["price"] * 100,
        at=pd.Timestamp(AS_OF)
        + pd.to_timedelta(np.random.default_rng(seed).integers(0, 10**7, len(later)), unit="s"),
    )
    changed = pd.concat([later, lines[~future]])
    one, two = (
        snapshots_of(write_log(tmp_path, rows, name), EVERY, [AS_OF], tmp_path)
        for name, rows in (("one", lines), ("two", changed))
    )
    for view in SHIPPED:
        pd.testing.assert_frame_equal(one[view, AS_OF], two[view, AS_OF], check_exact=True)


def odd_lines(draw) -> pd.DataFrame:
    """Lines with what real logs have: returns alone on a day, unknown amounts, orders of several days, visits, nulls."""
    count = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    days = draw(st.sampled_from([3, 30, 400]))
    return pd.DataFrame(
        {
            "customer": rng.choice(["a", "b", "c", "d"], count),
            "at": pd.Timestamp(FIRST_DAY)
            + pd.to_timedelta(rng.integers(0, days, count), "D")
            + pd.to_timedelta(rng.integers(0, 24, count), "h"),
            "order_no": rng.choice(["o1", "o2", "o3", None], count),
            "sku": rng.choice(["s1", "s2", None], count),
            "kind": rng.choice(["tea", "coffee", None], count),
            "price": np.where(rng.random(count) < 0.3, np.nan, np.round(rng.normal(5, 9, count), 4)),
            "units": rng.choice([1.0, 2.5, np.nan], count),
            "off": rng.choice([0.0, 0.5, np.nan], count),
            "returned": rng.random(count) < draw(st.sampled_from([0.0, 0.3, 1.0])),
            "event": rng.choice(["purchase", "purchase", "view"], count),
        }
    )


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cells_give_the_bits_of_one_date_alone(tmp_path, data) -> None:
    """Aggregates that several moments share say what each moment says when it is computed alone, to the bit."""
    lines = odd_lines(data.draw)
    first = lines.head(1).assign(at=pd.Timestamp(FIRST_DAY), event="view")  # a snapshot is of somebody
    log = write_log(tmp_path, pd.concat([first, lines]))
    columns = tuple(c for c in EVERY.columns if data.draw(st.booleans()) or c == "is_return")
    feature_set = FeatureSet(data.draw(st.sampled_from([(7,), (1, 30), (7, 365)])), columns, ("view",))
    after = data.draw(st.lists(st.integers(1, 420), min_size=1, max_size=2, unique=True))
    dates = [FIRST_DAY + timedelta(days=d) for d in after]
    shared = snapshots_of(log, feature_set, dates, tmp_path)
    for (view, as_of), together in shared.items():
        alone = view_alone(view, log.glob, feature_set, as_of).set_index(list(SHIPPED[view]))
        pd.testing.assert_frame_equal(together, alone, check_exact=True)


def test_days_before_1970_have_weekends_too(tmp_path) -> None:
    rows = [line("a", "1969-12-27"), line("a", "1969-12-29"), line("b", "1969-12-31")]
    got = compute(tmp_path, rows, "profile_activity", date(1970, 1, 5))
    assert list(got["weekend_share"]) == [0.5, 0]
    assert list(got["basket_last"]) == [10, 10]


def test_gaps_of_centuries_do_not_overflow(tmp_path) -> None:
    log = write_log(tmp_path, pd.DataFrame([line("a", "1700-01-01"), line("a", "2024-01-01")]))
    dates = [date(2024, 1, 2), date(2024, 2, 1)]
    shared = snapshots_of(log, EVERY, dates, tmp_path)
    gap = (date(2024, 1, 1) - date(1700, 1, 1)).days
    for as_of in dates:
        alone = view_alone("profile_activity", log.glob, EVERY, as_of)
        for table in (shared["profile_activity", as_of], alone):
            (row,) = table.to_dict("records")
            assert (row["gap_max_days"], row["gap_std_days"]) == (gap, 0)


def test_same_bits_on_one_and_two_threads(tmp_path) -> None:
    log = write_log(tmp_path, shop_lines(200))
    feature_set = FeatureSet(
        (7, 30, 90), ("amount", "category", "discount", "item_id", "order_id", "quantity")
    )
    as_of = FIRST_DAY + timedelta(days=150)
    files = []
    for threads in (1, 2):
        snapshots = Snapshots(tmp_path / str(threads), log, feature_set, "UTC", threads=threads)
        snapshots.ensure([as_of])
        files.append({view: pd.read_parquet(snapshots.path(view, as_of)) for view in SHIPPED})
    for view in SHIPPED:
        pd.testing.assert_frame_equal(files[0][view], files[1][view], check_exact=True)


def test_streaming_is_the_same_in_any_batch_size(tmp_path) -> None:
    log = write_log(tmp_path, shop_lines(60))
    as_of = FIRST_DAY + timedelta(days=150)
    snapshots = Snapshots(tmp_path, log, EVERY, "UTC")
    assert snapshots.ensure([as_of]) == [as_of]
    assert snapshots.ensure([as_of]) == []
    whole = list(snapshots.stream(as_of, KINDS))
    parts = list(snapshots.stream(as_of, KINDS, batch_rows=7))
    assert len(whole) == 1
    assert len(parts) > 5
    np.testing.assert_array_equal(whole[0].profile, np.vstack([p.profile for p in parts]))
    for kind in KINDS:
        np.testing.assert_array_equal(whole[0].pairs[kind], np.vstack([p.pairs[kind] for p in parts]))
    rows = (
        pd.read_parquet(snapshots.path("profile_category", as_of))
        .query("category == 'tea'")
        .set_index("profile_id")
    )
    names = [f.name for f in EVERY.features("profile_category")]
    here = np.isin(whole[0].profile_id.to_pylist(), rows.index)
    np.testing.assert_array_equal(whole[0].pairs[TEA][here], rows[names].to_numpy())
    assert (whole[0].pairs[TEA][~here][:, names.index("category_spend_all")] == 0).all()


def test_a_snapshot_holds_the_views_that_are_read(tmp_path) -> None:
    dates = [FIRST_DAY + timedelta(days=days) for days in (100, 150)]
    log = write_log(tmp_path, shop_lines(60))
    some, whole = (Snapshots(tmp_path / name, log, EVERY, "UTC") for name in ("some", "whole"))
    whole.ensure(dates)
    assert some.ensure(dates, views=["profile_activity"]) == dates
    assert some.ensure(dates, views=[]) == []  # that of profiles is always there
    assert not some.path("profile_category", dates[1]).exists()
    for as_of in dates:  # to the bit: a model that learned from it may score the other
        one, other = (pd.read_parquet(s.path("profile_activity", as_of)) for s in (some, whole))
        pd.testing.assert_frame_equal(
            one.drop(columns="created_timestamp"), other.drop(columns="created_timestamp"), check_exact=True
        )
    assert next(some.stream(dates[1])).profile.shape == next(whole.stream(dates[1])).profile.shape
    with pytest.raises(DataError, match="no whole snapshot"):
        next(some.stream(dates[1], [TEA]))
    assert some.ensure(dates[1:], views=["profile_category"]) == dates[1:]
    assert TEA in next(some.stream(dates[1], [TEA])).pairs
    assert whole.ensure(dates, views=["profile_activity"]) == []


def test_a_cut_short_partition_is_built_again(tmp_path) -> None:
    as_of = FIRST_DAY + timedelta(days=100)
    snapshots = Snapshots(tmp_path, write_log(tmp_path, shop_lines(40)), EVERY, "UTC")
    snapshots.ensure([as_of])
    (file,) = snapshots.files("profile_activity", as_of)
    before = pd.read_parquet(file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="no whole snapshot"):
        next(snapshots.stream(as_of))
    assert snapshots.ensure([as_of]) == [as_of]
    pd.testing.assert_frame_equal(pd.read_parquet(file), before)


@pytest.fixture
def events(tmp_path):
    rows = [
        line("a", "2024-01-10"), line("a", "2024-02-05", price=50), line("a", "2024-02-06", price=-50, returned=True),
        line("b", "2024-01-20", kind="tea"), line("b", "2024-02-29 23:59"),
        line("c", "2023-10-01"), line("c", "2024-02-01 00:00", price=7),
        line("d", "2024-01-15", event="view"), line("e", "2024-02-10"),
    ]  # fmt: skip
    return ibis.duckdb.connect().read_parquet(write_log(tmp_path, pd.DataFrame(rows)).glob)


FEBRUARY = date(2024, 2, 1)


@pytest.mark.parametrize(
    ("who", "members"),
    [
        (Eligibility(), "abcd"),
        (Eligibility(active_within_days=30), "ab"),
        (Eligibility(active_within_days=365), "abc"),
        (Eligibility(active_within_days=365, category="coffee", not_bought_within_days=60), "bc"),
    ],
)
def test_populations(events, who, members) -> None:
    assert sorted(population(events, FEBRUARY, who).execute()["profile_id"]) == list(members)


@pytest.mark.parametrize(
    ("rule", "yes"),
    [
        (OutcomeRule("no_event", 29), "d"),
        (OutcomeRule("no_event", 28), "bd"),
        (OutcomeRule("any_event", 29), "abc"),
        (OutcomeRule("any_event", 29, pair=TEA), ""),
        (OutcomeRule("count_at_least", 29, at_least=2), ""),
        (OutcomeRule("sum_at_least", 29, at_least=7), "bc"),
        (OutcomeRule("top_share", 29, share=0.25), "b"),
    ],
)
def test_outcomes(events, rule, yes) -> None:
    everyone = population(events, FEBRUARY, Eligibility())
    got = outcome_of(events, everyone, FEBRUARY, rule, observed_until=date(2024, 3, 1)).execute()
    assert list(got["profile_id"]) == list("abcd")
    assert list(got.loc[got["y"] == 1, "profile_id"]) == list(yes)


def test_an_unobserved_window_is_no_label(events) -> None:
    everyone, rule = population(events, FEBRUARY, Eligibility()), OutcomeRule("no_event", 30)
    with pytest.raises(DataError, match="not fully observed"):
        outcome_of(events, everyone, FEBRUARY, rule, observed_until=date(2024, 3, 1))


def test_top_values_read_only_the_past(events) -> None:
    assert top_values(events, "category", FEBRUARY, 5) == ["coffee", "tea"]
    assert top_values(events, "category", date(2024, 1, 15), 5) == ["coffee"]
