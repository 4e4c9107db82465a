"""``tagcast backup --drill``: a backup is restored aside, opened and compared, and what was restored is removed again.

Nothing is scored, and nothing that is in use is touched: files go into a folder of their own, what PostgreSQL kept into a database of
its own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import BackupError
from tagcast.features.core.messages import Text, msg
from tagcast.pipelines.backups.backup import beside, errors
from tagcast.pipelines.backups.manifest import BackupManifest, read_manifest
from tagcast.pipelines.backups.places import STORE, Places, entities_of
from tagcast.pipelines.backups.postgres_schemas import Schema, Tables, connected
from tagcast.pipelines.backups.restore import place_backup
from tagcast.pipelines.backups.sqlite_files import tables_of
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.registry.state.database import DATABASE as REGISTRY
from tagcast.registry.state.database import State
from tagcast.registry.state.migrations.upgrade import state_revision
from tagcast.registry.versions.home_database import DATABASE as MODELS
from tagcast.registry.versions.home_database import own_folder
from tagcast.serving.store.duckdb.store import DuckDbStore

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.serving.store.base import StoreReader

_DATABASE = "tagcast_drill_"


@dataclass(frozen=True)
class Drill:
    """What was compared.

    Parameters
    ----------
    backup : BackupManifest
    files, bytes : int
        Whose digests were compared.
    tables, rows : int
        Of databases, row by row; of MLflow's the rows were counted, since its paths follow the home.
    runs, profiles : int
        Kept runs that were opened, and the profiles counted in them.
    models : int
        Versions whose files are there.
    schemas : int
        Of PostgreSQL, restored and compared.
    unrestored : tuple of str
        Schemas whose dumps were compared with their digests alone, since the user may make no database for them.
    """

    backup: BackupManifest
    files: int
    bytes: int
    tables: int
    rows: int
    runs: int
    profiles: int
    models: int
    schemas: int
    unrestored: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        plain = {**asdict(replace(self, backup=None)), "id": self.backup.id}  # type: ignore[arg-type]
        return {
            **{k: v for k, v in plain.items() if k != "backup"},
            "taken_at": self.backup.taken_at.isoformat(),
        }


def drill_backup(settings: Settings, source: Path, *, progress: Progress = quiet) -> Drill:
    """Restore a backup aside and compare it with what it says of itself.

    Parameters
    ----------
    settings : Settings
        Of the project: PostgreSQL's server is asked for a database of its own.
    source : Path
        The backup; beside it there has to be room for another one.
    progress : callable, optional

    Raises
    ------
    BackupError
        Naming what is not as it was.
    """
    source = source.absolute()
    manifest = read_manifest(source)
    with errors(source), beside(source) as scratch:
        entities = {path.split("/")[1] for path in manifest.files if path.startswith(f"{STORE}/")}
        places = Places.under(scratch, dict.fromkeys([*entities_of(settings.whole), *entities]))
        place_backup(manifest, source, places, progress, files_only=True)
        tables, rows = _databases(manifest, places)
        runs, profiles = _runs(manifest, places)
        models = _models(places.home)
        state = places.home / REGISTRY
        if state.exists():
            opened = State(f"sqlite:///{state}", manifest.project)
            state_revision(opened)
            opened.close()
    restored, unrestored = [], []
    for name, file in manifest.schemas.items():
        found = _restored(settings, name, source / file, manifest)
        if found is None:
            unrestored.append(name)
            continue
        _compare(name, found, dict(manifest.files[file].tables), counted_only=False)
        restored.append(name)
        tables, rows = tables + len(found), rows + sum(count for count, _ in found.values())
    return Drill(
        manifest, len(manifest.files), manifest.bytes, tables, rows, runs, profiles, models, len(restored), tuple(unrestored)
    )  # fmt: skip


def _databases(manifest: BackupManifest, places: Places) -> tuple[int, int]:
    tables = rows = 0
    for path, kept in manifest.files.items():
        place = places.place_of(path)
        if kept.tables and place is not None:
            found = tables_of(place)
            _compare(path, found, dict(kept.tables), counted_only=place.name == MODELS)
            tables, rows = tables + len(found), rows + sum(count for count, _ in found.values())
    return tables, rows


def _compare(name: str, found: Tables, before: Tables, *, counted_only: bool) -> None:
    for table in sorted({*found, *before}):
        was, now = before.get(table), found.get(table)
        if was is None or now is None or (was[0] != now[0] if counted_only else was != now):
            raise _differs(
                msg(
                    "{place}: the table {table} has {now} rows and had {before}, or other ones",
                    place=name,
                    table=table,
                    now=now[0] if now else msg("no"),
                    before=was[0] if was else msg("no"),
                )
            )


def _runs(manifest: BackupManifest, places: Places) -> tuple[int, int]:
    runs = profiles = 0
    for entity, folder in places.stores.items():
        store = DuckDbStore(folder)
        active, said = store.current(), manifest.runs.get(entity)
        if f"{STORE}/{entity}" in manifest.schemas:
            continue
        if (active.run.run_id if active else None) != (said["run_id"] if said else None):
            raise _differs(msg("the active run of {entity} is a different one", entity=entity))
        for run in store.kept():
            with store.open(run) as reader:
                counted = _count(reader)
            if counted != run.profiles:
                raise _differs(
                    msg(
                        "run {number} of {entity} has {now:,} profiles and had {before:,}",
                        number=run.number,
                        entity=entity,
                        now=counted,
                        before=run.profiles,
                    )
                )
            runs, profiles = runs + 1, profiles + counted
    return runs, profiles


def _count(reader: StoreReader) -> int:
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows")).from_("profiles")
    return int(reader.figures(query)["rows"])


def _models(home: Path) -> int:
    """Return how many versions of models are recorded, each with its files."""
    database = home / MODELS
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            "SELECT name, version, storage_location FROM model_versions WHERE current_stage <> 'Deleted_Internal'"
        ).fetchall()
    for name, number, location in found:
        folder = own_folder(home, location or "")
        if folder is not None and not folder.is_dir():
            raise _differs(msg("{tag} v{version}: its files are not there", tag=name, version=number))
    return len(found)


def _restored(settings: Settings, name: str, file: Path, manifest: BackupManifest) -> Tables | None:
    """Restore a dump into a database of its own; None where the user may make none."""
    from psycopg import errors as refused
    from psycopg.sql import SQL, Identifier
    from sqlalchemy import make_url

    schema = Places.of(settings.whole).schemas.get(name)
    if schema is None:
        return None
    scratch = f"{_DATABASE}{manifest.id[:16]}"
    made, dropped = SQL("CREATE DATABASE {}"), SQL("DROP DATABASE IF EXISTS {}")
    with connected(schema.url, autocommit=True) as connection:
        connection.execute(dropped.format(Identifier(scratch)))  # of a drill that was killed
        try:
            connection.execute(made.format(Identifier(scratch)))
        except refused.InsufficientPrivilege:
            return None
        try:
            url = make_url(schema.url).set(database=scratch).render_as_string(hide_password=False)
            aside = Schema(url, schema.name)
            aside.restore(file)
            return aside.tables()
        finally:
            connection.execute(dropped.format(Identifier(scratch)))


def _differs(problem: Text) -> BackupError:
    return BackupError(
        msg("the backup is not what it was: {problem}", problem=problem),
        hint=msg("take another backup, and keep the one before until then"),
    )
