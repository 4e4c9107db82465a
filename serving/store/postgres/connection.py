"""A PostgreSQL server as the store sees it: connections, statements, and its errors.

Statements are built by sqlglot, rows go in and out as Arrow; what has no builder (LOCK TABLE, VACUUM) is put together from
fixed words and quoted names of our own.
"""

from __future__ import annotations

import atexit
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adbc_driver_manager import Error
from sqlglot import exp

from tagcast.features.core.errors import StoreError, TagcastError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.urls import without_passwords
from tagcast.serving.store.errors import RunGoneError
from tagcast.serving.store.lock_and_sync import CHECK_EVERY_SECONDS, disk_errors
from tagcast.serving.store.manifest import Entry, read_entry

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

_GONE = {"42P01", "3F000"}  # no such table, no such schema
_FULL = {"53100"}
TRIES_AFTER_A_CUT = 20
"""How often a server that went away during a commit is asked whether it happened, before that is given up."""
PUBLISH_AGAIN = msg("publish again: {command}", command="tagcast score --all")
_sources: dict[str, Connection] = {}
_sources_lock = threading.Lock()


class Server:
    """One schema of a database.

    Parameters
    ----------
    url : str
        ``postgresql://…``
    schema : str
    folder : Path
        Where a writer stages: its disk can be full as well.
    """

    def __init__(self, url: str, schema: str, folder: Path) -> None:
        self._url = url
        self.schema = schema
        self.folder = folder

    @property
    def place(self) -> str:
        """Server, database and schema, without user and password."""
        from urllib.parse import urlsplit

        parts = urlsplit(self._url)
        where = f"{parts.hostname or 'local'}{f':{parts.port}' if parts.port else ''}"
        return f"postgresql://{where}{parts.path}, schema {self.schema}"

    def table(self, name: str) -> exp.Table:
        """Return a table of the schema."""
        return exp.table_(name, db=self.schema, quoted=True)

    def name(self, table: str) -> str:
        """Return a table of the schema, quoted."""
        return self.table(table).sql("postgres")

    def entry(self, row: Mapping[str, Any]) -> Entry:
        """Read a row of the log; StoreError where it is damaged."""
        place = msg(
            "row {number} of {table} in {place}",
            number=row["number"],
            table=self.name("log"),
            place=self.place,
        )
        hint = msg("delete that row, then publish again: {command}", command="tagcast score --all")
        return read_entry(row["entry"], place, hint)

    @contextmanager
    def connect(self, name: str, *, autocommit: bool = False) -> Iterator[Connection]:
        """Yield a connection called ``name``; what is not committed at its end is taken back."""
        import adbc_driver_postgresql.dbapi as postgres

        with self.errors():
            connection = (
                postgres.connect(self._url, autocommit=True)
                if autocommit
                else _source(self._url).adbc_clone()
            )
        try:
            called = [exp.Literal.string("application_name"), exp.Literal.string(name[:60]), exp.false()]
            fetch(connection, exp.select(exp.func("set_config", *called)))
            connection.commit()
            yield connection
        finally:
            close(connection)

    @contextmanager
    def errors(self, *, writing: bool = False) -> Iterator[None]:
        """Turn what the database and the disk raise into one StoreError."""
        try:
            with disk_errors(self.folder):
                yield
        except TagcastError:
            raise
        except Error as error:
            text = raw_text(_plain(str(error), self._url))
            if error.sqlstate in _GONE:
                raise RunGoneError(
                    msg("{place}: the run is gone: {reason}", place=self.place, reason=text),
                    hint=PUBLISH_AGAIN,
                ) from error
            if error.sqlstate in _FULL:
                raise StoreError(
                    msg("the disk of {place} is full; the last published run stays active", place=self.place),
                    hint=msg("free some space there, and run again"),
                ) from error
            problem = msg("the store {place} cannot be read: {reason}", place=self.place, reason=text)
            if writing:
                problem = msg("the store {place} cannot be written: {reason}", place=self.place, reason=text)
            raise StoreError(
                problem,
                hint=msg(
                    "see that the server runs and lets you in, then run again; the last published run stays active"
                ),
            ) from error


def _source(url: str) -> Connection:
    """Return the process's first connection to a server, from which all others are cloned.

    The driver reads every type of the database when it first connects, those of tables among them: 50 ms of an empty
    database, 400 ms beside a few thousand tables. A clone knows them already and takes 3 ms.
    """
    import adbc_driver_postgresql.dbapi as postgres

    with _sources_lock:
        if url not in _sources:
            _sources[url] = postgres.connect(url)
            atexit.register(close, _sources[url])
        return _sources[url]


def _plain(text: str, url: str) -> str:
    """Return the first line that explains what happened, without a password."""
    first = next((line for line in text.splitlines() if line.strip()), "no reason given")
    return without_passwords(re.sub(r"^\w+: \[libpq\] ", "", first), url)


def perform(connection: Connection, statement: str) -> None:
    """Run a statement that answers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement)  # executescript would commit what is under way


def commit(connection: Connection, happened: Callable[[], bool]) -> None:
    """Commit what is under way.

    A connection that is cut while it commits does not say whether it did: then ``happened`` is asked, over another one, once the
    server answers again.
    """
    try:
        connection.commit()
    except Error:
        for _ in range(TRIES_AFTER_A_CUT):
            try:
                if happened():
                    return
                break
            except StoreError:
                time.sleep(CHECK_EVERY_SECONDS)
        raise


def fetch(connection: Connection, query: exp.Select) -> list[Mapping[str, Any]]:
    """Return a small answer."""
    with connection.cursor() as cursor:
        cursor.execute(query.sql("postgres"))
        found: list[Mapping[str, Any]] = cursor.fetch_arrow_table().to_pylist()
        return found


def holder_of(connection: Connection, key: int) -> Text:
    """Return what the holder of an advisory lock calls itself."""
    high, low = (key >> 32) & 0xFFFFFFFF, key & 0xFFFFFFFF
    held = exp.and_(
        exp.column("locktype").eq("advisory"),
        exp.column("granted"),
        exp.column("classid").eq(high),
        exp.column("objid").eq(low),
    )
    query = exp.select("application_name", "client_addr::text AS address", "pid").from_("pg_stat_activity")
    rows = fetch(connection, query.join("pg_locks", using="pid").where(held))
    if not rows:
        return msg("another process")
    return msg(
        "{name} from {address}, server process {pid}",
        name=rows[0]["application_name"],
        address=rows[0]["address"] or msg("this machine"),
        pid=rows[0]["pid"],
    )


def unlock(connection: Connection, key: int) -> None:
    """Give an advisory lock back: the server ends a session a moment after it is closed, and who comes right after would wait.

    What is not committed is taken back; on a broken connection the lock is gone already.
    """
    with suppress(Error):
        connection.rollback()
        fetch(connection, exp.select(exp.func("pg_advisory_unlock", exp.Literal.number(key))))
        connection.commit()


def close(connection: Connection) -> None:
    """End a connection; one that is broken already ends in silence, and gives back what it holds here all the same."""
    with suppress(Error):
        connection.rollback()
    with suppress(Error):
        connection.close()
