"""What a restore is about to put in place: on record before it does, so that all of it can be removed again after a kill."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tagcast.features.core.errors import BackupError
from tagcast.features.core.home.replaced_files import sync, write_synced
from tagcast.features.core.home.scratch import SCRATCH
from tagcast.features.core.home.stamp import RESTORING
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder
from tagcast.pipelines.backups.places import Places

JOURNAL = "journal.json"
FILES = "files"
"""In the folder that says that a home is being restored: what is not in place yet."""
_LOCK = "lock"


@dataclass
class Journal:
    """What a call is about to put in place, written before it does: all of it may be removed again.

    Parameters
    ----------
    names : dict of str to list of str
        Folder to the names that were not in it before.
    schemas : dict of str to str
        Schemas that were not there before, as in :class:`Places`, and where they are.
    """

    names: dict[str, list[str]] = field(default_factory=dict)
    schemas: dict[str, str] = field(default_factory=dict)


def write_journal(journal: Journal, staging: Path) -> None:
    """Put a journal on record in the folder that :func:`alone` yields."""
    write_synced(staging / JOURNAL, json.dumps({"names": journal.names, "schemas": journal.schemas}))
    sync(staging)


@contextmanager
def alone(home: Path) -> Iterator[Path]:
    """Hold the lock of restoring into a home, and yield the folder that says so; it goes when the block ends well."""
    staging = home / RESTORING
    began = not home.exists()
    private_folder(staging)
    with (staging / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupError(
                msg("another restore into {home} is under way", home=home), hint=msg("wait until it ends")
            ) from error
        try:
            yield staging
        except BaseException:
            if not (staging / JOURNAL).exists():  # nothing was begun: as if nobody had called
                shutil.rmtree(staging, ignore_errors=True)
                if began:
                    with suppress(OSError):
                        home.rmdir()
            raise
        # One step: once the folder is called otherwise, the home is whole. What a kill leaves of it the next scratch removes.
        private_folder(home / SCRATCH)
        done = home / SCRATCH / "restored"
        staging.rename(done)
        shutil.rmtree(done, ignore_errors=True)


def clear(staging: Path, places: Places) -> None:
    """Remove what a call that was killed has put in place."""
    try:
        plain = json.loads((staging / JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    for name, place in plain["schemas"].items():
        if name in places.schemas and places.schemas[name].place == place:
            places.schemas[name].drop()
    for folder, names in plain["names"].items():
        for name in names:
            _remove(Path(folder) / name)
        if Path(folder) / RESTORING != staging:
            shutil.rmtree(Path(folder) / RESTORING, ignore_errors=True)
    shutil.rmtree(staging / FILES, ignore_errors=True)
    (staging / JOURNAL).unlink()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
