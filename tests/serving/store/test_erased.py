"""Profiles are taken out of every run of a store, of what it counts, and of the history; readers see it before or after."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store import erased
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.erased import erase_profiles
from tagcast.serving.store.long_form import predictions
from tagcast.serving.store.reader_pool import RunReaderPool, whole
from tagcast.serving.store.schema import column_name
from tests.support.published import TAGS, people, publish, run_info, said, staged
from tests.support.stores import EVERY_KIND, make_store

GONE = {"p001", "p050", "p099", "never"}
TAG = TAGS[0]


@pytest.fixture(params=EVERY_KIND)
def store(request, tmp_path) -> ProfileStore:
    made = make_store(request.param, tmp_path)
    publish(made, "first", seed=1)
    publish(made, "second", seed=2)
    return made


def rows(store: ProfileStore, number: int) -> dict[str, dict]:
    (manifest,) = [run for run in store.kept() if run.number == number]
    with store.open(manifest) as reader:
        return {row["profile_id"]: row for row in predictions(reader, TAG).to_pylist()}


def test_the_rest_stays_as_it_is_and_is_what_manifests_count(store) -> None:
    before = {number: rows(store, number) for number in (1, 2)}
    changes = {one: store.changes_of(one, 0) for one in sorted(before[1])}
    assert any(changes[one] for one in GONE - {"never"})
    taken = erase_profiles(store, GONE)
    assert (taken.runs, taken.rows, taken.waiting) == ((1, 2), 6, 0)
    assert taken.changes == sum(len(changes[one]) for one in GONE - {"never"})
    for number in (1, 2):
        assert rows(store, number) == {one: row for one, row in before[number].items() if one not in GONE}
    assert {one: found for one in changes if (found := store.changes_of(one, 0))} == {
        one: found for one, found in changes.items() if found and one not in GONE
    }
    assert GONE.isdisjoint(store.every_id())
    assert len({*store.every_id()}) == 97
    for run in [*store.kept(), *(entry.manifest for entry in store.log())]:
        there = rows(store, run.number).values()
        assert (run.profiles, run.predictions, run.run.tags[0].population) == (97, 97, 97)
        summary = run.tags[TAG]
        assert summary.predicted == {
            **dict.fromkeys(summary.predicted, 0),
            **Counter(row["value"] for row in there if row["value"] != "unknown"),
        }
        assert summary.unknown == sum(row["value"] == "unknown" for row in there)
        assert summary.confidence == pytest.approx(
            sum(row["confidence"] for row in there if row["value"] != "unknown"), abs=1e-9
        )
    log = store.log()
    assert erase_profiles(store, GONE) == erased.Taken()
    assert store.log() == log
    publish(store, "third", seed=3)
    assert store.kept()[-1].profiles == 100  # what a load leaves out is none of the store's business


def test_open_readers_keep_what_they_opened_and_the_next_ones_see_the_rest(store) -> None:
    pool = RunReaderPool(store, seconds=iter(range(0, 10_000, 10)).__next__)
    with pool.reader(whole) as lent, store.reader() as reader:
        taken = erase_profiles(store, GONE)
        assert reader.row("p050") is not None
        assert lent.row("p050") is not None
        with pool.reader(whole) as other:
            assert other.row("p050") is None
            assert other.row("p051") is not None
    pool.close()
    if taken.waiting:
        assert erase_profiles(store, GONE).waiting == 0
    with store.reader() as reader:
        assert reader.row("p050") is None
    assert store.prune(1) == [1]


def test_what_a_killed_call_has_left_is_cleared_by_the_next(store, monkeypatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tagcast.serving.store.duckdb.store.write_synced", killed)
        patch.setattr("tagcast.serving.store.postgres.erasing.update_log", killed)
        erase_profiles(store, GONE)
    assert len(rows(store, 2)) == 100
    assert erase_profiles(store, GONE).runs == (1, 2)
    assert GONE.isdisjoint(store.every_id())


def test_no_byte_of_them_is_left_in_the_files(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    names = [f"erase-me-{number:04d}" if number % 10 == 3 else f"stays-{number:04d}" for number in range(100)]
    base = people(100).set_column(0, "profile_id", pa.array(sorted(names)))
    for seed in (1, 2):
        with stage_run(store, f"run {seed}") as staging:
            predicted = said(100, seed).set_column(0, "profile_id", base.column("profile_id"))
            staging.add(staged(base, predicted))
            staging.publish(run_info(f"run {seed}", 100), keep=5)
    assert any(b"erase-me" in file.read_bytes() for file in files(tmp_path))
    erase_profiles(store, {one for one in names if one.startswith("erase-me")})
    assert not [file for file in files(tmp_path) if b"erase-me" in file.read_bytes()]
    with store.reader() as reader:
        assert reader.manifest.run.as_of == date(2024, 4, 30)
        assert column_name(TAG, "value") in reader.row("stays-0001")


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]
