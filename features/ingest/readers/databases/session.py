"""A database opened to be read: its session in UTC and read-only, its query a single SELECT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.urls import expand_url, without_passwords
from tagcast.features.ingest.readers.databases.buckets import SQLITE_DIGEST, LineDigest
from tagcast.features.ingest.readers.databases.contract import (
    LostConnectionError,
    UnreachableError,
    table_missing,
    unreadable,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

SESSION = {
    "postgresql": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET TIME ZONE 'UTC'"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'"),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'"),
    "oracle": ("ALTER SESSION SET TIME_ZONE = 'UTC'", "SET TRANSACTION READ ONLY"),
    "snowflake": ("ALTER SESSION SET TIMEZONE = 'UTC'",),
    "redshift": ("SET TIME ZONE 'UTC'",),
}
"""What each kind of server is sent on connecting; SQLite is opened read-only instead, and DuckDB's file too."""
_SQLGLOT = {
    "postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql", "awsathena": "athena",
}  # fmt: skip
_SNAPSHOTS = {"postgresql", "mysql", "mariadb"}
_READ_ONLY_SESSIONS = {"postgresql", "mysql", "mariadb", "sqlite", "duckdb"}
_WRITING = re.compile(
    r"\b(insert|update|delete|merge|create|drop|alter|truncate|into|call|exec|execute|grant|copy|load)\b",
    re.IGNORECASE,
)
_TO_FILE = re.compile(r"\binto\s+(outfile|dumpfile)\b", re.IGNORECASE)
_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")
_DRIVERS: dict[str, Message | str] = {
    "MySQLdb": msg("write mysql+pymysql:// in url, and {command}", command="pip install pymysql"),
    "psycopg2": msg(
        "write postgresql+psycopg:// in url, and {command}", command="pip install 'psycopg[binary]'"
    ),
    "psycopg": "pip install 'psycopg[binary]'",
}


@contextmanager
def connected(place: Place, where: str, folder: Path) -> Iterator[Connection]:
    """Connect to the database of a place; what its driver raises becomes one error of the place.

    Raises
    ------
    LostConnectionError
        When the connection breaks off.
    DataError
        When the database cannot be reached, or has no such table or column.
    """
    from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError

    url = expand_url(place.url or "", where)
    engine = open_engine(url, where, folder)
    reached = False
    try:
        with engine.connect() as connection:
            reached = True
            if engine.dialect.name in _SNAPSHOTS:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
    except NoSuchTableError as error:
        raise table_missing(place.table, where) from error
    except Exception as error:
        # On connecting a driver may raise anything: for a parameter that it does not know, or a name that is no host's.
        if reached and not isinstance(error, SQLAlchemyError):
            raise
        said = str(getattr(error, "orig", None) or error) or type(error).__name__
        shown = without_passwords(said, url)
        found = unreadable(raw_text(shown), where)
        # Of an error that shows a password no traceback tells.
        cause = error if shown == said else None
        if not reached:
            raise UnreachableError(found) from cause
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise LostConnectionError(found) from cause
        raise found from cause
    finally:
        engine.dispose()


def reading_statement(query: str, dialect: str, where: str) -> str:
    """Return a :func:`single_select` for SQLAlchemy's ``text``, a colon in it being no parameter."""
    return _BIND.sub(r"\\:", single_select(query, dialect, where))


def single_select(query: str, dialect: str, where: str) -> str:
    """Return ``query``, which only reads.

    Raises
    ------
    ConfigError
        When it is anything but a single SELECT: not every server can forbid a session to write.
    """
    from sqlglot import exp, parse
    from sqlglot.errors import SqlglotError

    try:
        trees = [t for t in parse(query, read=_SQLGLOT.get(dialect, dialect)) if t is not None]
    except (SqlglotError, ValueError):
        # Words that sqlglot does not know are the server's to judge, where its session cannot write.
        reads = dialect in _READ_ONLY_SESSIONS or _WRITING.search(query) is None
    else:
        written = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Merge, exp.Alter, exp.Drop, exp.TruncateTable)
        reads = len(trees) == 1 and isinstance(trees[0], exp.Query)
        inner = [node for tree in trees for node in tree.walk() if not isinstance(node, exp.Query)]
        reads = reads and not any(isinstance(node, written) for node in inner)
    if not reads or _TO_FILE.search(query):
        raise ConfigError(
            msg("{where}: query is no single SELECT", where=where),
            hint=msg("give one SELECT that only reads, or name a table or view by table"),
        )
    return query


