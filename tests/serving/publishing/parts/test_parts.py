"""A run in parts is the run: whoever stands in which part, and however often a part is made."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.core.engines.key_ranges import KeyRange, ranges_between
from tagcast.features.core.errors import RunRefusedError
from tagcast.serving.publishing.parts import joined_parts
from tagcast.serving.publishing.parts.staged_part import PartWriter, StagedPart
from tagcast.serving.publishing.percentiles import Percentiles
from tagcast.serving.publishing.publication import roll_back, stage_run
from tagcast.serving.publishing.run_checks import Bounds
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.manifest import Manifest
from tests.support.published import NOW, TAGS, people, run_info, said, staged

ROWS = 60
WIDE = Bounds(base_change=9.0, population_change=9.0, share_change=1.0, psi=99.0, reference_days=30)


def second_run() -> pa.RecordBatch:
    """Others than in the first run are there, some changed, and one tag speaks of half of them."""
    batch = staged(people(2 * ROWS), said(2 * ROWS, 5, TAGS[0]), said(ROWS, 6, TAGS[1]))
    return batch.filter(pa.array([k % 7 != 3 for k in range(2 * ROWS)]))


def published(store: ProfileStore, parts: list[tuple[KeyRange, pa.RecordBatch]]) -> Manifest:
    batch = second_run()
    run = run_info("second", 0, TAGS)
    tags = [replace(t, population=len(batch) - batch.column(f"{t.tag}:score").null_count) for t in run.tags]
    run = replace(run, tags=tuple(tags), scored_at=NOW + timedelta(hours=1))
    with stage_run(store, "second") as staging:
        staging.take([part_of(staging.folder, keys, rows) for keys, rows in parts])
        return staging.publish(run, keep=5, bounds=WIDE)


def part_of(folder: Path, keys: KeyRange, batch: pa.RecordBatch) -> StagedPart:
    with PartWriter(folder / f"part-{keys.number}", keys) as writer:
        for start in range(0, batch.num_rows, 17):
            writer.add(batch.slice(start, 17))
        return writer.finish()


def test_a_part_of_a_run_that_is_over_is_not_written(tmp_path) -> None:
    """A task may outlive its run: it must not bring back the folder that was removed."""
    with pytest.raises(FileNotFoundError):
        PartWriter(tmp_path / "gone" / "part-00000", KeyRange())
    assert not any(tmp_path.iterdir())


def parted(borders: list[str]) -> list[tuple[KeyRange, pa.RecordBatch]]:
    batch = second_run()
    ids = batch.column("profile_id").to_pylist()
    found = []
    for one in ranges_between(borders):
        low, high = one.first or "", "~" if one.end is None else one.end
        places = [k for k, profile in enumerate(ids) if low <= profile < high]
        found.append((one, batch.take(pa.array(places, pa.int64()))))
    return found


@dataclass(repr=False)
class Everything:
    """Rows, changes, and what is on record; of files only the size may be another."""

    rows: list[dict]
    changes: list[dict]
    manifest: Manifest


def everything(store: ProfileStore, manifest: Manifest) -> Everything:
    with store.open(manifest) as reader:
        names = [row[0] for row in reader.connection.execute("DESCRIBE profiles").fetchall()]
        rows = [row for batch in reader.stream(names[1:]) for row in batch.to_pylist()]
    changes = pq.read_table(store.folder / "history" / f"{manifest.number:06}.parquet").to_pylist()
    return Everything(
        rows,
        sorted(changes, key=lambda row: (row["profile_id"], row["tag"])),
        replace(manifest, bytes=0, parts=()),
    )


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    with stage_run(DuckDbStore(folder / "store"), "first") as staging:
        staging.add(staged(people(ROWS), said(ROWS, 1, TAGS[0]), said(ROWS, 2, TAGS[1])))
        staging.publish(run_info("first", ROWS, TAGS), keep=5)
    return folder / "store"


@pytest.fixture(scope="module")
def whole(first_run, tmp_path_factory) -> Everything:
    store = DuckDbStore(shutil.copytree(first_run, tmp_path_factory.mktemp("whole") / "store"))
    found = everything(store, published(store, parted([])))
    assert found.manifest.transitions, "it was compared"
    return found


@pytest.fixture
def _every_part_by_itself(monkeypatch) -> None:
    monkeypatch.setattr(joined_parts, "LEAST_PROFILES", 1)


BORDER = st.integers(0, 2 * ROWS).map(lambda k: f"p{k:03d}") | st.sampled_from(["", "p", "p0105", "q"])


@given(st.lists(BORDER, max_size=5).map(sorted), st.sampled_from([1, 40]))
@settings(max_examples=10, deadline=None)
def test_a_run_in_parts_is_the_run(first_run, whole, tmp_path_factory, borders, least) -> None:
    store = DuckDbStore(shutil.copytree(first_run, tmp_path_factory.mktemp("parted") / "store"))
    with pytest.MonkeyPatch.context() as here:
        here.setattr(joined_parts, "LEAST_PROFILES", least)
        found = everything(store, published(store, parted(borders)))
    assert found.rows == whole.rows
    assert found.changes == whole.changes
    assert found.manifest == whole.manifest


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 8))
def test_no_file_is_small_unless_the_run_is(profiles, least) -> None:
    ranges = ranges_between([f"p{k}" for k in range(len(profiles) - 1)])
    parts = [StagedPart(Path(), one, n, ()) for one, n in zip(ranges, profiles, strict=True)]
    with pytest.MonkeyPatch.context() as here:
        here.setattr(joined_parts, "LEAST_PROFILES", least)
        files = joined_parts.joined(parts)
    assert [part for file in files for part in file.parts] == parts
    assert len(files) == 1 or all(file.profiles >= least for file in files)
    # As many as there can be: one that has enough ends where it has.
    assert all(sum(part.profiles for part in file.parts[:-1]) < least for file in files[:-1])
    assert sum(part.profiles for part in files[-1].parts) < 2 * least + max(profiles)
    ends = [(file.within.first, file.within.end) for file in files]
    assert ends == [(file.parts[0].within.first, file.parts[-1].within.end) for file in files]


def test_a_small_run_lies_in_one_file_whatever_its_ranges(first_run, tmp_path, monkeypatch) -> None:
    store = DuckDbStore(shutil.copytree(first_run, tmp_path / "store"))
    parts = parted(["p030", "p060", "p090"])
    assert len(published(store, parts).parts) == 1
    monkeypatch.setattr(joined_parts, "LEAST_PROFILES", 40)
    several = published(store, parts)
    assert len(several.parts) == 2
    monkeypatch.undo()
    # What follows a run of several files reads it, goes back to it and removes it as any other.
    published(store, parts)
    assert roll_back(store, several.number, NOW).run == several.run
    with store.reader() as reader:
        assert reader.row("p046")["profile_id"] == "p046"
    last = published(store, parts)
    store.forget_old(1)
    assert store.stored() == {last.number}


@pytest.mark.usefixtures("_every_part_by_itself")
def test_percentiles_are_read_once_for_all_parts(first_run, tmp_path, monkeypatch) -> None:
    load, read = Percentiles.load, []

    def counted(file: Path) -> Percentiles:
        read.append(file.name)
        return load(file)

    monkeypatch.setattr(Percentiles, "load", counted)
    store = DuckDbStore(shutil.copytree(first_run, tmp_path / "store"))
    assert len(published(store, parted(["p030", "p060", "p090"])).parts) == 4
    assert sorted(read) == sorted({*read})
    assert len(read) == len(TAGS)


@pytest.mark.usefixtures("_every_part_by_itself")
def test_who_stands_in_two_parts_is_found(first_run, tmp_path) -> None:
    store = DuckDbStore(shutil.copytree(first_run, tmp_path / "store"))
    (low, one), (high, other) = parted(["p050"])
    with pytest.raises(RunRefusedError, match="1 profiles stand twice or out of order"):
        published(store, [(high, other), (low, one)])
    with pytest.raises(RunRefusedError, match="1 profiles stand twice or out of order"):
        published(store, [(low, pa.concat_batches([one, other.slice(0, 1)])), (high, other)])
    assert store.current().run.run_id == "first"


@pytest.mark.usefixtures("_every_part_by_itself")
def test_where_a_part_of_the_last_run_is_damaged_nothing_is_said_to_have_changed(
    first_run, whole, tmp_path, caplog
) -> None:
    store = DuckDbStore(shutil.copytree(first_run, tmp_path / "store"))
    file = store.snapshot(store.current().number)
    file.write_bytes(file.read_bytes()[:-1000] + b"\0" * 999)
    found = everything(store, published(store, parted(["p030", "p090"])))
    assert (found.rows, found.changes) == (whole.rows, [])
    assert replace(found.manifest, transitions=whole.manifest.transitions) == whole.manifest
    assert not store.log()[-1].compared
    assert [record.getMessage() for record in caplog.records if "damaged" in record.getMessage()] != []


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {file.name: (file.stat().st_ino, file.read_bytes()) for file in sorted(folder.iterdir())}


def test_a_part_that_is_made_twice_at_the_same_time_is_made_once(tmp_path) -> None:
    batch, keys = second_run(), KeyRange()
    one, other = (PartWriter(tmp_path / "part", keys) for _ in range(2))
    with one, other:
        one.add(batch)
        other.add(batch)
        first = one.finish()
        made = contents(first.folder)
        assert other.finish() == first
    assert contents(first.folder) == made
    assert list(tmp_path.iterdir()) == [first.folder]


def test_a_part_whose_maker_was_killed_is_made_again(tmp_path) -> None:
    batch, folder = second_run(), tmp_path / "part"
    if not (child := os.fork()):
        with PartWriter(folder, KeyRange()) as writer:
            writer.add(batch.slice(0, 40))
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert not folder.exists()
    part = part_of(tmp_path, KeyRange(0), batch)
    with part.open() as reader:
        assert reader.read_all().to_pylist() == batch.to_pylist()
    scores = np.fromfile(part.scores(TAGS[1])[0])
    assert scores.tolist() == sorted(batch.column(f"{TAGS[1]}:score").drop_null().to_pylist())
