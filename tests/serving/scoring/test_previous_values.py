"""A tag with hysteresis holds on to the last published day, and a day scored twice equals once."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from tagcast.features.core.engines.key_ranges import ranges_between
from tagcast.features.core.errors import StoreError
from tagcast.features.loads.former_ids import FormerIds
from tagcast.models.decisions.policy import decide
from tagcast.models.inference.abstention import RANGE_DRIFT
from tagcast.pipelines.reports.scoring import render_scoring
from tagcast.pipelines.scoring.score import score_tags
from tagcast.serving.audiences.queries import count
from tagcast.serving.profiles.profile_query import profile
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.scoring.previous_values import open_past, past_run
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.schema import PREDICTION_SCHEMA, RunInfo, TagRun
from tests.support.champion import DAY, DEFINITION, NOW, TAG, published, shop_with_champion
from tests.support.published import staged

pytestmark = pytest.mark.slow


def publish(
    store: DuckDbStore, day: date, values: list[str], *, run_id: str = "", keep: int = 5, **tag
) -> None:
    rows = len(values)
    columns = {
        "profile_id": [f"p{i:03d}" for i in range(rows)],
        "tag": [TAG] * rows,
        "value": values,
        "unknown_because": ["too little history" if v == "unknown" else None for v in values],
        "score": [0.5] * rows,
        "lower": [0.4] * rows,
        "upper": [0.6] * rows,
        "confidence": [0.4] * rows,
        "percentile": [np.nan] * rows,
        "band": ["low"] * rows,
        "reasons": [[]] * rows,
        "reasons_method": ["shap"] * rows,
        "model_version": ["1"] * rows,
        "as_of": [day] * rows,
        "scored_at": [NOW] * rows,
        "expires_at": [NOW + timedelta(days=30)] * rows,
    }
    batch = pa.record_batch(
        [pa.array(columns[f.name], f.type) for f in PREDICTION_SCHEMA], schema=PREDICTION_SCHEMA
    )
    about = {
        "tag": TAG, "model_version": "1", "title_en": "T", "title_zh": "题", "path": ("A", "B"), "owner": "crm",
        "expires_at": NOW + timedelta(days=30), "bands": ("low", "high"), "population": rows,
        "sensitivity": "normal", "question": DEFINITION.question,
    }  # fmt: skip
    run = RunInfo(run_id or f"run-{day}", day, NOW, (TagRun(**{**about, **tag}),))
    with stage_run(store, run.run_id) as staging:
        staging.add(staged(batch.select(["profile_id"]), batch))
        staging.publish(run, keep=keep)


@pytest.fixture
def store(tmp_path) -> DuckDbStore:
    return DuckDbStore(tmp_path / "store")


def past_day(store: DuckDbStore, day: date) -> date | None:
    found = past_run(store, DEFINITION, day)
    return found.run.as_of if found else None


def test_the_past_is_the_last_earlier_day(store) -> None:
    assert past_day(store, DAY) is None
    for days in (0, 7, 14):
        publish(store, DAY + timedelta(days=days), ["yes", "no"])
    assert past_day(store, DAY) is None
    assert past_day(store, DAY + timedelta(days=7)) == DAY
    assert past_day(store, DAY + timedelta(days=14)) == DAY + timedelta(days=7)
    assert past_day(store, DAY + timedelta(days=15)) == DAY + timedelta(days=14)


def test_scoring_a_day_again_and_again_does_not_push_its_past_out(store) -> None:
    publish(store, DAY, ["yes"])
    for _ in range(4):
        publish(store, DAY + timedelta(days=7), ["no"], keep=2)
    assert past_day(store, DAY + timedelta(days=7)) == DAY
    assert len(list((store.folder / "snapshots").glob("*.duckdb"))) == 3


def test_of_two_runs_of_a_day_the_later_counts(store) -> None:
    publish(store, DAY, ["yes"], run_id="a")
    publish(store, DAY, ["no"], run_id="b")
    publish(store, DAY, ["yes"], run_id="a")
    found = past_run(store, DEFINITION, DAY + timedelta(days=1))
    assert found.run.run_id == "a"
    assert found.number == store.current().number


@pytest.mark.parametrize(
    ("later", "tag", "held"),
    [
        (29, {}, True),
        (30, {}, False),
        (1, {"model_version": "7"}, True),
        (1, {"question": "another"}, False),
        (1, {"tag": TAG, "expires_at": NOW + timedelta(days=1)}, False),
    ],
    ids=["alive", "expired", "another model", "another question", "expires today"],
)
def test_what_counts_as_a_past(store, later, tag, held) -> None:
    publish(store, DAY, ["yes"], **tag)
    assert (past_day(store, DAY + timedelta(days=later)) is not None) == held


def test_values_are_found_by_profile_in_any_batch(store) -> None:
    values = ["yes", "no", "unknown"] * 40
    publish(store, DAY, values)
    run = past_run(store, DEFINITION, DAY + timedelta(days=1))
    ids = pa.array([f"p{i:03d}" for i in range(150)])
    with open_past(store, [(TAG, run)]) as past:
        for size in (150, 7, 1):
            stream = past.follow()
            parts = [stream.of(ids[start : start + size]) for start in range(0, len(ids), size)]
            assert [v for part in parts for v in part[TAG]] == values + [None] * 30
        stream = past.follow()
        assert stream.of(pa.array(["p003", "p003x", "p119"]))[TAG].tolist() == [values[3], None, values[119]]
        assert stream.of(pa.array(["zz"]))[TAG].tolist() == [None]
    store.snapshot(run.number).unlink()
    with pytest.raises(StoreError, match=TAG), open_past(store, [(TAG, run)]):
        pass


def test_whoever_has_another_id_since_is_found_by_the_one_of_then(store) -> None:
    publish(store, DAY, ["yes", "no", "unknown", "no", "yes"])
    run = past_run(store, DEFINITION, DAY + timedelta(days=1))
    # p001 and p002 are one new person, p003 is now p004 (known then as well), p000 was taken apart.
    former = FormerIds({"p001": ("new",), "p002": ("new",), "p003": ("p004",), "p000": ("x", "y")})
    ids = ["a", "new", "p004", "x", "y"]
    for size in (5, 2, 1):
        with open_past(store, [(TAG, run)], former) as past:
            stream = past.follow()
            parts = [stream.of(pa.array(ids[n : n + size])) for n in range(0, len(ids), size)]
        assert [v for part in parts for v in part[TAG]] == [None, "no", "yes", "yes", "yes"]
    # In a range of ids as well: those of then lie in others.
    with open_past(store, [(TAG, run)], former) as past:
        ranges = ranges_between(["new", "p004", "p0040", "y"])
        alone = [(within, [one for one in ids if within.meets(one, one)]) for within in ranges]
        parts = [past.follow(within).of(pa.array(some)) for within, some in alone if some]
    assert [v for part in parts for v in part[TAG]] == [None, "no", "yes", "yes", "yes"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return shop_with_champion(tmp_path_factory.mktemp("held"))


def test_a_scored_tag_holds_its_value_within_the_margin(shop) -> None:
    first_run = score_tags(shop, [TAG], as_of=DAY, now=NOW)
    first = published(shop)
    later = DAY + timedelta(days=10)
    second_run = score_tags(shop, [TAG], as_of=later, now=NOW)
    second = published(shop)
    past = first["value"].reindex(second.index).to_numpy(object)
    columns = [second[name].to_numpy(float) for name in ("score", "lower", "upper")]
    expected, confidence = decide(*columns, threshold=0.5, min_confidence=0.0, hysteresis=0.1, past=past)
    held = second["unknown_because"].isna().to_numpy()
    assert held.mean() > 0.98
    assert second["value"][held].tolist() == expected[held].tolist()
    assert second["confidence"].tolist() == confidence.tolist()
    by_threshold, _ = decide(*columns, threshold=0.5, min_confidence=0.0)
    assert (by_threshold != expected).any(), "the margin holds someone in this shop"

    # A day scored again, at another moment and after a later day, says the same.
    assert score_tags(shop, [TAG], as_of=later, now=NOW + timedelta(days=90)).run_id == second_run.run_id
    assert published(shop).equals(second)
    again = score_tags(shop, [TAG], as_of=DAY, now=NOW, force_reason="the older day")
    assert again.run_id == first_run.run_id
    assert published(shop).equals(first)


def test_an_unknown_value_says_why(shop) -> None:
    score_tags(shop, [TAG], as_of=DAY, now=NOW)
    with DuckDbStore(shop.settings.home / "store").reader() as reader:
        unknown = count(reader, f"{TAG} = 'unknown'", NOW).members
        named = count(reader, f"NOT {TAG}.unknown_because IS NULL", NOW).members
        assert unknown == named
        someone = published(shop).index[0]
        assert "unknown_because" in profile(reader, someone).predictions[0]


def test_a_run_whose_features_left_their_range_says_so(shop, tmp_path, caplog, capsys) -> None:
    usual = score_tags(shop, [TAG], as_of=DAY, now=NOW)
    assert usual.tags[0].unlike_training < RANGE_DRIFT
    assert "the data have moved" not in caplog.text
    moved = shop_with_champion(tmp_path, longest_silence=3.0)
    run = score_tags(moved, [TAG], as_of=DAY, now=NOW)
    said = published(moved)
    unlike = said["unknown_because"].str.startswith("outside what training saw", na=False)
    assert RANGE_DRIFT < unlike.mean() < 1
    assert run.tags[0].unlike_training == pytest.approx(unlike.mean())
    assert run.tags[0].unlike_because == "outside what training saw: recency_days"
    with DuckDbStore(moved.settings.home / "store").reader() as reader:
        (kept,) = reader.manifest.run.tags
    assert (kept.unlike_training, kept.unlike_because) == (unlike.mean(), run.tags[0].unlike_because)
    assert f"{TAG}: the data have moved: {unlike.mean():.0%} of its population" in caplog.text
    render_scoring(run)
    assert "the data have moved" in " ".join(capsys.readouterr().out.split())
