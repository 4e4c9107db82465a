"""The active run at the public door: predictions as the store holds them, audiences, profiles, versions, the promise."""

from __future__ import annotations

import logging
from datetime import UTC, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tagcast
from tagcast.features.core.errors import FilterError, NotFoundError, TagcastError
from tests.pipelines.public.conftest import AS_OF, NOW

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("public door")]
PARTS = ["value", "score", "lower", "upper", "confidence", "percentile", "band", "unknown_because", "reasons"]
YES = "churn_risk = 'yes'"


def stored(shop) -> pd.DataFrame:
    """Return the wide table of the active run, read by DuckDB."""
    file = max(shop.home.glob("store/**/*.duckdb"), key=lambda one: one.stat().st_mtime)
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute("SELECT * FROM profiles ORDER BY profile_id").df()


@pytest.mark.parametrize("tag", ["churn_risk", "interest.tea", "spend_30d", "lifecycle_stage"])
def test_predictions_are_what_the_store_holds(shop, tag) -> None:
    frame = shop.project.predictions(tag, now=NOW)
    wide = stored(shop)
    wide = wide[wide[f"{tag}:value"].notna()].reset_index(drop=True)
    assert list(frame.columns) == ["profile_id", *PARTS]
    assert list(frame["profile_id"]) == list(wide["profile_id"])
    for part in PARTS[:-1]:
        column = wide[f"{tag}:{part}"]
        if part in {"value", "band", "unknown_because"}:
            mine, theirs = (
                [None if pd.isna(x) else x for x in c] for c in (frame[part], column.astype(object))
            )
            assert mine == theirs
        else:
            np.testing.assert_array_equal(frame[part].to_numpy(), column.to_numpy("float64"))
    mine = [[dict(reason) for reason in reasons] for reasons in frame["reasons"]]
    assert mine == [[dict(reason) for reason in reasons] for reasons in wide[f"{tag}:reasons"]]
    assert any(mine)


def test_predictions_come_as_arrow(shop) -> None:
    table = shop.project.predictions("churn_risk", as_arrow=True, now=NOW)
    assert isinstance(table, pa.Table)
    assert table["score"].to_pylist() == list(shop.project.predictions("churn_risk", now=NOW)["score"])


def test_a_tag_that_is_not_in_the_run_is_said_with_the_nearest(shop) -> None:
    with pytest.raises(NotFoundError, match="no tag 'churn_rsk'") as error:
        shop.project.predictions("churn_rsk", now=NOW)
    assert "churn_risk" in str(error.value.hint)


def test_who_reads_an_expired_tag_is_warned(shop, caplog) -> None:
    with caplog.at_level(logging.WARNING, "tagcast"):
        shop.project.predictions("churn_risk", now=NOW)
        assert not caplog.records
        shop.project.predictions("churn_risk", now=NOW + timedelta(days=400))
    assert "churn_risk" in str(caplog.records[0].msg)


def test_an_audience_is_counted_read_and_portrayed(shop) -> None:
    audience = shop.project.audience(YES, now=NOW)
    frame = shop.project.predictions("churn_risk", now=NOW)
    members = set(frame.loc[frame["value"] == "yes", "profile_id"])
    assert audience.count().members == len(members)
    found = audience.to_pandas()
    assert set(found["profile_id"]) == members
    assert {"city", "age", "churn_risk", "churn_risk.score"} <= set(found.columns)
    assert len(audience.to_pandas(limit=5)) == 5
    assert audience.to_pandas(limit=5, seed=1).equals(audience.to_pandas(limit=5, seed=1))
    yes = frame[frame["value"] == "yes"]
    (row,) = audience.outcome(["churn_risk"]).to_dict("records")
    assert (row["tag"], row["members"], row["covered"]) == ("churn_risk", len(yes), len(yes))
    assert row["expected"] == pytest.approx(yes["score"].sum())
    assert row["share_of_all"] == pytest.approx(yes["score"].sum() / frame["score"].sum())
    assert f" of these {len(yes)} will stop buying within 30 days, " in row["sentence"]
    portrait = audience.portrait()
    people = pd.read_csv(shop.config.parent / "customers.csv").set_index("customer")
    oslo = portrait[(portrait["field"] == "city") & (portrait["level"] == "Oslo")]
    assert list(oslo["members"]) == [int((people.loc[sorted(members), "city"] == "Oslo").sum())]
    against = audience.portrait(shop.project.audience("churn_risk = 'no'", now=NOW))
    assert set(against["against"]) != set(portrait["against"])
    assert audience.portrait("churn_risk = 'no'").equals(against)


