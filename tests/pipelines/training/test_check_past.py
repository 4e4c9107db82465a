"""`tagcast check`, `train` and `score` say when days already loaded are different from what they were."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from tests.support.faults.wrong_data import LAST_DAY, everyday_shop, findings, write_project


def days_ago(shop: pd.DataFrame, first: int, last: int) -> pd.Series:
    """Return which lines lie ``first`` to ``last`` days before the last day."""
    ago = (pd.Timestamp(LAST_DAY) - shop["at"].dt.normalize()).dt.days
    return ago.between(last, first)


def cancelled(shop: pd.DataFrame) -> pd.DataFrame:
    """A quarter of the orders of the last 90 days, deleted at the source."""
    lately = shop[days_ago(shop, 90, 0)]
    return shop.drop(lately.sample(frac=0.25, random_state=3).index)


def refunded(shop: pd.DataFrame) -> pd.DataFrame:
    """Prices of one week that were corrected to nothing."""
    return shop.assign(price=shop["price"].mask(days_ago(shop, 40, 34), 0.0))


def loaded_twice(shop: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([shop, shop[days_ago(shop, 40, 11)]])


def recategorised(shop: pd.DataFrame) -> pd.DataFrame:
    return shop.assign(kind=shop["kind"].mask(days_ago(shop, 200, 100), "Drinks"))


@pytest.mark.parametrize("change", [cancelled, refunded, loaded_twice, recategorised])
def test_check_names_days_and_size_by_what_pandas_counts(tmp_path, change) -> None:
    shop = everyday_shop()
    project = write_project(tmp_path, shop=shop)
    assert "past_changed" not in findings(project)
    now = change(shop)
    now.to_parquet(tmp_path / "shop.parquet", index=False)

    def by_day(frame):
        marked = frame.assign(day=frame["at"].dt.date, words=frame["kind"].where(frame["kind"] == "Drinks"))
        return marked.groupby("day").agg(
            lines=("sku", "size"), money=("price", "sum"), drinks=("words", "count")
        )

    both = by_day(shop).join(by_day(now), lsuffix="_was", how="outer").fillna(0).round(2)
    moved = both[
        (both["lines"] != both["lines_was"]) | (both["money"] != both["money_was"]) | (both["drinks"] > 0)
    ]
    (finding,) = findings(project)["past_changed"]
    assert (finding["level"], finding["where"]) == ("warning", "sources.shop")
    text = finding["message"]
    assert text.startswith(
        f"{len(moved)} days already loaded are different ({moved.index[0]} to {moved.index[-1]})"
    )
    fewer, more = len(shop) - len(now), len(now) - len(shop)
    assert (f"{fewer:,} lines fewer" in text) == (fewer > 0)
    assert (f"{more:,} lines more" in text) == (more > 0)
    assert ("with other values" in text) == (change is recategorised)
    if change is not recategorised:
        assert f"{moved['money'].sum():,.2f} where they were {moved['money_was'].sum():,.2f}" in text
        largest = (moved["lines"] - moved["lines_was"]).abs().max()
        day = moved.index[(moved["lines"] - moved["lines_was"]).abs() == largest][0]
        assert str(day) in text or change is refunded


def test_a_run_says_it_too_and_the_next_night_still_knows(tmp_path) -> None:
    shop = everyday_shop()
    project = write_project(tmp_path, shop=shop)
    project.run("score", "--all")
    cancelled(shop).to_parquet(tmp_path / "shop.parquet", index=False)
    assert "already loaded are different" in project.run("score", "--all", "--force", "--reason", "x").stderr
    night = shop[days_ago(shop, 0, 0)].assign(at=lambda f: f["at"] + timedelta(days=1))
    pd.concat([cancelled(shop), night]).to_parquet(tmp_path / "shop.parquet", index=False)
    (finding,) = findings(project)["past_changed"]
    assert f"noticed when the data reached {LAST_DAY}" in finding["message"]


def test_late_lines_of_the_newest_days_are_no_finding(tmp_path) -> None:
    shop = everyday_shop()
    newest = shop[days_ago(shop, 1, 0)]
    project = write_project(tmp_path, shop=shop.drop(newest.sample(frac=0.5, random_state=1).index))
    findings(project)
    shop.to_parquet(tmp_path / "shop.parquet", index=False)
    assert "past_changed" not in findings(project)
