"""Which changes of values the store on a server keeps: rows of a table, and up to which entry they were deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.serving.store.postgres.connection import Server, perform

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

_TABLE = "forgotten"


class PostgresHistory:
    """The table ``changes``, and beside it ``forgotten``, made by the first who deletes.

    Parameters
    ----------
    server : Server
    read : callable
        Answers a small question; nothing where a table is not there.
    connection : callable
        Returns the connection of who holds the lock.
    """

    def __init__(
        self,
        server: Server,
        read: Callable[[exp.Select], list[Mapping[str, Any]]],
        connection: Callable[[], Connection],
    ) -> None:
        self._server, self._read, self._connection = server, read, connection

    def since(self) -> int:
        """Return the first entry whose changes are there."""
        last = exp.alias_(exp.Max(this=exp.column("number")), "last")
        rows = self._read(exp.select(last).from_(self._server.table(_TABLE)))
        return int(rows[0]["last"] or 0) + 1 if rows else 1

    def forget(self, until: int) -> None:
        """Delete rows and put on record up to where, in one transaction."""
        connection = self._connection()
        connection.rollback()
        table = self._server.name(_TABLE)
        perform(connection, f"CREATE TABLE IF NOT EXISTS {table} (number integer NOT NULL)")
        old = exp.column("entry") <= exp.Literal.number(until)
        perform(connection, exp.delete(self._server.table("changes"), old).sql("postgres"))
        perform(connection, exp.delete(self._server.table(_TABLE)).sql("postgres"))
        values = exp.values([(until,)])
        perform(connection, exp.insert(values, self._server.table(_TABLE)).sql("postgres"))
        connection.commit()