def test_an_audience_of_nobody_is_an_empty_frame(shop) -> None:
    found = shop.project.audience("age > 200", now=NOW)
    assert found.count().members == 0
    assert found.to_pandas().empty


def test_an_audience_shows_itself(shop) -> None:
    audience = shop.project.audience("age > 30 AND " + YES, now=NOW)
    assert repr(audience) == "<Audience \"age > 30 AND churn_risk = 'yes'\">"
    html = audience._repr_html_()
    assert "age &gt; 30" in html
    assert f"{audience.count().members} of 300 profiles" in html


def test_a_wrong_filter_is_refused_where_it_is_written(shop) -> None:
    with pytest.raises(FilterError) as error:
        shop.project.audience("churn_rsk = 'yes'", now=NOW)
    assert error.value.position == 0


def test_expired_tags_are_unknown_by_the_moment_that_is_given(shop) -> None:
    assert shop.project.audience(YES, now=NOW).count().members > 0
    assert shop.project.audience(YES, now=NOW + timedelta(days=400)).count().members == 0


def test_a_profile_has_what_the_frame_has(shop) -> None:
    view = shop.project.profile("c0001", now=NOW)
    (said,) = [row for row in view.predictions if row["tag"] == "churn_risk"]
    frame = shop.project.predictions("churn_risk", now=NOW).set_index("profile_id")
    assert said["score"] == frame.loc["c0001", "score"]
    with pytest.raises(NotFoundError):
        shop.project.profile("nobody", now=NOW)


def test_versions_and_the_promise_are_frames(shop) -> None:
    versions = shop.project.versions(now=NOW)
    assert list(versions["tag"]) == ["churn_risk", "interest.coffee", "interest.tea", "spend_30d"]
    assert all(isinstance(reason, str) for reason in versions["reason"])
    assert "champion" in versions.loc[0, "aliases"]
    promise = shop.project.promise(now=NOW)
    assert {"tag", "at_least", "promised", "right"} <= set(promise.columns)
    assert set(promise["tag"]) == {"churn_risk", "interest.coffee", "interest.tea", "spend_30d"}


def test_a_moment_without_a_timezone_is_refused(shop) -> None:
    naive = NOW.replace(tzinfo=None)
    for refused in (
        lambda: shop.project.score(as_of=AS_OF, now=naive),
        lambda: shop.project.audience(YES, now=naive),
        lambda: shop.project.predictions("churn_risk", now=naive),
    ):
        with pytest.raises(TagcastError, match="with a timezone") as error:
            refused()
        assert "UTC" in str(error.value.hint)
    assert NOW.tzinfo is UTC


def test_the_same_moment_makes_the_same_run(shop, tmp_path) -> None:
    out = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for file in out:
        shop.project.score(as_of=AS_OF, out=file, now=NOW + timedelta(hours=1))
    first, second = (file.read_bytes() for file in out)
    assert first == second


def test_a_project_that_has_published_nothing_says_so(tmp_path) -> None:
    from tests.support.shop import write_shop

    project = tagcast.open(write_shop(tmp_path, customers=40), tmp_path / "home")
    with pytest.raises(TagcastError, match="nothing has been published yet"):
        project.predictions("churn_risk", now=NOW)
    with pytest.raises(TagcastError, match="nothing has been published yet"):
        project.audience(YES, now=NOW)
