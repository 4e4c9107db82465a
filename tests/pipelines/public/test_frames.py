"""Features and training rows at the public door are what is stored, and what training learns from."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tagcast.features.core.errors import DataError, DefinitionError, TagcastError
from tests.pipelines.public.conftest import AS_OF, NOW

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("public door")]


def stored(shop, view: str, day: date = AS_OF) -> pd.DataFrame:
    """Return the Parquet file of a snapshot, read by DuckDB."""
    (file,) = shop.home.glob(f"features/*/as_of={day}/{view}/*.parquet")
    with duckdb.connect() as connection:
        return connection.execute(
            "SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY ALL", [str(file)]
        ).df()


def recorded(shop, tag: str) -> dict:
    """Return what the registry recorded of the rows that a tag was trained on."""
    with sqlite3.connect(shop.home / "mlflow.db") as connection:
        rows = connection.execute(
            """SELECT d.dataset_profile FROM datasets d JOIN inputs i ON i.source_id = d.dataset_uuid
               JOIN model_versions v ON v.run_id = i.destination_id WHERE d.name = 'training' AND v.name = ?""",
            [tag],
        ).fetchall()
    return json.loads(rows[0][0])


def test_features_are_the_snapshot_that_is_stored(shop) -> None:
    frame = shop.project.features(AS_OF)
    file = stored(shop, "profile_activity")
    assert list(frame["profile_id"]) == list(file["profile_id"])
    names = [name for name in file if name not in {"profile_id", "event_timestamp", "created_timestamp"}]
    assert list(frame.columns[1:]) == names
    np.testing.assert_array_equal(frame[names].to_numpy(), file[names].to_numpy("float64"))
    assert frame[names].isna().to_numpy().any()


def test_features_of_a_category_stand_beside_those_of_the_profile(shop) -> None:
    frame = shop.project.features(AS_OF, category="tea").set_index("profile_id")
    file = stored(shop, "profile_category")
    tea = file[file["category"] == "tea"].set_index("profile_id")
    bought = frame.loc[tea.index]
    np.testing.assert_array_equal(bought["category_spend_all"], tea["category_spend_all"])
    others = frame.index.difference(tea.index)
    assert len(others)
    assert (frame.loc[others, "category_spend_all"] == 0).all()
    assert "category_spend_all" not in shop.project.features(AS_OF)


def test_features_can_be_chosen_and_come_as_arrow_and_in_batches(shop) -> None:
    project = shop.project
    whole = project.features(AS_OF, as_arrow=True)
    assert isinstance(whole, pa.Table)
    assert whole["gap_mean_days"].null_count == int(project.features(AS_OF)["gap_mean_days"].isna().sum()) > 0
    some = project.features(AS_OF, columns=["recency_days", "spend_all"], as_arrow=True)
    assert some == whole.select(["profile_id", "recency_days", "spend_all"])
    assert project.features(AS_OF, views=["profile_activity"], as_arrow=True) == whole
    batches = list(project.feature_batches(AS_OF, batch_rows=70))
    assert [batch.num_rows for batch in batches] == [70, 70, 70, 70, 20]
    assert pa.Table.from_batches(batches) == whole


def test_a_day_may_be_text_or_a_midnight(shop) -> None:
    frame = shop.project.features(AS_OF)
    pd.testing.assert_frame_equal(shop.project.features(str(AS_OF)), frame)
    pd.testing.assert_frame_equal(shop.project.features(pd.Timestamp(AS_OF)), frame)


@pytest.mark.parametrize("day", ["soon", pd.Timestamp("2024-07-01 12:00"), 20240701])
def test_what_is_no_day_is_refused(shop, day) -> None:
    with pytest.raises(TagcastError, match="as_of has to be a day") as error:
        shop.project.features(day)
    assert "2026-01-31" in str(error.value.hint)


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"columns": ["recency_day"]}, "no feature 'recency_day'", "recency_days"),
        ({"views": ["profile_activty"]}, "no view 'profile_activty'", "profile_activity"),
        ({"views": ["profile_category"]}, "say which one, as in category=", "profile_activity"),
        ({"category": "tee"}, "no category 'tee'", "tea"),
    ],
)
def test_names_that_are_not_there_are_said_with_the_nearest(shop, given, message, hint) -> None:
    with pytest.raises(DefinitionError, match=message) as error:
        shop.project.features(AS_OF, **given)
    assert hint in str(error.value.hint)


def test_a_day_after_the_data_is_refused(shop) -> None:
    with pytest.raises(DataError):
        shop.project.features(AS_OF + timedelta(days=400))


def test_the_training_frame_is_what_the_model_was_trained_on(shop) -> None:
    frame = shop.project.training_frame("churn_risk", AS_OF)
    said = recorded(shop, "churn_risk")
    assert (len(frame), frame["y"].sum()) == (said["rows"], said["positives"])
    assert len(frame) == shop.churn.rows
    assert shop.churn.model.base_rate == pytest.approx(np.average(frame["y"], weights=frame["weight"]))
    assert set(shop.churn.model.features) <= set(frame.columns)
    assert tuple(sorted(set(frame["as_of"]))) == shop.churn.model.snapshots
    tested = frame[frame["role"] == "test"].sort_values("profile_id", ignore_index=True)
    assert list(tested["profile_id"]) == list(shop.churn.predictions["profile_id"])
    assert list(tested["y"]) == list(shop.churn.predictions["outcome"])


def test_features_of_the_training_frame_are_those_of_the_days_snapshot(shop) -> None:
    frame = shop.project.training_frame("churn_risk", AS_OF)
    day = frame["as_of"].iloc[0]
    rows = frame[frame["as_of"] == day].set_index("profile_id")
    file = stored(shop, "profile_activity", day).set_index("profile_id").loc[rows.index]
    names = list(shop.churn.model.features)
    np.testing.assert_array_equal(rows[names].to_numpy(), file[names].to_numpy("float64"))


def test_labels_are_what_the_order_lines_show(shop) -> None:
    lines = pd.read_parquet(shop.config.parent / "lines.parquet")
    frame = shop.project.training_frame("churn_risk", AS_OF)
    for day, rows in frame.groupby("as_of"):
        since = (lines["at"] - pd.Timestamp(day)).dt.total_seconds() / 86_400
        active = set(lines.loc[(since < 0) & (since >= -60), "customer"])
        back = set(lines.loc[(since >= 0) & (since < 30), "customer"])
        assert set(rows["profile_id"]) == active
        assert dict(zip(rows["profile_id"], rows["y"], strict=True)) == {
            c: int(c not in back) for c in active
        }


def test_an_amount_has_its_amount(shop) -> None:
    frame = shop.project.training_frame("spend_30d", AS_OF)
    assert ((frame["amount"] > 0) == (frame["y"] == 1)).all()
    assert recorded(shop, "spend_30d")["rows"] == len(frame)


def test_roles_keep_apart_what_reaches_into_the_test_window(shop, tmp_path) -> None:
    import tagcast
    from tests.support.shop import CHURN, write_shop

    roles = shop.project.training_frame("churn_risk", AS_OF).groupby("as_of")["role"].first()
    assert list(roles) == ["train", "validation", "validation", "test"]
    config = write_shop(tmp_path, customers=150)
    for file in (tmp_path / "tags").glob("*.yaml"):
        file.unlink()
    text = CHURN.replace("min_history_days: 60", "min_history_days: 60, every_days: 15")
    (tmp_path / "tags" / "churn.yaml").write_text(text, encoding="utf-8")
    frame = tagcast.open(config, tmp_path / "home").training_frame("churn_risk", AS_OF)
    roles = frame.groupby("as_of")["role"].first()
    test = roles.index[-1]
    for day, role in roles[:-1].items():
        assert (role == "final") == (day + timedelta(days=30) > test)
    assert list(roles).count("final") == 1
    assert roles.iloc[-1] == "test"


def test_a_draw_has_weights_that_stand_for_everybody(shop, monkeypatch) -> None:
    from tagcast.models.stats import draws

    whole = shop.project.training_frame("churn_risk", AS_OF)
    monkeypatch.setattr(draws, "MOST_ROWS", 300)
    monkeypatch.setattr(draws, "MODEL_ROWS", 250)
    drawn = shop.project.training_frame("churn_risk", AS_OF)
    assert len(drawn) < len(whole)
    assert drawn["weight"].sum() == pytest.approx(len(whole), rel=0.02)
    assert (whole["weight"] == 1).all()


def test_a_family_is_asked_for_by_one_of_its_members(shop) -> None:
    with pytest.raises(DefinitionError, match="interest is a family of 2 tags") as error:
        shop.project.training_frame("interest", AS_OF, now=NOW)
    assert "interest.coffee" in str(error.value.hint)
    with pytest.raises(DefinitionError, match="interest is a family of 2 tags"):
        shop.project.train("interest", AS_OF, now=NOW)
