"""MLflow's database in the home: made whole or not at all, and true to the home where that was copied or moved.

MLflow records where artifacts lie as absolute paths. In a copy they would still name the original: training would write
there, scoring would read from there, and damage in the copy would go unnoticed.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

if TYPE_CHECKING:
    from sqlalchemy import Connection

ARTIFACTS = "mlartifacts"
DATABASE = "mlflow.db"


def ensure_database(home: Path) -> None:
    """Make the database of ``home`` where there is none; one that is there is only looked at.

    Raises
    ------
    sqlite3.Error
        When the file is no database.
    """
    database = home / DATABASE
    if database.exists():
        # MLflow tries a file that is no database for a minute and a half before it raises.
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # A folder, so that the journal of a killed attempt goes with its half-made database.
    fresh = home / f"{DATABASE}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    store: Any = SqlAlchemyStore(sqlite_uri(fresh / DATABASE), (home / ARTIFACTS).as_uri())
    store.engine.dispose()
    (fresh / DATABASE).replace(database)
    fresh.rmdir()


def sqlite_uri(file: Path) -> str:
    """Return the tracking URI of a SQLite file."""
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(file)).render_as_string()


def own_folder(home: Path, uri: str) -> Path | None:
    """Return the folder under ``home`` for what MLflow records as ``uri``, None for what never lay in a home.

    Parameters
    ----------
    home : Path
    uri : str
        Of a run or a model, with the path of the home as it was when it was recorded.
    """
    url = urlparse(uri)
    if url.scheme not in {"", "file"}:
        return None
    parts = Path(url2pathname(url.path)).parts
    if ARTIFACTS not in parts:
        return None
    last = len(parts) - 1 - parts[::-1].index(ARTIFACTS)
    return home.joinpath(*parts[last:])


def recorded_folders(database: Path) -> list[Path]:
    """Return the folders that the records of ``database`` name for files of runs and models, from the home on.

    Parameters
    ----------
    database : Path
        MLflow's, of a home that may lie elsewhere today.
    """
    places = (
        ("runs", "artifact_uri"),
        ("logged_models", "artifact_location"),
        ("model_versions", "storage_location"),
    )
    found: set[Path] = set()
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        there = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        for table, column in places:
            if table in there:
                rows = connection.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608 - names of ours
                found |= {own for (uri,) in rows if uri and (own := own_folder(Path(), uri)) is not None}
    return sorted(found)


def follow_home(database: Path, home: Path | None = None) -> bool:
    """Let every record of ``database`` name the folder in which it lies now; return whether any named another.

    What is overwritten is cleared, so that not even the free pages of the file name the old place.

    Parameters
    ----------
    database : Path
        MLflow's, in the home.
    home : Path, optional
        Where it is going to lie, if not where it does now.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        When it cannot be written.
    """
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    here = ((home or database.parent) / ARTIFACTS).as_uri()
    others = {place for (location,) in found if (place := _root(location or "")) not in {"", here}}
    if not others:
        return False
    from sqlalchemy import URL, NullPool, create_engine

    engine = create_engine(URL.create("sqlite", database=str(database)), poolclass=NullPool)
    try:
        with engine.begin() as connection_:
            connection_.exec_driver_sql("PRAGMA secure_delete = ON")
            for place in sorted(others, key=len, reverse=True):
                _rewrite(connection_, place, here)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection_:
            connection_.exec_driver_sql("VACUUM")
    finally:
        engine.dispose()
    return True


def _root(location: str) -> str:
    """Return the URI of the artifacts' folder that ``location`` lies in, as text; empty where it is in none."""
    head, mark, tail = location.rpartition(f"/{ARTIFACTS}")
    within = mark and (not tail or tail.startswith("/")) and head.startswith(("file:", "/"))
    return head + mark if within else ""


def _rewrite(connection: Connection, old: str, new: str) -> None:
    from sqlalchemy import MetaData, String, func, inspect, select, table, text, update

    names = inspect(connection).get_table_names()
    # Most of MLflow's 60 tables are empty: describing them all took nine tenths of the time.
    used = [n for n in names if connection.execute(select(text("1")).select_from(table(n)).limit(1)).first()]
    tables = MetaData()
    tables.reflect(connection, only=used, resolve_fks=False)
    for found in tables.tables.values():
        for column in found.columns:
            if isinstance(column.type, String):
                connection.execute(
                    update(found)
                    .where(func.instr(column, old) > 0)
                    .values({column: func.replace(column, old, new)})
                )
