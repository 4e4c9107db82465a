"""tagcast's own views as files: what they say is what they always said, and a company can say the same."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
from tagcast.features.catalog.feature_set import OPTIONAL, SHIPPED, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.shipped.shipped_views import repeat_inputs
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.ingest.aggregates import settled
from tagcast.features.ingest.log_columns import names_in
from tests.support.shop import FIRST_DAY, Log, shop_lines, write_log

ROOT = Path(__file__).parents[4]
EVERYTHING = FeatureSet(WINDOWS_DAYS, OPTIONAL, ("view",))
SAID = "d444000a724534e25ba5a2888675caab14a6367ec010726300738bd9e0e5fff1"
"""Of every feature's name, titles, needs, what it is of nobody, and whether it grows: taken when they were Python."""


def test_names_titles_and_order_are_what_they_were() -> None:
    lines = [
        f"{view}.{f.name}|{f.en}|{f.zh}|{f.needs}|{f.absent}|{f.growing}"
        for view in EVERYTHING.views
        for f in EVERYTHING.features(view)
    ]
    assert sha256("\n".join(lines).encode()).hexdigest() == SAID
    assert EVERYTHING.id == "621bfadc60ee"


@pytest.mark.parametrize("view", SHIPPED)
def test_a_file_asks_for_columns_that_a_log_may_lack(view) -> None:
    declared = yaml.safe_load((ROOT / f"features/catalog/shipped/{view}.yaml").read_text(encoding="utf-8"))
    given = [*declared["features"].values(), *declared["derive"].values(), declared]
    assert {one["needs"] for one in given if "needs" in one} <= {*OPTIONAL}
    assert declared["view"] == view
    assert tuple(declared["windows"]) == WINDOWS_DAYS


@pytest.mark.parametrize("missing", OPTIONAL)
def test_what_a_log_lacks_is_left_out_with_all_that_is_made_of_it(missing) -> None:
    """Whatever is left can be computed: each expression finds what it names."""
    bare = FeatureSet((7, 30), tuple(c for c in OPTIONAL if c != missing))
    for view in bare.shipped:
        names = {f.name for f in view.computed} | {name for name, _ in view.beside}
        assert all(names_in(value) <= names for one in view.derived for value in one.values)
        assert not [f.name for f in view.features() if f.needs == missing]


def test_rankings_are_the_roles_of_the_files() -> None:
    assert EVERYTHING.rankings(("profile_activity",)) == (("recency_days", "purchase_days_all", "spend_all"),)
    assert EVERYTHING.rankings(("profile_activity", "profile_category")) == (
        ("category_recency_days", "category_purchase_days_all", "category_spend_all"),
    )


def test_what_a_feature_is_for_is_said_by_the_files() -> None:
    assert EVERYTHING.history == {"tenure_days", "tenure_bounded_days", "purchase_days_all"}
    assert EVERYTHING.days_since == {
        "recency_days", "tenure_days", "category_recency_days", "category_tenure_days", "view_recency_days"
    }  # fmt: skip
    assert repeat_inputs("profile_activity") == ("purchase_days_all", "recency_days", "tenure_days")
    assert repeat_inputs("profile_activity", "profile_category") == (
        "category_purchase_days_all", "category_recency_days", "tenure_days",
    )  # fmt: skip


def test_a_companys_roles_say_it_of_its_features() -> None:
    declared = AggregatesDeclaration.model_validate(
        {
            "view": "v",
            "features": {"n": {"count": True}, "old": {"since_first": True}, "new": {"since_last": True}},
            "roles": {"recency": "new", "frequency": "n", "tenure": "old"},
        }
    )
    made = FeatureSet((7,), (), (), (settled(declared, (), None, {}),))
    assert FeatureSet.parse(made.spec) == made
    assert made.rankings(("v",)) == (("new", "n"),)
    assert made.history - EVERYTHING.history == {"n", "old"}
    assert made.days_since >= {"old", "new"}


def test_what_a_company_declares_takes_the_place_of_what_every_event_gets() -> None:
    declaration = AggregatesDeclaration.model_validate(
        {"view": "v", "windows": [7], "features": {"view_days": {"days": True}}}
    )
    own = settled(declaration, (), None, {})
    with_own = FeatureSet((7, 30), (), ("view",), (own,))
    names = [f.name for f in with_own.features("profile_activity")]
    assert "view_days_7d" not in names
    assert names[-2:] == ["view_recency_days", "view_days_30d"]


