"""As-of questions, rollback and pruning: whatever was published, taken back and pruned, the past stays what it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import StoreError
from tagcast.serving.publishing.publication import roll_back, stage_run
from tagcast.serving.publishing.run_checks import Bounds
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.history import forget_history, tags_at
from tagcast.serving.store.manifest import active_at
from tests.support.published import NOW, people, publish, run_info, said, staged
from tests.support.stores import KINDS, make_store

TAGS = ("churn_risk", "high_value")
NARROW = Bounds(base_change=0.4, population_change=0.5, share_change=0.25, psi=0.5, reference_days=30)


@pytest.fixture(params=KINDS)
def store(request, tmp_path) -> ProfileStore:
    return make_store(request.param, tmp_path)


def publish_at(
    store, hour: int, *, rows: int = 6, seed: int = 0, tags=TAGS[:1], keep: int = 2, **more
) -> None:
    run = run_info(f"run-{hour}", rows, tags)
    run = type(run)(run.run_id, run.as_of, NOW + timedelta(hours=hour), run.tags)
    with stage_run(store, run.run_id) as staging:
        staging.add(staged(people(rows), *(said(rows, seed + k, tag) for k, tag in enumerate(tags))))
        staging.publish(run, keep=keep, **more)


def everything(store) -> dict[tuple[str, str], tuple[str, str]]:
    """Return value and band that the store says now, by profile and tag."""
    from tagcast.serving.store.long_form import long_batches

    with store.reader() as reader:
        tags = [tag.tag for tag in reader.manifest.run.tags]
        rows = [row for batch in long_batches(reader, tags) for row in batch.to_pylist()]
    return {(r["profile_id"], r["tag"]): (r["value"], r["band"]) for r in rows}


step = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 4).map(lambda n: 2 * n), st.integers(0, 3), st.sampled_from([TAGS[:1], TAGS, TAGS[1:]])),
    st.tuples(st.just("rollback")),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "examples"), [("duckdb", 12), ("postgres", 4)])
def test_the_past_is_what_was_said(kind, examples, tmp_path_factory) -> None:
    """Any sequence of runs and rollbacks: at each moment the history answers what the store said then."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(step, min_size=2, max_size=6))
    def check(steps) -> None:
        store = make_store(kind, tmp_path_factory.mktemp("past"))
        remembered = {}
        for hour, (action, *how) in enumerate(steps):
            if action == "publish":
                rows, seed, tags = how
                publish_at(store, hour, rows=rows, seed=seed, tags=tags, keep=2)
            else:
                earlier = {m.number for m in store.kept()}
                current = store.current()
                if current is None or not {n for n in earlier if n < current.number}:
                    continue
                roll_back(store, None, NOW + timedelta(hours=hour), "a test")
            remembered[hour] = everything(store)
        for hour, before in remembered.items():
            when = NOW + timedelta(hours=hour, minutes=1)
            for number in (0, 3, 7):
                profile = f"p{number:03d}"
                then = tags_at(store, profile, when)
                found = {(profile, r["tag"]): (r["value"], r["band"]) for r in then.predictions}
                assert found == {key: value for key, value in before.items() if key[0] == profile}

    check()


def test_an_exact_answer_has_everything_and_an_older_one_says_that_it_is_not(store) -> None:
    for hour in range(4):
        publish_at(store, hour, seed=hour, keep=2)
    exact = tags_at(store, "p001", NOW + timedelta(hours=3))
    assert exact.exact
    assert exact.predictions[0]["reasons"][0]["feature"] == "recency_days"
    older = tags_at(store, "p001", NOW + timedelta(minutes=30))
    assert not older.exact
    assert older.predictions[0]["model_version"] == "1"
    assert "confidence" not in older.predictions[0]
    with pytest.raises(StoreError, match="nothing was published by"):
        tags_at(store, "p001", NOW - timedelta(days=1))


def test_numbers_decide_where_a_clock_was_set_back(store) -> None:
    publish_at(store, 10, seed=1)
    publish_at(store, 2, seed=2)
    log = store.log()
    assert [e.number for e in log] == sorted(e.number for e in log)
    assert store.current().run.run_id == "run-2"
    assert active_at(log, NOW + timedelta(hours=11)).manifest.run.run_id == "run-2"


