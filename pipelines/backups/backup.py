"""``tagcast backup TO``: one consistent set of what cannot be computed again, taken while everything runs.

It is put together aside and renamed: a backup that was killed leaves nothing that looks like one, and the next call removes it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import BackupError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.home.replaced_files import sync
from tagcast.features.core.home.scratch import HeldFolder
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.pipelines.backups.held import Held, hold
from tagcast.pipelines.backups.manifest import FILE, BackupManifest, KeptFile, copied, digested, with_tables
from tagcast.pipelines.backups.places import Places
from tagcast.pipelines.backups.sqlite_files import tables_of
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.registry.versions.tracking import VARIABLE

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

UNDER_WAY = ".tagcast-under-way"
"""Beside backups: those that are being put together."""
MEGABYTE = 10**6


def take_backup(
    settings: Settings,
    to: Path,
    now: datetime,
    *,
    everything: bool = False,
    progress: Progress = quiet,
) -> BackupManifest:
    """Take a backup of a project as it is between two publications.

    Whoever publishes a run waits for that moment, a second or two; copying takes as long as it takes, and nobody waits for it.

    Parameters
    ----------
    settings : Settings
    to : Path
        Folder of the backup, which is made; an empty one is taken.
    now : datetime
        With a timezone.
    everything : bool
        Whether to keep what can be computed again, too: event log, snapshots, caches.
    progress : callable, optional

    Raises
    ------
    BackupError
        When ``to`` is not free, nothing is there to be kept, or it cannot be read or written. Nothing is left at ``to``.
    StoreBusyError
        When a run is being put on record all the time.
    """
    settings, to = settings.whole, to.absolute()
    places = Places.of(settings)
    _check_target(to, places)
    with errors(to), ExitStack() as stack:
        aside = stack.enter_context(beside(to))
        progress(msg("waiting for the moment between two runs"), 0, 1)
        held = hold(settings, places, aside, stack, everything=everything)
        progress(msg("waiting for the moment between two runs"), 1, 1)
        if not held.databases and not held.files and not held.schemas:
            raise BackupError(
                msg("there is nothing to back up in {home} yet", home=settings.home),
                hint=msg("run {command} first", command="tagcast train --all"),
            )
        files = _copied(held, aside, progress)
        manifest = BackupManifest(
            project=settings.name,
            tagcast=version("tagcast"),
            taken_at=now.astimezone(UTC),
            everything=everything,
            runs=held.runs,
            layouts=held.layouts,
            elsewhere=_elsewhere(settings),
            files=dict(sorted(files.items())),
            links=held.links,
            schemas={name: _dump(name) for name in held.schemas},
        )
        (aside / FILE).write_text(manifest.text(), encoding="utf-8")
        for folder in (aside / FILE, *(one for one in aside.rglob("*") if one.is_dir()), aside):
            sync(folder)
        aside.rename(to)
        sync(to.parent)
    return manifest


def _copied(held: Held, aside: Path, progress: Progress) -> dict[str, KeptFile]:
    """Copy everything that is held, and return what was copied."""
    sizes = {path: file.stat().st_size for path, file in held.files.items()}
    steps = sum(sizes.values()) // MEGABYTE + len(held.databases) + len(held.schemas)
    done, files = 0, {}
    stage = msg("copying, in MB")
    for path, database in held.databases.items():
        database.copy()
        files[path] = with_tables(digested(aside / path), tables_of(aside / path))
        progress(stage, done := done + 1, steps)
    for name, schema in held.schemas.items():
        target = aside / _dump(name)
        schema.dump(target)
        files[_dump(name)] = with_tables(digested(target), schema.tables())
        schema.close()
        progress(stage, done := done + 1, steps)
    copied_bytes = 0
    for path, file in held.files.items():
        files[path] = copied(file, aside / path)
        copied_bytes += files[path].bytes
        progress(stage, min(done + copied_bytes // MEGABYTE, steps), steps)
    return files


def _dump(name: str) -> str:
    return f"postgres/{name}.dump"


def _check_target(to: Path, places: Places) -> None:
    for root in places.roots():
        if to.is_relative_to(root) or to.resolve().is_relative_to(root.resolve()):
            raise BackupError(
                msg("{folder} lies in {home}, which it is to be a backup of", folder=to, home=root),
                hint=msg("name a folder elsewhere, best on another disk"),
            )
    with errors(to):
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise BackupError(
                msg("{folder} is there already, and not empty", folder=to),
                hint=msg("name a new folder; tagcast deletes no backup"),
            )


@contextmanager
def beside(backup: Path) -> Iterator[Path]:
    """Yield a folder beside a backup, removed at the end where it is still there; so is what a killed call left."""
    parent = backup.parent / UNDER_WAY
    with HeldFolder(parent) as folder:
        yield folder
    with suppress(OSError):  # another backup is being put together there
        parent.rmdir()


def _elsewhere(settings: Settings) -> tuple[str, ...]:
    """Name what belongs to the project and is no file of it, without secrets."""
    found = []
    if settings.mlflow.tracking_uri or os.environ.get(VARIABLE):
        found.append("mlflow")
    if settings.feast.registry is not None or settings.feast.online_store is not None:
        found.append("feast")
    return tuple(found)


@contextmanager
def errors(folder: Path) -> Iterator[None]:
    """Turn what the disk and SQLite raise into a BackupError."""
    with disk_errors(folder, msg("nothing was changed"), BackupError):
        try:
            yield
        except sqlite3.Error as error:
            raise BackupError(
                msg("a database cannot be read: {reason}", reason=raw_text(error)),
                hint=msg(
                    "see that no other program holds it; a damaged one is restored from an earlier backup"
                ),
            ) from error
