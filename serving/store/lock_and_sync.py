"""Files of the embedded profile store: the lock of the writer, what reaches the disk, errors of the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from tagcast.features.core.errors import StoreBusyError, StoreError
from tagcast.features.core.home.disk_errors import disk_errors as features_disk_errors
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.system import private_folder

CHECK_EVERY_SECONDS = 0.5


@contextmanager
def only_writer(folder: Path, run_id: str, wait_seconds: float = 0.0) -> Iterator[Path]:
    """Hold the writer's lock and yield an empty staging folder, removed at the end.

    The lock goes with the process: a killed writer leaves it free, and its leftovers are cleared by the next.

    Raises
    ------
    StoreBusyError
        When another run still writes after ``wait_seconds``.
    """
    with disk_errors(folder):
        private_folder(folder)
    with (folder / ".lock").open("a+", encoding="utf-8") as lock:
        waited = 0.0
        while not _locked(lock):
            if waited >= wait_seconds:
                lock.seek(0)
                holder = lock.read().strip() or msg("another process")
                raise busy(str(folder), holder, waited)
            time.sleep(CHECK_EVERY_SECONDS)
            waited += CHECK_EVERY_SECONDS
        with disk_errors(folder):
            lock.seek(0)
            lock.truncate()
            lock.write(f"process {os.getpid()}, run {run_id}")
            lock.flush()
        with staging_in(folder) as staging:
            yield staging


@contextmanager
def staging_in(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for whoever holds the lock of a store, removed at the end.

    What a killed writer left is cleared. The folder has a new name each time: tasks that such a writer has elsewhere may not
    know yet that nobody waits for them, and must not write into the next run.

    Parameters
    ----------
    folder : Path
        Of the store.

    Raises
    ------
    StoreError
        When it cannot be made.
    """
    staging = folder / "staging"
    try:
        with disk_errors(folder):
            shutil.rmtree(staging, ignore_errors=True)
            private_folder(staging)
            own = Path(tempfile.mkdtemp(dir=staging))
        yield own
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _locked(lock: IO[str]) -> bool:
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def busy(place: str, holder: Text, waited: float) -> StoreBusyError:
    """Return the error of a writer that found another one."""
    problem = msg("another run is writing the store {place}: {who}", place=place, who=holder)
    if waited:
        problem = msg(
            "another run is writing the store {place} after {waited:,.0f} s of waiting: {who}",
            place=place,
            waited=waited,
            who=holder,
        )
    hint = msg(
        "run again when it has ended, or let this one wait: {command}", command="tagcast score --wait 60"
    )
    return StoreBusyError(problem, hint=hint)


def disk_errors(folder: Path) -> AbstractContextManager[None]:
    """Turn what the disk and DuckDB raise while a store is written into one StoreError."""
    return features_disk_errors(folder, msg("the last published run stays active"), StoreError)
