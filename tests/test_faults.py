"""Faults that really happen: a scorer killed at any moment, readers during a publish, a full disk."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from shop import FIRST_DAY, write_shop

NOW = FIRST_DAY + timedelta(days=200)
TAGCAST = str(Path(sys.executable).with_name("tagcast"))
QUIET = {**os.environ, "PYTHONWARNINGS": "ignore"}

pytestmark = pytest.mark.xdist_group("faults")


def tagcast(folder: Path, *words: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TAGCAST, *words],
        cwd=folder,
        env={**QUIET, **more.pop("env", {})},
        text=True,
        capture_output=True,
        check=False,
        **more,
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    write_shop(folder, customers=250)
    for words in (
        ["train", "churn_risk", "high_value", "--now", str(NOW), "--trials", "1", "--threads", "1"],
        ["promote", "churn_risk", "1", "--force", "--reason", "this shop is too small for the gate"],
        ["score", "--all", "--as-of", str(NOW)],
    ):
        done = tagcast(folder, *words)
        assert done.returncode == 0, done.stderr
    return folder


def base(folder: Path, as_of: bool = True) -> tuple[int, int]:
    done = tagcast(folder, "audience", "count", "churn_risk.score >= 0", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["members"], found["base"]


def test_a_scorer_killed_at_any_moment_loses_nothing(shop) -> None:
    """kill -9 at ten random moments: the last snapshot stays whole and readable, the next run succeeds."""
    whole = base(shop)
    started = time.monotonic()
    assert tagcast(shop, "score", "--all", "--as-of", str(NOW)).returncode == 0
    length = time.monotonic() - started
    moments = random.Random(7)
    killed = 0
    for _ in range(10):
        scorer = subprocess.Popen(
            [TAGCAST, "score", "--all", "--as-of", str(NOW)],
            cwd=shop,
            env=QUIET,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # The first half is imports, where nothing can be lost: aim at the work.
        time.sleep(length * moments.uniform(0.4, 1.0))
        killed += scorer.poll() is None
        scorer.send_signal(signal.SIGKILL)
        scorer.wait()
        assert base(shop) == whole
    assert killed >= 5, f"only {killed} of 10 were still running when killed"
    done = tagcast(shop, "score", "--all", "--as-of", str(NOW))
    assert done.returncode == 0, done.stderr
    assert base(shop) == whole
    assert not list((shop / ".tagcast" / "store").rglob("*.tmp*"))


def test_readers_keep_working_while_a_run_publishes(shop) -> None:
    """A reader in another process counts in a loop while two runs of different days publish in turn."""
    days = [str(NOW), str(NOW - timedelta(days=20))]
    sizes = set()
    for day in days:
        assert tagcast(shop, "score", "--all", "--as-of", day).returncode == 0
        sizes.add(base(shop))
    assert len(sizes) == 2
    code = (
        "import sys, time; from datetime import datetime, UTC; from pathlib import Path;"
        "from serving.duckdb_store import DuckDbStore; from serving.audiences import count\n"
        "store, until = DuckDbStore(Path('.tagcast/store')), time.monotonic() + float(sys.argv[1])\n"
        "while time.monotonic() < until:\n"
        "    with store.reader() as reader:\n"
        "        for _ in range(3):\n"
        "            c = count(reader, 'churn_risk.score >= 0', datetime.now(UTC)); print(c.members, c.base)\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, "25"],
        cwd=shop,
        env=QUIET,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    for day in days:
        assert tagcast(shop, "score", "--all", "--as-of", day).returncode == 0
    out, err = reader.communicate(timeout=120)
    assert reader.returncode == 0, err
    seen = {tuple(map(int, line.split())) for line in out.splitlines()}
    assert seen <= sizes, "a reader saw something that is no whole run"
    assert len(out.splitlines()) > 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 6 MB; where it cannot be mounted, the test is skipped."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_while_publishing_keeps_the_last_run(shop, small_disk) -> None:
    assert tagcast(shop, "score", "--all", "--as-of", str(NOW)).returncode == 0
    store = shop / ".tagcast" / "store"
    aside = shop / ".tagcast" / "store.aside"
    whole = base(shop)
    (small_disk / "snapshots").mkdir()
    current = json.loads((store / "CURRENT").read_text(encoding="utf-8"))["file"]
    for name in ("CURRENT", f"snapshots/{current}", f"snapshots/{Path(current).stem}.json"):
        shutil.copy2(store / name, small_disk / name)
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - 300_000))
    store.rename(aside)
    store.symlink_to(small_disk)
    try:
        before = base(shop)
        failed = tagcast(shop, "score", "--all", "--as-of", str(NOW))
        assert failed.returncode == 7, failed.stderr
        assert "disk" in failed.stderr
        assert "mend" in failed.stderr
        assert "Traceback" not in failed.stderr
        assert base(shop) == before == whole
        (small_disk / "filler").unlink()
        assert tagcast(shop, "score", "--all", "--as-of", str(NOW)).returncode == 0
        assert base(shop) == whole
    finally:
        store.unlink()
        aside.rename(store)
