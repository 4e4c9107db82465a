"""The embedded profile store: published whole or not at all, checked, read without waiting."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from tagcast.features.core.engines.key_ranges import KeyRange
from tagcast.features.core.errors import FilterError, NotFoundError, StoreBusyError, StoreError
from tagcast.serving.audiences.queries import count, member_query
from tagcast.serving.delivery.predictions import export_predictions
from tagcast.serving.profiles.profile_query import profile
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.long_form import predictions
from tagcast.serving.store.schema import RunInfo, TagRun
from tests.support.published import NOW, TAGS, people, publish, run_info, said, staged
from tests.support.stores import EVERY_KIND, make_store

TIERS = ("low", "medium", "high")
AMOUNT = replace(run_info("amount", 4).tags[0], tag="spend", bands=TIERS, values=TIERS, kind="amount")


def publish_amounts(store: ProfileStore, tag: TagRun = AMOUNT, **more: list[object]) -> None:
    columns = {
        "tag": ["spend"] * 4,
        "score": [0.0, 42.5, 1250.0, 60.0],
        "lower": [0.0, 10.0, 800.0, 0.0],
        "upper": [5.0, 90.0, 1900.0, 150.0],
        "confidence": [0.9, 0.6, 0.7, 0.4],
        "value": ["low", "low", "high", "unknown"],
        "band": ["low", "low", "high", "medium"],
        "unknown_because": [None, None, None, "confidence below 0.5"],
        **more,
    }
    batch = said(4)
    for name, column in columns.items():
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(
            place, batch.schema.field(name), pa.array(column, batch.schema.field(name).type)
        )
    with stage_run(store, "amount") as staging:
        staging.add(staged(people(4), batch))
        staging.publish(RunInfo("amount", date(2024, 4, 30), NOW, (tag,)), keep=5)


def shown(reader, text: str) -> pa.Table:
    return reader.query(member_query(reader, text, NOW)).read_all()


@pytest.fixture(params=EVERY_KIND)
def store(request, tmp_path) -> ProfileStore:
    return make_store(request.param, tmp_path)


def test_what_was_published_is_read(store, tmp_path) -> None:
    publish(store, "one")
    with store.reader() as reader:
        assert reader.manifest.profiles == 100
        found = count(reader, "churn_risk = 'yes' AND city = 'Oslo'", NOW)
        frame = said(100).to_pandas()
        expected = frame[(frame["value"] == "yes") & (frame.index % 2 == 0)]
        assert found.members == len(expected)
        assert found.mean_confidence["churn_risk"] == pytest.approx(expected["confidence"].mean())
        assert shown(reader, "age < 3").column("profile_id").to_pylist() == ["p000", "p001", "p002"]
        view = profile(reader, "p007")
        assert view.attributes == {"city": "Bergen", "age": 7.0}
        assert view.predictions[0]["reasons"][0]["feature"] == "recency_days"
        (row,) = reader.manifest.tags.values()
        assert (row.population, sum(row.predicted.values())) == (100, 100)
        assert export_predictions(reader, tmp_path / "long.parquet") == 100
        with pytest.raises(StoreError, match="csv or .parquet"):
            export_predictions(reader, tmp_path / "a.xlsx")
        with pytest.raises(NotFoundError, match="no profile 'p07x'"):
            profile(reader, "p07x")
    assert not list(tmp_path.glob(".*.part"))


def test_a_profile_alone_is_its_row_of_the_whole(store) -> None:
    publish(store, "first")
    with store.reader() as reader:
        first = reader.row("p000")
        assert first is not None
        columns = [name for name in first if name != "profile_id"]
        whole = [row for batch in reader.stream(columns) for row in batch.to_pylist()]
        assert len(whole) == 100
        assert any(row["churn_risk:reasons"] for row in whole)
        for row in whole:
            assert reader.row(row["profile_id"]) == row


@pytest.mark.parametrize(
    ("first", "end"), [(None, "p003"), ("p003", "p0035"), ("p09", None), ("p", "p"), ("q", None)]
)
def test_a_range_of_ids_is_read_alone_and_by_other_processes_too(store, first, end) -> None:
    publish(store, "first")
    with store.lock("another", 0.0):
        copied = pickle.loads(pickle.dumps(store))  # noqa: S301 - as a task gets it
        with copied.open(copied.current()) as reader:
            whole = [row for batch in reader.stream(["churn_risk:value"]) for row in batch.to_pylist()]
            within = KeyRange(0, first, end)
            some = [row for batch in reader.stream(["churn_risk:value"], within) for row in batch.to_pylist()]
    wanted = [row for row in whole if (first or "") <= row["profile_id"] and row["profile_id"] < (end or "~")]
    assert some == wanted
    assert len(whole) == 100


def test_an_amount_says_its_tier_and_is_filtered_by_it(store) -> None:
    publish_amounts(store)
    with store.reader() as reader:
        found = shown(reader, "spend = 'high' AND spend.score >= 1000 AND spend.confidence >= 0.7")
        assert found.column("profile_id").to_pylist() == ["p002"]
        assert count(reader, "spend.upper > 100", NOW).members == 2
        assert count(reader, "NOT (spend IN ('low', 'unknown'))", NOW).members == 1
        assert count(reader, "spend.band = 'medium' AND spend = 'unknown'", NOW).members == 1
        with pytest.raises(FilterError, match="never 'yes'"):
            count(reader, "spend = 'yes'", NOW)
        assert profile(reader, "p002").predictions[0]["reasons"][0]["direction"] == "more"
        (row,) = reader.manifest.tags.values()
    assert (row.population, row.predicted, row.unknown) == (4, {"low": 2, "medium": 0, "high": 1}, 1)
    assert row.unknown_because == {"confidence below 0.5": 1}
    assert row.mean_confidence == pytest.approx((0.9 + 0.6 + 0.7) / 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": [-1.0, 42.5, 1250.0, 60.0], "lower": [-2.0, 10.0, 800.0, 0.0]},
        {"upper": [5.0, 90.0, 1900.0, 50.0]},
        {"upper": [5.0, 90.0, float("inf"), 150.0]},
        {"upper": [5.0, 90.0, float("nan"), 150.0]},
        {"lower": [-0.5, 10.0, 800.0, 0.0]},
        {"value": ["low", "low", "yes", "unknown"]},
        {"score": [0.0, 42.5, float("inf"), 60.0], "upper": [5.0, 90.0, float("inf"), 150.0]},
        {"confidence": [0.9, 0.6, 1.7, 0.4]},
    ],
)
def test_amounts_outside_their_range_are_not_published(store, wrong) -> None:
    with pytest.raises(StoreError, match="1 predictions have values outside"):
        publish_amounts(store, **wrong)
    with pytest.raises(StoreError, match="4 predictions have values outside"):
        publish_amounts(
            store, replace(AMOUNT, values=("yes", "no"), kind="model"), value=["yes", "no", "yes", "unknown"]
        )
    assert store.current() is None


def test_percentile_is_the_share_scored_lower_ties_counted_half(store) -> None:
    publish(store, "one")
    with store.reader() as reader:
        table = predictions(reader, "churn_risk").to_pandas()
    score = table["score"].to_numpy()
    expected = [100 * ((score < s).sum() + (score == s).sum() / 2) / len(score) for s in score]
    np.testing.assert_allclose(table["percentile"], expected)


def test_names_of_any_kind(store) -> None:
    with stage_run(store, "names") as staging:
        staging.add(staged(people(10), *(said(10, tag=tag) for tag in TAGS)))
        staging.publish(run_info("names", 10, TAGS), keep=2)
    with store.reader() as reader:
        assert (
            count(reader, f"\"{TAGS[1]}\" = 'yes'", NOW).members
            == count(reader, "churn_risk = 'yes'", NOW).members
        )
        assert count(reader, f'"{TAGS[1]}".score >= 0', NOW).members == 10


def test_profiles_outside_a_population_carry_no_value(store) -> None:
    with stage_run(store, "some") as staging:
        staging.add(staged(people(20), said(12)))
        staging.publish(run_info("some", 12), keep=2)
    with store.reader() as reader:
        assert count(reader, "churn_risk IS NULL", NOW).members == 8
        assert count(reader, "NOT churn_risk.score >= 0", NOW).members == 8


def respelled(batch: pa.RecordBatch, part: str, value: float) -> pa.RecordBatch:
    place = batch.schema.get_field_index(f"churn_risk:{part}")
    return batch.set_column(place, batch.schema.field(place), pa.array(np.full(len(batch), value)))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: [b, b], "100 profiles|stand twice or out of order"),
        (lambda b: [b.slice(50), b.slice(0, 50)], "1 profiles stand twice or out of order"),
        (lambda b: [b.take(pa.array([*range(99), 98]))], "1 profiles stand twice or out of order"),
        (lambda b: [respelled(b, "score", 1.5)], "100 predictions have values outside their range"),
        (lambda b: [respelled(b, "score", np.nan)], "100 predictions have values outside their range"),
        (lambda b: [respelled(b, "confidence", -0.1)], "100 predictions have values outside their range"),
        (lambda b: [b.slice(0, 99)], "expected"),
    ],
    ids=["twice", "disordered", "one twice", "score", "nan", "confidence", "one missing"],
)
def test_a_wrong_run_is_refused_and_the_last_one_stays(store, spoil, message) -> None:
    publish(store, "good", seed=1)
    with pytest.raises(StoreError, match=message), stage_run(store, "bad") as staging:
        for batch in spoil(staged(people(100), said(100))):
            staging.add(batch)
        staging.publish(run_info("bad", 100), keep=5)
    assert store.current().run.run_id == "good"
    with store.reader() as reader:
        assert count(reader, "churn_risk.score >= 0", NOW).members == 100
    assert not (store.folder / "staging").exists()


def test_the_same_run_twice_equals_once(store) -> None:
    tables = []
    for _ in range(2):
        publish(store, "same")
        with store.reader() as reader:
            tables.append(predictions(reader, "churn_risk"))
    assert tables[0].equals(tables[1])


def test_one_writer_at_a_time_and_any_number_of_readers(store) -> None:
    publish(store, "one")
    with stage_run(store, "two") as staging:
        staging.add(staged(people(10), said(10)))
        with pytest.raises(StoreBusyError, match="another run"), stage_run(store, "three"):
            pass
        with store.reader() as first, store.reader() as second:
            assert first.manifest.profiles == second.manifest.profiles == 100
    publish(store, "four")
    assert store.current().run.run_id == "four"


def test_what_one_writer_had_under_way_no_other_finds(store) -> None:
    """A task of a killed writer may still be at work: what it writes must reach nobody."""
    with store.lock("first", 0.0) as first:
        file = first / "rows"
        file.touch()
    with store.lock("second", 0.0) as second:
        assert second.name != first.name
        assert not any(second.iterdir())
        with pytest.raises(FileNotFoundError):
            file.touch()
    assert not (store.folder / "staging").exists()


def test_a_run_in_force_has_not_failed_where_older_ones_cannot_be_deleted(store, monkeypatch, caplog) -> None:
    publish(store, "first", keep=1)

    def gone(_keep: int) -> list[int]:
        raise StoreError("the server has gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "forget_old", gone)
        publish(store, "second", seed=1, keep=1)
    assert "older runs could not be deleted" in caplog.text
    with store.reader() as reader:
        assert reader.manifest.run.run_id == "second"
    publish(store, "third", seed=2, keep=1)
    assert [m.run.run_id for m in store.kept()] == ["third"]


def test_a_reader_keeps_the_snapshot_it_holds(store) -> None:
    publish(store, "old", seed=1, keep=1)
    with store.reader() as reader:
        before = count(reader, "churn_risk = 'yes'", NOW).members
        for number in range(3):
            publish(store, f"new{number}", rows=50, seed=number, keep=1)
        assert count(reader, "churn_risk = 'yes'", NOW).members == before
        assert reader.manifest.run.run_id == "old"
    with stage_run(store, "after"):
        store.forget_old(1)
    assert store.stored() == {store.current().number}


def test_an_empty_store_says_so(store) -> None:
    assert store.current() is None
    assert store.log() == []
    assert store.stored() == set()
    with pytest.raises(StoreError, match="nothing has been published"), store.reader():
        pass
