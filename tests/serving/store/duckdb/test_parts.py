"""Runs of several files: the same answers as one file, and no part can be lost, cut short or left lying unseen."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlglot import exp

from tagcast.features.core.errors import StoreError
from tagcast.serving.audiences.queries import count
from tagcast.serving.publishing.publication import roll_back, stage_run
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.errors import RunGoneError
from tagcast.serving.store.manifest import Manifest
from tagcast.serving.store.reader_pool import RunReaderPool, whole
from tests.support.published import NOW, people, publish, run_info, said, staged
from tests.support.stores import StoreOfParts

MANY = 6_000
"""Each part has more than one landmark."""


@pytest.fixture
def store(tmp_path) -> StoreOfParts:
    return StoreOfParts(tmp_path / "store")


def files(store: DuckDbStore, number: int) -> list[Path]:
    return sorted((store.folder / "snapshots" / f"{number:06}").glob("*.duckdb"))


def publish_many(store: DuckDbStore) -> pa.RecordBatch:
    rows = staged(people(MANY), said(MANY))
    rows = rows.take(pc.sort_indices(rows.column("profile_id")))
    with stage_run(store, "run") as staging:
        staging.add(rows)
        staging.publish(run_info("run", MANY), keep=5)
    return rows


def everything(store: DuckDbStore) -> pa.Table:
    with store.reader() as reader:
        names = [name for name in reader.row("p000") or () if name != "profile_id"]
        return pa.Table.from_batches(reader.stream(names))


def test_parts_answer_as_one_file_does(store, tmp_path) -> None:
    one = DuckDbStore(tmp_path / "one")
    for each in (one, store):
        publish_many(each)
    number = store.current().number
    assert [f.name for f in files(store, number)] == ["00000.duckdb", "00001.duckdb", "00002.duckdb"]
    assert store.current().parts == tuple(f.stat().st_size for f in files(store, number))
    assert sum(store.current().parts) == store.current().bytes
    assert everything(store).schema == everything(one).schema
    assert everything(store).equals(everything(one))
    ids = everything(one).column("profile_id").to_pylist()
    assert ids == sorted(ids)
    asked = ["churn_risk = 'yes'", "NOT churn_risk.band = 'low'", "city = 'Oslo' AND age < 4000", "age < 0"]
    words = exp.select(exp.column("churn_risk:value", quoted=True)).from_("profiles")
    with one.reader() as plain, store.reader() as parted:
        assert pa.types.is_dictionary(parted.query(words).read_all().schema.field(0).type)
        for text in asked:
            here, there = count(parted, text, NOW), count(plain, text, NOW)
            # DuckDB sums as its threads come: a mean is the same but for rounding, on one file of many rows too.
            assert here.mean_confidence == pytest.approx(there.mean_confidence, rel=1e-12)
            assert replace(here, mean_confidence={}) == replace(there, mean_confidence={})


def test_one_profile_is_looked_for_in_the_part_that_can_hold_it(store) -> None:
    rows = publish_many(store)
    ids = rows.column("profile_id").to_pylist()
    borders = [0, MANY // 2, MANY * 2 // 3]
    pool = RunReaderPool(store)
    with pool.reader(whole) as reader:
        for place in (*borders, *(b - 1 for b in borders), *(b + 2_048 for b in borders[:2])):
            found = reader.row(ids[place])
            assert found is not None
            assert (found["profile_id"], found["age"]) == (ids[place], rows.column("age")[place].as_py())
        assert reader.row("") is None
        assert reader.row("zzz") is None
        assert reader.row(ids[MANY // 2] + "a") is None
    pool.close()


def test_a_part_lost_or_cut_short_is_named(store) -> None:
    publish(store, "run")
    part = files(store, 1)[1]
    whole = part.read_bytes()
    part.write_bytes(whole[:-4096])
    with pytest.raises(StoreError, match=r"00001\.duckdb is half-written"), store.reader():
        pass
    part.write_bytes(b"\0" * len(whole))
    with pytest.raises(StoreError, match=r"00001\.duckdb cannot be read"), store.reader():
        pass
    part.unlink()
    with pytest.raises(RunGoneError, match=r"00001\.duckdb is missing"), store.reader():
        pass


def test_parts_of_the_right_size_in_all_but_in_the_wrong_places_are_seen(store) -> None:
    publish(store, "run")
    sizes = store.current().parts
    with files(store, 1)[0].open("ab") as first:
        first.write(b"\0" * 4096)
    os.truncate(files(store, 1)[2], sizes[2] - 4096)
    with pytest.raises(StoreError, match=r"00000\.duckdb is half-written"), store.reader():
        pass


def test_runs_of_parts_are_kept_rolled_back_to_and_pruned_whole(store) -> None:
    for seed in range(3):
        publish(store, f"run{seed}", seed=seed)
    before = everything(store)
    assert store.stored() == {1, 2, 3}
    roll_back(store, 2, NOW)
    assert not everything(store).equals(before)
    with store.reader() as held:
        store.prune(1)
        publish(store, "newest", seed=9, keep=1)
        assert held.figures(exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_("profiles")) == {
            "n": 100
        }
    newest = store.current().number
    assert store.stored() == {newest}
    assert [f.name for f in (store.folder / "snapshots").iterdir()] == [f"{newest:06}"]


def test_a_reader_of_parts_cannot_reach_beyond_them(store) -> None:
    publish(store, "one")
    with store.reader() as reader:
        for statement in (
            "SELECT * FROM read_text('/etc/passwd')",
            "DELETE FROM part_0.profiles",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                reader.connection.execute(statement).fetchall()


def _killed_at(folder: Path, step: int) -> None:
    """Publish a second run, and be killed at the ``step``-th rename or deletion."""
    left = [step]

    def counted(real):
        def call(*args, **named):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(*args, **named)

        return call

    for name in ("rename", "replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    publish(StoreOfParts(folder), "second", seed=1, keep=1)


def test_kills_while_parts_are_moved_leave_one_run_or_the_other(store) -> None:
    publish(store, "first")
    first = everything(store)
    forks = multiprocessing.get_context("fork")
    for step in (4, 6, 7, 9, 10):
        process = forks.Process(target=_killed_at, args=(store.folder, step))
        process.start()
        process.join()
        assert process.exitcode in (-signal.SIGKILL, 0)
        active = store.current().run.run_id
        assert everything(store).equals(first) == (active == "first")
        with store.lock("after", 0.0):
            kept = {entry.number for entry in store.log()}
            there = {f.name for f in (store.folder / "snapshots").iterdir()}
            assert there == {f"{number:06}" for number in store.stored()}
            assert store.stored() <= kept
        for manifest in store.kept():
            with store.open(manifest):
                pass
    publish(store, "last", seed=3, keep=1)
    assert store.stored() == {store.current().number}


def test_a_part_is_there_once_and_whole_however_often_it_is_written(store, tmp_path) -> None:
    batch = staged(people(10), said(10)).append_column("churn_risk:percentile", pa.array([50.0] * 10))
    writer, part = store.parts.writer(run_info("run", 10), batch.schema), tmp_path / "part"

    def twice():
        writer(part, iter([batch]), tmp_path)  # another attempt ends first
        yield batch

    writer(part, twice(), tmp_path)
    assert list(tmp_path.iterdir()) == [part]

    def stopped():
        yield batch
        raise RuntimeError("stopped")

    other = tmp_path / "other"
    with pytest.raises(Exception, match="stopped"):
        writer(other, stopped(), tmp_path)
    assert list(tmp_path.iterdir()) == [part]


def test_manifests_of_before_there_were_parts_are_read(store) -> None:
    plain = DuckDbStore(store.folder)
    publish(plain, "old")
    for file in (plain.folder / "CURRENT", plain.folder / "log" / "000001.json"):
        entry = json.loads(file.read_text(encoding="utf-8"))
        del entry["manifest"]["parts"]
        file.write_text(json.dumps(entry), encoding="utf-8")
    manifest: Manifest = plain.current()
    assert manifest.parts == ()
    with plain.reader() as reader:
        assert count(reader, "churn_risk.score >= 0", NOW).members == 100