def open_engine(url: str, where: str, folder: Path) -> Engine:
    """Return an engine whose sessions only read, in UTC; a file is opened read-only, which keeps it from being made.

    Raises
    ------
    ConfigError, DataError
        When the URL cannot be read, its driver is not installed, or its file is not there.
    """
    import sqlite3

    from sqlalchemy import create_engine, event, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "duckdb":
            return create_engine(parsed, connect_args={"read_only": True})
        if backend != "sqlite":
            engine = create_engine(parsed)
            event.listen(engine, "connect", _prepared(engine.dialect.name, engine.dialect.driver))
            if engine.dialect.driver == "pymysql":
                event.listen(engine, "do_connect", _password_in_utf8)
            return engine
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            msg("{where}: url is no SQLAlchemy URL", where=where),
            hint=_url_hint(url),
        ) from error
    except ModuleNotFoundError as error:
        raise DataError(
            msg("{where}: the database driver {driver} is not installed", where=where, driver=error.name),
            hint=_DRIVERS.get(error.name or "", f"pip install {error.name}"),
        ) from error
    file = sqlite_file(url, folder) or folder
    if not file.is_file():
        raise DataError(
            msg("{where}: there is no file {file}", where=where, file=file),
            hint=msg("correct url, or bring the file there"),
        )
    address = f"file:{quote(str(file))}?mode=ro"

    def connected() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        connection.create_aggregate(SQLITE_DIGEST, -1, LineDigest)  # type: ignore[arg-type]
        return connection

    return create_engine("sqlite://", creator=connected)


def sqlite_file(url: str, folder: Path) -> Path | None:
    """Return the SQLite file that a URL names, which starts in ``folder``; None where it names another database."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    return folder / (parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _url_hint(url: str) -> Message:
    if url.startswith("postgres://"):
        return msg("write postgresql:// instead of postgres://")
    return msg("as in postgresql://user:${{PASSWORD}}@host/database")


def _password_in_utf8(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
    """Hand on a password as bytes: PyMySQL would write it in Latin-1, other clients of MySQL write UTF-8."""
    for name in ("password", "passwd"):
        if isinstance(named.get(name), str):
            named[name] = named[name].encode("utf-8", "surrogateescape")


def _prepared(dialect: str, driver: str) -> Any:
    """Return what is done with each new connection."""

    def prepare(connection: Any, _record: Any) -> None:
        if driver.startswith("psycopg") and hasattr(connection, "adapters"):
            _keep_as_text(connection)
        cursor = connection.cursor()
        for statement in SESSION.get(dialect, ()):
            cursor.execute(statement)
        cursor.close()
        if dialect == "postgresql":
            # Settings of a session that a transaction has made end with it when it is rolled back.
            connection.commit()

    return prepare


def _keep_as_text(connection: Any) -> None:
    """Let psycopg give as its text what Python has no value for.

    A time of infinity or BC, 24 o'clock, an interval of months; and JSON with all its digits.
    """
    from psycopg import DataError as Unfit
    from psycopg.types import datetime as types
    from psycopg.types.string import TextLoader

    for name in ("json", "jsonb", "interval"):
        connection.adapters.register_loader(name, TextLoader)

    for name, loader in (
        ("date", types.DateLoader), ("timestamp", types.TimestampLoader), ("timestamptz", types.TimestamptzLoader),
        ("time", types.TimeLoader), ("timetz", types.TimetzLoader),
    ):  # fmt: skip

        class Lenient(loader):  # type: ignore[misc, valid-type]
            def load(self, data: Any) -> Any:
                try:
                    return super().load(data)
                except Unfit:
                    return bytes(data).decode()

        connection.adapters.register_loader(name, Lenient)
