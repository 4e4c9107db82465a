"""What PostgreSQL keeps of a project, in a backup: a schema as it is at one moment, dumped while others write on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import BackupError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.urls import without_passwords
from tagcast.pipelines.backups.postgres_tools import run_tool

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

_LOCK_WAIT = "10s"
_TRIES = 5
Tables = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Schema:
    """A schema of a PostgreSQL database.

    Parameters
    ----------
    url : str
        ``postgresql://…``, kept out of ``repr``: it may hold a password.
    name : str
    """

    url: str = field(repr=False)
    name: str

    @property
    def place(self) -> str:
        """Server, database and schema, without user and password."""
        from sqlalchemy import make_url

        url = make_url(self.url)
        where = f"{url.host or 'local'}{f':{url.port}' if url.port else ''}"
        return f"postgresql://{where}/{url.database or ''}, schema {self.name}"

    def is_there(self) -> bool:
        """Return whether the database has it.

        Raises
        ------
        BackupError
            When the server cannot be asked.
        """
        with connected(self.url) as connection:
            return self.name in _schemas(connection)

    def tables(self) -> Tables:
        """Return rows and a digest of each table, as :meth:`HeldSchema.tables` does."""
        with connected(self.url) as connection:
            return _tables(connection, self.name)

    def drop(self) -> None:
        """Delete it with all that is in it."""
        from psycopg.sql import SQL, Identifier

        with connected(self.url) as connection:
            connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(self.name)))
            connection.commit()

    def restore(self, file: Path) -> None:
        """Make it from a dump, all of it or nothing."""
        with connected(self.url) as connection:
            server = _major(connection)
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(file))
        run_tool("pg_restore", self.url, *options, server=server)


class HeldSchema:
    """A schema as it is when this is made, until :meth:`close`: whoever dumps it sees that, and no table of it is dropped.

    Parameters
    ----------
    schema : Schema

    Raises
    ------
    BackupError
        When the server cannot be asked.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        for last_try in (False,) * (_TRIES - 1) + (True,):
            self._context = connected(schema.url)
            self._connection = self._context.__enter__()
            try:
                if self._held():
                    return
            except BaseException:
                self.close()
                raise
            self.close()
            if last_try:
                raise BackupError(
                    msg("tables of {place} are being dropped all the time", place=schema.place),
                    hint=msg("run again when no run is being published"),
                )

    def _held(self) -> bool:
        """Begin a transaction that sees one state, and lock what it sees against being dropped; False where something was."""
        from psycopg import IsolationLevel, errors
        from psycopg.sql import SQL, Identifier, Literal

        connection = self._connection
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(_LOCK_WAIT)))
        names = _names(connection, self.schema.name)
        if names:
            tables = SQL(", ").join(Identifier(self.schema.name, name) for name in names)
            try:
                connection.execute(SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(tables))
            except (errors.UndefinedTable, errors.LockNotAvailable):
                return False
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        self._snapshot = str(row[0]) if row else ""
        self._server = _major(connection)
        return True

    def dump(self, file: Path) -> None:
        """Write it to ``file`` as it was."""
        file.parent.mkdir(parents=True, exist_ok=True)
        options = ("--format=custom", f"--snapshot={self._snapshot}", f'--schema="{self.schema.name}"')
        more = ("--no-owner", "--no-privileges", "--lock-wait-timeout=10s", f"--file={file}")
        run_tool("pg_dump", self.schema.url, *options, *more, server=self._server)

    def tables(self) -> Tables:
        """Return rows of each table and a digest of them that does not depend on their order."""
        return _tables(self._connection, self.schema.name)

    def column(self, table: str, column: str) -> list[Any]:
        """Return a column of a table as it was; nothing where there is no such table."""
        from psycopg.sql import SQL, Identifier

        if table not in _names(self._connection, self.schema.name):
            return []
        query = SQL("SELECT {} FROM {}").format(Identifier(column), Identifier(self.schema.name, table))
        return [value for (value,) in self._connection.execute(query).fetchall()]

    def close(self) -> None:
        """Let go of it."""
        self._context.__exit__(None, None, None)


@contextmanager
def connected(url: str, *, autocommit: bool = False) -> Iterator[Connection[Any]]:
    """Yield a connection; what goes wrong in it is one clear error, without a password.

    Raises
    ------
    BackupError
        When the server does not do what it is asked.
    """
    try:
        import psycopg
    except ImportError as error:
        raise BackupError(
            msg("a store in PostgreSQL needs {package}, which is not installed", package=error.name),
            hint="pip install 'tagcast[postgres]'",
        ) from error
    try:
        connection = psycopg.connect(url, autocommit=autocommit, application_name="tagcast backup")
        try:
            yield connection
        finally:
            connection.close()
    except psycopg.Error as error:
        raise BackupError(
            msg("PostgreSQL: {reason}", reason=raw_text(without_passwords(str(error), url))),
            hint=msg("see that the server runs, lets this user in, and has room; then run again"),
        ) from error


def _schemas(connection: Connection[Any]) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT nspname FROM pg_namespace").fetchall()}


def _names(connection: Connection[Any], schema: str) -> list[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename"
    return [str(name) for (name,) in connection.execute(query, [schema]).fetchall()]


def _tables(connection: Connection[Any], schema: str) -> Tables:
    found = {}
    for name in _names(connection, schema):
        row = connection.execute(_digest(schema, name)).fetchone()
        found[name] = (int(row[0]), str(row[1])) if row else (0, "0")
    return found


def _digest(schema: str, table: str) -> Composed:
    from psycopg.sql import SQL, Identifier

    query = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} AS t"
    return SQL(query).format(Identifier(schema, table))


def _major(connection: Connection[Any]) -> int:
    return int(connection.info.server_version // 10_000)
