"""What the tests of faults share: a shop that is scored by the command line, and what its store says."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.factory import open_store
from tagcast.serving.store.long_form import long_batches
from tests.support.faults.forked import Forked
from tests.support.shop import FIRST_DAY, write_shop

FULL = os.environ.get("TAGCAST_FAULTS") == "full"
"""The counts of `make faults`; a short form of each is part of `make test`."""
KILLS = 50 if FULL else 2
NOW = FIRST_DAY + timedelta(days=200)
DAYS = (NOW, NOW - timedelta(days=20))
"""Two days whose tags differ: a store holds one or the other, never parts of both."""
OLDER = ("--force", "--reason", "a test of two days")
WIDE = "\n[publish]\nbase_change = 9\npopulation_change = 9\nshare_change = 1\npsi = 99\n"
ENVIRONMENT = {
    **os.environ,
    "PYTHONWARNINGS": "ignore",
    "PYTHONPATH": str(Path(__file__).parents[3]),  # the code of this folder, wherever an installed one lies
}

tally = {"met": 0, "survived": 0}
"""Of this process; shown at the end of `make faults`."""


class Fault:
    """Counts as survived where the block ends without an error."""

    def __enter__(self) -> Fault:
        tally["met"] += 1
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        tally["survived"] += kind is None


Contents = dict[tuple[str, str], tuple[str, float, float]]


def said_now(store: ProfileStore) -> Contents:
    """Return everything that the store says, by profile and tag."""
    with store.reader() as reader:
        tags = [tag.tag for tag in reader.manifest.run.tags]
        rows = [row for batch in long_batches(reader, tags) for row in batch.to_pylist()]
        assert len(rows) == reader.manifest.predictions
    return {(r["profile_id"], r["tag"]): (r["value"], r["score"], r["confidence"]) for r in rows}


class Shop:
    """A shop with two champions.

    Parameters
    ----------
    folder : Path
    store : str, optional
        URL of its store; a folder of the home by default.
    """

    def __init__(self, folder: Path, store: str | None = None) -> None:
        self.folder = folder
        self.home = folder / ".tagcast"
        self.url = store
        self.environment = {**ENVIRONMENT, **({"TAGCAST_STORE": store} if store else {})}

    @property
    def store(self) -> ProfileStore:
        """Its store, opened anew."""
        return open_store(self.url, self.home, "small shop")

    def start(self, *words: str) -> Forked:
        """Start a command."""
        return Forked(words, cwd=self.folder, env=self.environment)

    def tagcast(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = self.start(*words)
        out, error = command.communicate()
        return subprocess.CompletedProcess(["tagcast", *words], command.returncode or 0, out, error)

    def score(self, day=NOW, *words: str) -> subprocess.CompletedProcess[str]:
        """Score everyone as of ``day``; an older day than the active one becomes active, too."""
        return self.tagcast("score", "--all", "--as-of", str(day), *words, *self.for_older(day))

    def for_older(self, day) -> tuple[str, ...]:
        """Return the words with which a run of an older day than the active one becomes active."""
        current = self.store.current()
        return OLDER if current is not None and day < current.run.as_of else ()

    def succeeds(self, day=NOW, *words: str) -> Contents:
        """Score, and return what the store says then: everything of ``day``."""
        done = self.score(day, *words)
        assert done.returncode == 0, done.stderr
        assert self.store.current().run.as_of == day
        return said_now(self.store)

    def fails(self, code: int, *said: str, day=NOW, words: tuple[str, ...] = ()) -> None:
        """Score in vain: with this exit code, these words, a way out, and what was active untouched."""
        current, before = self.store.current(), said_now(self.store)
        done = self.score(day, *words)
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stderr}"
        for word in (*said, "hint:"):
            assert word in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert self.store.current() == current
        assert said_now(self.store) == before


def trained_shop(folder: Path) -> Shop:
    """Return a shop whose two tags have champions."""
    write_shop(folder, customers=250)
    config = folder / "tagcast.toml"
    config.with_name("strict.toml").write_text(config.read_text(encoding="utf-8"), encoding="utf-8")
    config.write_text(config.read_text(encoding="utf-8") + WIDE, encoding="utf-8")
    shop = Shop(folder)
    for words in (
        ["train", "churn_risk", "high_value", "--as-of", str(NOW), "--trials", "1", "--threads", "1"],
        ["model", "promote", "churn_risk", "1", "--force", "--reason", "this shop is too small for the gate"],
        ["model", "promote", "high_value", "1", "--force", "--reason", "this shop is too small for the gate"],
    ):
        done = shop.tagcast(*words)
        assert done.returncode == 0, done.stderr
    return shop


def small_disk(folder: Path, megabytes: int) -> None:
    """Mount a small file system at ``folder``; where that is not allowed, the test is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")


def leave_free(disk: Path, kilobytes: int) -> None:
    """Fill ``disk`` up to so much."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    found = os.statvfs(disk)
    filler.write_bytes(b"x" * max(0, found.f_bavail * found.f_frsize - 1024 * kilobytes))
