"""``tagcast migrate``: what an older tagcast wrote is brought forward, one layout after the other, after a backup.

Each step is done whole or not at all and put on record by the layout that it leads to, so that a call after a kill goes on with the step
that was not done. Nothing is ever brought back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import BackupError, ConfigError, StoreError
from tagcast.features.core.home import layouts
from tagcast.features.core.home.publication import between_publications
from tagcast.features.core.home.replaced_files import write_synced
from tagcast.features.core.home.stamp import read_stamp
from tagcast.pipelines.backups.backup import errors, take_backup
from tagcast.pipelines.backups.held import WAIT_S
from tagcast.pipelines.backups.manifest import read_manifest
from tagcast.pipelines.backups.places import entities_of, stores_of
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.registry.state.database import open_state
from tagcast.registry.state.migrations import revisions
from tagcast.registry.state.migrations.upgrade import state_revision, upgrade_state

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.serving.store.base import ProfileStore

HOME_STEPS: Mapping[int, Callable[[Path], None]] = {}
"""What brings a home forward from each older layout, once or twice: it may have been killed before its end went on record."""
STORE_STEPS: Mapping[int, Callable[[ProfileStore], None]] = {}
"""The same of a store, under its lock; its end is the log, written anew in the next layout."""
UNDER_WAY = "migration.json"
"""In the home, as long as it is being brought forward: where the backup is."""


@dataclass(frozen=True)
class Moved:
    """Something that was brought forward.

    Parameters
    ----------
    what : str
        ``home``, ``store/<entity>`` or ``state/<entity>``.
    before, after : str
        Layouts.
    """

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Migration:
    """What a call has done.

    Parameters
    ----------
    moved : tuple of Moved
        Nothing where everything has the layout of this version.
    backup : Path or None
        From before.
    """

    moved: tuple[Moved, ...] = ()
    backup: Path | None = None


def migrate(
    settings: Settings, now: datetime, *, backup_to: Path | None = None, progress: Progress = quiet
) -> Migration:
    """Bring the home of a project, its stores and its state forward to the layouts of this version.

    Parameters
    ----------
    settings : Settings
        Read without asking that the home be ready.
    now : datetime
        With a timezone.
    backup_to : Path, optional
        Folder of the backup that is taken first; default: beside the home.
    progress : callable, optional

    Raises
    ------
    ConfigError, StoreError, StateError
        When something is of a newer version.
    BackupError
        When no backup can be taken: nothing was changed.
    """
    settings = settings.whole
    waiting = _waiting(settings)
    note = settings.home / UNDER_WAY
    if not waiting:
        note.unlink(missing_ok=True)
        return Migration()
    backup = _backup_of(note)
    if backup is None:
        stamp = f"{settings.home.name.lstrip('.')}-before-{layouts.HOME}-{revisions.HEAD}-{now:%Y%m%dT%H%M%S}"
        backup = (backup_to or settings.home.parent / stamp).absolute()
        take_backup(settings, backup, now, progress=progress)
        with errors(settings.home):
            write_synced(note, json.dumps({"backup": str(backup)}))
    with between_publications(settings.home, WAIT_S), errors(settings.home):
        for entity, part in entities_of(settings).items():
            if any(one.what == f"state/{entity}" for one in waiting):
                state = open_state(part)
                upgrade_state(state)
                state.close()
        for entity, store in stores_of(settings).items():
            _store_forward(store, entity)
        _home_forward(settings.home)
        note.unlink(missing_ok=True)
    return Migration(tuple(waiting), backup)


def _waiting(settings: Settings) -> list[Moved]:
    """Return what has an older layout, each with the one that it will have."""
    found = []
    for entity, part in entities_of(settings).items():
        state = open_state(part)
        revision = state_revision(state)
        state.close()
        if revision is not None and revision != revisions.HEAD:
            found.append(Moved(f"state/{entity}", revision, revisions.HEAD))
    for entity, store in stores_of(settings).items():
        layout = store.layout
        if layout is not None and layout != layouts.STORE:
            if layout > layouts.STORE:
                raise layouts.newer(str(layout), str(layouts.STORE), store.place, StoreError)
            found.append(Moved(f"store/{entity}", str(layout), str(layouts.STORE)))
    stamp = read_stamp(settings.home)
    if stamp is not None and stamp.layout != layouts.HOME:
        if stamp.layout > layouts.HOME:
            raise layouts.newer(str(stamp.layout), str(layouts.HOME), str(settings.home), ConfigError)
        found.append(Moved("home", str(stamp.layout), str(layouts.HOME)))
    return found


def _backup_of(note: Path) -> Path | None:
    """Return the backup of a call that was killed; None where there is none that is whole."""
    try:
        backup = Path(json.loads(note.read_text(encoding="utf-8"))["backup"])
        read_manifest(backup)
    except (OSError, ValueError, KeyError, TypeError, BackupError):
        return None
    return backup


def _home_forward(home: Path) -> None:
    while (stamp := read_stamp(home)) is not None and stamp.layout < layouts.HOME:
        HOME_STEPS[stamp.layout](home)
        replace(stamp, layout=stamp.layout + 1).write(home)


def _store_forward(store: ProfileStore, entity: str) -> None:
    while (layout := store.layout) is not None and layout < layouts.STORE:
        with store.lock(f"migrate {entity}", 0.0):
            STORE_STEPS[layout](store)