def test_a_company_can_declare_the_same_and_gets_the_same_bits(tmp_path) -> None:
    """The view of the speed benchmark: one compiler means one result, and one cost."""
    text = (ROOT / "benchmarks/speed/features.yaml").read_text(encoding="utf-8")
    declared = settled(AggregatesDeclaration.model_validate(yaml.safe_load(text)), (), None, {})
    lines = shop_lines(60, 200).assign(event="purchase", returned=False)
    lines.loc[lines.index % 6 == 0, "returned"] = True
    lines.loc[lines.index % 7 == 0, "event"] = "view"
    lines.loc[lines.index % 5 == 0, "price"] = None
    features = FeatureSet((7, 30, 90, 365), ("amount", "order_id", "quantity"), (), (declared,))
    log, dates = write_log(tmp_path, lines), [FIRST_DAY + timedelta(days=d) for d in (60, 150)]
    for together in (dates, dates[:1]):
        made = Snapshots(tmp_path / str(len(together)), log, features, "UTC")
        made.ensure(together)
        for as_of in together:
            one, other = (pd.read_parquet(made.path(v, as_of)) for v in ("profile_activity", "declared"))
            assert list(one.columns) == list(other.columns)
            pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_a_pair_of_a_companys_own_reads_any_view_of_the_profile(tmp_path) -> None:
    """Who has no row in the view that is read holds what its features are of nobody."""
    logins = AggregatesDeclaration.model_validate(
        {
            "view": "logins",
            "where": "event = 'login'",
            "features": {"n": {"count": True}, "since": {"since_last": True}},
        }
    )
    pair = AggregatesDeclaration.model_validate(
        {
            "view": "shelf",
            "entity": ["profile", "category"],
            "features": {"bought": {"count": True}},
            "derive": {
                "more": "bought + logins.n",
                "silent": "logins.since - 1",
                "rare": "bought / logins.n",
            },
            "show": ["silent", "more", "rare"],
        }
    )
    own = (
        settled(pair, (), None, {}, {"logins.n": 0.0, "logins.since": None}),
        settled(logins, (), None, {}),
    )
    lines = shop_lines(3, 40).assign(event="purchase")
    visit = lines.head(1).assign(event="login", kind=None, at=pd.Timestamp(FIRST_DAY))
    log = write_log(tmp_path, pd.concat([lines, visit]))
    as_of = date(2024, 2, 20)
    made = Snapshots(tmp_path, log, FeatureSet((7,), ("category",), ("login",), own), "UTC")
    made.ensure([as_of], views=["shelf"])
    found = pd.read_parquet(made.path("shelf", as_of)).set_index(["profile_id", "category"])
    counted = lines.groupby(["customer", "kind"]).size()
    assert len(found) == len(counted)
    for (who, kind), n in counted.items():
        row, known = found.loc[(who, kind)], who == visit["customer"].iloc[0]
        assert row["more"] == n + known
        assert row["silent"] == (as_of - FIRST_DAY).days - 1 if known else pd.isna(row["silent"])
        assert row["rare"] == n if known else pd.isna(row["rare"])


def test_a_log_of_many_events_has_features_of_each(tmp_path) -> None:
    events = tuple(f"event {n}" for n in range(60))
    lines = shop_lines(10, 40).assign(event="purchase")
    seen = pd.concat([lines.head(1).assign(event=name, at=pd.Timestamp(FIRST_DAY)) for name in events])
    made = Snapshots(
        tmp_path, write_log(tmp_path, pd.concat([lines, seen])), FeatureSet((7,), (), events), "UTC"
    )
    dates = [FIRST_DAY + timedelta(days=d) for d in (5, 30)]
    made.ensure(dates)
    for as_of, counted in zip(dates, (1, 0), strict=True):
        found = pd.read_parquet(made.path("profile_activity", as_of)).set_index("profile_id")
        row = found.loc[lines["customer"].iloc[0]]
        assert {row[f"{name}_days_7d"] for name in events} == {counted}
        assert {row[f"{name}_recency_days"] for name in events} == {(as_of - FIRST_DAY).days}


def test_columns_of_a_companys_own_are_not_taken_for_those_of_the_queries(tmp_path) -> None:
    own = AggregatesDeclaration.model_validate(
        {
            "view": "v",
            "features": {"days": {"days": True}, "g": {"gaps": "max"}, "last": {"last": "day", "per": "day"}},
        }
    )
    features = FeatureSet((7, 30), ("amount", "category"), (), (settled(own, ("day",), None, {}),))
    plain = write_log(tmp_path, shop_lines(20, 60).assign(event="purchase"))
    wide = tmp_path / "wide.parquet"
    with duckdb.connect() as connection:
        connection.read_parquet(plain.glob).project(
            '*, 7 AS day, 8 AS "value", 9 AS gap, 10 AS m0, 11 AS n0, 12 AS measured'
        ).write_parquet(str(wide))
    as_of = FIRST_DAY + timedelta(days=50)
    found = {}
    for glob in (plain.glob, str(wide)):
        made = Snapshots(tmp_path / Path(glob).stem, Log(glob, glob), features, "UTC")
        made.ensure(
            [as_of], views=["profile_activity", "profile_category", *(["v"] if glob == str(wide) else [])]
        )
        found[glob] = [pd.read_parquet(made.path(view, as_of)) for view in SHIPPED]
    for one, other in zip(*found.values(), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    own_rows = pd.read_parquet(made.path("v", as_of)).set_index("profile_id")
    activity = found[str(wide)][0].set_index("profile_id")
    assert (own_rows["days"] == activity["purchase_days_all"]).all()
    assert own_rows["g"].equals(activity["gap_max_days"].rename("g"))
    assert (own_rows["last"] % 7 == 0).all()
