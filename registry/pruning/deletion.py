"""Versions are deleted from MLflow: in the home's own database their rows in one transaction, and then the files that no row names.

A kill in between leaves files without a row, which the next deletion removes. On a server MLflow's client deletes; what becomes of
the rows and files of deleted runs there is up to ``mlflow gc``.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import msg
from tagcast.registry.versions.home_database import ARTIFACTS, DATABASE
from tagcast.registry.versions.tracking import Tracking, store_errors

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from tagcast.registry.versions.versions import Version

ABANDONED = timedelta(days=1)
"""A run without a version that began so long ago is of a training that failed or was killed."""
_RUN_KEYS = ("run_uuid", "run_id")
_PARENT = "mlflow.parentRunId"
_CHUNK = 500
_RUN, _MODEL = re.compile("[0-9a-f]{32}"), re.compile("m-[0-9a-f]{32}")
"""How MLflow names the folders of a run and of a logged model."""


def delete_versions(tracking: Tracking, gone: Sequence[Version], now: datetime) -> list[Version]:
    """Delete versions with the runs of their trainings and trials, and what trainings that failed have left; return which.

    Parameters
    ----------
    tracking : Tracking
    gone : sequence of Version
        One that got an alias meanwhile stays.
    now : datetime
        Only of the home's own MLflow runs without a version are deleted, that began a day before or earlier.

    Raises
    ------
    ModelError
        When MLflow cannot be written.
    """
    with store_errors(msg("old model versions cannot be deleted")):
        if not tracking.is_own:
            return _delete_by_client(tracking, gone)
        deleted = _delete_rows(tracking, gone, now)
        _remove_unnamed(tracking)
    return deleted


def _delete_by_client(tracking: Tracking, gone: Sequence[Version]) -> list[Version]:
    client, deleted = tracking.client, []
    for version in gone:
        name = tracking.model_name(version.tag)
        logged = client.get_model_version(name, str(version.version))
        if logged.aliases:
            continue
        # The version first: whatever fails then leaves a run that nothing names, never a version without its files.
        client.delete_model_version(name, str(version.version))
        of_parent = f"tags.`{_PARENT}` = '{version.run_id}'"
        for trial in client.search_runs([tracking.experiment_id], of_parent, max_results=10_000):
            client.delete_run(trial.info.run_id)
        if model_id := getattr(logged, "model_id", None):
            client.delete_logged_model(model_id)
        client.delete_run(version.run_id)
        deleted.append(version)
    return deleted


def _delete_rows(tracking: Tracking, gone: Sequence[Version], now: datetime) -> list[Version]:
    """Delete the rows of versions and of abandoned runs, all or none, and give the space back to the disk."""
    with _engine(tracking) as engine:
        tables = _reflected(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
            deleted = [one for one in gone if _delete_version(connection, tables, tracking, one)]
            runs = [one.run_id for one in deleted] + _abandoned(connection, tables, now)
            runs += _trials_of(connection, tables, runs)
            for start in range(0, len(runs), _CHUNK):
                _delete_runs(connection, tables, runs[start : start + _CHUNK])
    if runs:
        # Where somebody reads meanwhile the free pages stay in the file, and are used for what comes.
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(tracking.home / DATABASE, timeout=30, isolation_level=None)) as file,
        ):
            file.execute("VACUUM")
    return deleted


@contextmanager
def _engine(tracking: Tracking) -> Iterator[Any]:
    from sqlalchemy import NullPool, create_engine, event

    engine = create_engine(tracking.uri, poolclass=NullPool, connect_args={"timeout": 30})

    @event.listens_for(engine, "begin")
    def _write_alone(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        yield engine
    finally:
        engine.dispose()


def _reflected(engine: Any) -> dict[str, Table]:
    from sqlalchemy import MetaData

    tables = MetaData()
    tables.reflect(engine, resolve_fks=False)
    return dict(tables.tables)


def _delete_version(
    connection: Connection, tables: dict[str, Table], tracking: Tracking, version: Version
) -> bool:
    """Delete the rows of one version; False where an alias names it by now."""
    from sqlalchemy import delete, select

    name = tracking.model_name(version.tag)
    aliases = tables["registered_model_aliases"]
    named = select(aliases.c.alias).where(aliases.c.name == name, aliases.c.version == version.version)
    if connection.execute(named).first() is not None:
        return False
    for table in (tables["model_version_tags"], tables["model_versions"]):
        connection.execute(delete(table).where(table.c.name == name, table.c.version == version.version))
    return True


def _abandoned(connection: Connection, tables: dict[str, Table], now: datetime) -> list[str]:
    """Return the runs of trainings that became no version and began long ago."""
    from sqlalchemy import select

    runs, tags, versions = tables["runs"], tables["tags"], tables["model_versions"]
    ours = select(tags.c.run_uuid).where(tags.c.key == "tagcast.tag")
    trials = select(tags.c.run_uuid).where(tags.c.key == _PARENT)
    used = select(versions.c.run_id).where(versions.c.run_id.is_not(None))
    query = select(runs.c.run_uuid).where(
        runs.c.run_uuid.in_(ours),
        runs.c.run_uuid.not_in(trials),
        runs.c.run_uuid.not_in(used),
        runs.c.status != "FINISHED",  # of a version that somebody deleted in MLflow: theirs to delete
        runs.c.start_time < int((now - ABANDONED).timestamp() * 1000),
    )
    return list(connection.scalars(query))


def _trials_of(connection: Connection, tables: dict[str, Table], runs: Sequence[str]) -> list[str]:
    from sqlalchemy import select

    tags = tables["tags"]
    found: list[str] = []
    for start in range(0, len(runs), _CHUNK):
        some = runs[start : start + _CHUNK]
        query = select(tags.c.run_uuid).where(tags.c.key == _PARENT, tags.c.value.in_(some))
        found += connection.scalars(query)
    return found


def _delete_runs(connection: Connection, tables: dict[str, Table], runs: Sequence[str]) -> None:
    """Delete every row that is of one of ``runs``, or of the models that they logged."""
    from sqlalchemy import delete, select

    logged, inputs = tables["logged_models"], tables["inputs"]
    models = list(connection.scalars(select(logged.c.model_id).where(logged.c.source_run_id.in_(runs))))
    of_runs = inputs.c.destination_id.in_(runs)
    given = list(connection.scalars(select(inputs.c.input_uuid).where(of_runs)))
    tagged = tables["input_tags"]
    connection.execute(delete(tagged).where(tagged.c.input_uuid.in_(given)))
    connection.execute(delete(inputs).where(of_runs))
    for table in tables.values():
        if "model_id" in table.c and table.name != "model_versions":
            connection.execute(delete(table).where(table.c.model_id.in_(models)))
        for key in _RUN_KEYS:
            if key in table.c and table.name != "model_versions":
                connection.execute(delete(table).where(table.c[key].in_(runs)))


def _remove_unnamed(tracking: Tracking) -> None:
    """Remove the files of runs and logged models that have no row: a run has one before it has files."""
    from sqlalchemy import select

    with _engine(tracking) as engine:
        tables = _reflected(engine)
        with engine.connect() as connection:
            runs = set(connection.scalars(select(tables["runs"].c.run_uuid)))
            models = set(connection.scalars(select(tables["logged_models"].c.model_id)))
    artifacts = tracking.home / ARTIFACTS
    for root in (artifacts, *artifacts.glob("[0-9]*")):
        for folder in root.glob("*"):
            if _RUN.fullmatch(folder.name) and folder.name not in runs:
                shutil.rmtree(folder)
        for folder in root.glob("models/*"):
            if _MODEL.fullmatch(folder.name) and folder.name not in models:
                shutil.rmtree(folder)