def test_rollback_puts_an_earlier_run_in_force_and_can_itself_be_taken_back(store) -> None:
    for hour in range(3):
        publish_at(store, hour, seed=hour, keep=5)
    numbers = [m.number for m in store.kept()]
    roll_back(store, None, NOW + timedelta(hours=5), "the third was wrong")
    assert store.current().number == numbers[1]
    assert store.log()[-1].reason == "the third was wrong"
    roll_back(store, numbers[2], NOW + timedelta(hours=6))
    assert store.current().number == numbers[2]
    with pytest.raises(StoreError, match="no earlier run 99 to go back to; kept beside the active one"):
        roll_back(store, 99, NOW)
    publish_at(store, 9, seed=9, keep=5)
    assert store.current().number == max(e.number for e in store.log())


def test_prune_keeps_the_run_in_force(store) -> None:
    for hour in range(4):
        publish_at(store, hour, seed=hour, keep=9)
    first = store.kept()[0].number
    roll_back(store, first, NOW + timedelta(hours=5))
    gone = store.prune(1)
    assert first in store.stored()
    assert len(gone) == 2
    assert everything(store)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 400}, r"400 profiles, 1,000 in the last run \(-60%, allowed 40%\)"),
        ({"rows": 400}, r"churn_risk: 400 in its population, 1,000 in the last run"),
        ({"flip": True}, r"churn_risk: \d+% are (yes|no), \d+% in the last run \(allowed 25%\)"),
        ({"flip": True}, r"PSI \d+\.\d\d between the scores and those in the last run"),
    ],
)
def test_a_run_that_differs_too_much_is_refused_and_may_be_accepted(store, change, message) -> None:
    from tagcast.features.core.errors import RunRefusedError

    publish(store, "first", rows=1000)
    rows = change.get("rows", 1000)
    batch = said(rows, 0)
    if change.get("flip"):
        frame = batch.to_pandas()
        frame["score"] = 0.9 + frame["score"] / 20
        frame["value"], frame["upper"] = "yes", 1.0
        import pyarrow as pa

        batch = pa.RecordBatch.from_pandas(frame, schema=batch.schema, preserve_index=False)
    with pytest.raises(RunRefusedError, match=message) as refused, stage_run(store, "second") as staging:
        staging.add(staged(people(rows), batch))
        staging.publish(run_info("second", rows), keep=3, bounds=NARROW)
    assert refused.value.exit_code == 10
    assert store.current().run.run_id == "first"
    assert len(store.stored()) == 1
    with stage_run(store, "second") as staging:
        staging.add(staged(people(rows), batch))
        staging.publish(run_info("second", rows), keep=3, bounds=NARROW, accept="half the shops were sold")
    assert store.current().run.run_id == "second"
    assert store.log()[-1].reason == "half the shops were sold"


def test_moves_count_who_entered_and_left(store) -> None:
    publish_at(store, 0, rows=100, seed=1)
    before = {profile: value for (profile, _), (value, _) in everything(store).items()}
    publish_at(store, 1, rows=90, seed=2)
    after = {profile: value for (profile, _), (value, _) in everything(store).items()}
    expected: dict[tuple[str | None, str | None], int] = {}
    for profile in {*before, *after}:
        pair = before.get(profile), after.get(profile)
        expected[pair] = expected.get(pair, 0) + 1
    assert store.current().transitions["churn_risk"] == expected


def test_forgotten_changes_are_refused_and_never_answered_wrongly(store) -> None:
    known = {}
    for hour in range(5):
        publish_at(store, hour, seed=hour, keep=1)
        known[hour] = everything(store)
    before = NOW + timedelta(hours=2)
    assert forget_history(store, before, dry_run=True) == 2
    assert store.history.since() == 1, "nothing was deleted"
    assert forget_history(store, before) == 2
    assert forget_history(store, before) == 0
    assert store.history.since() == 3
    for hour in (1, 2, 3, 4):  # what changed after the second run is there
        for person in (f"p{number:03d}" for number in range(6)):
            found = tags_at(store, person, NOW + timedelta(hours=hour)).predictions
            said_then = {(person, row["tag"]): (row["value"], row["band"]) for row in found}
            assert said_then == {key: value for key, value in known[hour].items() if key[0] == person}
    with pytest.raises(StoreError, match="not known any more"):
        tags_at(store, "p001", NOW)
    assert forget_history(store, NOW + timedelta(days=1)) == 3
    assert store.history.since() == 6
    assert tags_at(store, "p001", NOW + timedelta(hours=4)).exact
    publish_at(store, 5, seed=9, keep=1)
    assert tags_at(store, "p001", NOW + timedelta(hours=4)).exact is False
    with pytest.raises(StoreError, match="not known any more"):
        tags_at(store, "p001", NOW + timedelta(hours=3))
