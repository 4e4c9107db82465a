"""``tagcast restore FROM``: a backup is put into an empty place, all of it or nothing.

Everything is copied aside first, within the places that it is for, and compared with its digests on the way. Until the last file is in
place the home says that it is being restored, and every command refuses it; what a killed call put there is listed, and the next call removes
it and begins anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import BackupError, ConfigError
from tagcast.features.core.home import layouts
from tagcast.features.core.home.replaced_files import sync
from tagcast.features.core.home.stamp import FILE as STAMP
from tagcast.features.core.home.stamp import RESTORING
from tagcast.features.core.messages import listed, msg
from tagcast.features.feast_store.moved_home import forget_old_place
from tagcast.pipelines.backups.backup import MEGABYTE, errors
from tagcast.pipelines.backups.journal import FILES, Journal, alone, clear, write_journal
from tagcast.pipelines.backups.manifest import (
    BackupManifest,
    copied,
    damaged,
    digested,
    inside,
    read_manifest,
)
from tagcast.pipelines.backups.places import STATE, STORE, Places
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.registry.state.migrations import revisions
from tagcast.registry.versions.home_database import DATABASE as MODELS
from tagcast.registry.versions.home_database import follow_home

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

CURRENT = "CURRENT"


def restore_backup(settings: Settings, source: Path, *, progress: Progress = quiet) -> BackupManifest:
    """Put a backup into the places of a project, which are empty.

    Parameters
    ----------
    settings : Settings
        Of the project whose backup it is; its home, store and databases may be called otherwise, and lie elsewhere.
    source : Path
    progress : callable, optional

    Raises
    ------
    BackupError
        When the backup is damaged or of a newer tagcast, something lies where it is to go, or it cannot be written.
    ConfigError
        When it is of another project, or the configuration keeps in files what PostgreSQL kept, or the other way round.
    """
    settings = settings.whole
    manifest = read_manifest(source)
    if manifest.project != settings.name:
        raise ConfigError(
            msg(
                "{folder} is a backup of the project {owner!r}, and this configuration is of {name!r}",
                folder=source,
                owner=manifest.project,
                name=settings.name,
            ),
            hint=msg("name the configuration of {owner!r}", owner=manifest.project),
        )
    place_backup(manifest, source, Places.of(settings), progress)
    return manifest


def place_backup(
    manifest: BackupManifest,
    source: Path,
    places: Places,
    progress: Progress = quiet,
    *,
    files_only: bool = False,
) -> None:
    """Put a backup into ``places``, as :func:`restore_backup` does; with ``files_only`` dumps of PostgreSQL are only compared with their digests."""
    _check_layouts(manifest)
    targets = _targets(manifest, places)
    schemas = {} if files_only else dict(manifest.schemas)
    for name in schemas:
        if name not in places.schemas:
            raise _kept_otherwise(name)
    with errors(places.home):
        if not (places.home / RESTORING).exists():  # one that is in use is not even marked
            _check_empty(schemas, places)
    with errors(places.home), alone(places.home) as staging:
        clear(staging, places)
        _check_empty(schemas, places)
        write_journal(_journal(targets, schemas, places), staging)
        try:
            _stage(manifest, source, targets, places, progress)
            for name, file in schemas.items():
                places.schemas[name].restore(source / file)
            if (models := places.home / MODELS) in targets.values():
                # Where nothing is in place yet: a kill leaves SQLite's journal there as well.
                follow_home(_staged(models, places), places.home)
            _put(_journal(targets, schemas, places), places)
            forget_old_place(places.home)
        except BaseException:
            clear(staging, places)
            raise
        for root in places.roots():
            if root != places.home:
                shutil.rmtree(root / RESTORING, ignore_errors=True)
    sync(places.home)


def _journal(targets: dict[str, Path], schemas: dict[str, str], places: Places) -> Journal:
    names: dict[str, set[str]] = {str(root): set() for root in places.roots()}
    for target in targets.values():
        root = _root_of(target, places)
        names[str(root)].add(target.relative_to(root).parts[0])
    return Journal(
        {root: sorted(found) for root, found in names.items()},
        {name: places.schemas[name].place for name in schemas},
    )


def _check_layouts(manifest: BackupManifest) -> None:
    for name, found in manifest.layouts.items():
        kind = name.split("/")[0]
        known = {STATE: revisions.HEAD, STORE: str(layouts.STORE)}.get(kind, str(layouts.HOME))
        if found.zfill(len(revisions.HEAD)) > known.zfill(len(revisions.HEAD)):
            raise layouts.newer(
                found, known, msg("the backup of tagcast {version}", version=manifest.tagcast), BackupError
            )


def _targets(manifest: BackupManifest, places: Places) -> dict[str, Path]:
    """Return where each file and link of a backup belongs; dumps belong nowhere."""
    found = {}
    for path in (*manifest.files, *manifest.links):
        inside(Path(), path)
        if path in manifest.schemas.values():
            continue
        target = places.place_of(path)
        if target is None:
            raise _kept_otherwise(path)
        found[path] = target
    return found


def _kept_otherwise(what: str) -> ConfigError:
    return ConfigError(
        msg("the backup holds {what}, and the configuration has no such place", what=what),
        hint=msg(
            "let store and [state] url name the same kind of place as then: a folder, or PostgreSQL; "
            "and keep the entities that there were"
        ),
    )


def _check_empty(schemas: dict[str, str], places: Places) -> None:
    for root in places.roots():
        there = sorted(one.name for one in root.iterdir() if one.name != RESTORING) if root.is_dir() else []
        # Locks of a command that found nothing, and an empty scratch.
        left = [name for name in there if not name.endswith(".lock") and name != "scratch"]
        if left:
            shown = [*left[:5], "…"] if len(left) > 5 else left
            raise BackupError(
                msg("{folder} is not empty: {names}", folder=root, names=listed(shown)),
                hint=msg("restore into an empty place: name another --home, or move away what lies there"),
            )
    for name in schemas:
        if places.schemas[name].is_there():
            raise BackupError(
                msg("{place} is there already", place=places.schemas[name].place),
                hint=msg(
                    "name another database, or rename that schema: {command}",
                    command="ALTER SCHEMA … RENAME TO …",
                ),
            )


def _root_of(target: Path, places: Places) -> Path:
    return next(root for root in places.roots() if target.is_relative_to(root))


def _staged(target: Path, places: Places) -> Path:
    """Return where what belongs to ``target`` lies before: on the same disk."""
    root = _root_of(target, places)
    return root / RESTORING / FILES / target.relative_to(root)


def _stage(
    manifest: BackupManifest, source: Path, targets: dict[str, Path], places: Places, progress: Progress
) -> None:
    """Copy everything aside, each file compared with its digest."""
    total, done, stage = manifest.bytes // MEGABYTE, 0, msg("restoring, in MB")
    for path, kept in manifest.files.items():
        if path in targets:
            found = copied(source / path, _staged(targets[path], places))
        else:
            found = digested(source / path)
        if (found.bytes, found.sha256) != (kept.bytes, kept.sha256):
            raise damaged(source / path, msg("its digest differs"))
        done += kept.bytes
        progress(stage, min(done // MEGABYTE, total), total)
    for path, leads_to in manifest.links.items():
        link = _staged(targets[path], places)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(leads_to)
    for root in places.roots():
        for folder in (root / RESTORING).rglob("*"):
            if folder.is_dir() and not folder.is_symlink():
                sync(folder)


def _put(journal: Journal, places: Places) -> None:
    """Move everything to its place; what says that a home or store is there comes last."""
    for root in reversed(places.roots()):
        for name in sorted(journal.names[str(root)], key=lambda one: one in {STAMP, CURRENT}):
            (root / RESTORING / FILES / name).rename(root / name)
        if root.is_dir():
            sync(root)
