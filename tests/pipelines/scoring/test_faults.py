"""Faults that really happen, on both stores: killed scorers, two at once, readers, full disks, damaged inputs."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.faults.injection import (
    DAYS,
    FULL,
    KILLS,
    NOW,
    OLDER,
    Fault,
    Shop,
    leave_free,
    said_now,
    small_disk,
    trained_shop,
)
from tests.support.stores import KINDS, postgres_url

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return trained_shop(tmp_path_factory.mktemp("faults")).folder


@pytest.fixture(scope="module")
def whole(folder) -> dict:
    """What a store says as of each day, whichever store it is."""
    return {day: Shop(folder).succeeds(day) for day in DAYS[::-1]}


@pytest.fixture(params=KINDS)
def shop(request, folder) -> Shop:
    """The shop with a run of the first day active."""
    return _active(Shop(folder, postgres_url() if request.param == "postgres" else None))


@pytest.fixture(params=KINDS if FULL else KINDS[:1])
def either(request, folder) -> Shop:
    """The same, where the fault lies elsewhere: in the short form on one store."""
    return _active(Shop(folder, postgres_url() if request.param == "postgres" else None))


@pytest.fixture
def embedded(folder) -> Shop:
    return _active(Shop(folder))


def _active(shop: Shop) -> Shop:
    current = shop.store.current()
    if current is None or current.run.as_of != DAYS[0]:
        shop.succeeds(DAYS[0])
    return shop


def test_a_scorer_killed_at_any_moment_loses_nothing(shop, whole) -> None:
    """kill -9 at random moments: one whole run or the other is active, and the next run succeeds."""
    assert whole[DAYS[0]] != whole[DAYS[1]]
    started = time.monotonic()
    assert shop.succeeds(DAYS[1]) == whole[DAYS[1]]
    length = time.monotonic() - started
    moments, killed = random.Random(7), 0
    for number in range(KILLS):
        with Fault():
            day = DAYS[number % 2]
            scorer = shop.start("score", "--all", "--as-of", str(day), *shop.for_older(day))
            time.sleep(length * moments.uniform(0.0, 1.0))
            killed += scorer.poll() is None
            scorer.send_signal(signal.SIGKILL)
            scorer.communicate()
            assert said_now(shop.store) == whole[shop.store.current().run.as_of]
    assert killed >= KILLS / 2, f"only {killed} of {KILLS} were still running when killed"
    assert shop.succeeds(DAYS[0]) == whole[DAYS[0]]
    assert not list((shop.home / "store").rglob("*.tmp*"))
    assert not (shop.home / "store" / "staging").exists()


def test_of_two_scorers_one_waits_or_leaves(shop) -> None:
    """The first is stopped (not killed) in the middle of its work, so that the second surely meets it."""
    with Fault():
        before = len(shop.store.log())
        first = shop.start("score", "--all", "--as-of", str(DAYS[1]), *OLDER)
        staging = shop.home / "store" / "staging"
        while not staging.is_dir() and first.poll() is None:
            time.sleep(0.005)
        first.send_signal(signal.SIGSTOP)
        second = shop.score(DAYS[0])
        assert second.returncode == 8, second.stderr
        assert "another run is writing the store" in second.stderr
        assert "--wait" in second.stderr
        waiting = shop.start("score", "--all", "--as-of", str(DAYS[0]), "--wait", "2")
        time.sleep(1)
        first.send_signal(signal.SIGCONT)
        for scorer in (first, waiting):
            _, error = scorer.communicate(timeout=120)
            assert scorer.returncode == 0, error
        # Both were published, one after the other.
        assert [e.manifest.run.as_of for e in shop.store.log()[before:]] == [DAYS[1], DAYS[0]]


def test_readers_keep_working_while_runs_publish(shop, whole) -> None:
    """A reader in another process counts in a loop while runs of different days publish in turn."""
    with Fault():
        sizes = {sum(tag == "churn_risk" for _, tag in whole[day]) for day in DAYS}
        assert len(sizes) == 2
        code = (
            "import sys, time; from datetime import datetime, UTC; from pathlib import Path\n"
            "from tagcast.serving.store.factory import open_store; from tagcast.serving.audiences.queries import count\n"
            "store = open_store(sys.argv[1] or None, Path('.tagcast'), 'small shop')\n"
            "while not Path('published').exists():\n"
            "    with store.reader() as reader:\n"
            "        for _ in range(3):\n"
            "            c = count(reader, 'churn_risk.score >= 0', datetime.now(UTC))\n"
            "            print(c.members, reader.manifest.tags['churn_risk'].population, flush=True)\n"
            "    time.sleep(0.02)\n"
        )
        published = shop.folder / "published"
        published.unlink(missing_ok=True)
        reader = subprocess.Popen(
            [sys.executable, "-c", code, shop.url or ""],
            cwd=shop.folder, env=shop.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert reader.stdout.readline(), "it has begun"
        for day in DAYS[::-1]:
            shop.succeeds(day)
        published.touch()
        out, error = reader.communicate(timeout=120)
        assert reader.returncode == 0, error
        seen = {tuple(map(int, line.split())) for line in out.splitlines()}
        assert all(members == population for members, population in seen)
        assert {members for members, _ in seen} <= sizes
        assert len(out.splitlines()) > 20


def test_a_reader_keeps_an_old_run_while_three_are_published(shop) -> None:
    with Fault():
        before = said_now(shop.store)
        with shop.store.reader() as reader:
            number = reader.manifest.number
            for day in (DAYS[1], DAYS[0], DAYS[1]):
                shop.succeeds(day)
            pruned = shop.tagcast("run", "prune", "--keep", "1")
            assert pruned.returncode == 0, pruned.stderr
            rows = sum(batch.num_rows for batch in reader.stream(["churn_risk:score"]))
            assert rows == reader.manifest.profiles
        assert shop.store.current().number != number
        assert said_now(shop.store) != before
        assert shop.tagcast("run", "prune", "--keep", "1").returncode == 0
        assert number not in shop.store.stored()


def test_a_clock_that_was_set_back(either) -> None:
    """Numbers decide what is active; the run of the wrong clock is followed by the next."""
    with Fault():
        code = (
            "import sys; from datetime import datetime, UTC; import tagcast.pipelines.cli.scoring as t\n"
            "from tagcast.pipelines.cli.main import cli\n"
            "t.clock = lambda: datetime(2001, 1, 1, tzinfo=UTC)\n"
            "cli(sys.argv[1:])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "score", "--all", "--as-of", str(DAYS[0])],
            cwd=either.folder, env=either.environment, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        log = either.store.log()
        assert log[-1].at.year == 2001
        assert either.store.current().run.as_of == DAYS[0]
        assert either.store.kept()[-1].number == log[-1].number
        # Its tags have expired long ago: a filter finds nobody rather than somebody by mistake.
        counted = either.tagcast("audience", "count", "churn_risk.score >= 0")
        assert counted.stdout.startswith("0 of"), counted.stdout
        assert either.succeeds(DAYS[0])
        counted = either.tagcast("audience", "count", "churn_risk.score >= 0")
        assert not counted.stdout.startswith("0 of"), counted.stdout


def test_a_population_that_shrinks_by_half_overnight(either) -> None:
    with Fault():
        source = either.folder / "lines.parquet"
        whole = source.read_bytes()
        lines = pq.read_table(source)
        odd = [name[-1] in "13579" for name in lines.column("customer").to_pylist()]
        strict = ("--config", "strict.toml")
        try:
            pq.write_table(lines.filter(odd), source)
            either.fails(10, "differs from the last one", "in the last run", "--force", words=strict)
        finally:
            source.write_bytes(whole)
        either.succeeds(DAYS[0], *strict)


def test_a_model_with_one_byte_changed(either) -> None:
    with Fault():
        files = [f for f in either.home.rglob("*") if f.name == "forest.txt" or f.suffix == ".json"]
        artifact = next(f for f in files if "artifacts" in f.parts and "churn_risk" in f.read_text("utf-8"))
        whole = artifact.read_bytes()
        try:
            artifact.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
            either.fails(6, "churn_risk")
        finally:
            artifact.write_bytes(whole)
        either.succeeds(DAYS[0])


def _partition(shop: Shop) -> Path:
    found = sorted(shop.home.glob(f"features/*/as_of={DAYS[0]}/profile_activity/*.parquet"))
    return found[-1]


def test_a_truncated_feature_partition_is_built_again(embedded) -> None:
    with Fault():
        before = said_now(embedded.store)
        file = _partition(embedded)
        file.write_bytes(file.read_bytes()[:-500])
        assert embedded.succeeds(DAYS[0]) == before


@pytest.mark.parametrize("harm", ["zeroed", "column lost", "type changed"])
def test_a_damaged_feature_table_is_named(embedded, harm) -> None:
    """Damage of the same size, which the size does not give away."""
    import json

    with Fault():
        before = said_now(embedded.store)
        file = _partition(embedded)
        manifest = file.parents[1] / "snapshot.json"
        if harm == "zeroed":
            whole = file.read_bytes()
            file.write_bytes(whole[:4] + b"\0" * 2000 + whole[2004:])
        else:
            table = pq.read_table(file)
            place = table.schema.get_field_index("recency_days")
            harmed = table.remove_column(place)
            if harm == "type changed":
                texts = table.column(place).cast("string")
                harmed = harmed.add_column(place, "recency_days", texts)
            pq.write_table(harmed, file)
            known = json.loads(manifest.read_text(encoding="utf-8"))
            known["bytes"]["profile_activity"][0] = file.stat().st_size
            manifest.write_text(json.dumps(known), encoding="utf-8")
        embedded.fails(4, "profile_activity", "" if harm == "zeroed" else "recency_days")
        shutil.rmtree(file.parents[1])
        assert embedded.succeeds(DAYS[0]) == before


STAGES = (20, 60, 120, 250, 500, 900, 1400) if FULL else (60, 500)


@pytest.mark.parametrize("kilobytes", STAGES)
def test_a_full_disk_while_publishing_keeps_the_last_run(folder, tmp_path, kilobytes) -> None:
    """The less is free, the earlier it happens: staging, the snapshot, the log."""
    small_disk(tmp_path / "disk", 12)
    shop = Shop(folder, str(tmp_path / "disk" / "store"))
    try:
        with Fault():
            shop.succeeds(DAYS[1])
            leave_free(tmp_path / "disk", kilobytes)
            done = shop.score(DAYS[0])
            if done.returncode:  # with more free it may have been enough
                assert done.returncode == 7, done.stderr
                assert "the disk is full" in done.stderr
                assert "hint:" in done.stderr
                assert shop.store.current().run.as_of == DAYS[1]
            assert "Traceback" not in done.stderr
            assert said_now(shop.store)
            (tmp_path / "disk" / "filler").unlink()
            shop.succeeds(DAYS[0])
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "disk")], check=True)


def test_a_full_disk_while_features_are_built(embedded, tmp_path) -> None:
    small_disk(tmp_path / "disk", 4)
    features, aside = embedded.home / "features", embedded.home / "features.aside"
    features.rename(aside)
    features.symlink_to(tmp_path / "disk")
    try:
        with Fault():
            leave_free(tmp_path / "disk", 40)
            embedded.fails(4, "the disk is full", day=DAYS[0] - timedelta(days=1))
            (tmp_path / "disk" / "filler").unlink()
            embedded.succeeds(DAYS[0] - timedelta(days=1))
    finally:
        features.unlink()
        aside.rename(features)
        subprocess.run(["umount", "-l", str(tmp_path / "disk")], check=True)
        os.sync()
    embedded.succeeds(NOW)
