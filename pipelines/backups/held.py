"""One moment of a project, held: databases by readers, PostgreSQL by snapshots, files by hard links, which nothing deletes or replaces.

The order matters: what refers to something is held before what it refers to. Databases name files that were there before the row was
written, and MLflow's name models that are complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.home.layouts import FIRST, layout_of
from tagcast.features.core.home.publication import between_publications
from tagcast.features.core.home.scratch import HeldFolder
from tagcast.features.core.home.stamp import read_stamp
from tagcast.pipelines.backups.places import HOME, STATE, STORE, Places, kept_files, stores_of
from tagcast.pipelines.backups.postgres_schemas import HeldSchema
from tagcast.pipelines.backups.sqlite_files import HeldDatabase, is_sqlite, writers_wait
from tagcast.registry.access.chain.heads import FILE as HEAD
from tagcast.registry.state.database import DATABASE as REGISTRY
from tagcast.registry.state.migrations.revisions import VERSION
from tagcast.registry.versions.home_database import ARTIFACTS, recorded_folders
from tagcast.registry.versions.home_database import DATABASE as MODELS
from tagcast.serving.store.duckdb.store import CURRENT

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

WAIT_S = 3600.0
"""For a run that is being put on record."""
LINKS = ".backup"
"""Beside what is linked, since a link has to lie on the same disk."""


@dataclass
class Held:
    """What is held of a project.

    Parameters
    ----------
    databases : dict of str to HeldDatabase
        SQLite files, by their path in the backup.
    files : dict of str to Path
        Where each file can be read as it was.
    links : dict of str to str
        Links, and where they lead.
    schemas : dict of str to HeldSchema
        As in :class:`Places`.
    runs : dict of str to dict
        The active run of each entity.
    layouts : dict of str to str
    """

    databases: dict[str, HeldDatabase] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    schemas: dict[str, HeldSchema] = field(default_factory=dict)
    runs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    layouts: dict[str, str] = field(default_factory=dict)


def hold(settings: Settings, places: Places, aside: Path, stack: ExitStack, *, everything: bool) -> Held:
    """Hold a project as it is between two publications, until ``stack`` is closed.

    Parameters
    ----------
    settings : Settings
    places : Places
        Of the project.
    aside : Path
        Where the backup is being put together: databases are copied there.
    stack : ExitStack
    everything : bool
        Whether what can be computed again is held as well.
    """
    held = Held()
    linker = _Linker(stack)
    with between_publications(settings.home, WAIT_S), writers_wait(settings.home / REGISTRY):
        files = list(kept_files(places, everything=everything))
        # Before the log that it is the head of: one that is behind still stands in it.
        held.files |= {path: linker.copied(file, places) for path, file in files if file.name == HEAD}
        for name, schema in places.schemas.items():
            if schema.is_there():
                held.schemas[name] = HeldSchema(schema)
                stack.callback(held.schemas[name].close)
        # The decisions first, then what they decide on: MLflow's records, and last its files.
        for path, file in sorted(files, key=lambda one: one[1].name != REGISTRY):
            if not file.is_symlink() and file.suffix == ".db" and is_sqlite(file):
                held.databases[path] = HeldDatabase(file, aside / path)
                stack.callback(held.databases[path].close)
                if file.name == REGISTRY:
                    revision = held.databases[path].column(VERSION.name, "version_num")
                    held.layouts[f"{STATE}/{path.removeprefix(HOME + '/')}"] = next(iter(revision), "")
        models = f"{HOME}/{MODELS}"
        if models in held.databases:
            held.databases[models].copy()
        known = (
            {f"{HOME}/{folder}" for folder in recorded_folders(aside / models)}
            if models in held.databases
            else None
        )
        for entity, store in stores_of(settings).items():
            active = _active(held.schemas.get(f"{STORE}/{entity}"), store.folder)
            if active is not None:
                run = active["manifest"]["run"]
                number = active["manifest"]["number"]
                held.runs[entity] = {"number": number, "run_id": run["run_id"], "as_of": run["as_of"]}
                held.layouts[f"{STORE}/{entity}"] = str(layout_of(active))
            prefix = f"{STORE}/{entity}"
            files += [(f"{prefix}/{file.relative_to(store.folder)}", file) for file in store.files()]
        for path, file in files:
            if path in held.databases or path in held.files or not _recorded(path, known):
                continue
            with suppress(FileNotFoundError):  # of what is built anew at any time
                if file.is_symlink():
                    held.links[path] = str(file.readlink())
                else:
                    held.files[path] = linker.linked(file, places)
    stamp = read_stamp(settings.home)
    held.layouts["home"] = str(stamp.layout if stamp else FIRST)
    for name, one in held.schemas.items():
        if name.startswith(f"{STATE}/"):
            held.layouts[name] = next(iter(one.column(VERSION.name, "version_num")), "")
    return held


def _active(schema: HeldSchema | None, folder: Path) -> dict[str, Any] | None:
    """Return the line of a store's log that is active, as it is written there: a backup reads whatever layout it has.

    In PostgreSQL it is that of the moment that is held: others publish there without a lock of this home.
    """
    number: int | None = None
    if schema is None:
        current = folder / CURRENT
        texts = [current.read_text(encoding="utf-8")] if current.exists() else []
    else:
        texts = schema.column("log", "entry")
        number = next(iter(schema.column("current", "number")), None)
    try:
        lines: list[dict[str, Any]] = [json.loads(text) for text in texts]
        return next((line for line in lines if number is None or line["number"] == number), None)
    except (ValueError, KeyError, TypeError):
        return None  # damaged: kept as it is


def _recorded(path: str, known: set[str] | None) -> bool:
    """Return whether a file is no file of a run of MLflow's that began after the records were held."""
    if known is None or not path.startswith(f"{HOME}/{ARTIFACTS}/"):
        return True
    return any(str(parent) in known for parent in Path(path).parents)


class _Linker:
    """Makes hard links beside what they lead to; where a disk knows none, copies."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._folders: dict[Path, Path | None] = {}
        self._count = 0

    def linked(self, file: Path, places: Places) -> Path:
        """Return another name of a file, which stays when its own is deleted or given to another file."""
        target = self._target(file, places)
        if target is None:
            return file
        try:
            os.link(file, target)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(file, target)
        return target

    def copied(self, file: Path, places: Places) -> Path:
        """Return a copy of a small file that is written in place."""
        target = self._target(file, places)
        return file if target is None else shutil.copyfile(file, target)

    def _target(self, file: Path, places: Places) -> Path | None:
        folder = self._folder(next(root for root in places.roots() if file.is_relative_to(root)))
        self._count += 1
        return None if folder is None else folder / f"{self._count}"

    def _folder(self, root: Path) -> Path | None:
        if root not in self._folders:
            for folder in (root / "scratch", root / "scratch" / LINKS):
                self._stack.callback(_remove_empty, folder)
            try:
                self._folders[root] = self._stack.enter_context(HeldFolder(root / "scratch" / LINKS))
            except OSError:
                self._folders[root] = None  # nothing can be written there, by whoever this is
        return self._folders[root]


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # others have something there
        folder.rmdir()
